"""The monthly credit statement: opening + movements = closing, each movement on exactly one."""

import csv
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.figures import written
from accounts.mail import write_notice
from accounts.models import AuditEntry, Notice
from core.periods import Period, midnight
from credits.charges import ChargeDraft
from credits.services.adjust_balance import adjust_balance
from credits.services.draw_down_credits import draw_down_credits
from invoices.exceptions import StatementError
from invoices.models import CreditStatement, Document
from invoices.pdf import available
from invoices.services.deliver_documents import deliver_documents
from invoices.services.issue_statements import issue_statements
from invoices.statement_paper import statement_paper
from invoices.statements import StatementDraft
from invoices.tests.credited import granted

OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1))
NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
LATER = midnight(OCTOBER.end) + timedelta(hours=2)


def october(day, hour=0):
    return datetime(2026, 10, day, hour, tzinfo=UTC)


def used(customer, amount, booked_at, at=None, **values):
    charge = ChargeDraft(
        key=f"hour:{booked_at.isoformat()}:{amount}",
        group="window",
        customer_id=customer.pk,
        currency=values.pop("currency", "USD"),
        feature_key="api-requests",
        amount=amount,
        booked_at=booked_at,
        may_overdraw=True,
        is_final=True,
        title="API requests",
    )
    draw_down_credits(charges=[charge], at=at or booked_at)


def stated(customer, period=OCTOBER, at=None, currency="USD", **values):
    [row] = issue_statements(
        wanted=[StatementDraft(customer.pk, currency, period)], at=at or midnight(period.end), **values
    )
    return row


pytestmark = pytest.mark.usefixtures("seller", "books_hold")


def test_it_opens_and_closes_with_the_balance(seller, customer):
    granted(customer, 1000, at=october(1) - timedelta(days=3))
    used(customer, 100, october(1) - timedelta(days=1))
    used(customer, 300, october(5, 7))
    used(customer, 200, october(5, 8))
    row = stated(customer)
    assert (row.opening, row.closing) == (900, 400)
    assert (row.first_sequence, row.last_sequence) == (3, 4)


def test_what_is_booked_at_the_periods_end_is_the_next_ones(seller, customer):
    granted(customer, 1000, at=october(1))
    used(customer, 300, midnight(OCTOBER.end))
    assert stated(customer, at=LATER).closing == 1000
    following = stated(customer, NOVEMBER)
    assert (following.opening, following.closing) == (1000, 700)


def test_what_was_booked_late_stands_on_the_next_one(seller, customer):
    granted(customer, 1000, at=october(1))
    stated(customer)
    used(customer, 250, october(20), at=LATER)
    used(customer, 100, midnight(date(2026, 11, 3)))
    row = stated(customer, NOVEMBER)
    assert (row.opening, row.closing) == (1000, 650)
    paper = statement_paper(row)
    assert [(each.day, each.amount, each.balance) for each in paper.late] == [("20 Oct 2026", "−$2.50", "$7.50")]
    assert [(each.day, each.amount, each.balance) for each in paper.rows] == [("3 Nov 2026", "−$1.00", "$6.50")]


def test_the_statements_of_the_documentation(seller, customer):
    granted(customer, 1000, at=october(1))
    used(customer, 300, october(5))
    first = stated(customer)
    used(customer, 250, october(20), at=LATER)
    used(customer, 100, midnight(date(2026, 11, 3)))
    second = stated(customer, NOVEMBER)
    assert (first.opening, first.closing, first.last_sequence) == (0, 700, 2)
    assert (second.opening, second.closing, second.first_sequence, second.last_sequence) == (700, 350, 3, 4)


def test_credit_that_expired_while_nobody_looked_is_on_it(seller, customer):
    granted(customer, 1000, at=october(1), expires_at=october(20))
    row = stated(customer, at=LATER)
    assert row.closing == 0
    assert [sum_.label for sum_ in statement_paper(row).sums] == ["Credits granted", "Expired"]


def test_a_balance_below_zero_says_so(seller, customer):
    used(customer, 1234, october(9))
    paper = statement_paper(stated(customer))
    assert (paper.opening, paper.closing, paper.is_overdrawn) == ("$0.00", "−$12.34", True)


def test_it_does_not_say_that_usage_continues_because_plans_differ_in_that(seller, customer, alice):
    used(customer, 500, october(3, 2))
    row = stated(customer)
    [notice] = Notice.objects.filter(template="credit_statement")
    paper = render_to_string("pdf/statement.html", {"paper": statement_paper(row)})
    for said in (write_notice(notice).text, paper):
        assert "The balance is below zero. The next credit granted covers this amount first." in said
        assert "Usage continues" not in said


def test_a_month_in_which_nothing_moved_is_stated_too(seller, customer):
    row = stated(customer)
    assert (row.opening, row.closing, row.first_sequence, row.last_sequence) == (0, 0, None, 0)
    assert statement_paper(row).rows == ()


def test_currencies_are_never_merged(seller, customer):
    granted(customer, 1000, at=october(1))
    granted(customer, 500, at=october(1), currency="EUR")
    assert stated(customer).closing == 1000
    assert stated(customer, currency="EUR").closing == 500


def test_stating_twice_is_stating_once(seller, customer, staff):
    granted(customer, 1000, at=october(1))
    first = stated(customer, actor=staff)
    used(customer, 100, october(9), at=LATER)
    again = stated(customer, at=LATER)
    assert (again.pk, again.closing) == (first.pk, 1000)
    assert Notice.objects.filter(template="credit_statement").count() == 1
    entry = AuditEntry.objects.get(action="issue_statements")
    assert (entry.actor, entry.after["closing"]) == (staff, 1000)


def test_it_tells_opening_movements_and_closing(seller, customer, alice):
    granted(customer, 1000, at=october(1))
    row = stated(customer)
    notice = Notice.objects.get(key=f"statement:{row.pk}:issued")
    told = written(notice.context)
    figures = [told[name] for name in ("opening", "moved", "closing")]
    assert (figures, notice.to) == (["$0.00", "$10.00", "$10.00"], [alice.email])
    text = render_to_string("emails/credit_statement.txt", told)
    assert text.splitlines()[0] == "Credit statement 1 Oct – 31 Oct 2026: $10.00 left"
    assert "Closing balance: $10.00" in text


def test_several_months_at_once_follow_each_other(seller, customer):
    granted(customer, 1000, at=october(1))
    used(customer, 100, midnight(date(2026, 11, 3)))
    wanted = [StatementDraft(customer.pk, "USD", period) for period in (OCTOBER, NOVEMBER)]
    first, second = issue_statements(wanted=wanted, at=midnight(NOVEMBER.end))
    assert (first.closing, second.opening, second.closing) == (1000, 1000, 900)


@pytest.mark.parametrize(("period", "at"), [(NOVEMBER, LATER), (OCTOBER, midnight(NOVEMBER.end))])
def test_a_period_that_has_not_ended_or_is_over_long_since_is_refused(seller, customer, period, at):
    if period == OCTOBER:
        stated(customer, NOVEMBER)
    before = CreditStatement.objects.count()
    with pytest.raises(StatementError):
        stated(customer, period, at=at)
    assert CreditStatement.objects.count() == before


@pytest.mark.parametrize(
    "change", ["UPDATE invoices_creditstatement SET closing = 1", "DELETE FROM invoices_creditstatement"]
)
def test_a_statement_never_changes(seller, customer, change):
    stated(customer)
    with pytest.raises(DatabaseError, match="kept for ever"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


def test_adjustments_and_grants_stand_by_themselves_and_hours_of_a_day_are_summed(seller, customer, staff):
    granted(customer, 1000, at=october(1))
    for hour in range(1, 6):
        used(customer, 10, october(2, hour))
    adjust_balance(
        key="fix", customer_id=customer.pk, currency="USD", amount=-30, reason="Typo", at=october(3), actor=staff
    )
    rows = statement_paper(stated(customer)).rows
    assert [(row.amount, row.note, row.balance) for row in rows] == [
        ("+$10.00", "", "$10.00"),
        ("−$0.50", "5 movements", "$9.50"),
        ("−$0.30", "", "$9.20"),
    ]


# --- the document ---------------------------------------------------------------------------------------------------
@pytest.mark.skipif(bool(available()), reason="no PDF libraries here")
def test_its_pdf_is_made_once_and_downloaded(seller, customer, alice, charlie, client):
    granted(customer, 1000, at=october(1))
    row = stated(customer)
    assert deliver_documents(at=LATER) == 1
    assert deliver_documents(at=LATER) == 0
    document = Document.objects.get(statement=row)
    assert document.filename == f"credit-statement-2026-11-01-{row.public_id}.pdf"
    address = reverse("statement_pdf", args=[row.public_id])
    client.force_login(alice)
    response = client.get(address)
    assert (response.status_code, response.content[:5]) == (200, b"%PDF-")
    assert document.filename in response["Content-Disposition"]
    client.force_login(charlie)
    assert client.get(address).status_code == 404


def test_members_may_not_see_it_and_strangers_must_log_in(seller, customer, dora, client):
    address = reverse("statement_pdf", args=[stated(customer).public_id])
    assert client.get(address).status_code == 302
    client.force_login(dora)
    assert client.get(address).status_code == 403


def test_the_portal_lists_statements(seller, customer, bob, client, django_assert_max_num_queries):
    granted(customer, 1000, at=october(1))
    row = stated(customer)
    client.force_login(bob)
    with django_assert_max_num_queries(15):
        page = client.get(reverse("portal")).content.decode()
    assert "Credit statements" in page
    assert reverse("statement_pdf", args=[row.public_id]) in page
    assert reverse("credit_statements_csv") in page


def test_the_portal_gives_its_statements_as_a_file(seller, customer, bob, charlie, other_customer, dora, client):
    granted(customer, 1000, at=october(1))
    granted(customer, 500, at=october(1), currency="EUR")
    used(customer, 1250, october(20))
    stated(customer)
    stated(customer, currency="EUR")
    stated(customer, NOVEMBER)
    client.force_login(bob)
    response = client.get(reverse("credit_statements_csv"))
    assert response["Content-Disposition"] == 'attachment; filename="credit-statements.csv"'
    head, *rows = csv.reader(b"".join(response.streaming_content).decode().splitlines())
    assert head == ["period_from", "period_to", "currency", "opening", "closing"]
    assert rows == [
        ["2026-11-01", "2026-11-30", "USD", "-2.5", "-2.5"],
        ["2026-10-01", "2026-10-31", "EUR", "0", "5"],
        ["2026-10-01", "2026-10-31", "USD", "0", "-2.5"],
    ]
    client.force_login(charlie)
    assert len(list(client.get(reverse("credit_statements_csv")).streaming_content)) == 1
    client.force_login(dora)
    assert client.get(reverse("credit_statements_csv")).status_code == 403
