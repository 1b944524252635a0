"""What the last thirty days would have cost on a plan: the engine, the figure on the tile, and the page behind it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse, reverse_lazy

from accounts.models import PaymentPolicy
from core.clock import travel_to
from plans.examples import month_price
from plans.models import Plan, RateCard
from plans.selectors import catalogue as shown_plans
from plans.selectors.comparing import usage_of_month
from plans.selectors.estimating import compared, estimate, estimate_or_none, lately, next_plan, used_lately
from plans.selectors.upcoming import running_days
from plans.services.calculate_charges import calculate_charges
from plans.services.open_contract import open_contract
from plans.tests.conftest import new_plan, send, tokens_card
from usage.selectors import features_by_key

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 17, tzinfo=UTC)
HTMX = {"HX-Request": "true"}


ALL = reverse_lazy("plan_estimates")


def text(response):
    return " ".join(response.content.decode().split())


def url(key):
    return reverse("plan_estimate", args=[key])


@pytest.fixture(autouse=True)
def _now():
    with travel_to(NOW):
        yield


@pytest.fixture
def used(customer, at):
    """Two million tokens and three requests, all in the last thirty days."""
    send(customer, at + DAY, tokens=2_000_000, requests=3)


@pytest.fixture
def broken(catalogue, at):
    """A plan in the catalogue with a volume price that lost its tiers: whatever is used, it can't be priced."""
    plan = Plan.objects.create(
        key="odd", name="Odd", currency="USD", position=7, payment_policy=PaymentPolicy.REQUIRED, self_serve=True
    )
    feature = features_by_key(["ai-tokens"])["ai-tokens"]
    RateCard.objects.create(plan=plan, key="ai-tokens", name="AI tokens", model="volume", feature=feature)
    Plan.objects.filter(pk=plan.pk).update(status="published", published_at=at)
    return plan


def test_it_is_the_invoice_of_the_same_usage(plus, customer, used, at):
    plan = next(plan for plan in shown_plans() if plan.key == "plus")
    found = estimate(plan, used_lately(customer.pk, [plan], NOW))
    [invoice] = calculate_charges(subscription_ids=[plus.pk], at=NOW + timedelta(hours=2))
    assert [(line.title, line.amount) for line in found.lines] == [
        (line.title, line.amount) for line in invoice.lines.all()
    ]
    assert found.amount == invoice.subtotal == 5_300


def test_it_is_what_staff_see_when_they_publish(plus, customer, used, at):
    card = tokens_card("0.01", 1_000, free_units=500_000, minimum_amount=9_000)
    plan = new_plan("pro", at=at, cards=[card])
    found = estimate(plan, used_lately(customer.pk, [plan], NOW))
    month = usage_of_month([customer.pk], [plan], NOW)[customer.pk]
    assert found.amount == month_price(plan.terms(), month) == 9_900 + 9_000


def test_older_usage_is_not_in_it(plus, customer, at):
    send(customer, at, tokens=2_000_000)
    late = at + 30 * DAY + timedelta(minutes=1)
    assert compared(customer, "plus", late).estimate.amount == 4_900


def test_it_names_what_the_plan_does_not_include(plus, customer, used):
    found = compared(customer, "free", NOW)
    assert [(name, int(quantity)) for name, quantity in found.estimate.left_out] == [("AI tokens", 2_000_000)]
    assert (found.estimate.amount, found.own.amount, found.difference) == (0, 5_300, -5_300)
    assert compared(customer, "plus", NOW).difference is None


def test_free_compares_with_the_first_plan_that_has_prices(free, customer, used):
    plan = next_plan(customer.pk)
    now = running_days(free, NOW, beside=lately(customer.pk, [plan], NOW))
    assert estimate_or_none(customer.pk, plan, NOW).amount == 5_300
    assert estimate_or_none(customer.pk, plan, NOW, now.used).amount == 5_300


def test_free_compares_with_nothing_while_nothing_is_used(free, customer):
    assert estimate_or_none(customer.pk, next_plan(customer.pk), NOW) is None


# --- pages ------------------------------------------------------------------------------------------------------------


def test_the_tiles_ask_once_and_lead_to_the_page_without_a_script(plus, alice, log_in):
    page = text(log_in(alice).get(reverse("plan_change")))
    assert page.count('hx-trigger="load"') == page.count(f'hx-get="{ALL}" hx-trigger="load"') == 1
    for key in ("free", "plus"):
        assert f'<p class="estimate muted" id="estimate-{key}">' in page
        assert f'href="{url(key)}"' in page
    assert url("enterprise") not in page


def test_the_answer_has_the_figure_of_every_tile_for_its_place(plus, alice, used, log_in):
    client = log_in(alice)
    answer = client.get(ALL, headers=HTMX)
    said = dict(re.findall(r'id="estimate-(\w+)" hx-swap-oob="true">(.*?)</p>', text(answer)))
    assert list(said) == re.findall(r'id="estimate-(\w+)"', text(client.get(reverse("plan_change"))))
    assert '<strong data-testid="estimate">$53.00</strong>' in said["plus"]
    assert "$0.00" in said["free"]
    assert "without AI tokens" in said["free"]
    assert 'hx-trigger="load"' not in text(answer)
    assert client.get(ALL).headers["Location"] == reverse("plan_change")


def test_htmx_gets_the_figure_and_everybody_else_the_page(plus, alice, used, log_in):
    client = log_in(alice)
    fragment = client.get(url("plus"), headers=HTMX)
    assert fragment.content.decode().strip().startswith("<p")
    assert '<strong data-testid="estimate">$53.00</strong>' in text(fragment)
    assert 'hx-trigger="load"' not in text(fragment)
    assert "HX-Request" in fragment.headers["Vary"]
    page = text(client.get(url("free")))
    for part in (
        "Your last 30 days on Free",
        "Free would have cost $53.00 less.",
        "Free does not include AI tokens: the 2,000,000 that you used are not priced here.",
        "18 Oct – 16 Nov 2026",
    ):
        assert part in page, part
    assert "without AI tokens" in text(client.get(url("free"), headers=HTMX))


def test_on_free_the_page_leads_on_to_upgrade(free, alice, bob, used, log_in):
    upgrade = reverse("plan_upgrade", args=["plus"])
    assert upgrade in text(log_in(alice).get(url("plus")))
    assert upgrade not in text(log_in(bob).get(url("plus")))


@pytest.mark.parametrize("key", ["enterprise", "gold"])
def test_there_is_no_estimate_of_prices_that_nobody_knows(plus, alice, log_in, key):
    assert log_in(alice).get(url(key)).status_code == 404


def test_a_contract_has_its_own_prices(free, customer, alice, log_in, at):
    plan = Plan.objects.create(
        key="wonder",
        name="Wonder",
        currency="USD",
        customer=customer,
        payment_policy="managed_by_contract",
        self_serve=False,
    )
    RateCard.objects.create(plan=plan, key="fee", name="Fee", model="flat", amount=50_000)
    Plan.objects.filter(pk=plan.pk).update(status="published", published_at=at)
    open_contract(customer_id=customer.pk, plan=plan, at=at + DAY, actor=None)
    assert "$500.00" in text(log_in(alice).get(url("wonder")))


def test_a_stranger_sees_his_own_usage_alone(plus, used, other_customer, charlie, log_in):
    assert log_in(charlie).get(url("plus")).status_code == 404  # who is on no plan has nothing to compare
    assert log_in(charlie).get(url("plus"), headers=HTMX).status_code == 404
    assert log_in(charlie).get(ALL, headers=HTMX).status_code == 404
    assert str(ALL) not in text(log_in(charlie).get(reverse("plan_change")))


def test_members_and_those_who_did_not_log_in_see_nothing(plus, dora, client, log_in):
    for path in (url("plus"), ALL):
        assert log_in(dora).get(path).status_code == 403
    assert client.get(url("plus"))["Location"].startswith(reverse("account_login"))


def test_where_it_fails_it_is_not_available_and_the_tile_still_works(free, used, broken, alice, log_in, caplog):
    client = log_in(alice)
    fragment, page = client.get(url("odd"), headers=HTMX), client.get(url("odd"))
    assert (fragment.status_code, page.status_code) == (503, 503)
    assert "On your last 30 days: not available" in text(fragment)
    assert "Your billing is not affected." in text(page)
    assert "could not be worked out" in caplog.text
    tiles = text(client.get(reverse("plan_change")))
    assert reverse("plan_upgrade", args=["odd"]) in tiles
    answer = client.get(ALL, headers=HTMX)
    assert answer.status_code == 200
    assert 'id="estimate-odd" hx-swap-oob="true">On your last 30 days: not available' in text(answer)
    assert "$53.00" in text(answer)


@pytest.mark.parametrize(("key", "headers"), [("free", {}), ("free", HTMX), (None, HTMX)])
def test_it_asks_little(plus, used, alice, log_in, django_assert_max_num_queries, key, headers):
    client = log_in(alice)
    with django_assert_max_num_queries(8):
        client.get(url(key) if key else ALL, headers=headers)
