"""Two sets of books: our payments and refunds against the processor's journal, both ways. Reads only.

The journal is read a month at a time and matched by ids and keys, never by time: the processor's clock is its own. Of
our rows only a mark is kept, a byte each, so that the whole history fits. What the journal lacks is asked for by itself
before it is called missing. Not to be run inside a transaction: the processor is asked.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import Max, Min, QuerySet

from accounts.gateways import get_gateway
from accounts.gateways.base import Gateway, GatewayConflictError, GatewayError, JournalEntry, Outcome
from accounts.models import PaymentMethod
from core import formats
from core.books import Finding
from invoices.models import CHARGED, GIVEN_UP, REFUNDING, UNRESOLVED, Payment, Refund, RefundStatus

WINDOW = timedelta(days=35)  # of the nightly check; refunds come later than their charges, but not than their own day
SLICE = timedelta(days=31)
AHEAD = timedelta(days=1)  # the processor's clock may be before ours
PATIENCE = timedelta(days=3)  # without an outcome for longer than this somebody should look
CHUNK = 500
ASKED = 200  # rows that the journal lacks and that are asked for one by one; the rest is believed to be missing


class Difference(NamedTuple):
    """What does not agree. `late`: a payment that was given up here and charged there by that intent, which can be
    recorded."""

    finding: Finding
    late: Payment | None = None
    intent_id: str = ""


def check(at: datetime, *, full: bool = False) -> Iterator[Finding]:
    """Every difference of the last 35 days, or of all time; a processor that does not answer is noted, not compared."""
    for each in differences(at, full=full):
        yield each.finding
    yield from unresolved_for_long(at)


def differences(at: datetime, *, full: bool = False) -> Iterator[Difference]:
    """Of every processor that keeps a card of ours."""
    for name in PaymentMethod.objects.order_by("gateway").values_list("gateway", flat=True).distinct():
        since = _beginning(name) if full else at - WINDOW
        try:
            yield from _Comparison(name, since, at + AHEAD).run()
        except GatewayError as error:
            said = f"not compared: {error.description}"
            yield Difference(Finding("is compared with the processor", f"processor:{name}", said, is_note=True))


def unresolved_for_long(at: datetime) -> Iterator[Finding]:
    """No difference: the gateway itself does not know. Named, so that somebody asks there."""
    waiting: tuple[tuple[str, QuerySet[Any]], ...] = (
        ("payment", Payment.objects.filter(status__in=UNRESOLVED, created_at__lt=at - PATIENCE)),
        ("refund", Refund.objects.filter(status__in=REFUNDING, created_at__lt=at - PATIENCE)),
    )
    for kind, rows in waiting:
        for row in rows.order_by("pk").iterator():
            said = f"{row.status} since {formats.instant(row.created_at)}"
            yield Finding(f"{kind} has its outcome within three days", f"{kind}:{row.pk}", said, is_note=True)


def _beginning(name: str) -> datetime:
    """Nothing of ours is older than the first card that the processor keeps."""
    first: datetime = PaymentMethod.objects.filter(gateway=name).aggregate(first=Min("created_at"))["first"]
    return first - AHEAD


class _Marks:
    """Which rows the journal has named: a byte for each number of a range."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        ends = rows.order_by().aggregate(first=Min("pk"), last=Max("pk"))
        self.first = ends["first"] or 0
        self.bytes = bytearray((ends["last"] or -1) - self.first + 1)

    def add(self, pk: int) -> None:
        if 0 <= pk - self.first < len(self.bytes):
            self.bytes[pk - self.first] = 1

    def __contains__(self, pk: int) -> bool:
        return 0 <= pk - self.first < len(self.bytes) and bool(self.bytes[pk - self.first])


class _Comparison:
    """One processor, one window."""

    def __init__(self, name: str, since: datetime, until: datetime) -> None:
        self.name, self.since, self.until = name, since, until
        self.gateway: Gateway = get_gateway(name)
        self.payments = Payment.objects.filter(gateway=name, status__in=CHARGED, created_at__gte=since)
        self.refunds = Refund.objects.filter(
            payment__gateway=name, status=RefundStatus.SUCCEEDED, created_at__gte=since
        )
        self.seen_payments, self.seen_refunds = _Marks(self.payments), _Marks(self.refunds)
        self.asked = 0

    def run(self) -> Iterator[Difference]:
        for entries in _chunks(self._journal()):
            yield from self._charges([entry for entry in entries if entry.kind == "charge"])
            yield from self._given_back([entry for entry in entries if entry.kind == "refund"])
        yield from self._missing()

    def _journal(self) -> Iterator[JournalEntry]:
        since = self.since
        while since < self.until:
            until = min(since + SLICE, self.until)
            yield from self.gateway.journal(since=since, until=until)
            since = until

    # --- theirs in ours -----------------------------------------------------------------------------------------------
    def _charges(self, entries: list[JournalEntry]) -> Iterator[Difference]:
        mine = Payment.objects.filter(gateway=self.name)
        ids = [entry.gateway_id for entry in entries]
        by_id = {row.gateway_id: row for row in mine.exclude(gateway_id="").filter(gateway_id__in=ids)}  # as its index
        by_key = {row.key: row for row in mine.filter(key__in=[entry.key for entry in entries if entry.key])}
        for entry in entries:
            payment, named = by_id.get(entry.gateway_id), by_key.get(entry.key)
            if payment is None and named is not None and not named.gateway_id:
                payment = named  # the commit of the intent's id was lost
            if payment is not None:
                self.seen_payments.add(payment.pk)
                yield from _compare_charge(entry, payment)
            elif entry.status == "succeeded":
                yield Difference(_charge_of_nobody(entry, named))

    def _given_back(self, entries: list[JournalEntry]) -> Iterator[Difference]:
        keys = [entry.key for entry in entries if entry.key]
        by_key = {row.key: row for row in Refund.objects.filter(payment__gateway=self.name, key__in=keys)}
        for entry in entries:
            refund = by_key.get(entry.key)
            if refund is not None:
                self.seen_refunds.add(refund.pk)
                yield from _compare_refund(entry, refund)
            elif entry.status in ("succeeded", "unconfirmed"):
                subject, said = f"gateway_refund:{entry.gateway_id}", _told(entry)
                yield Difference(Finding("every refund there is one of ours", subject, said))

    # --- ours in theirs -----------------------------------------------------------------------------------------------
    def _missing(self) -> Iterator[Difference]:
        for payment in self.payments.order_by("pk").iterator(chunk_size=CHUNK):
            if payment.pk not in self.seen_payments and not self._is_there(payment, None):
                said = f"{payment.status} here, {payment.gateway_id or 'no intent'} is not charged there"
                yield Difference(Finding("every payment was charged there", f"payment:{payment.pk}", said))
        for refund in self.refunds.select_related("payment").order_by("pk").iterator(chunk_size=CHUNK):
            if refund.pk not in self.seen_refunds and not self._is_there(refund.payment, refund):
                said = f"{refund.status} here, {refund.key} was not given back there"
                yield Difference(Finding("every refund was made there", f"refund:{refund.pk}", said))

    def _is_there(self, payment: Payment | None, refund: Refund | None) -> bool:
        """Asked of the processor itself: the journal's window may have ended just before it."""
        self.asked += 1
        if payment is None or not payment.gateway_id or self.asked > ASKED:
            return False
        try:
            outcome: Outcome | None = (
                self.gateway.find_refund(refund.key, intent_id=payment.gateway_id)
                if refund
                else self.gateway.retrieve_intent(payment.gateway_id)
            )
        except GatewayConflictError:
            return False
        return outcome is not None and outcome.status == "succeeded"


def _compare_charge(entry: JournalEntry, payment: Payment) -> Iterator[Difference]:
    subject, rule = f"payment:{payment.pk}", "payment is as the processor has it"
    if entry.status == "succeeded" and payment.status in GIVEN_UP:
        yield Difference(
            Finding(rule, subject, f"{payment.status} here, {_money(entry)} charged there"), payment, entry.gateway_id
        )
    elif payment.status in CHARGED and entry.status != "succeeded":
        yield Difference(Finding(rule, subject, f"{payment.status} here, {entry.status} there"))
    elif payment.status in CHARGED and (payment.amount, payment.currency) != (entry.amount, entry.currency):
        here = formats.money(payment.amount, payment.currency)
        yield Difference(Finding(rule, subject, f"{here} here, {_money(entry)} there"))


def _compare_refund(entry: JournalEntry, refund: Refund) -> Iterator[Difference]:
    is_over = refund.status not in REFUNDING
    is_done, is_done_there = refund.status == RefundStatus.SUCCEEDED, entry.status in ("succeeded", "unconfirmed")
    said = ""
    if is_over and is_done != is_done_there:
        said = f"{refund.status} here, {entry.status} there"
    elif is_done and (refund.amount, refund.currency) != (entry.amount, entry.currency):
        said = f"{formats.money(refund.amount, refund.currency)} here, {_money(entry)} there"
    if said:
        yield Difference(Finding("refund is as the processor has it", f"refund:{refund.pk}", said))


def _charge_of_nobody(entry: JournalEntry, named: Payment | None) -> Finding:
    """One with a key was made by this portal, so its payment is missing or has another intent; one without is
    somebody else's on the same account, which is only noted."""
    said = _told(entry)
    if named is not None:
        said += f", which is payment:{named.pk} with {named.gateway_id}"
    rule = "every charge there is a payment here" if entry.key else "every charge there was made by this portal"
    return Finding(rule, f"gateway_charge:{entry.gateway_id}", said, is_note=not entry.key)


def _told(entry: JournalEntry) -> str:
    return f"{_money(entry)} on {formats.instant(entry.at)}, key {entry.key or 'none'}"


def _money(entry: JournalEntry) -> str:
    return formats.money(entry.amount, entry.currency)


def _chunks(entries: Iterable[JournalEntry]) -> Iterator[list[JournalEntry]]:
    rows = iter(entries)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
