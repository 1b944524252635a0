"""Between a telephone and a desk: on no screen does a page scroll sideways, in either language."""

import pytest
from django.conf import settings
from django.urls import reverse

from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.test_explorer import wonder  # noqa: F401 - a fixture
from invoices.models import Invoice
from invoices.services.collect_payment import collect_payment
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import open_invoice
from invoices.tests.credited import granted

pytestmark = pytest.mark.django_db(transaction=True)

WIDTHS = (320, 420, 540, 641, 700, 768, 820, 899, 901, 1024, 1100, 1180, 1279, 1280, 1600)
NAMES = (
    *("billing_overview", "portal", "billing_usage", "credits", "plan_change", "plan_cancel", "members", "api_tokens"),
    *("billing_details", "billing_notifications", "billing_clock", "pm_add", "correction_add"),
)


def wider_than_the_screen(page, paths):
    """(width, address) of every page that has to be scrolled sideways. Everything that can be opened is open."""
    found = []
    for path in paths:
        page.goto(path)
        page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true })")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found.append((width, path))
    return found


@pytest.fixture
def documents(wonder, at):  # noqa: F811
    """One that is paid, after credits, and one that is not."""
    granted(wonder, 5000, name="Sorry for the outage of last month")
    paid, owed = open_invoice(wonder, 123_456, at=at), open_invoice(wonder, 12_345_600, at=at)
    submit_payment(payment_id=collect_payment(invoice_id=paid.pk, at=at, automatic=False).pk, at=at)
    assert Invoice.objects.get(pk=paid.pk).status == "paid"
    return [reverse("invoice", args=[each.public_id]) for each in (paid, owed)]


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_page_scrolls_sideways_on_any_screen(page, documents, alice, log_in, live_server, language):
    enter(page, log_in(alice))
    page.context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url}])
    assert wider_than_the_screen(page, [*map(reverse, NAMES), *documents]) == []
    assert page.locator("html").get_attribute("lang") == language
