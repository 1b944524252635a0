"""Staff take many documents away: from the list to the ZIP, and who may."""

import io
import zipfile
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from core.clock import travel_to
from invoices import archive_entries
from invoices.models import Invoice
from invoices.models_archives import Archive
from invoices.services.expire_archives import expire_archives
from invoices.tests.cast import calculated
from invoices.tests.shelf import built, issued, opened, rendered, requested

ADD = reverse("admin:invoices_archive_add")
LIST = reverse("admin:invoices_invoice_changelist")
ARCHIVES = reverse("admin:invoices_archive_changelist")
KEY = "0123456789abcdef" * 2
HTMX = {"HX-Request": "true"}


def page_of(archive):
    return reverse("admin:invoices_archive_change", args=[archive.public_id])


def zip_of(archive):
    return reverse("admin:invoices_archive_zip", args=[archive.public_id])


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


@pytest.fixture
def shelf(seller, customer):
    """Six issued invoices with their PDFs."""
    invoices = issued(customer, 6)
    rendered(invoices)
    return invoices


@pytest.fixture
def archive(shelf, clerk, at):
    return requested(shelf, at, clerk)


def ask(client, query="", **values):
    return client.post(f"{ADD}?{query}", {"key": KEY, "purpose": "Audit of 2026", **values})


# --- from the list ---------------------------------------------------------------------------------------------------
def test_it_goes_from_the_chosen_rows_to_the_form(as_clerk, shelf):
    chosen = [shelf[1].pk, shelf[4].pk]
    response = as_clerk.post(LIST, {"action": "download_as_zip", "_selected_action": chosen})
    form = as_clerk.get(response["Location"])
    assert "2 issued documents" in form.text
    assert "Chosen in the list." in form.text
    ask(as_clerk, response["Location"].partition("?")[2])
    assert {entry.invoice_id for entry in Archive.objects.get().entries.all()} == set(chosen)


def test_it_takes_the_whole_filtered_list_where_all_are_chosen(as_clerk, shelf, other_customer):
    theirs = issued(other_customer, 3)
    chosen = {"action": "download_as_zip", "_selected_action": [theirs[0].pk], "select_across": "1"}
    response = as_clerk.post(f"{LIST}?q=stranger", chosen)
    assert response["Location"] == f"{ADD}?q=stranger"
    ask(as_clerk, "q=stranger")
    archive = Archive.objects.get()
    assert {entry.invoice for entry in archive.entries.all()} == set(theirs)
    assert archive.selection == "Filtered by search “stranger”"


def test_it_is_linked_from_the_list_with_its_filter(as_clerk, shelf):
    page = as_clerk.get(LIST, {"status__exact": "open", "q": "wonder"}).text
    assert f'href="{ADD}?q=wonder&amp;status__exact=open"' in page
    assert f'href="{ARCHIVES}"' in page


def test_it_goes_back_to_the_list_where_the_filter_is_none(as_clerk, shelf):
    assert as_clerk.get(f"{ADD}?status__exact=bogus")["Location"] == f"{LIST}?e=1"


# --- the form --------------------------------------------------------------------------------------------------------
def test_it_asks_for_the_zip_and_shows_its_progress(as_clerk, clerk, shelf, customer):
    calculated(customer, 100)
    form = as_clerk.get(f"{ADD}?kind__exact=invoice").text
    assert "6 issued documents" in form
    assert "1 draft is left out" in form
    response = ask(as_clerk, "kind__exact=invoice")
    archive = Archive.objects.get()
    assert (response.status_code, response["Location"]) == (303, page_of(archive))
    assert (archive.total, archive.created_by, archive.purpose) == (6, clerk, "Audit of 2026")
    assert archive.selection == "Filtered by kind invoice"
    assert AuditEntry.objects.get(action="request_archive").actor == clerk


def test_a_form_sent_twice_makes_one(as_clerk, shelf):
    first, second = ask(as_clerk), ask(as_clerk)
    assert first["Location"] == second["Location"]
    assert Archive.objects.count() == 1


def test_the_key_of_another_person_is_another_key(as_clerk, auditor, log_in, shelf):
    ask(as_clerk)
    ask(log_in(auditor))
    assert Archive.objects.count() == 2


@pytest.mark.parametrize(
    ("values", "said"), [({"purpose": ""}, "What for – This field is required."), ({"key": "x"}, "There is a problem")]
)
def test_it_says_what_is_missing(as_clerk, shelf, values, said):
    response = ask(as_clerk, **values)
    assert response.status_code == 422
    assert said in response.text
    assert not Archive.objects.exists()


def test_it_refuses_more_than_one_zip_holds(as_clerk, shelf, monkeypatch):
    monkeypatch.setattr(archive_entries, "LIMIT", 5)
    response = ask(as_clerk)
    assert response.status_code == 422
    assert "One ZIP holds at most 10,000 documents" in response.text
    assert not Archive.objects.exists()


def test_it_says_where_nothing_is_issued(as_clerk, seller, customer):
    calculated(customer, 100)
    assert "There is nothing to download." in as_clerk.get(ADD).text
    assert ask(as_clerk).status_code == 422


# --- its progress ----------------------------------------------------------------------------------------------------
def test_it_asks_again_until_it_is_ready_and_then_no_more(as_clerk, archive, at):
    page = as_clerk.get(page_of(archive)).text
    assert "0 of 6 documents" in page
    assert '<meta http-equiv="refresh" content="4">' in page
    assert f'hx-get="{page_of(archive)}?looks=1" hx-trigger="load delay:2s"' in page
    built(archive, at)
    page = as_clerk.get(page_of(archive)).text
    assert "6 documents, 13.5\xa0KB" in page
    assert f'href="{zip_of(archive)}"' in page
    assert 'http-equiv="refresh"' not in page
    assert "hx-get" not in page


def test_htmx_gets_the_progress_alone(as_clerk, archive, at):
    response = as_clerk.get(page_of(archive) + "?looks=15", headers=HTMX)
    assert "HX-Request" in response["Vary"]
    assert response.text.strip().startswith("<section")
    assert "load delay:10s" in response.text
    built(archive, at)
    assert "hx-trigger" not in as_clerk.get(page_of(archive) + "?looks=16", headers=HTMX).text


def test_it_says_what_is_missing_in_it(as_clerk, archive):
    Archive.objects.update(status="ready", build_at=None, expires_at=archive.created_at, missing=2, size=10)
    archive.entries.filter(position__lt=4).update(file="x", crc=1, size=1, offset=0)
    page = as_clerk.get(page_of(archive)).text
    assert "4 documents" in page
    assert "2 PDFs could not be made" in page


@pytest.mark.parametrize(
    ("status", "said"), [("failed", "The ZIP could not be made."), ("expired", "The ZIP was deleted.")]
)
def test_it_says_where_there_is_no_file(as_clerk, archive, status, said):
    Archive.objects.update(status=status, build_at=None)
    page = as_clerk.get(page_of(archive)).text
    assert said in page
    assert "Download ZIP" not in page
    assert as_clerk.get(zip_of(archive)).status_code == 409


# --- the file --------------------------------------------------------------------------------------------------------
def test_it_sends_the_file_and_notes_who_took_it(as_clerk, clerk, archive, at):
    assert as_clerk.get(zip_of(archive)).status_code == 409
    built(archive, at)
    response = as_clerk.get(zip_of(archive))
    content = b"".join(response.streaming_content)
    assert (response["Content-Type"], int(response["Content-Length"])) == ("application/zip", len(content))
    assert response["Content-Disposition"] == f'attachment; filename="documents-2026-10-20-{archive.public_id}.zip"'
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == opened(archive).namelist()
    assert AuditEntry.objects.get(action="download_archive").actor == clerk


def test_it_is_gone_after_a_week(as_clerk, archive, at):
    built(archive, at)
    expire_archives(at=at + timedelta(days=7))
    assert as_clerk.get(zip_of(archive)).status_code == 409
    assert "Audit of 2026" in as_clerk.get(ARCHIVES).text


# --- who may ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("person", "status"),
    [("clerk", 200), ("auditor", 200), ("staff", 200), ("supporter", 403), ("cataloger", 403), ("trainee", 403)],
)
def test_it_is_for_who_may_export_what_they_may_read(person, status, archive, at, log_in, request):
    built(archive, at)
    client = log_in(request.getfixturevalue(person))
    for url in (ADD, ARCHIVES, page_of(archive), zip_of(archive)):
        assert client.get(url).status_code == status, url
    made = 303 if status == 200 else 403
    assert ask(client).status_code == made
    assert Archive.objects.count() == (2 if status == 200 else 1)


@pytest.mark.parametrize("url_of", [page_of, zip_of, lambda archive: ADD, lambda archive: ARCHIVES])
def test_it_sends_everybody_else_to_the_log_in(url_of, archive, alice, client, log_in):
    assert client.get(url_of(archive)).status_code == 302
    assert log_in(alice).get(url_of(archive), follow=True).status_code == 403


def test_the_action_is_not_offered_to_who_only_reads(supporter, log_in, shelf):
    client = log_in(supporter)
    page = client.get(LIST).text
    assert "Download as ZIP" not in page
    client.post(LIST, {"action": "download_as_zip", "_selected_action": [shelf[0].pk]})
    assert Invoice.objects.count() == 6


def test_archives_are_only_looked_at(as_clerk, archive):
    delete = reverse("admin:invoices_archive_delete", args=[archive.pk])
    assert as_clerk.post(page_of(archive), {"status": "ready"}).status_code == 405
    assert as_clerk.post(delete, {"post": "yes"}).status_code == 403
    assert as_clerk.get(page_of(archive).replace("arc_", "arc_x")).status_code == 404


# --- few questions ---------------------------------------------------------------------------------------------------
def test_it_asks_few_questions(as_clerk, archive, at, django_assert_max_num_queries):
    built(archive, at)
    for url in (ADD, page_of(archive), ARCHIVES, LIST):
        with django_assert_max_num_queries(15):
            assert as_clerk.get(url).status_code == 200
