import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from accounts.services.update_billing_profile import update_billing_profile
from billing_portal.billing_run import run_billing
from billing_portal.tests.people import on_free, on_plus
from core import clock
from plans.models import Plan, QuoteKind
from plans.services.cancel_subscription import cancel_subscription
from plans.services.make_quote import make_quote
from plans.services.open_contract import open_contract
from plans.services.schedule_change import schedule_change
from plans.tests.conftest import send
from usage.services.ingest_events import ingest_events

URL = "/settings/billing/"
CALCULATED_AT = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
MIDDLE = datetime(2026, 10, 30, 12, tzinfo=UTC)
PANELS = ["billing_usage_panel", "billing_upcoming"]


def text(response):
    return " ".join(response.content.decode().split())


@pytest.fixture(autouse=True)
def _at_the_beginning(at):
    with clock.travel_to(at):
        yield


def test_it_shows_plan_usage_and_what_will_be_paid(customer, alice, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at)
    page = text(log_in(alice).get(URL))
    for part in (
        "Billing and Usage",
        "Plan Details",
        "Meridian Plus",
        "Change Plan",
        "Cancel Plan",
        "Go to billing portal",
        "17 Nov 2026",
        "20 Nov 2026",
        "Still counting",
        "$49.00",
        "Visa ending 4242",
    ):
        assert part in page, part


def test_free_has_nothing_to_pay_and_nothing_to_cancel(customer, alice, seller, catalogue, at, log_in):
    on_free(customer, alice, at)
    page = text(log_in(alice).get(URL))
    assert "Meridian Free" in page
    assert "Nothing to pay on the Free plan." in page
    assert "Cancel Plan" not in page
    assert "of 5,000 included" in page


def test_enterprise_is_sent_to_its_contact(customer, alice, seller, catalogue, at, log_in):
    on_free(customer, alice, at)
    open_contract(customer_id=customer.pk, plan=catalogue.enterprise, at=at, actor=None)
    page = text(log_in(alice).get(URL))
    assert "There is no self-serve downgrade option for Enterprise plans." in page
    assert reverse("plan_cancel") not in page


@pytest.mark.django_db(transaction=True)
def test_between_calculation_and_billing_date_it_says_what_will_be_charged(
    customer, alice, seller, catalogue, at, log_in
):
    on_plus(customer, alice, catalogue, at)
    run_billing(at=CALCULATED_AT)
    with clock.travel_to(CALCULATED_AT):
        page = text(log_in(alice).get(URL))
    assert "Charges for this period are final: $49.00. We&#x27;ll charge Visa ending 4242 on 20 Nov 2026." in page


NEXT_PERIOD = {
    "en": (
        "Already counting for next period",
        "No usage since 17 Nov 2026 yet.",
        'data-testid="next-period">$2.00</td>',
        "usage 20 Oct, 10:00 – 16 Nov 2026 UTC; billed 20 Nov 2026.",
        "Usage 17 Nov – 16 Dec 2026, billed 20 Dec 2026. It does not change the invoice above.",
    ),
    "de": (
        "Zählt schon für den nächsten Zeitraum",
        "Noch kein Verbrauch seit dem 17. Nov. 2026.",
        'data-testid="next-period">2,00 $</td>',
        "Abgerechnet am 20. Dez. 2026",
        "Die Rechnung oben ändert das nicht.",
    ),
}


def untimed(response):
    """Its text without the tags around days."""
    return re.sub("</?time[^>]*>", "", text(response))


@pytest.mark.parametrize("language", NEXT_PERIOD)
def test_what_is_used_after_the_calculation_has_a_panel_of_its_own(
    customer, alice, seller, catalogue, at, log_in, language, django_assert_max_num_queries
):
    heading, none_yet, *figures = NEXT_PERIOD[language]
    on_plus(customer, alice, catalogue, at)
    send(customer, at + timedelta(days=1), tokens=2_000_000)
    client, headers = log_in(alice), {"Accept-Language": language}
    with clock.travel_to(CALCULATED_AT - timedelta(hours=2)):
        assert heading not in text(client.get(URL, headers=headers))
    run_billing(at=CALCULATED_AT)
    with clock.travel_to(CALCULATED_AT + timedelta(hours=2)):
        page = untimed(client.get(URL, headers=headers))
        assert (heading in page, none_yet in page) == (True, True)
        send(customer, CALCULATED_AT, tokens=1_000_000)
        with django_assert_max_num_queries(12):
            page = untimed(client.get(URL, headers=headers))
        panel = untimed(client.get(reverse("billing_upcoming"), headers=headers | {"HX-Request": "true"}))
    for part in (heading, *figures):
        assert part in page, part
        assert part in panel, part


def test_the_chart_of_that_usage_ends_at_the_figure_beside_it(customer, alice, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at)
    update_billing_profile(customer_id=customer.pk, values={"country": "FR"}, at=at, actor=alice)
    run_billing(at=CALCULATED_AT)
    send(customer, CALCULATED_AT, tokens=1_000_000)
    with clock.travel_to(CALCULATED_AT + timedelta(hours=2)):
        overview = log_in(alice).get(URL).context["overview"]
    assert overview.upcoming.totals.tax
    assert overview.chart.course.points[-1].amount == overview.usage.amount == 200


@pytest.mark.django_db(transaction=True)
def test_a_declined_payment_is_said_first(customer, alice, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at, card="4000000000000341")
    run_billing(at=CALCULATED_AT)
    run_billing(at=BILLED_AT)
    with clock.travel_to(BILLED_AT):
        page = text(log_in(alice).get(URL))
    assert "Payment failed." in page
    assert "$49.00 to Visa ending 0341" in page


def test_it_warns_before_a_card_that_will_have_expired(customer, alice, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at)
    customer.payment_methods.update(exp_month=10, exp_year=2026)
    page = text(log_in(alice).get(URL))
    assert "Visa ending 4242 expires 10/2026, before your next payment." in page


def test_a_viewer_reads_and_is_told_who_can_change(customer, alice, bob, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at)
    page = text(log_in(bob).get(URL))
    assert "Ask Alice (alice@example.com) to make changes." in page
    assert reverse("plan_cancel") not in page


def test_a_member_is_refused_with_the_name_of_who_can(customer, alice, dora, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at)
    response = log_in(dora).get(URL)
    assert response.status_code == 403
    assert "Alice" in text(response)


def test_charlie_sees_his_own_customer_only(customer, alice, charlie, other_customer, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at)
    on_free(other_customer, charlie, at)
    page = text(log_in(charlie).get(URL))
    assert "Meridian Free" in page
    assert "Wonder Ltd" not in page


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_is_a_fragment_for_htmx_and_a_page_otherwise(name, customer, alice, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at)
    client = log_in(alice)
    fragment = client.get(reverse(name), headers={"HX-Request": "true"})
    assert fragment.content.decode().strip().startswith("<section")
    assert 'hx-trigger="load"' not in fragment.content.decode()
    assert "HX-Request" in fragment.headers["Vary"]
    page = client.get(reverse(name))
    assert "<html" in page.content.decode()
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("url", [URL, *(f"/settings/billing/_/{part}/" for part in ("usage-panel", "upcoming"))])
def test_nobody_sees_it_without_logging_in(url, client, db):
    response = client.get(url)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")


def test_it_says_that_staff_have_scheduled_another_plan(customer, alice, clerk, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at)
    contract = Plan.objects.get(key="enterprise")
    schedule_change(customer_id=customer.pk, plan=contract, when="period_end", at=at, actor=clerk, reason="Agreed")
    page = strip_tags(text(log_in(alice).get(URL)))
    assert "Your plan changes on 20 Nov 2026." in page
    assert "Meridian Enterprise, price list v1 takes the place of your plan." in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("now", "queries"), [(MIDDLE, 10), (CALCULATED_AT, 12), (BILLED_AT, 12)])
def test_it_asks_the_database_little(
    customer, alice, seller, catalogue, at, log_in, django_assert_max_num_queries, now, queries
):
    on_plus(customer, alice, catalogue, at, card="4000000000000341")
    for due in (CALCULATED_AT, BILLED_AT):
        if due <= now:
            run_billing(at=due)
    client = log_in(alice)
    with clock.travel_to(now):
        client.get(URL)
        with django_assert_max_num_queries(queries):
            client.get(URL)


def test_it_projects_once_there_is_enough_to_go_by(customer, alice, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at)
    client = log_in(alice)
    assert "Not enough data to project the total yet." in text(client.get(URL))
    with clock.travel_to(MIDDLE):
        page = text(client.get(URL))
    assert '<strong class="figure-value" data-testid="projected-total">$49.00</strong>' in page
    assert "Projected total" in page
    assert "Projected by counting the median of the last 7 full days for each day that is left" in page


def test_free_projects_nothing(customer, alice, seller, catalogue, at, log_in):
    on_free(customer, alice, at)
    page = text(log_in(alice).get(URL))
    assert "Projected" not in page
    assert "Not enough data" not in page


def test_every_tax_of_the_upcoming_invoice_is_named(customer, alice, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at)
    update_billing_profile(customer_id=customer.pk, values={"country": "FR"}, at=at, actor=alice)
    page = text(log_in(alice).get(URL))
    assert 'VAT 20 % of $49.00</th><td class="num">$9.80</td>' in page


def test_late_usage_of_the_plan_before_is_shown_on_free(customer, alice, seller, catalogue, at, log_in):
    on_plus(customer, alice, catalogue, at)
    quote = make_quote(customer=customer, kind=QuoteKind.CANCEL, at=MIDDLE, actor=alice)
    cancel_subscription(quote=quote, at=MIDDLE, actor=alice)
    event = {
        "specversion": "1.0",
        "id": "late",
        "source": "test",
        "subject": customer.key,
        "time": (at + timedelta(days=1)).isoformat(),
        "type": "ai.tokens",
        "data": {"tokens": 250_000},
    }
    ingest_events(events=[event], token_customer_id=None, at=MIDDLE + timedelta(hours=1))
    client = log_in(alice)
    with clock.travel_to(MIDDLE + timedelta(hours=2)):
        response = client.get(URL)
        [late] = response.context["overview"].upcoming.late
        explained = client.get(reverse("billing_explain", args=[late.key]))
    page = text(response)
    assert "Nothing to pay on the Free plan." not in page
    assert '<strong class="figure-value">$0.50</strong>' in page
    assert "at the earliest, once it is worth an invoice" in page
    assert explained.context["charge"].agrees
