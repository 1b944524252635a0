"""In a real browser: Pay, the page that waits, and what assistive technology finds."""

from datetime import date

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from accounts.tests.cards import LOSES_ANSWER, add_card
from core.clock import travel_to
from core.periods import midnight
from invoices.models import Payment
from invoices.services.collect_payment import collect_payment
from invoices.services.finalize_invoices import finalize_invoices
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import calculated, line, open_invoice, usage_line
from invoices.tests.credited import granted
from invoices.tests.test_statements import stated

pytestmark = pytest.mark.django_db(transaction=True)

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
LOOKS = [("light", 1200), ("dark", 320)]  # colours depend on the theme, the arrangement on the width


@pytest.fixture
def invoice(seller, customer, alice, at):
    add_card(customer, alice, at)
    with travel_to(at):
        yield open_invoice(customer, 4900, at=at)


def enter(page, live_server, client):
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )


@pytest.mark.parametrize("browser_page", ["page", "page_without_js"])
def test_the_page_waits_until_the_payment_is_done(
    browser_page, request, live_server, invoice, alice, at, log_in, monkeypatch
):
    """The worker is late: the page says so, asks again, and ends at the paid invoice."""
    page = request.getfixturevalue(browser_page)
    monkeypatch.setattr("invoices.views_paying.nudge", lambda *args: None)
    enter(page, live_server, log_in(alice))
    page.goto(f"/settings/billing/invoices/{invoice.public_id}/")
    page.get_by_role("button", name="Pay $49.00").click()
    expect(page.get_by_role("main")).to_contain_text("Processing $49.00")
    submit_payment(payment_id=Payment.objects.get().pk, at=at)
    page.wait_for_url(f"**/invoices/{invoice.public_id}/")
    expect(page.get_by_role("main")).to_contain_text("Receipt RCP-2026-000001")
    expect(page.get_by_role("link", name="Download receipt")).to_be_visible()


def test_it_stays_readable_while_the_page_asks_again(page, live_server, invoice, alice, at, log_in):
    enter(page, live_server, log_in(alice))
    payment = collect_payment(invoice_id=invoice.pk, at=at, automatic=False)
    page.route("**/*looks=*", lambda _route: None)  # an answer that never comes
    page.goto(f"/settings/billing/invoices/{invoice.public_id}/payments/{payment.public_id}/")
    asking = page.locator(".htmx-request")
    expect(asking).to_contain_text("Processing $49.00")
    expect(asking).to_have_css("opacity", "1")


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_axe_finds_nothing(page, live_server, invoice, customer, alice, at, log_in, width, scheme):
    enter(page, live_server, log_in(alice))
    unknown = open_invoice(customer, 900, at=at)
    lost = add_card(customer, alice, at, LOSES_ANSWER)
    payment = collect_payment(invoice_id=unknown.pk, at=at, automatic=False, payment_method=lost)
    submit_payment(payment_id=payment.pk, at=at)
    invoices = [invoice, unknown, calculated(customer, 100)]
    paths = [f"/settings/billing/invoices/{shown.public_id}/" for shown in invoices]
    paths += ["/settings/billing/portal/", f"{paths[1]}payments/{payment.public_id}/"]
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for path in paths:
        page.goto(path)
        found = Axe().run(page, options=RULES)
        assert not found.violations_count, f"{path}\n{found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_axe_finds_nothing_where_credit_pays(page, live_server, seller, customer, alice, at, log_in, width, scheme):
    granted(customer, 1500, name="Sorry for the outage of September", priority=1)
    granted(customer, 2500)
    issued = open_invoice(customer, lines=(line(4900, "fee"), usage_line(235, key="usage")), at=at)
    granted(customer, 5210, at=at)
    paid = calculated(customer, 4900, billing_on=date(2026, 11, 20))
    finalize_invoices(invoice_ids=[paid.pk], at=midnight(date(2026, 11, 20)))
    stated(customer)
    enter(page, live_server, log_in(alice))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    with travel_to(at):
        for path in (f"invoices/{issued.public_id}/", f"invoices/{paid.public_id}/", "portal/"):
            page.goto(f"/settings/billing/{path}")
            found = Axe().run(page, options=RULES)
            assert not found.violations_count, f"{path}\n{found.generate_report()}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width
