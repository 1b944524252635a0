import pytest
from django.contrib import admin
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.models import ApiToken, AuditEntry, Customer, PaymentMethod
from accounts.selectors import authenticate_token
from accounts.services.create_api_token import create_api_token
from accounts.staff_lists import LookOnly
from accounts.tests.cards import VISA, add_card

MODELS = [model for model in admin.site._registry if model._meta.app_label == "accounts"]
FROZEN = [model for model in MODELS if isinstance(admin.site._registry[model], LookOnly)]


def url_of(model, page, *args):
    return reverse(f"admin:accounts_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def shop(log_in, staff, customer, alice, at):
    """A client of staff, with a row of everything."""
    add_card(customer, alice, at)
    create_api_token(customer=customer, name="Gateway", at=at, actor=alice)
    return log_in(staff)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_it_shows_everything_to_staff(model, shop, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        assert shop.get(url_of(model, "changelist"), {"q": "wonder"}).status_code == 200
    page = shop.get(url_of(model, "change", model._default_manager.first().pk), follow=True)

    assert page.status_code == 200
    assert VISA not in page.content.decode()
    assert PaymentMethod.objects.get().token not in page.content.decode()


@pytest.mark.parametrize("model", FROZEN, ids=lambda model: model.__name__)
def test_it_changes_nothing_that_verbs_write(model, shop):
    pk = model._default_manager.first().pk

    assert shop.get(url_of(model, "add")).status_code == 403
    assert shop.post(url_of(model, "change", pk), {}).status_code == 403
    assert shop.post(url_of(model, "delete", pk), {"post": "yes"}).status_code == 403


def test_it_opens_and_deletes_no_customer_by_hand(shop, customer):
    assert shop.get(url_of(Customer, "add")).status_code == 403
    assert shop.post(url_of(Customer, "delete", customer.pk), {"post": "yes"}).status_code == 403


def test_it_hides_the_administration_from_customers(log_in, alice, customer):
    assert log_in(alice).get(url_of(Customer, "changelist")).status_code == 302


def test_it_has_no_bare_form_for_a_customer(shop, customer):
    answer = shop.get(url_of(Customer, "change", customer.pk))
    assert answer.headers["Location"] == reverse("admin:customer", args=[customer.key])
    assert shop.get(url_of(Customer, "change", 0)).status_code == 404


def test_it_tells_no_key_to_staff_who_may_not_read_customers(log_in, cataloger, clerk, customer):
    assert log_in(cataloger).get(url_of(Customer, "change", customer.pk)).status_code == 403


def test_it_lets_staff_revoke_a_token(shop, staff):
    token = ApiToken.objects.get()

    shop.post(url_of(ApiToken, "changelist"), {"action": "revoke", "_selected_action": [token.pk]})

    token.refresh_from_db()
    assert token.revoked_at is not None
    assert AuditEntry.objects.get(action="revoke_api_token").actor == staff


def test_it_prints_the_token_of_an_operator(db, capsys):
    call_command("create_api_token", "Importer")

    token = authenticate_token(capsys.readouterr().out.strip())
    assert token is not None
    assert (token.name, token.customer) == ("Importer", None)


def test_it_prints_the_token_of_a_customer(customer, capsys):
    call_command("create_api_token", "Gateway", customer=customer.key)

    token = authenticate_token(capsys.readouterr().out.strip())
    assert token is not None
    assert token.customer == customer


def test_it_makes_no_token_for_a_customer_it_does_not_know(db):
    with pytest.raises(CommandError, match="There is no customer cus_unknown"):
        call_command("create_api_token", "Gateway", customer="cus_unknown")

    assert not ApiToken.objects.exists()
