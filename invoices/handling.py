"""What one event comes to. The processor is asked outside any transaction; its answer and the event's end are one.

Nothing of an event's payload is believed but where to look – except of a dispute, which is only noted.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from accounts.exceptions import AccountsError
from accounts.gateways import get_gateway
from accounts.gateways.base import GatewayError
from accounts.models import CardSetup
from accounts.services.add_payment_method import add_payment_method
from core.language import in_english
from invoices.events import About, about, retry_after
from invoices.models import GIVEN_UP, REFUNDING, UNRESOLVED, EventStatus, GatewayEvent, Payment, Refund
from invoices.services.note_dispute import note_dispute
from invoices.services.record_payment import record_payment
from invoices.services.record_refund import record_refund

logger = logging.getLogger(__name__)


@in_english
def handle(event: GatewayEvent, at: datetime) -> bool:
    """Whether the event came to its end: done, or about nothing of ours. Else it is put off, with the reason."""
    kind = about(event.type)
    try:
        if kind is None:
            _end(event, at, EventStatus.IGNORED, "", "Nothing follows from events of this type.")
        else:
            HANDLERS[kind](event, at)
    except Exception as error:
        if isinstance(error, GatewayError):
            logger.warning("event %s waits: %s", event.event_id, error.description)
        else:
            logger.exception("event %s could not be handled", event.event_id)
        return _put_off(event, at, error)
    return True


def _put_off(event: GatewayEvent, at: datetime, error: Exception) -> bool:
    again = retry_after(event.tries, at)
    waiting = GatewayEvent.objects.filter(pk=event.pk, status=EventStatus.WAITING)
    said = f"{type(error).__name__}: {getattr(error, 'description', error)}"[:300]
    if again is None:
        waiting.update(status=EventStatus.FAILED, retry_at=None, handled_at=at, last_error=said)
    else:
        waiting.update(retry_at=again, last_error=said)
    return False


def _end(event: GatewayEvent, at: datetime, status: EventStatus, subject: str, effect: str) -> None:
    """In the transaction of the effect. Where another worker was faster it has said the same."""
    waiting = GatewayEvent.objects.filter(pk=event.pk, status=EventStatus.WAITING)
    waiting.update(status=status, retry_at=None, handled_at=at, subject=subject, effect=effect[:200], last_error="")


def _foreign(event: GatewayEvent, at: datetime) -> None:
    """Not ours, or the commit of ours was lost: kept for people and found by the comparison with the journal."""
    _end(event, at, EventStatus.FOREIGN, "", "Nothing here has this id or key. Nothing was changed.")


def _find_payment(event: GatewayEvent) -> Payment | None:
    """By its intent; by its key only where it has come to no intent, for a key stands for one charge."""
    mine = Payment.objects.select_related("customer").filter(gateway=event.gateway)
    found = mine.filter(gateway_id=event.intent_id).first() if event.intent_id else None
    return found or (mine.filter(key=event.key, gateway_id="").first() if event.key else None)


def _payment(event: GatewayEvent, at: datetime) -> None:
    payment = _find_payment(event)
    if payment is None:
        _foreign(event, at)
        return
    before, subject = payment.status, f"payment:{payment.pk}"
    if before not in (*UNRESOLVED, *GIVEN_UP):
        _end(event, at, EventStatus.DONE, subject, f"Known before: {payment.get_status_display()}.")
        return
    outcome = get_gateway(event.gateway).retrieve_intent(event.intent_id)
    with transaction.atomic():
        settled = record_payment(
            payment_id=payment.pk,
            outcome=outcome,
            at=payment.customer.present(at),
            gateway_id=payment.gateway_id,
            intent_id=event.intent_id,
        )
        moved = f"Now {settled.get_status_display()}." if settled.status != before else "No change: it is under way."
        _end(event, at, EventStatus.DONE, subject, moved)


def _refunds_of(event: GatewayEvent) -> tuple[list[Refund], bool]:
    """Refunds of ours that it may speak of, and whether it speaks of anything of ours at all."""
    mine = Refund.objects.select_related("customer").filter(payment__gateway=event.gateway).order_by("pk")
    named = list(mine.filter(key=event.key)) if event.key else []
    if named or event.type != "charge.refunded":
        return named, bool(named)
    payment = _find_payment(event)
    return (list(mine.filter(payment=payment, status__in=REFUNDING)), True) if payment else ([], False)


def _refund(event: GatewayEvent, at: datetime) -> None:
    refunds, is_ours = _refunds_of(event)
    if not is_ours:
        _foreign(event, at)
        return
    gateway = get_gateway(event.gateway)
    answers = [
        (refund, gateway.find_refund(refund.key, intent_id=event.intent_id))
        for refund in refunds
        if refund.status in REFUNDING
    ]
    with transaction.atomic():
        for refund, outcome in answers:
            if outcome is not None:
                record_refund(refund_id=refund.pk, outcome=outcome, at=refund.customer.present(at))
        said = {refund.pk: Refund.objects.get(pk=refund.pk).get_status_display() for refund in refunds}
        subject = f"refund:{refunds[0].pk}" if refunds else ""
        effect = f"Now {', '.join(said.values())}." if said else "No refund of ours was on its way."
        _end(event, at, EventStatus.DONE, subject, effect)


def _setup(event: GatewayEvent, at: datetime) -> None:
    """A card was entered and its person did not come back: it is kept all the same."""
    setup = CardSetup.objects.select_related("customer", "user").filter(gateway=event.gateway)
    found = setup.filter(gateway_id=event.object_id).first()
    if found is None:
        _foreign(event, at)
        return
    subject = f"card_setup:{found.pk}"
    try:
        card = add_payment_method(setup_key=found.key, at=found.customer.present(at), actor=found.user)
    except GatewayError:
        raise
    except AccountsError as refusal:
        _end(event, at, EventStatus.DONE, subject, f"No card was kept: {refusal.message}")
    else:
        _end(event, at, EventStatus.DONE, subject, f"{card} is kept.")


def _dispute(event: GatewayEvent, at: datetime) -> None:
    payment = _find_payment(event)
    if payment is None:
        _foreign(event, at)
        return
    with transaction.atomic():
        dispute = note_dispute(payment_id=payment.pk, event=event, at=payment.customer.present(at))
        _end(event, at, EventStatus.DONE, f"payment:{payment.pk}", f"Noted: {dispute.words}. No money was moved.")


HANDLERS: dict[About, Callable[[GatewayEvent, datetime], None]] = {
    "payment": _payment,
    "refund": _refund,
    "setup": _setup,
    "dispute": _dispute,
}
