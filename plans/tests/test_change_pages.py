"""«Upgrade» between paid plans, and to one that is paid in advance: pages that show the cents before the click."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.tests import cards
from core.clock import travel_to
from invoices.models import Invoice, InvoiceStatus
from invoices.services.add_pending_lines import add_pending_lines
from invoices.tests.cast import line, open_invoice
from plans.models import ChangeQuote, QuoteKind
from plans.selectors import current_subscription
from plans.services.calculate_charges import calculate_charges
from plans.services.make_quote import make_quote
from plans.services.open_default_subscription import open_default_subscription
from plans.tests.conftest import new_plan, send, tokens_card
from plans.tests.test_start import DETAILS

CALCULATED = datetime(2026, 11, 17, 1, tzinfo=UTC)
LATER = datetime(2026, 10, 31, 14, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now():
    with travel_to(LATER):
        yield


@pytest.fixture
def pro(catalogue, at):
    return new_plan("pro", cards=[tokens_card("0.001")], at=at)


@pytest.fixture
def early(catalogue, at):
    return new_plan("early", timing="in_advance", at=at)


def text(response):
    return response.content.decode()


def plan_of(customer):
    spell = current_subscription(customer.pk)
    assert spell is not None
    return spell.plan.key


def confirm(client, slug, **values):
    client.get(reverse("plan_upgrade", args=[slug]))
    quote = ChangeQuote.objects.latest("pk")
    return client.post(reverse("plan_upgrade", args=[slug]), {**DETAILS, "quote": quote.public_id, **values})


def test_it_offers_upgrade_to_every_other_paid_plan(plus, pro, early, as_alice):
    page = text(as_alice.get(reverse("plan_change")))

    assert page.count(">Upgrade<") == 2
    assert reverse("plan_upgrade", args=["pro"]) in page
    assert ">Cancel Plan<" in page


def test_it_shows_the_exact_amounts_before(plus, pro, customer, as_alice, at):
    send(customer, at, tokens=3_000_000)

    page = text(as_alice.get(reverse("plan_upgrade", args=["pro"])))

    assert "What is due today" in page
    assert "$49.00 × 11 of 31 days" in page
    assert '<td class="num" data-testid="due-today">$23.39</td>' in page
    assert "20 Nov 2026" in page
    assert "You are not billed at sign-up." not in page


def test_it_says_where_a_total_below_zero_goes(plus, pro, customer, as_alice, at):
    add_pending_lines(customer_id=customer.pk, currency="USD", lines=[line(-15_000)], at=at)

    page = text(as_alice.get(reverse("plan_upgrade", args=["pro"])))

    assert ChangeQuote.objects.latest("pk").amount_back == 15_000 - 1_739
    assert "You get $132.61 back: it pays your open invoices first, then it goes back to the card that paid" in page
    assert '<td class="num" data-testid="due-today">$0.00</td>' in page


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_it_changes_the_plan_for_what_was_shown(plus, pro, customer, as_alice, headers):
    as_alice.get(reverse("plan_upgrade", args=["pro"]), headers=headers)
    quote = ChangeQuote.objects.latest("pk")

    response = as_alice.post(
        reverse("plan_upgrade", args=["pro"]), {**DETAILS, "quote": quote.public_id}, headers=headers, follow=True
    )

    assert (quote.kind, plan_of(customer)) == (QuoteKind.CHANGE, "pro")
    assert Invoice.objects.get().total == quote.total == 1_739
    assert "You&#x27;re on Meridian Pro. $17.39 is due today. Next bill: 20 Nov 2026." in text(response)


def test_it_answers_409_with_the_new_figure_when_usage_has_come(plus, pro, customer, as_alice, at):
    as_alice.get(reverse("plan_upgrade", args=["pro"]))
    quote = ChangeQuote.objects.latest("pk")
    send(customer, at, tokens=500_000)

    response = as_alice.post(reverse("plan_upgrade", args=["pro"]), {**DETAILS, "quote": quote.public_id})

    assert (response.status_code, plan_of(customer)) == (409, "plus")
    assert "The total changed from $17.39 to $18.39." in text(response)


@pytest.mark.parametrize("shown", ["nothing", "another plan", "somebody else’s", "a cancellation"])
def test_it_charges_nobody_what_no_page_has_shown(
    shown, plus, pro, early, customer, other_customer, charlie, as_alice, at
):
    open_default_subscription(customer_id=other_customer.pk, at=at, actor=charlie)
    foreign = make_quote(customer=other_customer, plan=pro, at=at, actor=charlie)
    sent = {"nothing": "", "somebody else’s": foreign.public_id}
    for what, page, args in (("another plan", "plan_upgrade", ["early"]), ("a cancellation", "plan_cancel", [])):
        as_alice.get(reverse(page, args=args))
        sent[what] = ChangeQuote.objects.latest("pk").public_id

    response = as_alice.post(reverse("plan_upgrade", args=["pro"]), {**DETAILS, "quote": sent[shown]})

    assert (response.status_code, plan_of(customer)) == (409, "plus")
    assert "Nothing was done; please check the figures and confirm again." in text(response)
    assert not ChangeQuote.objects.filter(plan=pro, accepted_at__isnull=False).exists()
    fresh = ChangeQuote.objects.filter(customer=customer).latest("pk").public_id
    as_alice.post(reverse("plan_upgrade", args=["pro"]), {**DETAILS, "quote": fresh})
    assert plan_of(customer) == "pro"


def test_viewers_and_members_change_nothing(plus, pro, customer, bob, dora, log_in):
    for person in (bob, dora):
        assert log_in(person).post(reverse("plan_upgrade", args=["pro"]), DETAILS).status_code == 403
    assert plan_of(customer) == "plus"


def test_a_stranger_changes_his_own_plan_only(plus, pro, customer, as_alice, other_customer, charlie, log_in):
    as_alice.get(reverse("plan_upgrade", args=["pro"]))
    quote = ChangeQuote.objects.latest("pk")

    client = log_in(charlie)
    back = client.get(reverse("plan_upgrade_return", args=["pro"]), {"quote": quote.public_id})

    assert (back.status_code, plan_of(customer)) == (404, "plus")


def test_it_pins_the_number_of_queries(plus, pro, as_alice, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        as_alice.get(reverse("plan_upgrade", args=["pro"]))


# --- paid in advance -------------------------------------------------------------------------------------------------


def test_it_shows_and_collects_what_is_due_today(free, early, customer, alice, as_alice, at):
    cards.add_card(customer, alice, at)
    page = text(as_alice.get(reverse("plan_upgrade", args=["early"])))

    response = confirm(as_alice, "early")

    assert '<td class="num" data-testid="due-today">$99.00</td>' in page
    assert response["Location"] == reverse("billing_overview")
    assert (plan_of(customer), Invoice.objects.get().status) == ("early", InvoiceStatus.PAID)


def test_a_declined_card_starts_nothing(free, early, customer, alice, as_alice, at):
    cards.add_card(customer, alice, at, cards.DECLINES)

    response = confirm(as_alice, "early")

    assert response["Location"] == reverse("plan_upgrade", args=["early"])
    assert (plan_of(customer), Invoice.objects.get().status) == ("free", InvoiceStatus.VOID)
    assert "Nothing was charged and you are still on Meridian Free." in text(as_alice.get(response["Location"]))


def test_a_lost_answer_waits_and_says_so(free, early, customer, alice, as_alice, at):
    cards.add_card(customer, alice, at, cards.LOSES_ANSWER)

    response = confirm(as_alice, "early")

    assert (plan_of(customer), Invoice.objects.get().status) == ("free", InvoiceStatus.OPEN)
    assert "starts as soon as it has succeeded" in text(as_alice.get(response["Location"]))


@pytest.mark.parametrize(("page", "args"), [("plan_cancel", []), ("plan_upgrade", ["pro"]), ("plan_change", [])])
def test_it_asks_at_most_15_questions_where_much_is_going_on(
    plus, pro, customer, as_alice, at, django_assert_max_num_queries, page, args
):
    """An unpaid invoice, a draft that would be discarded, windows billed before, and a line that waits."""
    open_invoice(customer, 300, collection="send_invoice", at=CALCULATED)
    calculate_charges(subscription_ids=[plus.pk], at=CALCULATED)
    add_pending_lines(customer_id=customer.pk, currency="USD", lines=[line(500)], at=CALCULATED)
    url = reverse(page, args=args)
    with travel_to(CALCULATED + timedelta(days=1)), django_assert_max_num_queries(15):
        assert as_alice.get(url).status_code == 200


def test_subscribe_asks_little(free, catalogue, as_alice, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        as_alice.get(reverse("plan_upgrade", args=["plus"]))
