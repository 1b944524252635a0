"""Late usage is corrected after staff gave back lines of its window: never more than what the window had billed.

On Plus tokens are 0.002 per 1,000: 1,000,000 in the first window are 2.00, billed on 20 Nov and paid. Minor units.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoices.creditable import read_creditable
from invoices.exceptions import OverCreditedError
from invoices.giving_back import Wanted
from invoices.models import Invoice, InvoiceLine
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.void_invoice import void_invoice
from plans.explain import derived_amount, explain
from plans.models import RatedUsage
from plans.selectors import current_subscription, due_for_follow_up, running, upcoming_invoice
from plans.services.bill_late_usage import bill_late_usage
from plans.services.calculate_charges import calculate_charges
from plans.services.cancel_subscription import cancel_subscription
from plans.tests.conftest import cancel_quote, pay
from plans.tests.test_late_usage import send_late

NOVEMBER = datetime(2026, 11, 17, 1, tzinfo=UTC)
BILLED = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
NOTED = datetime(2026, 11, 21, 9, tzinfo=UTC)
TIMES = [datetime(year, month, 17, 1, tzinfo=UTC) for year, month in ((2026, 12), (2027, 1), (2027, 2))]
pytestmark = pytest.mark.usefixtures("all_books_hold")


@pytest.fixture
def used(plus, customer, at):
    """Corrections name the one event of the window."""
    send_late(customer, at + timedelta(days=1), tokens=1_000_000, received=at + timedelta(days=1), event_id="used")
    return plus


@pytest.fixture
def billed(used, customer) -> Invoice:
    invoice = issued(calculated(customer, NOVEMBER), BILLED)
    pay(invoice, BILLED)
    return invoice


def calculated(customer, at) -> Any:
    spell = current_subscription(customer.pk)
    assert spell is not None
    shown = [line.amount for line in upcoming_invoice(running(customer, at)).late]
    [invoice] = calculate_charges(subscription_ids=[spell.pk], at=at)
    assert shown == [line.amount for line in invoice.lines.filter(key__contains=":late:")]
    return invoice


def issued(draft, at) -> Invoice:
    [invoice] = finalize_invoices(invoice_ids=[draft.pk], at=at)
    return invoice


def moved(customer, at, tokens) -> None:
    """It turns out that so many more were used in the first window, or fewer."""
    details = {"corrects": "used"} if tokens < 0 else {}
    day = datetime(2026, 10, 21, 10, tzinfo=UTC)
    send_late(customer, day, tokens=tokens, received=at - timedelta(days=5), event_id=f"at {at}", **details)


def note(invoice, amount, at=NOTED) -> Invoice:
    """Staff give back so much of the line of tokens."""
    line = invoice.lines.get(feature_key="ai-tokens")
    wanted = Wanted(lines={line.key: amount})
    return issue_credit_note(invoice_id=invoice.pk, at=at, actor=None, reason="Agreed", wanted=wanted, key=str(at))


def late(invoice) -> list[tuple[int, str]]:
    """(amount, kind and number of the line it gives back) of each late line."""
    lines = invoice.lines.filter(key__contains=":late:").order_by("position")
    return [(line.amount, line.corrects.split(":")[2] if line.corrects else "") for line in lines]


@pytest.mark.parametrize(
    ("given", "lines"),
    [(100, [(-80, "usage")]), (120, [(-80, "usage")]), (150, [(-50, "usage")]), (200, [])],
)
def test_a_correction_gives_back_what_staff_left_of_the_window(billed, customer, given, lines):
    note(billed, given)
    moved(customer, TIMES[0], -400_000)

    invoice = calculated(customer, TIMES[0])

    assert late(invoice) == lines
    posted = RatedUsage.objects.get(rate_card__key="ai-tokens", number=1)
    assert (posted.quantity, posted.amount) == (600_000, 200 + sum(amount for amount, _ in lines))


def test_what_goes_down_and_up_again_is_charged_once(billed, customer):
    """Staff gave everything back: what the window costs is charged again only above what it had cost."""
    note(billed, 200)
    found = []
    for at, tokens in zip(TIMES, (-400_000, 400_000, 250_000), strict=True):
        moved(customer, at, tokens) if tokens < 0 else send_more(customer, at, tokens)
        found.append(late(calculated(customer, at)))

    assert found == [[], [], [(50, "")]]


@pytest.mark.parametrize(("given", "again"), [(100, [(80, "")]), (150, [(50, "")]), (200, [])])
def test_a_correction_that_was_wrong_is_charged_as_far_as_it_was_given_back(billed, customer, given, again):
    note(billed, given)
    moved(customer, TIMES[0], -400_000)
    calculated(customer, TIMES[0])
    send_more(customer, TIMES[1], 400_000)

    assert late(calculated(customer, TIMES[1])) == again


def send_more(customer, at, tokens) -> None:
    day = datetime(2026, 10, 22, 10, tzinfo=UTC)
    send_late(customer, day, tokens=tokens, received=at - timedelta(days=5), event_id=f"at {at}")


def test_several_lines_of_a_window_are_given_back_one_by_one(billed, customer):
    """So that of each line no more is given back than it billed, and each is taxed as it was."""
    send_more(customer, TIMES[0], 500_000)
    second = issued(calculated(customer, TIMES[0]), TIMES[0] + timedelta(days=3))
    note(billed, 150)
    moved(customer, TIMES[1], -700_000)

    third = calculated(customer, TIMES[1])

    assert late(third) == [(-50, "usage"), (-90, "late")]
    first_line, second_line = third.lines.filter(key__contains=":late:").order_by("position")
    assert second_line.key == f"{first_line.key}:2"
    assert [derived_amount(line.explain) for line in (first_line, second_line)] == [-50, -90]
    assert [step.figure for step in explain(second_line.explain).steps[-2:]] == ["+ $0.50", "= −$0.90"]
    assert [each.left for each in read_creditable(billed).lines if "ai-tokens" in each.line.key] == [0]
    assert [each.left for each in read_creditable(second).lines if ":late:" in each.line.key] == [10]


def test_staff_can_not_give_back_what_a_correction_takes_on_a_draft(billed, customer):
    moved(customer, TIMES[0], -400_000)
    draft = calculated(customer, TIMES[0])

    with pytest.raises(OverCreditedError):
        note(billed, 121, TIMES[0])
    note(billed, 120, TIMES[0])
    assert late(draft) == [(-80, "usage")]


def test_nothing_is_given_back_of_a_voided_invoice(used, customer):
    invoice = issued(calculated(customer, NOVEMBER), BILLED)
    void_invoice(invoice_id=invoice.pk, at=NOTED, reason="Agreed")
    moved(customer, TIMES[0], -400_000)

    assert late(calculated(customer, TIMES[0])) == []


def test_a_discarded_draft_does_not_count_its_own_corrections(billed, customer):
    note(billed, 150)
    moved(customer, TIMES[0], -400_000)
    draft = calculated(customer, TIMES[0])
    ends_at = TIMES[0] + timedelta(days=1)
    quote = cancel_quote(customer, ends_at)

    closing = cancel_subscription(quote=quote, at=ends_at, actor=None).invoice

    assert (late(closing), closing.total) == ([(-50, "usage")], quote.total)
    assert not InvoiceLine.objects.filter(invoice=draft).exists()


def test_after_the_last_plan_the_follow_up_gives_back_what_is_left(billed, customer, settings):
    settings.LATE_USAGE_MINIMUM = Decimal("0.10")
    ends_at = NOTED + timedelta(days=2)
    cancel_subscription(quote=cancel_quote(customer, ends_at), at=ends_at, actor=None)
    note(billed, 150, ends_at)
    moved(customer, TIMES[0], -400_000)

    [invoice] = bill_late_usage(subscription_ids=[due.id for due in due_for_follow_up(TIMES[0])], at=TIMES[0])

    assert (late(invoice), invoice.is_credit_note) == ([(-50, "usage")], True)


def test_the_line_says_why_it_is_less(billed, customer):
    given = note(billed, 150)
    moved(customer, TIMES[0], -400_000)
    line = calculated(customer, TIMES[0]).lines.get(key__contains=":late:")

    assert line.detail == (
        "600,000 × $0.0020 per 1,000 tokens − $2.00 billed before; no more than $0.50 was left of it"
    )
    before, last = explain(line.explain).steps[-2:]
    assert (before.figure, last.figure) == ("= −$0.80", "→ −$0.50")
    assert last.note == f"all that was left of $2.00: credit note {given.number} gave some back"
