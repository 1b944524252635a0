"""The same operations told to the real room and to the naive model, and both asked the same questions.

Each operation is one of a customer's; verbs that take batches are called once for many customers, as in production.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from random import Random

from accounts.models import Customer
from credits import selectors
from credits.charges import ChargeDraft, CorrectionDraft, OpenDraft
from credits.exceptions import CorrectionError, NotVoidableError
from credits.grants import GrantDraft
from credits.models import CreditGrant, LedgerTransaction, OpenCharge
from credits.services.adjust_balance import adjust_balance
from credits.services.book_due_credits import book_due_credits
from credits.services.correct_draw_down import correct_draw_down
from credits.services.draw_down_credits import draw_down_credits
from credits.services.grant_credits import grant_credits
from credits.services.pay_grant import pay_grant
from credits.services.recognize_charges import recognize_charges
from credits.services.set_open_charges import set_open_charges
from credits.services.settle_open_charges import settle_open_charges
from credits.services.void_grant import void_grant
from credits.tests import naive

HOUR = timedelta(hours=1)
CURRENCIES = ("USD", "USD", "USD", "USD", "EUR")
FEATURES = ("", "api", "api", "api", "storage")
RESTRICTIONS = ((), (), ("api",), ("api",), ("api", "storage"))


def dice_of(seed):
    """Everything about an operation follows from one number, so that few numbers tell a long story."""
    return Random(seed)  # noqa: S311 – these dice open nothing


@dataclass
class Pair:
    """One customer, in the database and in the naive model. `ids`: the rows of its grants, in the order granted."""

    customer: Customer
    model: naive.Customer = field(default_factory=naive.Customer)
    ids: list[int] = field(default_factory=list)
    drafted: list[str] = field(default_factory=list)


class World:
    """`done` counts the operations by their name; every difference is an AssertionError that says where."""

    def __init__(self, customers, now):
        self.pairs = [Pair(customer) for customer in customers]
        self.now = now
        self.done = Counter()
        self._keys = count(1)

    # --- operations ------------------------------------------------------------------------------------------------
    def grant(self, pair, dice: Random):
        effective_at = dice.choice([None, None, None, self.now + dice.randint(1, 30) * HOUR, self.now - 3 * HOUR])
        starts = max(effective_at or self.now, self.now)
        expires_at = dice.choice([None, starts + dice.randint(1, 60) * HOUR, starts + dice.randint(1, 12) * HOUR])
        funding = dice.choice(["promotional", "promotional", "promotional", "external"])
        facts = {
            "currency": dice.choice(CURRENCIES), "amount": dice.randint(1, 120), "priority": dice.choice([1, 10, 10]),
            "features": dice.choice(RESTRICTIONS), "effective_at": effective_at, "expires_at": expires_at,
        }  # fmt: skip
        key = self._key("grant")
        draft = GrantDraft(key=key, customer_id=pair.customer.pk, funding=funding, name=key, **facts)
        row = grant_credits(grant=draft, at=self.now, actor=None)
        pair.model.grant(name=key, at=self.now, is_paid=funding != "external", **facts)
        pair.ids.append(row.pk)
        if dice.random() < 0.1:
            assert grant_credits(grant=draft, at=self.now, actor=None) == row
        self.done["grant"] += 1
        return pair

    def pay(self, pair, dice: Random):
        waiting = [grant for grant in pair.model.grants if not grant.is_paid]
        if not waiting:
            return self.grant(pair, dice)
        grant = dice.choice(waiting)
        pay_grant(grant_id=pair.ids[grant.number], at=self.now, actor=None)
        pair.model.pay(grant, self.now)
        self.done["pay"] += 1
        return pair

    def use(self, seeds):
        """Usage of closed hours, fees that are due later, lines of drafts – and charges that were made before."""
        drafts = [self._charge(pair, dice_of(seed)) for pair, seed in zip(self.pairs, seeds, strict=False)]
        draw_down_credits(charges=drafts, at=self.now)
        for pair, draft in zip(self.pairs, drafts, strict=False):
            pair.model.charge(
                key=draft.key, group=draft.group, currency=draft.currency, feature=draft.feature_key,
                amount=draft.amount, booked_at=draft.booked_at, at=self.now, may_overdraw=draft.may_overdraw,
            )  # fmt: skip
            self.done["use"] += 1
        return self.pairs[: len(drafts)]

    def _charge(self, pair, dice):
        currency = dice.choice(CURRENCIES)
        may_overdraw = dice.random() < 0.7
        hours = dice.choice([0, 0, 0, -1, -2, -5, 3, 20])
        key = self._key("charge")
        if pair.model.charges and dice.random() < 0.05:
            known = dice.choice(pair.model.charges)
            key, currency = known.key, known.currency
        if not may_overdraw:
            pair.drafted.append(key)
        return ChargeDraft(
            key=key, group=f"{pair.customer.pk}:{currency}:{dice.randint(1, 4)}", customer_id=pair.customer.pk,
            currency=currency, feature_key=dice.choice(FEATURES), amount=dice.randint(1, 80),
            booked_at=self.now + hours * HOUR, may_overdraw=may_overdraw, is_final=may_overdraw, title=key,
        )  # fmt: skip

    def correct(self, seeds):
        """Give back a part or everything of a group; amounts that are held."""
        drafts, touched = [], []
        for pair, seed in zip(self.pairs, seeds, strict=False):
            dice = dice_of(seed)
            group = f"{pair.customer.pk}:{dice.choice(CURRENCIES)}:{dice.randint(1, 4)}"
            held = pair.model.held(group)
            amount = dice.choice([None, dice.randint(1, held)]) if held else None
            drafts.append(
                CorrectionDraft(
                    key=self._key("correction"), customer_id=pair.customer.pk, group=group, amount=amount,
                    description="Corrected",
                )
            )  # fmt: skip
            touched.append(pair)
        told = correct_draw_down(corrections=drafts, at=self.now)
        for pair, draft in zip(touched, drafts, strict=True):
            assert pair.model.correct(group=draft.group, amount=draft.amount, at=self.now) == told[draft.key]
            self.done["correct"] += 1
        if drafts[0].key.endswith("0"):
            assert correct_draw_down(corrections=drafts, at=self.now) == told
        return touched

    def correct_too_much(self, pair, dice: Random):
        group = f"{pair.customer.pk}:USD:{dice.randint(1, 4)}"
        draft = CorrectionDraft(
            key=self._key("correction"), customer_id=pair.customer.pk, group=group,
            amount=pair.model.held(group) + 1, description="",
        )  # fmt: skip
        refused(CorrectionError, lambda: correct_draw_down(corrections=[draft], at=self.now))
        refused(naive.RefusedError, lambda: pair.model.correct(group=group, amount=draft.amount, at=self.now))
        self.done["correct_too_much"] += 1
        return pair

    def void(self, pair, dice: Random):
        if not pair.model.grants:
            return self.grant(pair, dice)
        grant = dice.choice(pair.model.grants)
        ours = refused(
            NotVoidableError,
            lambda: void_grant(grant_id=pair.ids[grant.number], at=self.now, actor=None, reason="Test"),
            may_pass=True,
        )
        theirs = refused(naive.RefusedError, lambda: pair.model.void(grant, self.now), may_pass=True)
        assert ours == theirs, f"void of {grant}: refused by us {ours}, by the model {theirs}"
        self.done["void refused" if ours else "void"] += 1
        return pair

    def adjust(self, pair, dice: Random):
        key, currency, amount = self._key("adjust"), dice.choice(CURRENCIES), dice.choice([-1, 1]) * dice.randint(1, 90)
        for _ in range(dice.choice([1, 1, 2])):
            adjust_balance(
                key=key, customer_id=pair.customer.pk, currency=currency, amount=amount, reason="Test", at=self.now,
                actor=None,
            )  # fmt: skip
        pair.model.adjust(key=f"adjustment:{key}", currency=currency, amount=amount, at=self.now)
        if amount > 0:
            pair.ids.append(CreditGrant.objects.get(key=f"adjustment:{key}").pk)
        self.done["adjust"] += 1
        return pair

    def open(self, seeds):
        """Usage that is not settled yet: replaces what was open before."""
        scopes = {}
        for pair, seed in zip(self.pairs, seeds, strict=False):
            dice = dice_of(seed)
            scope = f"usage:{pair.customer.pk}:"
            scopes[scope] = [
                OpenDraft(
                    key=f"{scope}{number}", customer_id=pair.customer.pk, currency=dice.choice(CURRENCIES),
                    feature_key=dice.choice(FEATURES), amount=dice.randint(1, 60), may_overdraw=dice.random() < 0.6,
                )
                for number in range(dice.randint(0, 3))
            ]  # fmt: skip
            kept = [one for one in pair.model.waiting if one.settles_at is not None]
            pair.model.waiting = kept + [
                naive.Waiting(one.key, "", one.currency, one.feature_key, one.amount, one.may_overdraw, None)
                for one in scopes[scope]
            ]
            self.done["open"] += 1
        set_open_charges(scopes=scopes, at=self.now)
        return self.pairs[: len(scopes)]

    def issue(self, _):
        """Every draft is issued: what was accrued is earned. No balance changes."""
        recognize_charges(keys=[key for pair in self.pairs for key in pair.drafted], at=self.now)
        for pair in self.pairs:
            pair.drafted.clear()
        self.done["issue"] += 1
        return []

    def pass_time(self, hours, *, wakes):
        """Time passes; the worker wakes or sleeps on."""
        self.now += hours * HOUR
        if not wakes:
            self.done["sleep"] += 1
            return []
        ids = OpenCharge.objects.filter(settles_at__lte=self.now).values_list("pk", flat=True)
        settle_open_charges(ids=list(ids), at=self.now)
        book_due_credits(customer_ids=[pair.customer.pk for pair in self.pairs], at=self.now)
        for pair in self.pairs:
            pair.model.settle_waiting(self.now)
            pair.model.book_due(self.now, self.now)
        self.done["wake"] += 1
        return self.pairs

    def _key(self, word):
        return f"{word}-{next(self._keys)}"

    # --- questions ---------------------------------------------------------------------------------------------------
    def compare(self, pairs, dice: Random):
        """Everything that was booked, and what every balance is now; one customer is asked everything."""
        if not pairs:
            pairs = self.pairs[:1]
        self._compare_ledgers(pairs)
        told = selectors.balances_of([pair.customer.pk for pair in pairs], self.now)
        for pair in pairs:
            same_balances({one.currency: one for one in told[pair.customer.pk]}, pair.model.as_of(self.now), self.now)
        self._ask_everything(dice.choice(pairs), dice)

    def _compare_ledgers(self, pairs):
        ids = {pair.customer.pk: pair for pair in pairs}
        rows = LedgerTransaction.objects.filter(customer_id__in=ids).exclude(kind="recognized")
        booked = {pk: [] for pk in ids}
        for pk, *facts in rows.order_by("customer_id", "sequence").values_list(
            "customer_id", "kind", "currency", "amount", "booked_at", "created_at", "grant_id", "charge__key"
        ):
            booked[pk].append(tuple(facts))
        for pk, pair in ids.items():
            expected = [movement_of(pair, row) for row in pair.model.movements]
            for currency in sorted(set(CURRENCIES)):  # what is due in one is booked apart from the other
                ours, theirs = ([row for row in rows if row[1] == currency] for rows in (booked[pk], expected))
                same(ours, theirs, f"{currency} movements of {pk}")
        fields = ("pk", "pending", "available", "used", "repaid", "expired", "voided")
        grants = {pk: left for pk, *left in CreditGrant.objects.filter(customer_id__in=ids).values_list(*fields)}
        for pair in pairs:
            for pk, grant in zip(pair.ids, pair.model.grants, strict=True):
                same(grants[pk], remainder_of(pair.model, grant), f"grant {grant}")

    def _ask_everything(self, pair, dice):
        pk, model = pair.customer.pk, pair.model
        then = model.as_of(self.now)
        currency = dice.choice(CURRENCIES)
        at = self.now - dice.choice([0, 0, 1, 3, 10, 40, -5, -30]) * HOUR
        same(selectors.settled_at(pk, currency, at), model.settled(currency, at), f"settled at {at}, now {self.now}")
        feature = dice.choice(FEATURES)
        told = selectors.balance(pk, currency, self.now, feature)
        same(told.settled, then.settled_for(currency, feature, self.now), f"settled for {feature!r}")
        same(told.available, then.available(currency, self.now, feature), f"available for {feature!r}")
        page = selectors.movements(pk, currency=currency, limit=1000)
        rows = [(row.kind, row.amount, row.before, row.after, row.booked_at) for row in page.rows]
        same(rows, model.history(currency), "history")


def movement_of(pair, row):
    first = row.postings[0]
    grant = first.grant if row.kind != "correction" or first.pot == "credit" else None
    funds = row.kind in ("funded", "expired", "voided") or (row.kind == "adjustment" and row.amount > 0)
    charge = None if funds else first.charge
    return (
        row.kind, row.currency, row.amount, row.booked_at, row.created_at,
        pair.ids[grant.number] if grant else None, charge.key if charge else None,
    )  # fmt: skip


def remainder_of(model, grant):
    """(pending, available, used, repaid, expired, voided)"""
    shares = [share for share in model.shares if share.grant is grant]
    gone = {
        kind: -sum(
            posting.amount
            for row in model.movements
            if row.kind == kind
            for posting in row.postings
            if posting.grant is grant
        )
        for kind in ("expired", "voided")
    }
    used, repaid = (
        sum(share.amount - share.returned for share in shares if share.repays is repays) for repays in (False, True)
    )
    pending = model.pending(grant) if grant.is_paid else grant.amount
    return [pending, model.left(grant), used, repaid, gone["expired"], gone["voided"]]


def same_balances(told, then, now):
    """Every currency the model knows; what is not told is nothing."""
    for currency in ("USD", "EUR"):
        one = told.get(currency) or selectors.Balance(currency)
        pending = sum(then.pending(grant) for grant in then.grants if grant.currency == currency)
        ours = (one.settled, one.available, one.open_charges, one.pending, one.overdraft)
        settled, available = then.settled(currency), then.available(currency, now)
        theirs = (settled, available, settled - available, pending, then.overdraft(currency))
        same(ours, theirs, f"{currency} at {now}: settled, available, open, pending, overdraft")
        same(
            one.next_expiry and (one.next_expiry.at, one.next_expiry.amount),
            then.next_expiry(currency, now),
            f"next expiry of {currency}",
        )


def same(ours, theirs, what):
    assert ours == theirs, f"{what}:\n  ours  {ours}\n  model {theirs}"


def refused(error, operation, *, may_pass=False):
    """Whether it was refused; nothing else is allowed unless it `may_pass`."""
    try:
        operation()
    except error:
        return True
    assert may_pass, "it was not refused"
    return False
