import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import Http404, HttpResponse

from accounts.access import billing_page, enter_customer, local_path, membership_for
from accounts.exceptions import RoleRequiredError
from accounts.middleware import SESSION_KEY, CurrentCustomerMiddleware
from accounts.models import Membership, Role


@pytest.fixture
def request_of(rf):
    """A request as the views get it: somebody's, through the middleware."""

    def request_of(user, **session):
        request = rf.get("/settings/billing/")
        request.user, request.session = user, SessionStore()
        request.session.update(session)
        CurrentCustomerMiddleware(lambda request: HttpResponse())(request)
        return request

    return request_of


@billing_page()
def read(request):
    return HttpResponse(f"{request.customer.name} as {request.membership.role}")


@billing_page(write=True)
def write(request):
    return HttpResponse("written")


def test_it_sends_people_who_are_not_logged_in_to_the_log_in(request_of, db):
    answer = read(request_of(AnonymousUser()))

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=/settings/billing/")


def test_it_asks_the_database_nothing_where_nobody_asks_for_the_customer(
    request_of, alice, customer, django_assert_num_queries
):
    with django_assert_num_queries(0):
        request_of(alice)


def test_it_finds_the_customer_with_one_query(request_of, alice, customer, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert read(request_of(alice)).content == b"Wonder Ltd as billing_admin"


def test_it_is_false_where_there_is_no_customer(request_of, charlie):
    request = request_of(charlie)

    assert not request.customer
    assert not request.membership


def test_it_hides_billing_from_people_without_a_customer(request_of, charlie):
    with pytest.raises(Http404):
        read(request_of(charlie))


def test_it_lets_a_billing_viewer_read_and_not_write(request_of, bob):
    assert read(request_of(bob)).status_code == 200

    with pytest.raises(RoleRequiredError) as refusal:
        write(request_of(bob))
    assert refusal.value.message == "Only a billing admin can do this. Ask Alice (alice@example.com)."
    assert refusal.value.status == 403


def test_it_names_the_billing_admins_to_a_member(request_of, dora):
    with pytest.raises(RoleRequiredError) as refusal:
        read(request_of(dora))

    assert refusal.value.message == "Your role doesn't include billing. Ask Alice (alice@example.com)."


def test_it_shows_the_chosen_customer(request_of, alice, customer, other_customer):
    Membership.objects.create(user=alice, customer=other_customer, role=Role.BILLING_VIEWER)

    assert read(request_of(alice)).content == b"Wonder Ltd as billing_admin"
    chosen = read(request_of(alice, **{SESSION_KEY: other_customer.pk}))
    assert chosen.content == b"Stranger Inc as billing_viewer"


def test_it_forgets_a_chosen_customer_that_one_left(request_of, alice, customer, other_customer):
    assert read(request_of(alice, **{SESSION_KEY: other_customer.pk})).content == b"Wonder Ltd as billing_admin"


def test_it_takes_the_customer_of_the_object(request_of, alice, customer, other_customer):
    Membership.objects.create(user=alice, customer=other_customer, role=Role.BILLING_ADMIN)
    request = request_of(alice)

    enter_customer(request, other_customer.pk, write=True)

    assert request.customer == other_customer


def test_it_hides_objects_from_strangers(charlie, customer):
    with pytest.raises(Http404):
        membership_for(charlie, customer.pk)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/settings/billing/?tab=2", "/settings/billing/?tab=2"),
        ("//evil.example.com/", "/home/"),
        ("/\\evil.example.com/", "/home/"),
        ("https://evil.example.com/", "/home/"),
        ("javascript:alert(1)", "/home/"),
        ("settings/", "/home/"),
        ("", "/home/"),
        (None, "/home/"),
    ],
)
def test_it_leads_only_to_paths_of_this_portal(url, path):
    assert local_path(url, "/home/") == path
