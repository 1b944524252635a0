import re

import pytest
from django.urls import reverse

from accounts.middleware import SESSION_KEY
from accounts.models import ApiToken, BillingProfile, Membership, Notice, Role
from accounts.selectors import authenticate_token
from accounts.services.create_api_token import create_api_token

DETAILS = {
    "legal_name": "Wonder Limited",
    "line1": "1 Rabbit Hole",
    "line2": "",
    "postal_code": "OX1",
    "city": "Oxford",
    "region": "",
    "country": "GB",
    "tax_id": "GB123456789",
    "po_number": "",
    "buyer_reference": "04011000-1234512345-06",
    "recipients": "alice@example.com\naccounts@example.com",
}
READ_PAGES = ["billing_details", "members", "api_tokens"]


def text_of(answer):
    return answer.content.decode()


# --- settings -------------------------------------------------------------------------------------------------------


def test_it_leads_from_settings_to_every_page(log_in, alice, customer):
    answer = log_in(alice).get(reverse("settings"))

    assert "<h1>Settings</h1>" in text_of(answer)
    for name in ("billing_overview", "portal", "billing_details", "api_tokens", "members"):
        assert f'href="{reverse(name)}"' in text_of(answer)
    assert "Billing and Usage" in text_of(answer)


def test_it_names_the_billing_admins_to_a_member_on_settings(log_in, dora):
    answer = log_in(dora).get(reverse("settings"))

    assert "Alice (alice@example.com)" in text_of(answer)
    assert f'href="{reverse("portal")}"' not in text_of(answer)


def test_it_has_no_settings_for_people_without_a_customer(log_in, charlie):
    assert log_in(charlie).get(reverse("settings")).status_code == 404


@pytest.mark.parametrize("name", ["settings", *READ_PAGES])
def test_it_asks_for_a_log_in(name, client, db):
    answer = client.get(reverse(name))

    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/")


@pytest.mark.parametrize("name", READ_PAGES)
def test_it_refuses_members_without_billing(name, log_in, dora):
    answer = log_in(dora).get(reverse(name))

    assert answer.status_code == 403
    assert "Alice (alice@example.com)" in text_of(answer)


@pytest.mark.parametrize("name", READ_PAGES)
def test_it_lets_a_billing_viewer_read_and_offers_no_form(name, log_in, bob):
    answer = log_in(bob).get(reverse(name))

    assert answer.status_code == 200
    main = text_of(answer).partition("<main")[2].partition("</main>")[0]
    assert "<form" not in main


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("billing_details", DETAILS),
        ("members", {"email": "new@example.com", "role": "billing_admin"}),
        ("api_tokens", {"name": "Gateway"}),
    ],
)
def test_it_refuses_what_a_billing_viewer_posts(name, values, log_in, bob, customer):
    answer = log_in(bob).post(reverse(name), values)

    assert answer.status_code == 403
    assert BillingProfile.objects.get(customer=customer).line1 == ""
    assert not ApiToken.objects.exists()
    assert not Membership.objects.filter(user__email="new@example.com").exists()


@pytest.mark.parametrize("name", ["settings", *READ_PAGES])
def test_it_shows_a_page_with_few_queries(name, log_in, alice, customer, django_assert_max_num_queries):
    client = log_in(alice)
    for number in range(5):
        Membership.objects.create(
            customer=customer, user=type(alice).objects.create_user(f"{number}@example.com"), role=Role.MEMBER
        )
        create_api_token(customer=customer, name=f"Token {number}", at=customer.created_at, actor=alice)

    with django_assert_max_num_queries(3):
        assert client.get(reverse(name)).status_code == 200


# --- the customer switcher ------------------------------------------------------------------------------------------


def test_it_switches_to_another_customer_of_the_person(log_in, alice, customer, other_customer):
    Membership.objects.create(user=alice, customer=other_customer, role=Role.BILLING_ADMIN)
    client = log_in(alice)

    answer = client.post(reverse("switch_customer"), {"customer": other_customer.key})

    assert (answer.status_code, answer.url) == (303, reverse("billing_overview"))
    assert client.session[SESSION_KEY] == other_customer.pk
    assert "Stranger Inc" in text_of(client.get(reverse("settings")))


def test_it_switches_to_no_customer_of_strangers(log_in, alice, customer, other_customer):
    client = log_in(alice)

    assert client.post(reverse("switch_customer"), {"customer": other_customer.key}).status_code == 404
    assert client.post(reverse("switch_customer"), {}).status_code == 404
    assert SESSION_KEY not in client.session


def test_it_leads_a_mere_member_to_settings_after_the_switch(log_in, alice, customer, other_customer):
    Membership.objects.create(user=alice, customer=other_customer, role=Role.MEMBER)

    answer = log_in(alice).post(reverse("switch_customer"), {"customer": other_customer.key})

    assert answer.url == reverse("settings")


# --- billing details ------------------------------------------------------------------------------------------------


def test_it_saves_billing_details(log_in, alice, customer):
    client = log_in(alice)

    answer = client.post(reverse("billing_details"), DETAILS, follow=True)

    profile = BillingProfile.objects.get(customer=customer)
    assert (profile.country, profile.recipients) == ("GB", ["alice@example.com", "accounts@example.com"])
    assert profile.buyer_reference == "04011000-1234512345-06"
    assert answer.redirect_chain == [(reverse("billing_details"), 303)]
    assert "issued invoices don’t change" in text_of(answer)
    assert "accounts@example.com" in text_of(answer)


def test_it_goes_back_to_where_one_came_from(log_in, alice, customer):
    client = log_in(alice)

    assert client.post(reverse("billing_details"), {**DETAILS, "next": "/settings/"}).url == "/settings/"
    elsewhere = client.post(reverse("billing_details"), {**DETAILS, "next": "https://evil.example.com/"})
    assert elsewhere.url == reverse("billing_details")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("legal_name", "", "This field is required."),
        ("country", "XX", "Select a valid choice."),
        ("recipients", "alice@example.com\nnobody", "nobody is not an e-mail address."),
        ("po_number", "7" * 61, "at most 60 characters"),
    ],
)
def test_it_says_which_detail_is_wrong_and_keeps_the_rest(field, value, words, log_in, alice, customer):
    answer = log_in(alice).post(reverse("billing_details"), {**DETAILS, field: value})

    assert answer.status_code == 422
    assert "There is a problem" in text_of(answer)
    assert words in text_of(answer)
    assert 'value="1 Rabbit Hole"' in text_of(answer)
    assert BillingProfile.objects.get(customer=customer).line1 == ""


def test_it_keeps_the_way_back_when_a_detail_is_wrong(log_in, alice, customer):
    answer = log_in(alice).post(reverse("billing_details"), {**DETAILS, "city": "", "next": "/settings/"})

    assert 'name="next" value="/settings/"' in text_of(answer)


def test_it_shows_a_viewer_the_country_by_name(log_in, bob, customer):
    BillingProfile.objects.filter(customer=customer).update(country="GB")

    assert "United Kingdom" in text_of(log_in(bob).get(reverse("billing_details")))


# --- members --------------------------------------------------------------------------------------------------------


def test_it_lists_members_and_adds_one(log_in, alice, bob, customer):
    client = log_in(alice)
    assert "bob@example.com" in text_of(client.get(reverse("members")))

    answer = client.post(reverse("members"), {"email": "new@example.com", "role": "billing_viewer"}, follow=True)

    assert answer.redirect_chain == [(reverse("members"), 303)]
    assert "new@example.com added and told by e-mail." in text_of(answer)
    assert Notice.objects.filter(template="accounts_invitation").exists()


def test_it_says_that_somebody_is_a_member_already(log_in, alice, bob, customer):
    answer = log_in(alice).post(reverse("members"), {"email": "bob@example.com", "role": "member"})

    assert answer.status_code == 422
    assert "This person is already a member." in text_of(answer)


# --- API tokens -----------------------------------------------------------------------------------------------------


def test_it_shows_a_token_once(log_in, alice, customer):
    client = log_in(alice)

    answer = client.post(reverse("api_tokens"), {"name": "Gateway"})

    (raw,) = re.findall(r'<code class="secret">(.+?)</code>', text_of(answer))
    token = authenticate_token(raw)
    assert token is not None
    assert token.customer == customer
    assert raw not in text_of(client.get(reverse("api_tokens")))
    assert raw not in str(dict(client.session))


def test_it_asks_for_the_name_of_a_token(log_in, alice, customer):
    answer = log_in(alice).post(reverse("api_tokens"), {"name": ""})

    assert answer.status_code == 422
    assert not ApiToken.objects.exists()


def test_it_revokes_a_token_after_asking(log_in, alice, customer, at):
    token, raw = create_api_token(customer=customer, name="Gateway", at=at, actor=alice)
    client, url = log_in(alice), reverse("api_token_revoke", args=[token.pk])

    assert "Revoke Gateway?" in text_of(client.get(url))
    assert authenticate_token(raw)
    answer = client.post(url)

    assert (answer.status_code, answer.url) == (303, reverse("api_tokens"))
    assert authenticate_token(raw) is None


def test_it_hides_tokens_from_strangers_and_from_viewers(
    log_in, alice, bob, charlie, customer, other_customer, staff, at
):
    token, raw = create_api_token(customer=customer, name="Gateway", at=at, actor=alice)
    operators, _ = create_api_token(customer=None, name="Importer", at=at, actor=staff)

    assert log_in(charlie).post(reverse("api_token_revoke", args=[token.pk])).status_code == 404
    assert log_in(bob).post(reverse("api_token_revoke", args=[token.pk])).status_code == 403
    assert log_in(alice).post(reverse("api_token_revoke", args=[operators.pk])).status_code == 404
    assert authenticate_token(raw)
