"""What every page has around it: refusals, headers, theme, navigation."""

from gzip import decompress

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.exceptions import DefaultRequiredError, RoleRequiredError
from accounts.models import Customer, Membership, User
from billing_portal.middleware import error_code
from core.exceptions import RuleError

pytestmark = [pytest.mark.urls("billing_portal.tests.style_urls"), pytest.mark.django_db]

FIVE_MB = 5 * 1024 * 1024
RULE = "You can&#x27;t delete the default payment method unless you&#x27;re using the Free tier."


@pytest.fixture
def logged_in(client: Client, alice: User, customer: object) -> Client:
    client.force_login(alice)
    return client


def test_a_refusal_is_a_page_with_its_status_and_the_way_back(logged_in: Client) -> None:
    response = logged_in.get("/refuse/", HTTP_REFERER="http://testserver/styleguide/")
    page = response.content.decode()
    assert response.status_code == 409
    assert RULE in page
    assert 'href="http://testserver/styleguide/"' in page


def test_a_refusal_never_links_to_another_site(logged_in: Client) -> None:
    page = logged_in.get("/refuse/", HTTP_REFERER="https://elsewhere.example/").content.decode()
    assert "elsewhere.example" not in page


def test_a_refusal_for_htmx_is_a_banner_above_the_page(logged_in: Client) -> None:
    response = logged_in.get("/refuse/", headers={"HX-Request": "true"})
    assert response.status_code == 409
    assert response["HX-Retarget"] == "#notices"
    assert RULE in response.content.decode()
    assert "<html" not in response.content.decode()


def test_a_refusal_of_the_api_is_json(client: Client) -> None:
    response = client.get("/api/refuse/")
    assert response.status_code == 409
    assert response.json()["error"] == {"code": "default_required", "message": DefaultRequiredError.message}


@pytest.mark.parametrize(
    ("error", "code"),
    [(RoleRequiredError(), "role_required"), (DefaultRequiredError(), "default_required"), (RuleError(), "rule")],
)
def test_codes_are_the_names_of_the_rules(error: RuleError, code: str) -> None:
    assert error_code(error) == code


@pytest.mark.parametrize("path", ["/read/", "/api/read/"])
def test_a_body_over_the_limit_is_413(client: Client, path: str) -> None:
    response = client.post(path, b"x" * (FIVE_MB + 1), content_type="application/json")
    assert response.status_code == 413
    assert "5 MB" in response.content.decode()


def test_a_body_at_the_limit_is_read(client: Client) -> None:
    response = client.post("/read/", b"x" * FIVE_MB, content_type="application/json")
    assert response.content == b"5242880 bytes"


def test_a_form_over_the_limit_is_413_whoever_reads_it_first(client: Client) -> None:
    response = client.post("/theme/", b"next=" + b"x" * FIVE_MB, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("path", "status", "heading"), [("/forbid/", 403, "No access"), ("/nope/", 404, "Page not found")]
)
def test_errors_keep_the_look_of_the_portal(logged_in: Client, path: str, status: int, heading: str) -> None:
    response = logged_in.get(path)
    assert response.status_code == status
    assert heading in response.content.decode()
    assert 'aria-label="Settings"' in response.content.decode()


def test_a_failure_says_that_billing_is_safe(client: Client) -> None:
    client.raise_request_exception = False
    response = client.get("/fail/")
    assert response.status_code == 500
    assert "Your billing is not affected" in response.content.decode()


def test_nobody_keeps_pages_of_people_who_are_logged_in(logged_in: Client) -> None:
    response = logged_in.get("/styleguide/")
    assert response["Cache-Control"] == "no-store"
    assert "HX-Request" in response["Vary"]


def test_pages_come_compressed_to_who_can_read_it(logged_in: Client) -> None:
    plain = logged_in.get("/styleguide/")
    packed = logged_in.get("/styleguide/", headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert len(packed.content) * 3 < len(plain.content)
    assert b"<h1" in decompress(packed.content)


def test_pages_of_nobody_may_be_kept(client: Client) -> None:
    assert "Cache-Control" not in client.get("/styleguide/")


def test_the_frame_of_a_stranger_asks_the_database_nothing(
    client: Client, django_assert_num_queries: CaptureQueriesContext
) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        client.get("/styleguide/")


def test_the_frame_of_a_person_asks_twice(logged_in: Client, django_assert_num_queries: CaptureQueriesContext) -> None:
    with django_assert_num_queries(2):  # type: ignore[operator] # session, the person with their customers
        logged_in.get("/styleguide/")


def test_the_theme_is_kept_without_a_script(client: Client) -> None:
    client.post("/theme/", {"theme": "dark", "next": "/styleguide/"})
    assert '<html lang="en" data-theme="dark">' in client.get("/styleguide/").content.decode()
    client.post("/theme/", {"theme": "", "next": "/styleguide/"})
    assert '<html lang="en">' in client.get("/styleguide/").content.decode()


def test_an_invented_theme_is_ignored(client: Client) -> None:
    client.cookies["theme"] = '"><script>'
    assert '<html lang="en">' in client.get("/styleguide/").content.decode()


def test_a_person_of_one_customer_has_nothing_to_switch(logged_in: Client) -> None:
    page = logged_in.get("/styleguide/").content.decode()
    assert "Wonder Ltd" in page
    assert "Switch customer" not in page


def test_a_person_of_several_customers_can_switch(logged_in: Client, alice: User, other_customer: Customer) -> None:
    Membership.objects.create(user=alice, customer=other_customer, role="billing_viewer")
    page = logged_in.get("/styleguide/").content.decode()
    assert "Switch customer" in page
    assert str(other_customer) in page


def test_a_plain_member_is_shown_no_billing_navigation(client: Client, dora: User) -> None:
    client.force_login(dora)
    assert 'aria-label="Settings"' not in client.get("/styleguide/").content.decode()


def test_the_navigation_marks_where_one_is(logged_in: Client) -> None:
    page = logged_in.get("/settings/billing/").content.decode()
    assert 'href="/settings/billing/" aria-current="page"' in page


def test_the_style_guide_is_closed_where_people_bill_for_real(client: Client, settings: object) -> None:
    settings.DEMO = False  # type: ignore[attr-defined]
    assert client.get("/styleguide/").status_code == 404
