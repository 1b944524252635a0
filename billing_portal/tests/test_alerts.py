"""Recipients and alerts: a budget, alerts on included usage, and which optional messages are sent."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.figures import written
from accounts.models import AuditEntry, BillingProfile, MutedMail, Notice, OptionalMail
from billing_portal import billing_run, tasks
from billing_portal.celery import app
from billing_portal.tests.begun import Begun
from billing_portal.tests.people import on_free, on_plus
from core import clock
from plans.models import Budget
from plans.seed import prepaid_plan
from plans.services.open_contract import open_contract
from plans.tests.conftest import send

pytestmark = pytest.mark.django_db

URL = reverse("billing_notifications")
BEGIN = datetime(2026, 10, 20, 10, tzinfo=UTC)
NOW = datetime(2026, 10, 30, 12, tzinfo=UTC)
CHOSEN = {
    "amount": "100.00",
    "spend_percents": ["50", "80"],
    "projected": "on",
    "included_percents": ["100"],
    "mail": [kind for kind in OptionalMail.values if kind != OptionalMail.CREDITS_LOW],
    "language": "de",
    "attach": ["attach_pdf"],
}


def ten_days(customer, alice, catalogue):
    on_plus(customer, alice, catalogue, BEGIN)
    for day in range(1, 11):
        send(customer, BEGIN + timedelta(days=day), tokens=220_000)


_ten_days = Begun(ten_days)


@pytest.fixture
def wonder(customer, alice, seller, catalogue, processor):
    """On Plus since ten days, with usage every day: $53.40 so far."""
    _ten_days.again(processor, customer, alice, catalogue)
    with clock.travel_to(NOW):
        yield customer


def text(response, status=200):
    assert response.status_code == status
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_it_says_what_was_spent_and_that_nothing_is_stopped(wonder, alice, log_in):
    page = text(log_in(alice).get(URL))

    assert "Spent so far $53.40" in page
    assert "Projected $60.88 billed on 20 Nov 2026" in page
    assert "No budget is set." in page
    assert "This sends e-mail. It does not stop usage." in page
    assert "alice@example.com" in page
    for _kind, label in OptionalMail.choices:
        assert str(label) in page


def test_what_is_spent_is_what_the_overview_shows(wonder, alice, log_in):
    client = log_in(alice)
    overview = client.get(reverse("billing_overview")).content.decode()
    page = client.get(URL).content.decode()
    figures = [re.search(rf'data-testid="{name}">([^<]+)<', page)[1] for name in ("spent", "projected")]

    assert f'<strong class="figure-value">{figures[0]}</strong>' in overview
    assert f'data-testid="projected-total">{figures[1]}<' in overview


def test_a_budget_is_of_credits_where_these_pay_all(customer, alice, seller, catalogue, log_in):
    on_free(customer, alice, BEGIN)
    amount = "what the next invoice comes to, with fees and tax"
    with clock.travel_to(NOW):
        assert amount in text(log_in(alice).get(URL))
        open_contract(customer_id=customer.pk, plan=prepaid_plan(NOW), at=NOW, actor=None)
        page = text(log_in(alice).get(URL))
    assert "In USD: the credits that are used." in page
    assert amount not in page


def test_a_choice_is_saved_shown_and_audited(wonder, alice, log_in):
    client = log_in(alice)
    response = client.post(URL, CHOSEN)
    assert (response.status_code, response.headers["Location"]) == (303, URL)
    client.post(URL, CHOSEN)

    budget = Budget.objects.get()
    assert (budget.amount, budget.currency, budget.projected) == (100_00, "USD", True)
    assert (budget.spend_percents, budget.included_percents) == ([50, 80], [100])
    assert MutedMail.objects.get().kind == OptionalMail.CREDITS_LOW
    assert BillingProfile.objects.get(customer=wonder).language == "de"
    details = AuditEntry.objects.get(action="update_billing_profile")
    assert (details.before, details.after) == ({"language": "en"}, {"language": "de"})
    assert set(AuditEntry.objects.filter(actor=alice, action__in=("set_budget", "choose_mail")).values_list(
        "action", flat=True)) == {"set_budget", "choose_mail"}  # fmt: skip
    assert AuditEntry.objects.filter(action="set_budget").count() == 1
    page = client.get(URL)
    assert "$53.40 spent: 53 % of your budget of $100.00" in text(page)
    assert page.context["form"]["amount"].value() == 100
    assert page.context["form"]["mail"].value() == CHOSEN["mail"]


def test_what_goes_with_mail_is_chosen_and_shown_to_readers_too(wonder, alice, bob, log_in):
    client = log_in(alice)
    page = client.get(URL)
    assert page.context["form"]["attach"].value() == ["attach_pdf"]
    assert "Documents can be downloaded here, whichever you choose;" in text(page)
    assert "An accountant needs no login." in text(page)

    for _twice in range(2):
        client.post(URL, CHOSEN | {"attach": ["attach_xml"]})
    profile = BillingProfile.objects.get(customer=wonder)
    assert (profile.attach_pdf, profile.attach_xml) == (False, True)
    [entry] = AuditEntry.objects.filter(action="update_billing_profile")
    assert entry.after == {"language": "de", "attach_pdf": False, "attach_xml": True}
    assert client.get(URL).context["form"]["attach"].value() == ["attach_xml"]
    assert "Attached to e-mails E-invoice (XML)" in text(log_in(bob).get(URL))

    log_in(alice).post(URL, CHOSEN | {"attach": []})
    page = text(log_in(bob).get(URL))
    assert "Attached to e-mails Nothing" in page
    assert "An accountant needs no login." not in page
    assert "To see a document they need a login." in page


def test_everything_can_be_switched_off_again(wonder, alice, log_in):
    client = log_in(alice)
    client.post(URL, CHOSEN)
    client.post(URL, {"amount": "", "mail": OptionalMail.values, "language": "en"})

    budget = Budget.objects.get()
    assert (budget.amount, budget.spend_percents, budget.projected, budget.included_percents) == (None, [], False, [])
    assert not MutedMail.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"amount": "0"}, "Enter an amount above zero, or leave it empty."),
        ({"amount": "-5"}, "greater than or equal to 0"),
        ({"amount": "1.005"}, "USD has 2 decimals: enter no more."),
        ({"amount": "much"}, "Enter a number."),
        ({"spend_percents": ["60"]}, "Select a valid choice."),
        ({"mail": ["invoice_issued"]}, "Select a valid choice."),
        ({"attach": ["attach_zip"]}, "Select a valid choice."),
    ],
)
def test_what_makes_no_sense_is_named_and_nothing_is_written(wrong, said, wonder, alice, log_in):
    page = text(log_in(alice).post(URL, CHOSEN | wrong), 422)

    assert "There is a problem" in page
    assert said in page
    assert not Budget.objects.exists()
    assert not MutedMail.objects.exists()


def test_a_viewer_reads_it(wonder, alice, bob, log_in):
    log_in(alice).post(URL, CHOSEN)
    page = text(log_in(bob).get(URL))

    assert "Budget per usage window $100.00" in page
    assert "Told at 50 %, 80 % When the projection is above it" in page
    assert "Messages switched off Credits are low or used up" in page
    assert "Only a billing admin can change it." in page
    assert '<form method="post" action="%s"' % URL not in log_in(bob).get(URL).content.decode()  # noqa: UP031


def test_a_viewer_cannot_change_it(wonder, bob, log_in):
    assert "Alice" in text(log_in(bob).post(URL, CHOSEN), 403)
    assert not Budget.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_member_is_refused_with_the_name_of_who_can(method, wonder, dora, log_in):
    assert "Alice" in text(getattr(log_in(dora), method)(URL), 403)


def test_charlie_sees_and_sets_his_own_only(wonder, alice, charlie, other_customer, log_in):
    on_free(other_customer, charlie, BEGIN)
    log_in(alice).post(URL, CHOSEN)
    client = log_in(charlie)
    assert "Spent so far $0.00" in text(client.get(URL))
    client.post(URL, {"amount": "7", "language": "en", "attach": ["attach_pdf"]})
    assert dict(Budget.objects.values_list("customer_id", "amount")) == {wonder.pk: 100_00, other_customer.pk: 7_00}


def test_nobody_sees_it_without_logging_in(client, db):
    response = client.get(URL)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")


def test_recipients_are_those_of_the_billing_details(wonder, alice, log_in):
    BillingProfile.objects.update(recipients=["accountant@example.com"])
    page = log_in(alice).get(URL).content.decode()

    assert "accountant@example.com" in page
    assert f'href="{reverse("billing_details")}"' in page


def test_it_asks_the_database_little(wonder, alice, log_in, django_assert_max_num_queries):
    client = log_in(alice)
    client.post(URL, CHOSEN)
    client.get(URL)
    with django_assert_max_num_queries(15):
        client.get(URL)


def test_the_overview_and_the_billing_portal_lead_to_it(wonder, alice, log_in):
    client = log_in(alice)
    for name in ("billing_overview", "portal"):
        assert f'href="{URL}"' in client.get(reverse(name)).content.decode()
    client.post(URL, CHOSEN)
    assert "$53.40 spent: 53 % of your budget of $100.00" in text(client.get(reverse("billing_overview")))


def test_the_minutes_job_and_the_hourly_run_tell_it(wonder, alice, log_in):
    log_in(alice).post(URL, CHOSEN)
    tasks.tell_budgets()
    assert written(Notice.objects.get(template="usage_alert").context)["spent"] == "$53.40"
    wonder.payment_methods.update(exp_month=10, exp_year=2026, created_at=BEGIN - timedelta(days=90))
    billing_run.tell_due(at=NOW, report=billing_run.RunReport(at=""))
    assert Notice.objects.filter(template="usage_alert").count() == 1
    assert "billing_portal.tasks.tell_budgets" in {entry["task"] for entry in app.conf.beat_schedule.values()}


@pytest.mark.django_db(transaction=True)
def test_the_hourly_run_tells_of_cards_that_expire(wonder):
    wonder.payment_methods.update(exp_month=10, exp_year=2026, created_at=BEGIN - timedelta(days=90))
    billing_run.run_billing(at=NOW)
    assert written(Notice.objects.get(template="payment_card_expiring").context)["last_day"] == "31 Oct 2026"


def test_an_alert_that_fails_stops_no_billing(wonder, alice, log_in, monkeypatch):
    looked_at = []

    def fail(*, budget_id, at):
        looked_at.append(budget_id)
        raise ValueError("no projection")

    log_in(alice).post(URL, CHOSEN)
    monkeypatch.setattr(billing_run, "tell_budget", fail)
    billing_run.tell_due(at=NOW, report=billing_run.RunReport(at=NOW.isoformat()))
    wonder.refresh_from_db()
    assert looked_at == [Budget.objects.get().pk]
    assert wonder.parked_at is None
