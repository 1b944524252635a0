import pytest
from django.urls import reverse


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
