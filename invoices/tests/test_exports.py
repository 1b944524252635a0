"""«Download all for 2026 (ZIP)»: what stands in it, once at a time, watched or told by mail, and who may."""

import io
import zipfile
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.mail import write
from accounts.models import AuditEntry, BillingProfile, Membership, Notice
from accounts.services.open_customer import open_customer
from accounts.tests.cards import add_card
from core.clock import travel_to
from core.periods import Period
from invoices.archive_entries import years_of
from invoices.archive_index import year_sums
from invoices.exceptions import NothingToArchiveError
from invoices.models import Invoice, Payment
from invoices.models_archives import Archive
from invoices.pdf import available
from invoices.services import build_archives as building
from invoices.services.build_archives import KEPT, WATCHED
from invoices.services.collect_payment import collect_payment
from invoices.services.download_archive import download_archive
from invoices.services.expire_archives import expire_archives
from invoices.services.export_year import export_year
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.submit_payment import submit_payment
from invoices.services.tell_archives import tell_archives
from invoices.tests.cast import calculated, open_invoice
from invoices.tests.shelf import built, index_of, issued, opened, rendered, requested
from invoices.tests.test_races import at_once

HTMX = {"HX-Request": "true"}
needs_pdf = pytest.mark.skipif(bool(available()), reason=available() or "-")


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


def asked(customer, actor, at, year=2026):
    return export_year(customer_id=customer.pk, year=year, at=at, actor=actor)


def page_of(archive):
    return reverse("export", args=[archive.public_id])


def zip_of(archive):
    return reverse("export_zip", args=[archive.public_id])


def ask(client, year=2026, **headers):
    return client.post(reverse("export_add", args=[year]), headers=headers)


def january():
    """Billed in the year before."""
    return {"billing_on": date(2025, 12, 20), "period": Period(date(2025, 11, 20), date(2025, 12, 20))}


@pytest.fixture
def shelf(seller, customer):
    """Four issued invoices; their PDFs are made where a test builds."""
    return issued(customer, 4)


# --- what stands in it -----------------------------------------------------------------------------------------------
@needs_pdf
def test_it_holds_the_years_documents_with_data_and_an_index_that_adds_up(
    seller, customer, other_customer, alice, clerk, at
):
    BillingProfile.objects.filter(customer=customer).update(country="FR", city="Lyon")
    add_card(customer, alice, at)
    paid, lowered = open_invoice(customer, 4900, at=at), open_invoice(customer, 1200, at=at)
    submit_payment(payment_id=collect_payment(invoice_id=paid.pk, at=at, automatic=True).pk, at=at)
    note = issue_credit_note(invoice_id=lowered.pk, at=at, actor=clerk, reason="Agreed")
    open_invoice(other_customer, 700, at=at)
    calculated(customer, 300)
    archive = built(asked(customer, alice, at), at)

    receipt = Payment.objects.get()
    names = [
        *(f"2026/{paid.number}.{kind}" for kind in ("pdf", "xml")), f"2026/{receipt.receipt_number}.pdf",
        *(f"2026/{one.number}.{kind}" for one in (lowered, note) for kind in ("pdf", "xml")), "index.csv",
    ]  # fmt: skip
    found = opened(archive)
    assert (archive.status, archive.missing, archive.files()) == ("ready", 0, 7)
    assert found.namelist() == names
    assert found.testzip() is None
    assert all(found.read(name).startswith(b"%PDF-") for name in names if name.endswith("pdf"))
    assert all(paid.number.encode() in found.read(name) for name in names[1:2])

    rows = index_of(archive)
    assert [(row["number"], row["kind"], row["belongs_to"]) for row in rows] == [
        (paid.number, "invoice", ""), (receipt.receipt_number, "receipt", paid.number),
        (lowered.number, "invoice", ""), (note.number, "credit note", lowered.number),
    ]  # fmt: skip
    assert (rows[0]["period_from"], rows[0]["period_to"], rows[0]["date"]) == ("2026-09-20", "2026-10-19", "2026-10-20")
    assert (rows[0]["file"], rows[0]["e_invoice"]) == tuple(names[:2])
    assert sums_of(rows) == {"amount": Decimal("58.80"), "tax": Decimal("9.80"), "paid": Decimal("58.80")}
    assert year_sums(archive) == [("USD", 3, 5880, 980, 1, 5880)]
    issued_ones = Invoice.objects.filter(customer=customer, number__isnull=False)
    assert sum(issued_ones.values_list("total", flat=True)) == 5880


def sums_of(rows):
    return {name: sum(Decimal(row[name] or 0) for row in rows) for name in ("amount", "tax", "paid")}


@needs_pdf
def test_an_invoice_that_cannot_be_an_e_invoice_goes_without_and_nothing_is_missing(shelf, customer, alice, at):
    archive = built(asked(customer, alice, at), at)
    assert (archive.total, archive.done, archive.missing, archive.files()) == (8, 8, 0, 4)
    assert {row["e_invoice"] for row in index_of(archive)} == {""}


@needs_pdf
def test_a_receipt_stands_in_the_year_of_the_payment(seller, customer, alice, at):
    add_card(customer, alice, at)
    old = open_invoice(customer, 4900, **january())
    submit_payment(payment_id=collect_payment(invoice_id=old.pk, at=at, automatic=True).pk, at=at)
    assert years_of(customer.pk) == [2026, 2025]
    this, last = (built(asked(customer, alice, at, year), at) for year in (2026, 2025))
    assert [row["kind"] for row in index_of(this)] == ["receipt"]
    assert [row["kind"] for row in index_of(last)] == ["invoice"]
    assert [name[:5] for name in opened(last).namelist()[:1]] == ["2025/"]


def test_what_cannot_be_rendered_is_told_and_the_next_one_is_new(shelf, customer, alice, at, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("invoices.services.deliver_documents.invoice_pdf", lambda invoice: 1 / 0)
        archive = built(asked(customer, alice, at), at)
    assert (archive.status, archive.missing, archive.files()) == ("ready", 4, 0)
    assert {row["missing"] for row in index_of(archive)} == {"It could not be rendered."}
    assert asked(customer, alice, at) != archive


def test_data_that_cannot_be_written_is_told_in_the_index(shelf, customer, alice, at, monkeypatch):
    monkeypatch.setattr(building, "data_of", lambda invoice, pdf: 1 / 0)
    rendered(shelf)
    archive = built(asked(customer, alice, at), at)
    assert (archive.status, archive.missing, archive.files()) == ("ready", 4, 4)
    assert index_of(archive)[0]["missing"] == "The e-invoice could not be written."


# --- asked for -------------------------------------------------------------------------------------------------------
def test_one_is_made_at_a_time_and_while_nothing_is_new_it_is_the_same(shelf, customer, alice, bob, at):
    first = asked(customer, alice, at)
    assert asked(customer, bob, at) == first
    Archive.objects.update(status="ready", build_at=None, expires_at=at + KEPT)
    assert asked(customer, bob, at) == first
    assert Archive.objects.get() == first


def test_a_document_that_comes_later_makes_the_next_one_new(shelf, customer, alice, at):
    first = asked(customer, alice, at)
    Archive.objects.update(status="ready", build_at=None, expires_at=at + KEPT)
    issued(customer, 1)
    second = asked(customer, alice, at)
    assert (second.total, second == first) == (first.total + 2, False)


def test_one_that_is_gone_or_failed_is_made_again(shelf, customer, alice, at):
    first = asked(customer, alice, at)
    Archive.objects.update(status="ready", build_at=None, expires_at=at)
    second = asked(customer, alice, at)
    Archive.objects.filter(pk=second.pk).update(status="failed", build_at=None)
    third = asked(customer, alice, at)
    assert len({first, second, third}) == 3


def test_it_says_who_asked(shelf, customer, alice, at):
    archive = asked(customer, alice, at)
    asked(customer, alice, at)
    entry = AuditEntry.objects.get(action="export_year")
    assert (entry.actor, entry.customer, entry.subject) == (alice, customer, f"archive:{archive.pk}")
    assert entry.after == {"year": 2026, "documents": 4}


def test_a_year_without_documents_has_none(shelf, customer, alice, at):
    with pytest.raises(NothingToArchiveError):
        asked(customer, alice, at, 2024)
    assert not Archive.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_get_one(shelf, customer, alice, bob, at):
    first, second = at_once(lambda: asked(customer, alice, at), lambda: asked(customer, bob, at))
    assert first == second
    assert (Archive.objects.count(), AuditEntry.objects.filter(action="export_year").count()) == (1, 1)


# --- told ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def ready(shelf, customer, alice, at):
    """As the worker leaves it, without PDFs that nobody looks at here."""
    archive = asked(customer, alice, at)
    values = {"status": "ready", "build_at": None, "expires_at": at + KEPT, "tell_at": at + WATCHED, "size": 2048}
    Archive.objects.filter(pk=archive.pk).update(**values)
    archive.refresh_from_db()
    return archive


def test_who_does_not_fetch_it_is_told_once(ready, alice, at):
    assert tell_archives(at=at) == 0
    assert (tell_archives(at=at + WATCHED), tell_archives(at=at + WATCHED)) == (1, 0)
    notice = Notice.objects.get(template="archive_ended")
    mail = write(notice.template, notice.context)
    assert (notice.to, mail.subject) == ([alice.email], "Your 2026 invoices are ready")
    assert page_of(ready) in mail.text
    assert "27 Oct 2026, 10:00 UTC" in mail.text


def test_who_fetches_it_is_not_told(ready, alice, at):
    download_archive(archive=ready, at=at, actor=alice)
    assert tell_archives(at=at + WATCHED) == 0


def test_who_asked_is_told_though_a_colleague_fetched_it(ready, bob, at):
    download_archive(archive=ready, at=at, actor=bob)
    assert tell_archives(at=at + WATCHED) == 1


def test_nobody_is_told_of_what_is_gone(ready, at):
    expire_archives(at=at + KEPT)
    assert tell_archives(at=at + KEPT) == 0


def test_who_asked_hears_too_where_it_failed(shelf, customer, alice, at, monkeypatch):
    monkeypatch.setattr(building, "write_files", lambda *args: 1 / 0)
    rendered(shelf)
    archive, now = asked(customer, alice, at), at
    while archive.status == "building":
        now = archive.build_at
        built(archive, now)
    assert (archive.status, tell_archives(at=now + WATCHED)) == ("failed", 1)
    assert (
        "could not be put together"
        in write("archive_ended", Notice.objects.get(template="archive_ended").context).subject
    )


@needs_pdf
def test_the_worker_plans_the_mail(shelf, customer, alice, clerk, at):
    assert built(asked(customer, alice, at), at).tell_at == at + WATCHED
    assert built(requested(shelf, at, clerk), at).tell_at is None


@pytest.mark.django_db(transaction=True)
def test_two_workers_tell_once(ready, at):
    assert sum(at_once(*[lambda: tell_archives(at=at + WATCHED)] * 2)) == 1
    assert Notice.objects.filter(template="archive_ended").count() == 1


# --- the pages -------------------------------------------------------------------------------------------------------
def test_the_portal_offers_each_year_with_documents(shelf, customer, bob, log_in):
    open_invoice(customer, 100, **january())
    page = log_in(bob).get(reverse("portal")).text
    assert [f"Download all for {year} (ZIP)" in page for year in (2024, 2025, 2026)] == [False, True, True]


def test_the_portal_offers_none_where_there_is_nothing(seller, customer, alice, log_in):
    assert "Download all" not in log_in(alice).get(reverse("portal")).text


@pytest.mark.parametrize("person", ["alice", "bob"])
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_whoever_reads_documents_asks_and_watches(person, headers, shelf, customer, log_in, request):
    user = request.getfixturevalue(person)
    response = ask(log_in(user), **headers)
    archive = Archive.objects.get()
    assert (response.status_code, response["Location"]) == (303, page_of(archive))
    assert (archive.customer, archive.created_by, archive.year) == (customer, user, 2026)


@needs_pdf
def test_it_asks_again_until_it_is_ready_and_then_no_more(shelf, customer, alice, log_in, at):
    client, archive = log_in(alice), asked(customer, alice, at)
    page = client.get(page_of(archive)).text
    assert "0 of 8 files" in page
    assert '<noscript><meta http-equiv="refresh" content="4"></noscript>' in page
    assert f'hx-get="{page_of(archive)}?looks=1" hx-trigger="load delay:2s"' in page
    part = client.get(page_of(archive) + "?looks=15", headers=HTMX)
    assert part.text.strip().startswith("<section")
    assert ("HX-Request" in part["Vary"], "load delay:10s" in part.text) == (True, True)
    built(archive, at)
    for headers in ({}, HTMX):
        page = client.get(page_of(archive), headers=headers).text
        assert "4 files" in page
        assert f'href="{zip_of(archive)}"' in page
        assert "$4.06" in page
        assert "hx-get" not in page


@pytest.mark.parametrize(
    ("status", "said"), [("failed", "The ZIP could not be made"), ("expired", "The ZIP was deleted")]
)
def test_one_that_is_gone_can_be_asked_for_again(shelf, customer, alice, at, log_in, status, said):
    client, archive = log_in(alice), asked(customer, alice, at)
    Archive.objects.update(status=status, build_at=None)
    page = client.get(page_of(archive)).text
    assert said in page
    assert f'<form method="post" action="{page_of(archive)}">' in page
    assert client.get(zip_of(archive)).status_code == 409
    again = client.post(page_of(archive))
    assert again.status_code == 303
    assert again["Location"] == page_of(Archive.objects.latest("pk")) != page_of(archive)


@needs_pdf
def test_it_sends_the_file_and_notes_who_took_it(shelf, customer, bob, log_in, at):
    archive = built(asked(customer, bob, at), at)
    response = log_in(bob).get(zip_of(archive), headers={"Accept-Encoding": "gzip"})  # which a ZIP is already
    content = b"".join(response.streaming_content)
    assert (response["Content-Type"], int(response["Content-Length"])) == ("application/zip", len(content))
    assert response["Content-Disposition"] == 'attachment; filename="wonder-ltd-invoices-2026.zip"'
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == opened(archive).namelist()
    entry = AuditEntry.objects.get(action="download_archive")
    assert (entry.actor, entry.customer) == (bob, customer)


def test_pages_belong_to_its_customer_not_to_the_chosen_one(shelf, customer, alice, log_in, at):
    archive, second = asked(customer, alice, at), open_customer(name="Second Ltd", user=alice, at=at, actor=alice)
    client = log_in(alice)
    session = client.session
    session["current_customer"] = second.pk
    session.save()
    assert "Wonder Ltd" in client.get(page_of(archive)).text
    Archive.objects.update(status="expired", build_at=None)
    client.post(page_of(archive))
    assert Archive.objects.latest("pk").customer == customer


# --- who may ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_stranger_finds_nothing(headers, ready, charlie, other_customer, log_in):
    client = log_in(charlie)
    for url in (page_of(ready), zip_of(ready)):
        assert client.get(url, headers=headers).status_code == 404
    assert client.post(page_of(ready), headers=headers).status_code == 404
    assert ask(client, **headers).status_code == 404
    assert Archive.objects.count() == 1


def test_a_member_is_told_who_can(ready, dora, log_in):
    client = log_in(dora)
    for response in (client.get(page_of(ready)), client.get(zip_of(ready)), client.post(page_of(ready)), ask(client)):
        assert (response.status_code, "alice@example.com" in response.text) == (403, True)


def test_nobody_is_let_in_without_logging_in(ready, client):
    for response in (client.get(page_of(ready)), client.get(zip_of(ready)), ask(client)):
        assert (response.status_code, "/accounts/login/" in response["Location"]) == (302, True)


def test_who_has_left_does_not_fetch_what_they_asked_for(ready, alice, log_in):
    Membership.objects.filter(user=alice).delete()
    assert log_in(alice).get(zip_of(ready)).status_code == 404


def test_what_staff_collect_is_nobodys(shelf, clerk, alice, log_in, at):
    archive = requested(shelf, at, clerk)
    assert log_in(alice).get(page_of(archive)).status_code == 404
    assert log_in(alice).get(zip_of(archive)).status_code == 404


@pytest.mark.parametrize("year", [2025, 99999999999])
def test_a_year_without_documents_is_not_found(year, shelf, alice, log_in):
    assert ask(log_in(alice), year).status_code == 404


def test_it_asks_few_questions(ready, alice, log_in, django_assert_max_num_queries):
    client = log_in(alice)
    client.get(page_of(ready))
    for url in (page_of(ready), zip_of(ready), reverse("portal")):
        with django_assert_max_num_queries(15):
            assert client.get(url).status_code == 200


def test_the_link_in_the_mail_leads_there_after_the_log_in(ready, client, at):
    """Behind the log-in, until the day that the mail says."""
    with travel_to(at + timedelta(days=6)):
        response = client.get(page_of(ready))
    assert response["Location"] == f"{reverse('account_login')}?next={page_of(ready)}"
