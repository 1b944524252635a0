"""What every customer must have been billed: the plain ledger, given the raw events and the log of changes."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from billing_portal.simulation.market import Market
from billing_portal.simulation.people import Person
from billing_portal.simulation.plain_ledger import Entry, PlainCustomer
from billing_portal.simulation.plain_prices import PlainPlan
from invoices.models import Invoice
from invoices.sold_lines import SALE
from plans.models import ChangeQuote, Subscription

Step = tuple[datetime, int, int, Callable[[], Any]]
ARRIVED, CHANGED, RUN, CARRIED_OUT = range(4)  # the order at one instant; the last is what a run does at its end


def unlike_the_plain_ledger(person: Person, market: Market, runs: list[datetime]) -> Iterator[str]:
    """The first document that only one of the two has, of each side."""
    ledger = PlainCustomer(person.tax, person.began)
    for _at, _rank, _number, act in sorted(steps(person, ledger, market, runs), key=lambda step: step[:3]):
        act()
    found, expected = documents(person), ledger.documents
    if found != expected:
        ours = [entry for entry in found if entry not in expected][:2]
        plain = [entry for entry in expected if entry not in found][:2]
        yield f"customer {person.number}: the books have {ours}, the plain ledger {plain} ({len(found)} documents)"


def steps(person: Person, ledger: PlainCustomer, market: Market, runs: list[datetime]) -> Iterator[Step]:
    """Each with its instant. When a change was made is read from its row; what it costs is not."""
    for number, (at, used) in enumerate(person.arrived):
        yield at, ARRIVED, number, partial(ledger.events.append, used)
    spells = Subscription.objects.filter(customer=person.customer).select_related("plan").order_by("starts_at", "pk")
    for number, spell in enumerate(list(spells)[1:]):
        plan = plain_plan(market, spell)
        rank = CARRIED_OUT if spell.starts_at in runs else CHANGED
        yield spell.starts_at, rank, number, partial(ledger.change, plan, spell.starts_at)
    failed = ChangeQuote.objects.filter(customer=person.customer, given_up_at__isnull=False).exclude(
        invoice__status="void"
    )
    for number, quote in enumerate(failed.order_by("pk")):
        plan = market.plain[quote.plan.key]
        yield quote.effective_at, CHANGED, number, partial(ledger.fail_to_begin, plan, quote.effective_at)
    for number, at in enumerate(runs):
        yield at, RUN, number, partial(ledger.run, at)


def plain_plan(market: Market, spell: Subscription) -> PlainPlan | None:
    return None if spell.plan.is_default else market.plain[spell.plan.key]


def documents(person: Person) -> list[Entry]:
    """What the books have: issued and announced; a first payment that failed leaves a void invoice."""
    rows = Invoice.objects.filter(customer=person.customer).exclude(status="void").exclude(key__startswith=SALE)
    entries = rows.values_list("billing_on", "subtotal", "tax", "number")
    return sorted((on, subtotal, tax, number is not None) for on, subtotal, tax, number in entries)


def unlike_what_was_told(person: Person) -> Iterator[str]:
    """What a browser was told is done is done, what was carried out has its spell, and nothing stands halfway."""
    told = ChangeQuote.objects.filter(public_id__in=person.told)
    kept = set(told.values_list("public_id", flat=True))
    nothing = set(told.filter(completed_at=None, invoice=None).values_list("public_id", flat=True))
    if lost := nothing | (person.told - kept):
        yield f"customer {person.number} was told that {sorted(lost)} is done, and nothing came of it"
    spells = set(Subscription.objects.filter(customer=person.customer).values_list("pk", flat=True))
    opened = ChangeQuote.objects.filter(customer=person.customer, completed_at__isnull=False)
    if missing := set(opened.values_list("opened", flat=True)) - spells:
        yield f"customer {person.number}: confirmed changes without their spell: {missing}"
    halfway = ChangeQuote.objects.filter(customer=person.customer, invoice__isnull=False, completed_at=None)
    for quote in halfway.filter(given_up_at=None).exclude(invoice__status="void"):
        yield f"customer {person.number}: quote {quote.public_id} of {quote.created_at} was billed and came to nothing"
