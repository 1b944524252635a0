"""The sandbox processor: a whole card processor in a few tables, so that every outcome can be tried.

Its card page takes only published test numbers, which name a behaviour. A number is compared in memory and
turned into a token at once; nothing else of it than the last four digits is ever kept. The rows stand for the
processor's own database: each step is committed by itself (`durable`), as it would be on another machine.
"""

from dataclasses import dataclass
from datetime import date
from typing import cast

from django.db import transaction
from django.urls import reverse

from accounts.gateways.base import CardDetails, GatewayConflictError, GatewayTimeoutError, Outcome, SetupStart, Status
from accounts.models import SandboxIntent, SandboxRefund, SandboxSession, SandboxStatus
from core.ids import public_id


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a test card does. `name` is all we keep of it; `outcome` is what a charge comes to."""

    name: str
    brand: str
    meaning: str
    outcome: SandboxStatus = SandboxStatus.SUCCEEDED
    decline_code: str = ""
    refused_at_entry: bool = False
    loses_answer: bool = False
    times_out: bool = False


DECLINED = SandboxStatus.DECLINED
TEST_CARDS: dict[str, Behaviour] = {
    "4242424242424242": Behaviour("visa", "Visa", "Every charge succeeds"),
    "5555555555554444": Behaviour("mastercard", "Mastercard", "Every charge succeeds"),
    "4000000000000341": Behaviour("declines", "Visa", "Saved, but every charge is declined", DECLINED, "card_declined"),
    "4000000000009995": Behaviour("no_funds", "Visa", "Saved, but charges lack funds", DECLINED, "insufficient_funds"),
    "4000000000000002": Behaviour(
        "refused", "Visa", "Declined when you try to save it", DECLINED, "card_declined", refused_at_entry=True
    ),
    "4000000000000119": Behaviour(
        "loses_answer", "Visa", "Charges succeed, but the answer is lost at first", loses_answer=True
    ),
    "4000000000000101": Behaviour("times_out", "Visa", "Charges time out and nothing is charged", times_out=True),
    "4000000000003063": Behaviour(
        "confirms", "Visa", "Charges need the bank’s confirmation", SandboxStatus.NEEDS_CONFIRMATION
    ),
}
BEHAVIOURS = {card.name: card for card in TEST_CARDS.values()}


class SandboxGateway:
    """The port, on the sandbox's own tables."""

    def start_setup(self, *, customer_key: str, return_url: str, cancel_url: str) -> SetupStart:
        session = SandboxSession.objects.create(return_url=return_url, cancel_url=cancel_url)
        return SetupStart(session.session_id, reverse("sandbox_card", args=[session.session_id]))

    def retrieve_setup(self, gateway_id: str) -> CardDetails | None:
        session = SandboxSession.objects.filter(session_id=gateway_id).exclude(token="").first()
        if session is None:
            return None
        return CardDetails(
            token=session.token,
            fingerprint=f"sandbox:{session.card}",
            brand=session.brand,
            last4=session.last4,
            exp_month=session.exp_month or 0,
            exp_year=session.exp_year or 0,
        )

    def create_intent(self, *, key: str, amount: int, currency: str, token: str) -> str:
        asked = {"amount": amount, "currency": currency, "token": token}
        with transaction.atomic(durable=True):
            intent, _ = SandboxIntent.objects.get_or_create(idempotency_key=key, defaults=asked)
        if {field: getattr(intent, field) for field in asked} != asked:
            raise GatewayConflictError(f"{key} was used for another charge")
        return intent.intent_id

    def confirm_intent(self, intent_id: str) -> Outcome:
        card = BEHAVIOURS[_session_of(_get(intent_id).token).card]
        if card.times_out:
            raise GatewayTimeoutError(f"{intent_id} timed out before it was charged")
        _settle(intent_id, card.outcome, card.decline_code)
        if card.loses_answer:
            raise GatewayTimeoutError(f"the answer to {intent_id} was lost")
        return self.retrieve_intent(intent_id)

    def retrieve_intent(self, intent_id: str) -> Outcome:
        intent = _get(intent_id)
        return Outcome(cast("Status", intent.status), intent.decline_code)

    def find_intent(self, key: str) -> str | None:
        return SandboxIntent.objects.filter(idempotency_key=key).values_list("intent_id", flat=True).first()

    def cancel_intent(self, intent_id: str) -> Outcome:
        _settle(intent_id, SandboxStatus.CANCELED, "", of=(SandboxStatus.UNCONFIRMED, SandboxStatus.NEEDS_CONFIRMATION))
        return self.retrieve_intent(intent_id)

    def refund(self, *, key: str, intent_id: str, amount: int) -> Outcome:
        intent = _get(intent_id)
        if intent.status != SandboxStatus.SUCCEEDED:
            raise GatewayConflictError(f"{intent_id} is {intent.status}, so nothing of it can be given back")
        made = _give_back(key, intent, amount)
        if BEHAVIOURS[_session_of(intent.token).card].loses_answer:
            raise GatewayTimeoutError(f"the answer to refund {key} was lost")
        return made

    def find_refund(self, key: str) -> Outcome | None:
        found = SandboxRefund.objects.filter(idempotency_key=key).first()
        return Outcome(cast("Status", found.status), found.failure_code) if found else None


def _give_back(key: str, intent: SandboxIntent, amount: int) -> Outcome:
    """One row per key. The intent is locked meanwhile, so that two refunds never give back more than was charged."""
    with transaction.atomic(durable=True):
        SandboxIntent.objects.select_for_update().get(pk=intent.pk)
        made = SandboxRefund.objects.filter(idempotency_key=key).first()
        if made is None:
            given = SandboxRefund.objects.filter(intent=intent, status=SandboxStatus.SUCCEEDED)
            left = intent.amount - sum(given.values_list("amount", flat=True))
            made = SandboxRefund(idempotency_key=key, intent=intent, amount=amount)
            if amount > left:
                made.status, made.failure_code = SandboxStatus.DECLINED, "charge_already_refunded"
            made.save(force_insert=True)
    if (made.intent_id, made.amount) != (intent.pk, amount):
        raise GatewayConflictError(f"{key} was used for another refund")
    return Outcome(cast("Status", made.status), made.failure_code)


def _get(intent_id: str) -> SandboxIntent:
    intent = SandboxIntent.objects.filter(intent_id=intent_id).first()
    if intent is None:
        raise GatewayConflictError(f"the sandbox knows no intent {intent_id}")
    return intent


def _session_of(token: str) -> SandboxSession:
    session = SandboxSession.objects.filter(token=token).first()
    if session is None:
        raise GatewayConflictError("the sandbox knows no such card")
    return session


def _settle(
    intent_id: str,
    status: SandboxStatus,
    decline_code: str,
    of: tuple[SandboxStatus, ...] = (SandboxStatus.UNCONFIRMED,),
) -> None:
    """Only an intent that nothing came of yet changes: however often it is asked, it is charged once."""
    waiting = SandboxIntent.objects.filter(intent_id=intent_id, status__in=of)
    with transaction.atomic(durable=True):
        waiting.update(status=status, decline_code=decline_code)


def keep_card(session_id: str, behaviour: Behaviour, *, last4: str, expires: date) -> bool:
    """What the card page does with an accepted card: the number is gone, a token stands in. Once per visit."""
    return bool(
        SandboxSession.objects.filter(session_id=session_id, token="").update(
            token=public_id("sbc"),
            card=behaviour.name,
            brand=behaviour.brand,
            last4=last4,
            exp_month=expires.month,
            exp_year=expires.year,
        )
    )
