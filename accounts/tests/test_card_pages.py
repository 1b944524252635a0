import re
from html import unescape

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from accounts import selectors
from accounts.gateways.base import GatewayTimeoutError, GatewayUnavailableError
from accounts.gateways.sandbox import SandboxGateway
from accounts.middleware import SESSION_KEY
from accounts.models import CardSetup, Membership, PaymentMethod, PaymentPolicy, Role
from accounts.tests.cards import DECLINES, MASTERCARD, VISA, add_card, enter, typed, visit
from core.clock import travel_to

SEED_SENTENCE = "If you have an active plan, you must have at least one payment method configured."


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


def text_of(answer):
    return answer.content.decode()


def set_policy(customer, policy):
    customer.payment_policy = policy
    customer.save(update_fields=["payment_policy"])


def cards_section(customer, *, can_write=True, **context):
    return render_to_string(
        "accounts/_payment_methods.html",
        {
            "payment_methods": selectors.payment_methods(customer),
            "customer": customer,
            "can_write": can_write,
            **context,
        },
    )


# --- adding: page, card page, return --------------------------------------------------------------------------------


def test_it_walks_from_the_page_to_the_card_and_back(log_in, alice, customer, processor):
    client = log_in(alice)
    page = client.get(reverse("pm_add"), {"next": "/settings/"})
    assert "<h1>Add a payment method</h1>" in text_of(page)
    assert "Continue to secure card page" in text_of(page)

    started = client.post(reverse("pm_add"), {"next": "/settings/"})
    assert started.status_code == 303
    assert "Sandbox card processor" in processor.get(started.url).body.decode()

    entered = processor.post(started.url, typed(" 4242-4242 4242 4242 "))
    back_to = entered.headers["Location"]
    assert (entered.status, back_to.split("?")[0]) == (303, "http://testserver" + reverse("pm_add_return"))
    back = client.get(back_to, follow=True)
    assert back.redirect_chain == [("/settings/", 303)]
    assert "Visa ending 4242 added and set as default." in text_of(back)
    assert selectors.payment_methods(customer)[0].is_default


def test_it_asks_whether_a_further_card_becomes_the_default(log_in, alice, customer, at, processor):
    add_card(customer, alice, at)
    client = log_in(alice)
    assert 'name="make_default"' in text_of(client.get(reverse("pm_add")))

    for values, is_default in [({}, False), ({"make_default": "on"}, True)]:
        started = client.post(reverse("pm_add"), values)
        number = DECLINES if is_default else MASTERCARD
        client.get(processor.post(started.url, typed(number)).headers["Location"])
        assert PaymentMethod.objects.latest("pk").is_default is is_default


def test_it_adds_one_card_when_return_and_submit_are_repeated(log_in, alice, customer, processor):
    client = log_in(alice)
    started = client.post(reverse("pm_add"))
    answers = [processor.post(started.url, typed(number)) for number in (VISA, MASTERCARD)]
    first, second = [answer.headers["Location"] for answer in answers]

    assert first == second
    client.get(first)
    assert client.get(first).status_code == 303
    assert [str(method) for method in selectors.payment_methods(customer)] == ["Visa ending 4242"]


def test_it_says_that_the_card_page_was_left(log_in, alice, customer, at):
    setup = visit(customer, alice, at, next_url="/settings/")

    answer = log_in(alice).get(reverse("pm_add_return"), {"setup": setup.key}, follow=True)

    assert answer.redirect_chain == [("/settings/", 303)]
    assert "No card was added" in text_of(answer)
    assert not PaymentMethod.objects.exists()


def test_it_says_that_a_card_is_saved_already(log_in, alice, customer, at):
    add_card(customer, alice, at)
    setup = visit(customer, alice, at, next_url="/settings/")
    enter(setup, VISA)

    answer = log_in(alice).get(reverse("pm_add_return"), {"setup": setup.key}, follow=True)

    assert "This card is already saved." in text_of(answer)


@pytest.mark.parametrize("url", ["https://evil.example.com/", "//evil.example.com", "javascript:alert(1)"])
def test_it_never_leads_away_from_the_portal(url, log_in, alice, customer):
    client = log_in(alice)
    page = text_of(client.get(reverse("pm_add"), {"next": url}))
    assert url not in page.partition("<main")[2].partition("</main>")[0]

    client.post(reverse("pm_add"), {"next": url})

    assert CardSetup.objects.get().next_url == ""


def test_it_refuses_the_return_of_somebody_else(log_in, alice, charlie, customer, other_customer, at):
    setup = visit(customer, alice, at)
    enter(setup, VISA)

    assert log_in(charlie).get(reverse("pm_add_return"), {"setup": setup.key}).status_code == 404
    assert log_in(alice).get(reverse("pm_add_return"), {"setup": "set_unknown"}).status_code == 404
    assert log_in(alice).get(reverse("pm_add_return")).status_code == 404
    assert not PaymentMethod.objects.exists()


def test_it_lets_only_billing_admins_add_a_card(log_in, bob, dora, charlie):
    for user, status in [(bob, 403), (dora, 403), (charlie, 404)]:
        assert log_in(user).get(reverse("pm_add")).status_code == status
        assert log_in(user).post(reverse("pm_add")).status_code == status
    assert not CardSetup.objects.exists()


# --- making default and deleting ------------------------------------------------------------------------------------


def test_it_makes_a_card_the_default_and_comes_back(log_in, alice, customer, at):
    add_card(customer, alice, at)
    second = add_card(customer, alice, at, MASTERCARD)

    answer = log_in(alice).post(reverse("pm_default", args=[second.key]))

    assert (answer.status_code, answer.url) == (303, reverse("portal"))
    assert selectors.payment_methods(customer)[0] == second


def test_it_answers_htmx_with_the_section_alone(log_in, alice, customer, at):
    add_card(customer, alice, at)
    second = add_card(customer, alice, at, MASTERCARD)

    answer = log_in(alice).post(reverse("pm_default", args=[second.key]), headers={"HX-Request": "true"})

    assert answer.status_code == 200
    assert text_of(answer).lstrip().startswith("<section")
    assert 'data-say="Mastercard ending 4444 is now the default."' in text_of(answer)
    assert "hx-trigger" not in text_of(answer)
    assert text_of(answer).count("data-focus") == 1


def test_it_shows_what_deleting_does_and_deletes(log_in, alice, customer, at):
    first = add_card(customer, alice, at)
    add_card(customer, alice, at, MASTERCARD)
    client, url = log_in(alice), reverse("pm_delete", args=[first.key])

    page = client.get(url)
    assert "<h1>Delete Visa ending 4242?</h1>" in text_of(page)
    assert "Mastercard ending 4444 becomes the default." in text_of(page)
    assert len(selectors.payment_methods(customer)) == 2

    for _ in range(2):
        answer = client.post(url)
        assert (answer.status_code, answer.url) == (303, reverse("portal"))
    assert [str(method) for method in selectors.payment_methods(customer)] == ["Mastercard ending 4444"]


def test_the_last_card_may_go_where_the_plan_needs_none(log_in, alice, customer, at):
    """Which plan that is, this room does not know: it need not be Free."""
    page = log_in(alice).get(reverse("pm_delete", args=[add_card(customer, alice, at).key]))

    assert "No payment method is left afterwards. Your plan doesn’t need one." in text_of(page)


def test_it_refuses_to_delete_the_default_of_a_paid_plan(log_in, alice, customer, at):
    method = add_card(customer, alice, at)
    set_policy(customer, PaymentPolicy.REQUIRED)
    client, url = log_in(alice), reverse("pm_delete", args=[method.key])

    assert SEED_SENTENCE in text_of(client.get(url))
    answer = client.post(url)

    assert answer.status_code == 409
    assert SEED_SENTENCE in text_of(answer)
    assert selectors.payment_methods(customer) == [method]


def test_it_refuses_every_change_of_cards_kept_by_contract(log_in, alice, customer, at):
    add_card(customer, alice, at)
    method = add_card(customer, alice, at, MASTERCARD)
    set_policy(customer, PaymentPolicy.MANAGED_BY_CONTRACT)
    client = log_in(alice)

    for url in (reverse("pm_add"), reverse("pm_default", args=[method.key]), reverse("pm_delete", args=[method.key])):
        answer = client.post(url)
        assert answer.status_code == 403
        assert "Self-service payment management is not available for Enterprise accounts." in text_of(answer)
        assert "sales@example.com" in text_of(answer)
    assert len(selectors.payment_methods(customer)) == 2


@pytest.mark.parametrize("name", ["pm_default", "pm_delete"])
def test_it_hides_cards_from_strangers_and_from_viewers(
    name, log_in, alice, bob, charlie, customer, other_customer, at
):
    method = add_card(customer, alice, at)
    url = reverse(name, args=[method.key])

    assert log_in(charlie).post(url).status_code == 404
    assert log_in(bob).post(url).status_code == 403
    assert Client().post(url).status_code == 302
    assert selectors.payment_methods(customer) == [method]


def test_it_changes_no_default_by_a_link(log_in, alice, customer, at):
    method = add_card(customer, alice, at)

    assert log_in(alice).get(reverse("pm_default", args=[method.key])).status_code == 405


def test_it_changes_cards_with_few_queries(log_in, alice, customer, at, django_assert_max_num_queries):
    add_card(customer, alice, at)
    second = add_card(customer, alice, at, MASTERCARD)
    client = log_in(alice)

    with django_assert_max_num_queries(6):
        client.get(reverse("pm_delete", args=[second.key]))
    with django_assert_max_num_queries(6):
        client.get(reverse("pm_add"))


# --- the section of the billing portal ------------------------------------------------------------------------------


def test_it_lists_cards_with_a_menu_each(customer, alice, at):
    add_card(customer, alice, at)
    add_card(customer, alice, at, MASTERCARD)
    section = cards_section(customer)

    assert "Payment Methods" in section
    assert "Add a payment method" in section
    assert 'aria-label="Actions for Visa ending 4242">...</button>' in section
    assert section.count(">Make default</button>") == 1
    assert section.count(">Delete<") == 2
    assert "04/2030" in section
    assert section.count("Default</span>") == 1


def test_it_says_in_the_menu_why_the_default_stays(customer, alice, at):
    method = add_card(customer, alice, at)
    set_policy(customer, PaymentPolicy.REQUIRED)
    section = cards_section(customer)

    assert f'aria-disabled="true" aria-describedby="why-{method.key}">Delete</button>' in section
    assert SEED_SENTENCE in section
    assert reverse("pm_delete", args=[method.key]) not in section


def test_it_offers_a_viewer_nothing_to_press(customer, alice, at):
    add_card(customer, alice, at)
    section = cards_section(customer, can_write=False)

    assert "Visa ending 4242" in section
    assert "<button" not in section
    assert re.findall('<a .*?href="(.*?)"', section) == [reverse("payment_methods_csv")]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (PaymentPolicy.OPTIONAL, "You don’t need one on your plan."),
        (PaymentPolicy.REQUIRED, "Your plan has no payment method."),
        (
            PaymentPolicy.MANAGED_BY_CONTRACT,
            "Self-service payment management is not available for Enterprise accounts.",
        ),
    ],
)
def test_it_says_what_having_no_card_means(policy, words, customer):
    customer.payment_policy = policy

    assert words in cards_section(customer)


def test_it_marks_an_expired_card(customer, alice, at):
    method = add_card(customer, alice, at)
    PaymentMethod.objects.filter(pk=method.pk).update(exp_year=2026, exp_month=9)

    assert "Expired" in cards_section(customer, today=at.date())
    assert "Expired" not in cards_section(customer)


# --- the processor is away, and people of several customers ---------------------------------------------------------


@pytest.mark.parametrize("error", [GatewayUnavailableError, GatewayTimeoutError])
def test_it_says_that_the_processor_cannot_be_reached(error, log_in, alice, customer, monkeypatch):
    def away(*args, **kwargs):
        raise error("connection refused")

    monkeypatch.setattr(SandboxGateway, "start_setup", away)
    answer = log_in(alice).post(reverse("pm_add"), {"next": reverse("credits")})

    assert answer.status_code == 503
    assert "Nothing was saved and nothing was charged." in text_of(answer)
    assert f'value="{reverse("credits")}"' in text_of(answer)  # to be tried again from here
    assert "connection refused" not in text_of(answer)
    assert not CardSetup.objects.exists()


@pytest.mark.parametrize("error", [GatewayUnavailableError, GatewayTimeoutError])
def test_a_card_that_was_entered_while_the_processor_fell_silent_is_asked_for_again(
    error, log_in, alice, customer, processor, monkeypatch
):
    client = log_in(alice)
    entered = processor.post(client.post(reverse("pm_add")).url, typed()).headers["Location"]

    def away(*args, **kwargs):
        raise error("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(SandboxGateway, "retrieve_setup", away)
        answer = client.get(entered)

    assert answer.status_code == 503
    assert "Nothing was charged." in text_of(answer)
    again = re.search(r'<a href="([^"]*)">Ask it again', text_of(answer))
    assert again is not None
    assert selectors.payment_methods(customer) == []
    assert client.get(unescape(again[1])).status_code == 303
    assert [str(method) for method in selectors.payment_methods(customer)] == ["Visa ending 4242"]


def test_it_comes_back_to_the_customer_whose_card_it_was(log_in, alice, customer, other_customer, processor):
    Membership.objects.create(user=alice, customer=other_customer, role=Role.BILLING_ADMIN)
    client = log_in(alice)
    started = client.post(reverse("pm_add"))
    entered = processor.post(started.url, typed())
    client.post(reverse("switch_customer"), {"customer": other_customer.key})

    client.get(entered.headers["Location"])

    assert client.session[SESSION_KEY] == customer.pk
    assert [str(method) for method in selectors.payment_methods(customer)] == ["Visa ending 4242"]
    assert selectors.payment_methods(other_customer) == []


def test_who_needs_no_card_is_told_and_may_add_one(customer, alice, log_in):
    page = log_in(alice).get(reverse("pm_add")).text
    assert "Not needed for your plan. You can add one all the same." in page
    on_the_way = log_in(alice).get(reverse("pm_add"), {"next": "/settings/billing/plan/plus/"}).text
    assert "Not needed" not in on_the_way  # to a plan that needs one
