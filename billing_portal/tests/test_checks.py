import pytest

from billing_portal.checks import check_cards_are_charged, check_demo_is_off, check_mail_is_sent, check_pdf_libraries


@pytest.mark.parametrize(("demo", "ids"), [(True, ["portal.E001"]), (False, [])])
def test_demo_log_ins_are_not_deployed(settings, demo, ids):
    settings.DEMO = demo
    assert [message.id for message in check_demo_is_off(None)] == ids


@pytest.mark.parametrize(("host", "ids"), [("", ["portal.W002"]), ("mail.example.com", [])])
def test_a_deployment_without_a_mail_server_is_warned(settings, host, ids):
    settings.EMAIL_HOST = host
    assert [message.id for message in check_mail_is_sent(None)] == ids


@pytest.mark.parametrize(("problem", "ids"), [("install Pango", ["portal.W001"]), ("", [])])
def test_missing_libraries_of_pdfs_are_told(monkeypatch, problem, ids):
    monkeypatch.setattr("invoices.pdf.available", lambda: problem)
    assert [message.id for message in check_pdf_libraries(None)] == ids


@pytest.mark.parametrize(
    ("gateway", "demo", "key", "secret", "ids"),
    [
        ("sandbox", False, "", "", ["portal.E002"]),
        ("sandbox", True, "", "", []),
        ("stripe", False, "sk_live_x", "whsec_x", []),
        ("stripe", False, "sk_live_x", "", ["portal.E003"]),
        ("stripe", True, "", "whsec_x", ["portal.E003"]),
        ("monopoly", True, "", "", ["portal.E004"]),
    ],
)
def test_cards_are_charged_by_somebody(settings, gateway, demo, key, secret, ids):
    settings.CARD_GATEWAY, settings.DEMO = gateway, demo
    settings.STRIPE_API_KEY, settings.STRIPE_WEBHOOK_SECRET = key, secret
    assert [message.id for message in check_cards_are_charged(None)] == ids
