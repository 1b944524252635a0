"""A ZIP of many documents: asked for once, built part by part, emptied after a week."""

import threading
from datetime import timedelta

import pytest

from accounts.models import AuditEntry
from accounts.tests.cards import add_card
from invoices import archive_entries, pdf
from invoices.exceptions import ArchiveNotReadyError, ArchiveTooLargeError, NothingToArchiveError
from invoices.models import Document
from invoices.models_archives import Archive, ArchiveEntry, ArchivePart
from invoices.services import build_archives as building
from invoices.services.build_archives import LEASE, build_archives
from invoices.services.collect_payment import collect_payment
from invoices.services.download_archive import download_archive
from invoices.services.expire_archives import expire_archives
from invoices.services.submit_payment import submit_payment
from invoices.tests.cast import calculated, open_invoice
from invoices.tests.shelf import built, index_of, issued, opened, rendered, requested
from invoices.tests.test_races import at_once

WEEK = timedelta(days=7)


@pytest.fixture
def shelf(seller, customer):
    """Twelve issued invoices with their PDFs."""
    invoices = issued(customer, 12)
    rendered(invoices)
    return invoices


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(building, "PART_DOCUMENTS", 5)


class KilledError(BaseException):
    """As SIGKILL: nothing is caught, nothing tidied up."""


@pytest.fixture
def kill(monkeypatch):
    """Let the builder die when it is about to keep a part, after so many."""

    def kill(archive, at, after):
        keep = building._keep

        def dying(row, *args):
            if row.parts_written == after:
                raise KilledError
            return keep(row, *args)

        with monkeypatch.context() as patched:
            patched.setattr(building, "_keep", dying)
            with pytest.raises(KilledError):
                built(archive, at)

    return kill


# --- asked for -------------------------------------------------------------------------------------------------------
def test_it_fixes_which_documents_when_it_is_asked_for(shelf, customer, clerk, at):
    archive = requested(shelf, at, clerk)
    rendered(issued(customer, 1))
    assert (archive.total, archive.status, archive.created_by, archive.build_at) == (12, "building", clerk, at)
    assert [entry.invoice_id for entry in archive.entries.order_by("position")] == [row.pk for row in shelf]
    assert built(archive, at).total == 12


def test_it_says_who_asked_and_what_for(shelf, clerk, at):
    archive = requested(shelf, at, clerk)
    entry = AuditEntry.objects.get(action="request_archive")
    assert (entry.actor, entry.subject, entry.reason) == (clerk, f"archive:{archive.pk}", "Audit of 2026")
    assert entry.after == {"documents": 12, "selection": "Chosen in the list"}


def test_it_is_asked_for_once_by_a_key(shelf, clerk, at):
    first, again = requested(shelf, at, clerk), requested(shelf[:3], at, clerk)
    assert first == again
    assert (Archive.objects.count(), ArchiveEntry.objects.count()) == (1, 12)
    assert AuditEntry.objects.filter(action="request_archive").count() == 1


def test_it_leaves_out_drafts(shelf, customer, clerk, at):
    draft = calculated(customer, 500)
    assert requested([*shelf, draft], at, clerk).total == 12
    with pytest.raises(NothingToArchiveError):
        requested([draft], at, clerk, key="other")


def test_it_holds_nothing_of_anybody_else_where_it_is_a_customers(shelf, other_customer, customer, clerk, at):
    theirs = issued(other_customer, 2)
    archive = requested([*shelf, *theirs], at, clerk, customer=other_customer)
    assert archive.customer == other_customer
    assert {entry.invoice for entry in archive.entries.all()} == set(theirs)
    assert AuditEntry.objects.get(action="request_archive").customer == other_customer


def test_it_has_a_limit(shelf, clerk, at, monkeypatch):
    monkeypatch.setattr(archive_entries, "LIMIT", 12)
    assert requested(shelf, at, clerk).total == 12
    monkeypatch.setattr(archive_entries, "LIMIT", 11)
    with pytest.raises(ArchiveTooLargeError):
        requested(shelf, at, clerk, key="other")


def test_receipts_count_against_the_limit(seller, customer, alice, clerk, at, monkeypatch):
    add_card(customer, alice, at)
    invoice = open_invoice(customer, 4900, at=at)
    submit_payment(payment_id=collect_payment(invoice_id=invoice.pk, at=at, automatic=True).pk, at=at)
    monkeypatch.setattr(archive_entries, "LIMIT", 1)
    with pytest.raises(ArchiveTooLargeError):
        requested([invoice], at, clerk)


# --- built -----------------------------------------------------------------------------------------------------------
def test_it_holds_the_documents_by_year_with_an_index(shelf, clerk, at):
    archive = built(requested(shelf, at, clerk), at)
    found = opened(archive)
    assert found.testzip() is None
    assert found.namelist() == [*(f"2026/INV-2026-{n:06d}.pdf" for n in range(1, 13)), "index.csv"]
    assert found.read("2026/INV-2026-000003.pdf").startswith(b"%PDF INV-2026-000003")
    assert (archive.status, archive.done, archive.missing, archive.expires_at) == ("ready", 12, 0, at + WEEK)
    assert archive.size == sum(map(len, archive.content()))
    [first, *_rest] = index_of(archive)
    assert first == {
        "number": "INV-2026-000001", "kind": "invoice", "customer": "Wonder Ltd", "date": "2026-10-20",
        "currency": "USD", "total": "1", "status": "open", "file": "2026/INV-2026-000001.pdf",
        "sha256": Document.objects.get(filename="INV-2026-000001.pdf").sha256, "missing": "",
    }  # fmt: skip


def test_it_holds_hundreds_in_parts_and_finishes_what_a_killed_worker_began(seller, customer, clerk, at, kill):
    invoices = issued(customer, 320)
    rendered(invoices)
    whole = built(requested(invoices, at, clerk, key="whole"), at)
    archive = requested(invoices, at, clerk)

    kill(archive, at, after=3)
    archive.refresh_from_db()
    assert (archive.done, archive.parts_written, archive.status) == (150, 3, "building")
    kept = list(archive.parts.order_by("number").values_list("pk", flat=True))
    assert build_archives(at=at) is False  # leased by the one who died
    built(archive, at + LEASE)

    assert (archive.status, archive.done, archive.parts_written) == ("ready", 320, 8)
    assert list(archive.parts.order_by("number").values_list("pk", flat=True))[:3] == kept
    assert b"".join(archive.content()) == b"".join(whole.content())
    assert len(index_of(archive)) == 320


def test_it_is_finished_also_where_the_worker_dies_before_the_index(shelf, clerk, at, kill, small_parts):
    archive = requested(shelf, at, clerk)
    kill(archive, at, after=3)
    assert built(archive, at + LEASE).status == "ready"
    assert len(opened(archive).namelist()) == 13


def test_no_part_is_larger_than_a_few_documents(seller, customer, clerk, at, monkeypatch):
    monkeypatch.setattr(building, "PART_BYTES", 10_000)
    invoices = issued(customer, 6)
    rendered(invoices, size=4_000)
    archive = built(requested(invoices, at, clerk), at)
    assert [len(part) > 10_500 for part in archive.content()] == [False] * archive.parts_written
    assert archive.parts_written == 4
    assert opened(archive).testzip() is None


def test_it_takes_turns(shelf, clerk, at, small_parts):
    long = requested(shelf, at, clerk)
    short = requested(shelf[:1], at + timedelta(seconds=1), clerk, key="short")
    for second in range(2, 6):
        build_archives(at=at + timedelta(seconds=second))
    long.refresh_from_db()
    short.refresh_from_db()
    assert (long.status, long.parts_written, short.status) == ("building", 2, "ready")


def test_it_is_read_without_keeping_it(shelf, clerk, at, small_parts, django_assert_num_queries):
    archive = built(requested(shelf, at, clerk), at)
    content, first = archive.content(), bytes(ArchivePart.objects.get(archive=archive, number=0).content)
    with django_assert_num_queries(1):
        assert next(content) == first


@pytest.mark.skipif(bool(pdf.available()), reason=pdf.available() or "-")
def test_it_renders_what_is_missing_first_receipts_too(seller, customer, other_customer, alice, clerk, at):
    add_card(customer, alice, at)
    invoice, untouched = open_invoice(customer, 4900, at=at), open_invoice(other_customer, 100, at=at)
    submit_payment(payment_id=collect_payment(invoice_id=invoice.pk, at=at, automatic=True).pk, at=at)
    archive = built(requested([invoice], at, clerk), at)
    names = ["2026/INV-2026-000001.pdf", "2026/RCP-2026-000001.pdf"]
    assert opened(archive).namelist() == [*names, "index.csv"]
    assert opened(archive).read(names[1]).startswith(b"%PDF-")
    assert [(row["kind"], row["total"], row["status"]) for row in index_of(archive)] == [
        ("invoice", "49", "paid"), ("receipt", "49", "succeeded"),
    ]  # fmt: skip
    assert not Document.objects.filter(invoice=untouched).exists()


def test_it_lists_what_cannot_be_rendered_and_goes_on(shelf, customer, clerk, at, monkeypatch):
    monkeypatch.setattr("invoices.services.deliver_documents.invoice_pdf", lambda invoice: 1 / 0)
    archive = built(requested([*shelf, *issued(customer, 1)], at, clerk), at)
    assert (archive.status, archive.done, archive.missing) == ("ready", 13, 1)
    last = index_of(archive)[-1]
    assert (last["number"], last["file"], last["sha256"]) == ("INV-2026-000013", "", "")
    assert last["missing"] == "It could not be rendered."
    assert len(opened(archive).namelist()) == 13


def test_it_says_where_pdfs_cannot_be_made(shelf, customer, clerk, at, monkeypatch):
    for module in ("build_archives", "deliver_documents"):
        monkeypatch.setattr(f"invoices.services.{module}.available", lambda: pdf.INSTALL)
    archive = built(requested(issued(customer, 2), at, clerk), at)
    assert (archive.status, archive.missing) == ("ready", 2)
    assert opened(archive).namelist() == ["index.csv"]
    assert index_of(archive)[0]["missing"] == f"PDFs cannot be made here: {pdf.INSTALL}"


# --- failing ---------------------------------------------------------------------------------------------------------
def test_it_tries_again_later_each_time_and_gives_up(shelf, clerk, at, monkeypatch):
    monkeypatch.setattr(building, "write_files", lambda *args: 1 / 0)
    archive, now, pauses = requested(shelf, at, clerk), at, []
    while Archive.objects.get().status == "building":
        assert build_archives(at=now)
        later = Archive.objects.get().build_at or now
        pauses.append(later - now)
        now = later
    assert [pause.total_seconds() / 60 for pause in pauses] == [2, 4, 8, 16, 0]
    archive.refresh_from_db()
    assert (archive.status, archive.build_at, build_archives(at=now)) == ("failed", None, False)


def test_it_gives_up_where_every_worker_dies(shelf, clerk, at, kill, small_parts):
    archive = requested(shelf, at, clerk)
    for attempt in range(5):
        kill(archive, at + attempt * LEASE, after=1)
    assert built(archive, at + 5 * LEASE).status == "failed"
    assert not archive.parts.exists()


def test_one_that_fails_does_not_hold_up_the_others(shelf, clerk, at, monkeypatch):
    broken, good = requested(shelf[:1], at, clerk), requested(shelf[1:], at, clerk, key="good")
    write = building.write_files
    monkeypatch.setattr(building, "write_files", lambda files, start: 1 / 0 if len(files) == 1 else write(files, start))
    assert built(good, at).status == "ready"
    broken.refresh_from_db()
    assert (broken.status, broken.attempts) == ("building", 1)


# --- taken away and deleted ------------------------------------------------------------------------------------------
def test_each_download_is_in_the_audit_trail(shelf, clerk, auditor, at):
    archive = built(requested(shelf, at, clerk), at)
    for _ in range(2):
        download_archive(archive=archive, at=at, actor=auditor)
    first, _second = AuditEntry.objects.filter(action="download_archive")
    assert (first.actor, first.subject, first.reason) == (auditor, f"archive:{archive.pk}", "Audit of 2026")
    assert first.after == {"documents": 12, "size": archive.size}


def test_what_is_not_ready_cannot_be_taken(shelf, clerk, at):
    with pytest.raises(ArchiveNotReadyError):
        download_archive(archive=requested(shelf, at, clerk), at=at, actor=clerk)
    assert not AuditEntry.objects.filter(action="download_archive").exists()


def test_its_content_is_deleted_after_a_week_and_its_row_stays(shelf, clerk, at):
    archive, other = requested(shelf, at, clerk), requested(shelf, at, clerk, key="other")
    built(archive, at)
    assert expire_archives(at=at + WEEK - timedelta(seconds=1)) == 0
    Archive.objects.filter(pk=other.pk).update(expires_at=at + 2 * WEEK)
    assert (expire_archives(at=at + WEEK), expire_archives(at=at + WEEK)) == (1, 0)
    archive.refresh_from_db()
    assert (archive.status, archive.done, archive.parts.count(), archive.entries.count()) == ("expired", 12, 0, 12)
    assert other.parts.exists()
    with pytest.raises(ArchiveNotReadyError):
        download_archive(archive=archive, at=at, actor=clerk)


# --- at once ---------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_two_workers_build_one_archive(seller, customer, clerk, at, small_parts):
    invoices = issued(customer, 60)
    rendered(invoices)
    archive = requested(invoices, at, clerk)

    def work():
        return sum(iter(lambda: build_archives(at=at), False))

    assert sum(at_once(work, work)) >= 13
    archive.refresh_from_db()
    while archive.status == "building":  # one looked while the other held the lease
        built(archive, at + LEASE)
    assert (archive.status, archive.done, archive.parts_written) == ("ready", 60, 13)
    assert opened(archive).testzip() is None
    assert len(index_of(archive)) == 60


@pytest.mark.django_db(transaction=True)
def test_a_part_that_two_write_is_written_once(seller, customer, clerk, at, small_parts, monkeypatch):
    """The lease was too short: both have the same part in hand."""
    invoices = issued(customer, 12)
    rendered(invoices)
    archive = requested(invoices, at, clerk)
    both, claimed, keep = threading.Barrier(2), threading.Event(), building._keep

    def together(*args):
        claimed.set()
        both.wait(10)
        keep(*args)

    def late():
        claimed.wait(10)
        return build_archives(at=at + LEASE)

    monkeypatch.setattr(building, "_keep", together)
    assert at_once(lambda: build_archives(at=at), late) == [True, True]
    archive.refresh_from_db()
    assert (archive.done, archive.parts_written, archive.parts.count()) == (5, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_twice_at_once_asks_once(seller, customer, clerk, at):
    invoices = issued(customer, 3)
    first, second = at_once(*[lambda: requested(invoices, at, clerk)] * 2)
    assert first == second
    assert (Archive.objects.count(), ArchiveEntry.objects.count()) == (1, 3)
