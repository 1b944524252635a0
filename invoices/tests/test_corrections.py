"""«Ask us for a corrected invoice»: asked once, worked on by staff, answered once; the invoice stays as it is."""

import pytest
from django.urls import reverse

from accounts.mail import write
from accounts.models import AuditEntry, Membership, Notice
from core.clock import travel_to
from invoices.corrections import open_corrections
from invoices.exceptions import CorrectionAnsweredError, CorrectionOpenError, NotCorrectableError
from invoices.models import CorrectionRequest, CorrectionStatus, Invoice
from invoices.services.answer_correction import answer_correction
from invoices.services.ask_for_correction import ask_for_correction
from invoices.services.issue_credit_note import issue_credit_note
from invoices.services.void_invoice import void_invoice
from invoices.tests.cast import calculated, open_invoice
from invoices.tests.test_races import at_once

ADD = reverse("correction_add")
LIST = reverse("admin:invoices_correctionrequest_changelist")
KEY = "0123456789abcdef" * 2
HTMX = {"HX-Request": "true"}
WRONG = "Our name is Wonder Holding Ltd."
SAID = "CN-2026-000001 takes it back, INV-2026-000002 replaces it."


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


@pytest.fixture
def invoice(seller, customer, at):
    return open_invoice(customer, 4900, at=at)


@pytest.fixture
def request_made(invoice, alice, at):
    return asked(invoice, alice, at)


def asked(invoice, actor, at, key="k", wrong=WRONG):
    return ask_for_correction(invoice_id=invoice.pk, wrong=wrong, key=key, at=at, actor=actor)


def answered(request, actor, at, status=CorrectionStatus.CORRECTED, answer=SAID):
    return answer_correction(request_id=request.pk, status=status, answer=answer, at=at, actor=actor)


def page_of(request):
    return reverse("correction", args=[request.public_id])


def staff_page_of(request):
    return reverse("admin:invoices_correctionrequest_change", args=[request.pk])


def answer_url(request):
    return reverse("admin:invoices_correctionrequest_answer", args=[request.pk])


# --- asked -----------------------------------------------------------------------------------------------------------
def test_it_is_kept_for_staff_and_the_invoice_stays(invoice, customer, alice, at):
    before = Invoice.objects.values().get()
    request = asked(invoice, alice, at)
    assert (request.customer, request.invoice, request.wrong, request.status) == (customer, invoice, WRONG, "open")
    assert open_corrections(10) == [request]
    assert Invoice.objects.values().get() == before


def test_it_says_who_asked(request_made, invoice, alice):
    entry = AuditEntry.objects.get(action="ask_for_correction")
    assert (entry.actor, entry.subject, entry.reason) == (alice, f"invoice:{invoice.pk}", WRONG)


def test_asked_twice_is_asked_once(request_made, invoice, alice, at):
    assert asked(invoice, alice, at, wrong="Other words") == request_made
    assert CorrectionRequest.objects.get().wrong == WRONG
    assert AuditEntry.objects.filter(action="ask_for_correction").count() == 1


def test_one_is_open_per_invoice_and_afterwards_there_may_be_another(request_made, invoice, alice, clerk, at):
    with pytest.raises(CorrectionOpenError):
        asked(invoice, alice, at, key="other")
    answered(request_made, clerk, at)
    assert asked(invoice, alice, at, key="other") != request_made


def test_only_an_issued_invoice_is_corrected(invoice, customer, alice, clerk, at):
    note = issue_credit_note(invoice_id=invoice.pk, at=at, actor=clerk, reason="Agreed")
    gone = open_invoice(customer, 100, at=at)
    void_invoice(invoice_id=gone.pk, at=at, actor=clerk, reason="Wrong")
    for document in (note, gone, calculated(customer, 100)):
        with pytest.raises(NotCorrectableError):
            asked(document, alice, at)
    assert not CorrectionRequest.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_forms_at_once_ask_once(invoice, alice, at):
    made = at_once(*[lambda key=key: asked(invoice, alice, at, key=key) for key in ("one", "two")])
    assert sorted(type(each) for each in made if isinstance(each, Exception)) == [CorrectionOpenError]
    assert CorrectionRequest.objects.count() == 1


# --- answered --------------------------------------------------------------------------------------------------------
def test_the_answer_is_told_to_who_asked_and_who_gets_the_documents(request_made, customer, clerk, bob, at):
    customer.billing_profile.recipients = ["books@example.com"]
    customer.billing_profile.save()
    answered(request_made, clerk, at)
    notice = Notice.objects.get(template="invoice_correction")
    mail = write(notice.template, notice.context)
    assert notice.to == ["books@example.com", "alice@example.com"]
    assert mail.subject == "Invoice INV-2026-000001 was corrected"
    assert SAID in mail.text
    assert page_of(request_made) in mail.text


def test_who_has_left_is_not_told(request_made, customer, alice, clerk, at):
    customer.billing_profile.recipients = ["books@example.com"]
    customer.billing_profile.save()
    Membership.objects.filter(user=alice).delete()
    answered(request_made, clerk, at)
    assert Notice.objects.get(template="invoice_correction").to == ["books@example.com"]


def test_answered_twice_is_answered_once(request_made, clerk, supporter, at):
    first = answered(request_made, clerk, at)
    assert answered(request_made, supporter, at).answered_by == first.answered_by == clerk
    with pytest.raises(CorrectionAnsweredError):
        answered(request_made, supporter, at, status=CorrectionStatus.DECLINED)
    assert Notice.objects.filter(template="invoice_correction").count() == 1
    entry = AuditEntry.objects.get(action="answer_correction")
    assert (entry.actor, entry.before, entry.reason) == (clerk, {"status": "open"}, SAID)
    assert entry.after == {"status": "corrected", "request": request_made.public_id}


@pytest.mark.django_db(transaction=True)
def test_two_answers_at_once_are_one(request_made, clerk, supporter, at):
    made = at_once(
        lambda: answered(request_made, clerk, at),
        lambda: answered(request_made, supporter, at, answer="Something else"),
    )
    assert sum(isinstance(each, CorrectionAnsweredError) for each in made) == 1
    assert Notice.objects.filter(template="invoice_correction").count() == 1


# --- the customer's pages --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("page", ["billing_details", "portal"])
def test_the_pages_about_details_lead_there(page, invoice, alice, bob, log_in):
    shown = [log_in(person).get(reverse(page)).text for person in (alice, bob)]
    assert [f'<a href="{ADD}">ask us for a corrected invoice</a>' in text for text in shown] == [True, False]
    assert "Issued invoices don’t change" in shown[1] or page == "billing_details"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_it_is_asked_by_the_form_and_then_shown(headers, invoice, alice, log_in):
    client = log_in(alice)
    form = client.get(ADD, {"invoice": invoice.public_id}).text
    assert f'<option value="{invoice.public_id}" selected>INV-2026-000001, 20 Oct 2026, $49.00</option>' in form
    values = {"key": KEY, "invoice": invoice.public_id, "wrong": WRONG}
    first, second = (client.post(ADD, values, headers=headers) for _ in range(2))
    made = CorrectionRequest.objects.get()
    assert (first.status_code, first["Location"]) == (303, page_of(made))
    assert second["Location"] == first["Location"]
    page = client.get(page_of(made)).text
    for words in ("Being looked at", WRONG, "We have not answered yet."):
        assert words in page
    portal = client.get(reverse("portal")).text
    assert page_of(made) in portal


@pytest.mark.parametrize(
    ("values", "said"),
    [({"wrong": ""}, "What is wrong – This field is required."), ({"invoice": "inv_x"}, "Invoice – ")],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_it_says_what_is_missing_and_loses_nothing(headers, invoice, alice, log_in, values, said):
    sent = {"key": KEY, "invoice": invoice.public_id, "wrong": WRONG} | values
    response = log_in(alice).post(ADD, sent, headers=headers)
    assert (response.status_code, said in response.text) == (422, True)
    assert WRONG in response.text or not sent["wrong"]
    assert not CorrectionRequest.objects.exists()


def test_another_one_about_the_same_invoice_is_refused(request_made, invoice, alice, log_in):
    sent = {"key": KEY, "invoice": invoice.public_id, "wrong": "Again"}
    response = log_in(alice).post(ADD, sent)
    assert (response.status_code, "You have asked for a correction" in response.text) == (409, True)


def test_the_invoice_of_somebody_else_cannot_be_chosen(invoice, other_customer, alice, log_in, at):
    theirs = open_invoice(other_customer, 700, at=at)
    client = log_in(alice)
    assert theirs.number not in client.get(ADD, {"invoice": theirs.public_id}).text
    assert client.post(ADD, {"key": KEY, "invoice": theirs.public_id, "wrong": WRONG}).status_code == 422
    assert not CorrectionRequest.objects.exists()


def test_the_answer_is_shown(request_made, alice, bob, clerk, log_in, at):
    answered(request_made, clerk, at, status=CorrectionStatus.DECLINED, answer="It is right.")
    for person in (alice, bob):
        page = log_in(person).get(page_of(request_made)).text
        assert ("Not corrected" in page, "It is right." in page) == (True, True)


def test_without_an_invoice_there_is_nothing_to_ask(seller, customer, alice, log_in):
    assert "No invoice has been issued yet." in log_in(alice).get(ADD).text


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_stranger_finds_nothing(headers, request_made, charlie, other_customer, log_in):
    assert log_in(charlie).get(page_of(request_made), headers=headers).status_code == 404


def test_viewers_read_and_members_are_told_who_can(request_made, bob, dora, log_in):
    viewer, member = log_in(bob), log_in(dora)
    assert viewer.get(page_of(request_made)).status_code == 200
    for response in (viewer.get(ADD), viewer.post(ADD), member.get(ADD), member.get(page_of(request_made))):
        assert (response.status_code, "alice@example.com" in response.text) == (403, True)


def test_nobody_is_let_in_without_logging_in(request_made, client):
    for url in (ADD, page_of(request_made)):
        assert "/accounts/login/" in client.get(url)["Location"]


# --- staff's pages ---------------------------------------------------------------------------------------------------
def test_staff_find_it_in_the_work_list_and_answer(request_made, as_clerk, alice, log_in):
    assert staff_page_of(request_made) in as_clerk.get(reverse("admin:index")).text
    page = as_clerk.get(staff_page_of(request_made)).text
    assert WRONG in page
    for name, args in (
        ("customer_details", [request_made.customer.key]), ("invoices_invoice_credit", [request_made.invoice_id]),
        ("customer_invoices_charge", [request_made.customer.key]),
    ):  # fmt: skip
        assert reverse(f"admin:{name}", args=args) in page
    response = as_clerk.post(answer_url(request_made), {"status": "corrected", "answer": SAID})
    assert (response.status_code, response["Location"]) == (303, staff_page_of(request_made))
    assert SAID in as_clerk.get(staff_page_of(request_made)).text
    assert "Nobody asks for a corrected invoice." in as_clerk.get(reverse("admin:index")).text


def test_it_shows_what_was_credited_meanwhile(request_made, clerk, as_clerk, at):
    note = issue_credit_note(invoice_id=request_made.invoice_id, at=at, actor=clerk, reason="Agreed")
    assert note.number in as_clerk.get(staff_page_of(request_made)).text


@pytest.mark.parametrize("values", [{"answer": ""}, {"status": "open"}])
def test_an_answer_wants_an_outcome_and_words(values, request_made, as_clerk):
    response = as_clerk.post(answer_url(request_made), {"status": "corrected", "answer": SAID} | values)
    assert (response.status_code, "There is a problem" in response.text) == (422, True)
    assert CorrectionRequest.objects.get().status == "open"


def test_an_answer_that_comes_second_is_shown_the_first(request_made, clerk, as_clerk, at):
    answered(request_made, clerk, at)
    response = as_clerk.post(answer_url(request_made), {"status": "declined", "answer": "No."})
    assert (response.status_code, SAID in response.text) == (409, True)


@pytest.mark.parametrize(
    ("person", "reads", "answers"),
    [("supporter", 200, 303), ("auditor", 200, 403), ("cataloger", 403, 403), ("trainee", 403, 403)],
)
def test_support_answers_and_readers_look(person, reads, answers, request_made, log_in, request):
    client = log_in(request.getfixturevalue(person))
    assert client.get(LIST).status_code == client.get(staff_page_of(request_made)).status_code == reads
    sent = client.post(answer_url(request_made), {"status": "corrected", "answer": SAID})
    assert sent.status_code == answers


def test_its_pages_ask_few_questions(request_made, invoice, alice, as_clerk, log_in, django_assert_max_num_queries):
    client = log_in(alice)
    for one, url in ((client, ADD), (client, page_of(request_made)), (as_clerk, staff_page_of(request_made))):
        with django_assert_max_num_queries(15):
            assert one.get(url).status_code == 200
    assert as_clerk.get(staff_page_of(request_made).replace(str(request_made.pk), "999")).status_code == 404
