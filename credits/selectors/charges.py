"""What credit pays, paid, and is still to pay."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from itertools import chain, groupby

from credits.charges import Allocation, ChargeDraft, CorrectionDraft
from credits.correcting import Correcting, load_corrected, load_waiting
from credits.models import CreditCharge, OpenCharge
from credits.state import ChargeState
from credits.storage import Purses

Step = ChargeDraft | CorrectionDraft


def preview_draw_down(steps: Sequence[Step], at: datetime) -> dict[str, Allocation]:
    """What drawing these charges down at `at` would come to, by key; corrections between them come in order.

    The verbs' own rules on the same rows, without a lock, and nothing is written. Nobody has drawn any of the charges
    before. One that is booked later shows what will pay for it if nothing happens until then. Raises CorrectionError as
    the verb does.
    """
    charges = [step for step in steps if isinstance(step, ChargeDraft)]
    corrections = [step for step in steps if isinstance(step, CorrectionDraft)]
    last = max([at, *(charge.booked_at for charge in charges)])
    purses = Purses().load_open({step.customer_id for step in steps}, until=last)
    load_corrected(corrections, purses)
    return _outcome(steps, at, purses, load_waiting(corrections))


class Opened:
    """What can pay for a customer's charges at an instant, read once for several previews; none of them changes it."""

    def __init__(self, purses: Purses) -> None:
        self._purses = purses
        self._groups: set[str] = set()

    def copy(self, corrections: Sequence[CorrectionDraft]) -> Purses:
        """For one preview, with all that these corrections may touch. One query where nobody asked for that yet, and
        one for grants that are over."""
        groups = {one.group for one in corrections}
        if groups - self._groups:
            load_corrected(corrections, self._purses)
            self._groups |= groups
        return deepcopy(self._purses)


def preview_draw_downs(
    alternatives: Sequence[Sequence[Step]], at: datetime, opened: Opened
) -> list[dict[str, Allocation]]:
    """The same for several that exclude each other, each as if it were the only one; what they read is read once.

    They are documents': what one has charged, and gives back, never waits for its day as what overdraws may.
    """
    every = [step for step in chain.from_iterable(alternatives) if isinstance(step, CorrectionDraft)]
    return [_outcome(steps, at, opened.copy(every), waiting=()) for steps in alternatives]


def open_purses(customer_id: int, at: datetime) -> Opened:
    """To be shown to several previews of charges that are booked at `at`. One query, or two."""
    return Opened(Purses().load_open({customer_id}, until=at))


def _outcome(
    steps: Sequence[Step], at: datetime, purses: Purses, waiting: Iterable[OpenCharge]
) -> dict[str, Allocation]:
    charges = [step for step in steps if isinstance(step, ChargeDraft)]
    made: dict[str, ChargeState] = {}
    correcting = Correcting(purses, waiting, at, origins={})
    for is_charge, group in groupby(steps, key=lambda step: isinstance(step, ChargeDraft)):
        if is_charge:
            _charge(purses, [step for step in group if isinstance(step, ChargeDraft)], at, made)
        else:
            for step in group:
                _correct(correcting, step, at)
    nothing = {charge.key: Allocation(charge.key, charge.amount, 0, 0) for charge in charges}
    return nothing | {charge.key: made[charge.key].outcome() for charge in charges if charge.key in made}


def _charge(purses: Purses, drafts: Iterable[ChargeDraft], at: datetime, made: dict[str, ChargeState]) -> None:
    for draft in sorted(drafts, key=lambda draft: draft.booked_at):
        if draft.key not in made:
            is_later = draft.booked_at > at and not draft.may_overdraw
            due = replace(draft, booked_at=at) if is_later else draft
            charge = purses.of(draft.customer_id, draft.currency).charge(due, at)
            if charge is not None:
                made[draft.key] = charge


def _correct(correcting: Correcting, step: Step, at: datetime) -> None:
    if isinstance(step, CorrectionDraft):
        for purse in correcting.purses.of_customer(step.customer_id):
            purse.book_due(at)
        correcting.give_back(step)


def allocations_of(charge_keys: Iterable[str]) -> dict[str, Allocation]:
    """What became of these charges, less what was given back; absent where credit paid nothing. Two queries."""
    charges = Purses().load_charges(CreditCharge.objects.filter(key__in=list(charge_keys)))
    return {charge.key: charge.outcome() for charge in charges}


def open_charges_of(customer_ids: Iterable[int]) -> list[OpenCharge]:
    """All that is rated and not settled, also what settles itself later (`settles_at`), in the order it came."""
    return list(OpenCharge.objects.filter(customer_id__in=list(customer_ids)).order_by("pk"))
