"""The ZIP of a year and the request for a corrected invoice in a real browser, by the labels alone."""

import zipfile

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from billing_portal.services.choose_digest import choose_digest
from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.looks import complaints, problems_on
from core.clock import now
from invoices.models import CorrectionRequest, CorrectionStatus
from invoices.models_archives import Archive
from invoices.services.answer_correction import answer_correction
from invoices.services.ask_for_correction import ask_for_correction
from invoices.services.build_archives import build_archives
from invoices.services.export_year import export_year
from invoices.tests.cast import open_invoice
from invoices.tests.shelf import built, issued

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shelf(seller, customer):
    return issued(customer, 2)


@pytest.fixture
def asleep(monkeypatch):
    """No worker is there: the test is it."""
    monkeypatch.setattr("invoices.views_exports.nudge", lambda name: None)


def fetched(page: Page) -> list[str]:
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download ZIP").click()
    return zipfile.ZipFile(downloading.value.path()).namelist()


NAMES = ["2026/INV-2026-000001.pdf", "2026/INV-2026-000002.pdf", "index.csv"]


def ask_for_the_year(page: Page) -> None:
    page.goto(reverse("portal"))
    page.get_by_role("button", name="Download all for 2026 (ZIP)").click()
    expect(page.get_by_text("0 of 4 files")).to_be_visible()
    built(Archive.objects.get(), now())


def test_a_bookkeeper_watches_the_year_grow_and_takes_it(page, log_in, bob, shelf, asleep):
    enter(page, log_in(bob))
    ask_for_the_year(page)
    expect(page.get_by_role("heading", name="Ready to download")).to_be_visible()
    assert complaints(page) == []
    assert fetched(page) == NAMES


def test_a_bookkeeper_takes_it_without_a_script(page_without_js, log_in, bob, shelf, asleep):
    page = enter(page_without_js, log_in(bob))
    ask_for_the_year(page)
    page.get_by_role("link", name="Look again").click()
    assert fetched(page) == NAMES


def ask_for_a_correction(page: Page) -> None:
    page.goto(reverse("billing_details"))
    page.get_by_role("link", name="ask us for a corrected invoice").click()
    page.get_by_role("button", name="Send request").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    page.get_by_label("Invoice").select_option(index=1)
    page.get_by_label("What is wrong").fill("Our name is Wonder Holding Ltd.")
    page.get_by_role("button", name="Send request").click()
    expect(page.get_by_text("Being looked at")).to_be_visible()


def test_a_customer_asks_for_a_corrected_invoice(page, log_in, alice, shelf):
    ask_for_a_correction(enter(page, log_in(alice)))
    assert CorrectionRequest.objects.get().invoice.number == "INV-2026-000002"


def test_a_customer_asks_without_a_script(page_without_js, log_in, alice, shelf):
    ask_for_a_correction(enter(page_without_js, log_in(alice)))


def test_nobody_is_kept_out(page, log_in, alice, clerk, customer, shelf, asleep):
    year = {"customer_id": customer.pk, "year": 2026, "actor": alice}
    ready = built(export_year(at=now(), **year), now())
    open_invoice(customer, 4900)
    growing = export_year(at=now(), **year)
    archives = [ready, growing]
    for status in ("failed", "expired"):
        gone = Archive.objects.create(
            key=status, customer=customer, created_at=now(), selection="x", year=2025, total=1, status=status
        )
        archives.append(gone)
    asked, closed = (
        ask_for_correction(invoice_id=one.pk, wrong="Our name", key=f"k{one.pk}", at=now(), actor=alice)
        for one in shelf
    )
    answer_correction(request_id=closed.pk, status=CorrectionStatus.CORRECTED, answer="Done.", at=now(), actor=clerk)
    enter(page, log_in(alice))
    pages = [reverse("export", args=[one.public_id]) for one in archives]
    pages += [reverse("correction", args=[one.public_id]) for one in (asked, closed)]
    names = ("portal", "billing_details", "correction_add")
    assert problems_on(page, (*pages, *map(reverse, names))) == {}
    assert build_archives(at=now())  # it was still growing


def test_no_staff_are_kept_out(page, log_in, alice, clerk, shelf):
    asked, closed = (
        ask_for_correction(invoice_id=one.pk, wrong="Our name", key=f"k{one.pk}", at=now(), actor=alice)
        for one in shelf
    )
    answer_correction(request_id=closed.pk, status=CorrectionStatus.CORRECTED, answer="Done.", at=now(), actor=clerk)
    enter(page, log_in(clerk))
    pages = [reverse("admin:invoices_correctionrequest_change", args=[one.pk]) for one in (asked, closed)]
    pages += [reverse("admin:invoices_correctionrequest_changelist"), reverse("admin:digest"), reverse("admin:index")]
    assert problems_on(page, pages) == {}
    choose_digest(wanted=True, at=now(), actor=clerk)
    assert problems_on(page, [reverse("admin:digest")]) == {}
