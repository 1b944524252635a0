"""The panels of «Billing and Usage»: the chart, how fresh it is, and that one that fails leaves the others alone."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import PaymentPolicy
from accounts.services.update_billing_profile import update_billing_profile
from accounts.tests.cards import CONFIRMS, LOSES_ANSWER
from billing_portal.billing_run import run_billing
from billing_portal.tests.begun import plus_since
from billing_portal.tests.people import on_free, on_plus
from billing_portal.tests.test_overview import BILLED_AT, CALCULATED_AT, MIDDLE, PANELS, URL, text
from core import clock
from invoices.models import Seller, TaxRate
from plans.models import Budget, Plan, QuoteKind, RateCard
from plans.services.cancel_subscription import cancel_subscription
from plans.services.make_quote import make_quote
from plans.services.open_contract import open_contract
from plans.services.schedule_change import schedule_change
from plans.tests.conftest import send
from plans.tests.test_settle_usage import grant
from usage.selectors import features_by_key

CSV = "/settings/billing/cost-so-far.csv"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
HTMX = {"HX-Request": "true"}
NO_UPCOMING = "We couldn't load the upcoming invoice. Your billing is not affected."
NO_USAGE = "We couldn't load usage. Your billing is not affected."


def used(customer, at, until, tokens=1_000_000):
    """The same every day at the hour of `at`."""
    while at < until:
        send(customer, at, tokens=tokens)
        at += DAY


def budget(customer, amount, at):
    Budget.objects.create(
        customer=customer, currency="USD", amount=amount, spend_percents=[80], projected=False, changed_at=at
    )


def nobody_to_issue_it():
    """A portal in which the seller is gone: no tax can be told, so no invoice."""
    TaxRate.objects.all().delete()
    Seller.objects.all().delete()


def unpriceable(at):
    """A plan whose volume price lost its tiers: whatever is used of it, it can't be priced."""
    plan = Plan.objects.create(
        key="odd", name="Odd", currency="USD", payment_policy=PaymentPolicy.OPTIONAL, self_serve=False
    )
    feature = features_by_key(["ai-tokens"])["ai-tokens"]
    RateCard.objects.create(plan=plan, key="ai-tokens", name="AI tokens", model="volume", feature=feature)
    Plan.objects.filter(pk=plan.pk).update(status="published", published_at=at)
    return Plan.objects.with_cards().get(pk=plan.pk)


@pytest.fixture
def seen(alice, log_in):
    client = log_in(alice)

    def seen(now, url=URL, **more):
        with clock.travel_to(now):
            return client.get(url, **more)

    return seen


@pytest.fixture
def plus(customer, alice, seller, catalogue, at, processor):
    plus_since(at).again(processor, customer, alice, catalogue)
    return customer


# --- the chart --------------------------------------------------------------------------------------------------------


def test_the_cost_so_far_is_drawn_told_and_listed(plus, at, seen):
    used(plus, at + HOUR, MIDDLE)
    page = text(seen(MIDDLE))
    for part in (
        "Cost so far, 20 Oct, 10:00 – 16 Nov 2026 UTC",
        "$71.00 so far on 30 Oct 2026; $105.00 projected by 16 Nov 2026.",
        "Charges calculated 17 Nov 2026",
        "Show as table",
        '<th scope="row">At the start</th><td class="num">$49.00</td>',
        '<th scope="row">29 Oct 2026</th><td class="num">$69.00</td>',
        '<th scope="row">Projected for 16 Nov 2026</th><td class="num">$105.00</td>',
        f'href="{CSV}"',
    ):
        assert part in page, part
    assert "style=" not in page
    [drawn] = re.findall(r"<figure.*?</svg> </svg>", page)
    assert len(drawn) < 6_000


def test_a_budget_is_a_line_in_it(plus, at, seen):
    used(plus, at + HOUR, MIDDLE)
    assert "Budget $90.00" not in text(seen(MIDDLE))
    budget(plus, 9_000, at)
    page = text(seen(MIDDLE))
    assert "Budget $90.00" in page
    assert "; your budget is $90.00." in page


def test_without_usage_there_is_no_chart_and_it_says_when_there_will_be(plus, seen):
    page = text(seen(MIDDLE))
    assert "<figure" not in page
    assert "No usage recorded since <time" in page
    assert "Usage appears here within a minute of being sent." in page


def test_on_free_there_is_no_cost_to_draw(customer, alice, seller, catalogue, at, seen):
    on_free(customer, alice, at)
    send(customer, at, requests=3)
    assert "<figure" not in text(seen(MIDDLE))


def test_the_download_has_what_is_drawn(plus, at, seen):
    used(plus, at + HOUR, MIDDLE)
    response = seen(MIDDLE, CSV)
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert response.headers["Content-Disposition"] == 'attachment; filename="cost-so-far-2026-10-30.csv"'
    assert lines[:2] == ["until,kind,amount,currency", "2026-10-20T10:00:00Z,so far,49,USD"]
    assert lines[-4] == "2026-10-30T12:00:00Z,so far,71,USD"
    assert lines[-3:] == [
        "2026-11-17T00:00:00Z,projected,105,USD",
        '2026-11-17T00:00:00Z,"projected, low",105,USD',
        '2026-11-17T00:00:00Z,"projected, high",105,USD',
    ]


def test_the_download_is_for_those_who_may_read(plus, at, bob, dora, charlie, other_customer, client, log_in):
    on_free(other_customer, charlie, at)
    used(plus, at + HOUR, MIDDLE)
    with clock.travel_to(MIDDLE):
        assert b"so far" in b"".join(log_in(bob).get(CSV).streaming_content)
        assert log_in(dora).get(CSV).status_code == 403
        assert b"".join(log_in(charlie).get(CSV).streaming_content).decode().strip() == "until,kind,amount,currency"
        assert client.get(CSV).status_code == 302


# --- what is not known yet, or late -----------------------------------------------------------------------------------


def test_it_counts_the_days_that_a_projection_lacks(plus, at, seen):
    assert "2 more full days are needed." in text(seen(at + 2 * DAY))
    assert "One more full day is needed." in text(seen(at + 3 * DAY))
    assert "needed" not in text(seen(at + 4 * DAY))


def test_it_says_how_old_the_figures_are(plus, at, seen):
    send(plus, at + HOUR, tokens=1_000)
    assert "Updated 11:05 UTC (2 minutes ago)" in text(seen(at + HOUR + timedelta(minutes=7)))
    assert "Updated 20 Oct 2026, 11:05 UTC (23 hours ago)" in text(seen(at + DAY + timedelta(minutes=30)))


def test_a_stream_that_stops_is_delayed_and_hides_the_projection_once_a_day_is_missing(plus, at, seen):
    for hour in range(5 * 24):
        send(plus, at + hour * HOUR, tokens=1_000)
    last = at + (5 * 24 - 1) * HOUR  # 09:00
    on_time, late, next_day = (last + HOUR / 4, last + 2 * HOUR, last + 16 * HOUR)
    assert "Usage is delayed" not in text(seen(on_time))
    page = text(seen(late))
    assert "Usage is delayed (last update 25 Oct 2026, 09:05 UTC). Charges may rise when it catches up." in page
    assert "Usage is delayed</span>" in page
    assert "projected-total" in page
    page = text(seen(next_day))
    assert "The total is not projected while usage is delayed: yesterday may not be complete yet." in page
    assert "projected-total" not in page
    assert "projected by" not in page


# --- notices ----------------------------------------------------------------------------------------------------------


def test_two_notices_are_shown_and_the_rest_is_counted(plus, at, clerk, seen):
    for hour in range(24):
        send(plus, at + hour * HOUR, tokens=1_000)
    plus.payment_methods.update(exp_month=10, exp_year=2026)
    contract = Plan.objects.get(key="enterprise")
    schedule_change(customer_id=plus.pk, plan=contract, when="period_end", at=at, actor=clerk, reason="Agreed")
    page = text(seen(at + 26 * HOUR))
    assert '<details class="more"><summary>1 more notice</summary>' in page
    expires, delayed, change = (
        page.index(part) for part in ("expires 10/2026", "Usage is delayed", "Your plan changes")
    )
    assert expires < delayed < page.index("1 more notice") < change


def test_without_a_card_it_asks_for_one_in_time(plus, seen):
    plus.payment_methods.update(is_default=False, deleted_at=MIDDLE)
    page = text(seen(MIDDLE))
    assert "Add a payment method before 20 Nov 2026 to keep Plus." in page
    assert "No payment method" in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("card", "said"),
    [
        (CONFIRMS, ("Your bank needs you to confirm $49.00.", "Confirm payment", "Action needed")),
        (LOSES_ANSWER, ("Payment of $49.00 is being processed.", "View payment")),
    ],
)
def test_a_payment_under_way_is_said(customer, alice, seller, catalogue, at, seen, card, said):
    on_plus(customer, alice, catalogue, at, card=card)
    run_billing(at=CALCULATED_AT)
    run_billing(at=BILLED_AT)
    page = text(seen(BILLED_AT))
    for part in said:
        assert part in page, part


def test_after_a_downgrade_the_final_invoice_is_shown(plus, alice, at, seen):
    quote = make_quote(customer=plus, kind=QuoteKind.CANCEL, at=MIDDLE, actor=alice)
    cancel_subscription(quote=quote, at=MIDDLE, actor=alice)
    page = text(seen(MIDDLE))
    assert "Meridian Free" in page
    assert "Nothing to pay on the Free plan." not in page
    assert "<strong>$15.81</strong>" in page


def test_free_says_what_plus_would_have_cost(customer, alice, seller, catalogue, at, seen):
    on_free(customer, alice, at)
    assert "would have cost" not in text(seen(MIDDLE))
    send(customer, at, tokens=2_000_000)
    page = text(seen(MIDDLE))
    assert "Your last 30 days on Plus would have cost <strong>$53.00</strong>." in page
    assert reverse("plan_estimate", args=["plus"]) in page


# --- what fails, fails alone ------------------------------------------------------------------------------------------


def test_an_upcoming_invoice_that_fails_leaves_usage_alone(plus, at, seen, caplog):
    used(plus, at + HOUR, MIDDLE)
    nobody_to_issue_it()
    page = seen(MIDDLE)
    assert page.status_code == 200
    for part in (NO_UPCOMING, "Try again", "Usage so far, before tax", "$22.00", "Plan Details", "Cancel Plan"):
        assert part in text(page), part
    assert NO_USAGE not in text(page)
    assert "could not be worked out: upcoming_invoice" in caplog.text

    failed = seen(MIDDLE, reverse("billing_upcoming"), headers=HTMX)
    assert (failed.status_code, NO_UPCOMING in text(failed)) == (503, True)
    assert failed.content.decode().strip().startswith('<section class="panel" id="upcoming"')
    assert f'data-say="{NO_UPCOMING}"' in text(failed)
    assert seen(MIDDLE, reverse("billing_usage_panel"), headers=HTMX).status_code == 200

    Seller.objects.create(key="main", legal_name="Meridian Cloud SAS", line1="1", city="Paris", country="FR")
    again = seen(MIDDLE, reverse("billing_upcoming"), headers=HTMX)
    assert (again.status_code, "Total so far" in text(again)) == (200, True)


def test_usage_that_fails_leaves_the_rest_of_the_page_alone(customer, alice, seller, catalogue, at, seen):
    on_free(customer, alice, at)
    open_contract(customer_id=customer.pk, plan=unpriceable(at), at=at, actor=None)
    page = seen(MIDDLE)
    assert page.status_code == 200
    for part in (NO_USAGE, "Try again", "Meridian Odd", "Next payment", "Nothing to pay"):
        assert part in text(page), part
    failed = seen(MIDDLE, reverse("billing_usage_panel"), headers=HTMX)
    assert (failed.status_code, NO_USAGE in text(failed)) == (503, True)


@pytest.fixture
def odd(customer, alice, seller, catalogue, at):
    """On a plan of which nothing can be priced, with usage."""
    on_free(customer, alice, at)
    open_contract(customer_id=customer.pk, plan=unpriceable(at), at=at, actor=None)
    send(customer, at + HOUR, tokens=1_000)
    return customer


def test_recipients_and_alerts_stay_usable_where_usage_fails(odd, at, alice, log_in, seen):
    url = reverse("billing_notifications")
    page = text(seen(MIDDLE, url))
    for part in ("We couldn’t load this. Your billing is not affected.", "alice@example.com", "Attach to e-mails"):
        assert part in page, part
    with clock.travel_to(MIDDLE):
        saved = log_in(alice).post(url, {"amount": "50.00", "spend_percents": ["80"], "language": "en"})
    assert saved.status_code == 303
    assert 'value="50.00"' in text(seen(MIDDLE, url))


def test_what_was_used_is_explored_where_its_charge_fails(odd, seen):
    page = text(seen(MIDDLE, reverse("billing_usage")))
    assert "1,000 tokens" in page
    assert "We couldn’t work out the charge. Your billing is not affected." in page


def test_staff_are_told_that_usage_failed(odd, clerk, log_in):
    with clock.travel_to(MIDDLE):
        response = log_in(clerk).get(reverse("admin:customer_usage", args=[odd.key]))
    assert response.status_code == 200
    assert "We couldn’t load this. Your billing is not affected." in text(response)


def test_staff_are_told_that_it_failed(plus, clerk, log_in):
    nobody_to_issue_it()
    with clock.travel_to(MIDDLE):
        response = log_in(clerk).get(reverse("admin:customer_upcoming", args=[plus.key]))
    assert response.status_code == 200
    assert "It could not be worked out just now" in text(response)


@pytest.mark.parametrize("name", PANELS)
def test_a_refreshed_panel_says_its_figure(plus, at, seen, name):
    used(plus, at + HOUR, MIDDLE)
    said = re.findall(r'data-say="([^"]*)"', text(seen(MIDDLE, reverse(name), headers=HTMX)))
    assert said == ["Usage updated, $22.00 so far" if "usage" in name else "Upcoming invoice updated, $71.00 so far"]


# --- how little it asks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [URL, *map(reverse, PANELS), CSV])
def test_it_asks_little_where_much_is_going_on(plus, at, seen, django_assert_max_num_queries, url):
    """Usage of several days, a budget, tax, credit that pays, and a banner or two."""
    update_billing_profile(customer_id=plus.pk, values={"country": "FR"}, at=at, actor=None)
    used(plus, at + HOUR, MIDDLE)
    budget(plus, 9_000, at)
    grant(plus, 3_000, at)
    seen(MIDDLE, url)
    with django_assert_max_num_queries(11):
        assert seen(MIDDLE, url, headers=HTMX if "/_/" in url else {}).status_code == 200


def test_free_asks_little(customer, alice, seller, catalogue, at, seen, django_assert_max_num_queries):
    on_free(customer, alice, at)
    send(customer, at, tokens=2_000_000)
    seen(MIDDLE)
    with django_assert_max_num_queries(10):
        seen(MIDDLE)
