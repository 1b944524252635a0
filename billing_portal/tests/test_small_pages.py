import pytest
from django.urls import reverse

from core import formats


def test_healthz_says_what_answers(client, db, settings, valkey_url):
    assert client.get("/healthz").json()["database"] is True


def test_healthz_is_503_without_a_broker(client, db, monkeypatch):
    monkeypatch.setattr("billing_portal.pages.health.broker_answers", lambda: False)
    response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json() == {"database": True, "broker": False, "processor": True}


def test_healthz_is_503_without_the_processor_where_cards_go_to_it(client, db, monkeypatch, settings):
    monkeypatch.setattr("billing_portal.pages.health.broker_answers", lambda: True)
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    response = client.get("/healthz")
    assert (response.status_code, response.json()["processor"]) == (503, False)
    settings.CARD_GATEWAY = "stripe"
    assert client.get("/healthz").json() == {"database": True, "broker": True}


def test_home_leads_to_the_log_in_page_or_the_overview(client, db, alice, log_in):
    assert client.get("/").headers["Location"] == reverse("account_login")
    assert log_in(alice).get("/").headers["Location"] == reverse("billing_overview")


def test_home_leads_staff_to_the_admin(staff, log_in):
    assert log_in(staff).get("/").headers["Location"] == reverse("admin:index")


@pytest.mark.parametrize(("theme", "cookie"), [("dark", "dark"), ("light", "light"), ("", ""), ("neon", "")])
def test_the_theme_is_remembered_in_a_cookie(client, db, theme, cookie):
    response = client.post(reverse("set_theme"), {"theme": theme, "next": "/accounts/login/"})
    assert (response.status_code, response.headers["Location"]) == (303, "/accounts/login/")
    assert response.cookies["theme"].value == cookie


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_the_theme_form_leads_nowhere_else(client, db, elsewhere):
    response = client.post(reverse("set_theme"), {"theme": "dark", "next": elsewhere})
    assert response.headers["Location"] == "/"


@pytest.mark.parametrize(("language", "cookie", "heading"), [("de", "de", "Anmelden"), ("en", "en", "Log in")])
def test_the_language_is_remembered_in_a_cookie(client, db, language, cookie, heading):
    response = client.post(reverse("set_language"), {"language": language, "next": "/accounts/login/"})

    assert (response.status_code, response.headers["Location"]) == (303, "/accounts/login/")
    assert response.cookies["django_language"].value == cookie
    page = client.get("/accounts/login/")
    assert f'<html lang="{language}">' in page.content.decode()
    assert f"<h1>{heading}</h1>" in page.content.decode()
    assert "Accept-Language" in page.headers["Vary"]
    assert page.headers["Content-Language"] == language


def test_a_language_that_is_not_offered_changes_nothing(client, db):
    response = client.post(reverse("set_language"), {"language": "fr", "next": "https://evil.example/"})
    assert (response.headers["Location"], response.cookies.get("django_language")) == ("/", None)


def test_the_browsers_language_counts_until_one_is_chosen(client, db):
    assert '<html lang="de">' in client.get("/accounts/login/", headers={"Accept-Language": "de-AT"}).content.decode()
    assert '<html lang="en">' in client.get("/accounts/login/", headers={"Accept-Language": "fr"}).content.decode()
    client.cookies["django_language"] = "en"
    assert '<html lang="en">' in client.get("/accounts/login/", headers={"Accept-Language": "de"}).content.decode()


def test_a_language_ends_with_its_request(client, db):
    client.get("/accounts/login/", headers={"Accept-Language": "de"})
    assert formats.money(179700, "USD") == "$1,797.00"


def test_programs_are_answered_in_english(client, db):
    response = client.get("/api/v1/customers/cus_x/balance", headers={"Accept-Language": "de"})
    assert response.json()["error"]["message"].isascii()
    assert "Content-Language" not in response.headers


def test_staff_read_the_language_they_ask_for(client, staff, log_in):
    page = log_in(staff).get(reverse("admin:index"), headers={"Accept-Language": "de"})
    assert '<html lang="de"' in page.content.decode()
    assert "Abmelden" in page.content.decode()
    assert page.headers["Content-Language"] == "de"


def test_staff_choose_their_language_at_the_foot_of_the_page(client, staff, log_in):
    client = log_in(staff)
    assert f'action="{reverse("set_language")}"' in client.get(reverse("admin:index")).text
    client.post(reverse("set_language"), {"language": "de"})
    assert "Abmelden" in client.get(reverse("admin:index")).text
