"""From the list of invoices to the ZIP in a real browser, by the labels alone."""

import zipfile
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.looks import problems_on
from core.clock import now
from invoices.models_archives import Archive
from invoices.services import build_archives as building
from invoices.services.build_archives import build_archives
from invoices.tests.shelf import built, issued, rendered, requested

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shelf(seller, customer):
    invoices = issued(customer, 12)
    rendered(invoices)
    return invoices


@pytest.fixture
def asleep(monkeypatch):
    """No worker is there: the test is it."""
    monkeypatch.setattr("invoices.admin_archives.nudge", lambda name: None)
    monkeypatch.setattr(building, "PART_DOCUMENTS", 5)


def ask(page: Page) -> None:
    page.goto(reverse("admin:invoices_invoice_changelist"))
    for number in ("INV-2026-000002", "INV-2026-000005"):
        page.get_by_role("row").filter(has_text=number).get_by_role("checkbox").check()
    page.get_by_role("combobox", name="Action").select_option(label="Download as ZIP")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("2 issued documents")).to_be_visible()
    page.get_by_label("What for").fill("Audit of 2026")
    page.get_by_role("button", name="Make ZIP").click()
    expect(page.get_by_text("0 of 2 documents")).to_be_visible()


def take(page: Page) -> list[str]:
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download ZIP").click()
    return zipfile.ZipFile(downloading.value.path()).namelist()


def test_staff_watch_the_zip_grow_and_take_it(page, log_in, clerk, shelf, asleep):
    ask(enter(page, log_in(clerk)))
    built(Archive.objects.get(), now())
    assert take(page) == ["2026/INV-2026-000002.pdf", "2026/INV-2026-000005.pdf", "index.csv"]


def test_staff_take_it_without_a_script(page_without_js, log_in, clerk, shelf, asleep):
    page = enter(page_without_js, log_in(clerk))
    page.goto(reverse("admin:invoices_invoice_changelist"))
    page.get_by_role("link", name="Download as ZIP").click()
    page.get_by_label("What for").fill("Audit of 2026")
    page.get_by_role("button", name="Make ZIP").click()
    expect(page.get_by_text("0 of 12 documents")).to_be_visible()
    built(Archive.objects.get(), now())
    page.get_by_role("link", name="Look again").click()
    assert len(take(page)) == 13


def test_nobody_is_kept_out(page, log_in, clerk, shelf, asleep):
    growing, ready, failed = (requested(shelf, now(), clerk, key=key) for key in ("growing", "ready", "failed"))
    Archive.objects.filter(pk=failed.pk).update(status="failed", build_at=None)
    Archive.objects.filter(pk=growing.pk).update(build_at=now() + timedelta(days=1))
    built(ready, now())
    Archive.objects.filter(pk=growing.pk).update(build_at=now() - timedelta(minutes=1))
    build_archives(at=now())
    enter(page, log_in(clerk))
    pages = [reverse("admin:invoices_archive_change", args=[one.public_id]) for one in (growing, ready, failed)]
    names = ("invoice_changelist", "archive_changelist", "archive_add")
    assert problems_on(page, (*pages, *(reverse(f"admin:invoices_{name}") for name in names))) == {}
