"""«Log in as viewer»: staff see what a billing viewer sees, of one customer, for an hour, and write nothing."""

import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core import mail
from django.urls import Resolver404, get_resolver, resolve, reverse

from accounts.models import AuditEntry, BillingProfile, Customer, Membership, Notice, Role
from billing_portal.billing_run import run_billing
from billing_portal.tests.admin.refusing import known_by_session
from billing_portal.tests.begun import plus_since
from billing_portal.tests.people import on_plus
from core import clock
from invoices.models import Invoice
from invoices.tests.cast import open_invoice
from plans.tests.conftest import send

pytestmark = pytest.mark.django_db

KEY = "0123456789abcdef0123456789abcdef"
PORTAL = [
    "billing_overview", "billing_usage_panel", "billing_upcoming", "plan_change", "credits", "credit_tx",
    "credit_tx_csv", "credit_grants_csv", "credits_verify", "verify_script", "credits_ledger_csv", "credits_top_up",
    "portal", "billing_history_csv", "credit_statements_csv", "billing_details", "members", "settings",
    "billing_meters_csv", "billing_upcoming_csv", "billing_course_csv", "corrections_csv", "payment_methods_csv",
    "members_csv",
]  # fmt: skip
ACCOUNT_PAGES = [
    *("account_email", "account_change_password", "mfa_index", "account_reauthenticate"),
    *("api_tokens", "api_tokens_csv"),
]
TOKENS = {"api_tokens", "api_tokens_csv", "api_token_revoke"}
ENDINGS = {"viewing_stop", "account_logout", "logout"}


@pytest.fixture(autouse=True)
def _at_the_beginning(at):
    with clock.travel_to(at):
        yield


@pytest.fixture
def plus(customer, alice, catalogue, seller, at, processor):
    plus_since(at).again(processor, customer, alice, catalogue)
    return customer


def view(client, customer, **values):
    url = reverse("admin:customer_view", args=[customer.key])
    return client.post(url, {"key": KEY, "reason": "Ticket 4711", **values})


@pytest.fixture
def viewer(plus, supporter, log_in):
    """A client of support that views the portal of `customer`."""
    client = log_in(supporter)
    assert view(client, plus).headers["Location"] == reverse("billing_overview")
    return client


def rows():
    """Every table's count, sessions aside: theirs remembers the look."""
    return {model: model._default_manager.count() for model in apps.get_models() if model is not Session}


# --- what it shows ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", PORTAL)
def test_it_shows_each_page_and_writes_nothing(name, viewer, plus, at):
    before = rows()
    response = viewer.get(reverse(name))
    content = b"".join(response) if response.streaming else response.content
    assert (response.status_code, bool(content)) == (200, True)
    assert rows() == before
    assert mail.outbox == []


def test_it_says_on_every_page_whose_portal_it_is_and_until_when(viewer, plus):
    for url in (
        reverse("billing_overview"),
        reverse("portal"),
        "/nowhere/",
        reverse("admin:customer", args=[plus.key]),
    ):
        page = viewer.get(url).text
        assert "You view the portal of Wonder Ltd as a billing viewer." in page
        assert "Read-only, until" in page
        assert "20 Oct 2026, 11:00 UTC" in page
        assert f'action="{reverse("admin:viewing_stop")}"' in page


def test_it_is_what_a_billing_viewer_sees(viewer, plus, bob, log_in):
    """Word for word, but for the bar, the person, and the pages about accounts."""

    def main(client):
        page = client.get(reverse("billing_overview")).text
        return page[page.index("<main") : page.index("</main>")]

    assert main(viewer) == main(log_in(bob))
    page = viewer.get(reverse("billing_overview")).text
    assert "Cancel Plan" not in page
    assert reverse("api_tokens") not in page
    assert reverse("account_email") not in page


def test_it_shows_documents_and_downloads_as_to_a_viewer(viewer, plus, at):
    with clock.travel_to(at + timedelta(days=40)):
        run_billing(at=at + timedelta(days=40))
    invoice = Invoice.objects.filter(customer=plus).first()
    assert viewer.get(reverse("invoice", args=[invoice.public_id])).status_code == 200
    assert viewer.get(reverse("invoice_pdf", args=[invoice.public_id])).status_code in (200, 202)
    BillingProfile.objects.filter(customer=plus).update(country="DE")
    told = open_invoice(plus, 4900, at=at + timedelta(days=40))
    xml = viewer.get(reverse("invoice_xml", args=[told.public_id]))
    assert (xml.status_code, xml["Content-Type"]) == (200, "application/xml")
    assert viewer.post(reverse("invoice_pay", args=[invoice.public_id])).status_code == 403


def test_it_explains_a_line(viewer, plus, at):
    send(plus, at + timedelta(minutes=1), tokens=1_000)
    with clock.travel_to(at + timedelta(minutes=30)):
        line = viewer.get(reverse("billing_overview")).context["overview"].upcoming.counting[0]
        assert viewer.get(reverse("billing_explain", args=[line.key])).status_code == 200
        assert viewer.get(reverse("billing_explain_events", args=[line.key])).status_code == 200


def test_it_works_with_a_test_clock(viewer, plus, at):
    Customer.objects.filter(pk=plus.pk).update(clock_at=at + timedelta(days=5))
    assert viewer.get(reverse("billing_overview")).context["overview"].upcoming.as_of == at + timedelta(days=5)


def test_it_costs_what_a_page_costs_and_the_role(viewer, plus, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        viewer.get(reverse("billing_overview"))


# --- what it refuses -------------------------------------------------------------------------------------------------
def addresses(patterns, prefix=""):
    """(URL name, path) of every address of the house; arguments are filled with something that parses."""
    for entry in patterns:
        route = prefix + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from addresses(entry.url_patterns, route)
        else:
            filled = re.sub(r"<(\w+):\w+>", lambda kind: "1" if kind[1] == "int" else "x", route)
            filled = re.sub(r"\(\?P<\w+>[^)]*\)+|\^|\$|\\Z|\?", lambda part: "1" if "P<" in part[0] else "", filled)
            yield entry.name, "/" + filled.replace("\\", "")


def exists(path):
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def everywhere():
    return sorted({(name or "", path) for name, path in addresses(get_resolver().url_patterns) if exists(path)})


def test_it_opens_what_is_open_to_a_billing_viewer(viewer, plus, bob, log_in):
    own, before = log_in(bob), rows()
    differs = {}
    with known_by_session():
        for name, path in everywhere():
            if path.startswith(("/admin/", "/accounts/")) or name in TOKENS:
                continue
            answers = [client.get(path).status_code for client in (viewer, own)]
            if answers[0] != answers[1]:
                differs[path] = answers
    assert differs == {}
    assert rows() == before


def test_it_refuses_every_unsafe_method_everywhere(viewer, plus):
    every = everywhere()
    names = {name for name, _path in every}
    assert {"billing_details", "invoice_pay", "plan_cancel", "customer_rename", "account_email", "api_events"} <= names
    assert len(every) > 150
    before, reached = rows(), []
    # What decides reads the method before it knows the address: the others are sent to one of them.
    sent = [("post", path) for name, path in every if name not in ENDINGS]
    with known_by_session():
        for method, path in (*sent, *((method, reverse("billing_details")) for method in ("put", "patch", "delete"))):
            response = getattr(viewer, method)(path)
            if response.status_code != 403 or "Nothing was saved." not in response.content.decode():
                reached.append((method, path, response.status_code))
    assert reached == []
    assert rows() == before


def test_it_refuses_what_the_person_may_do_as_themselves(plus, clerk, log_in):
    client = log_in(clerk)
    view(client, plus)
    renamed = client.post(reverse("admin:customer_rename", args=[plus.key]), {"name": "X", "reason": "y"})
    assert renamed.status_code == 403
    assert "You view the portal of Wonder Ltd read-only until" in renamed.text
    plus.refresh_from_db()
    assert plus.name == "Wonder Ltd"


def test_it_refuses_also_within_a_page(viewer):
    answer = viewer.post(reverse("members"), {"email": "x@example.com"}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (403, "#notices")


@pytest.mark.parametrize("name", ACCOUNT_PAGES)
def test_it_shows_nothing_of_accounts(name, viewer):
    answer = viewer.get(reverse(name))
    assert answer.status_code == 403
    assert "Accounts and API tokens are not shown" in answer.text


def test_it_hides_another_customers_objects(viewer, plus, supporter, other_customer, catalogue, at):
    """Also those of a customer that the person belongs to."""
    Membership.objects.create(user=supporter, customer=other_customer, role=Role.BILLING_ADMIN)
    on_plus(other_customer, supporter, catalogue, at)
    run_billing(at=at + timedelta(days=40))
    invoice = Invoice.objects.filter(customer=other_customer).first()
    assert viewer.get(reverse("invoice", args=[invoice.public_id])).status_code == 404
    assert "Stranger Inc" not in viewer.get(reverse("billing_overview")).text


# --- how it begins and ends ------------------------------------------------------------------------------------------
def test_it_keeps_who_looked_and_why(viewer, plus, supporter, at):
    began = AuditEntry.objects.get(action="begin_viewing")
    assert (began.customer, began.actor, began.reason, began.at) == (plus, supporter, "Ticket 4711", at)
    answer = viewer.post(reverse("admin:viewing_stop"))
    assert answer.headers["Location"] == reverse("admin:customer", args=[plus.key])
    ended = AuditEntry.objects.get(action="end_viewing")
    assert (ended.actor, ended.reason, ended.after) == (supporter, "Ticket 4711", {"how": "stopped"})
    assert viewer.get(reverse("billing_overview")).status_code == 404
    assert not Notice.objects.filter(template__contains="view").exists()


def test_it_wants_a_reason(plus, supporter, log_in):
    client = log_in(supporter)
    assert view(client, plus, reason=" ").status_code == 422
    assert client.get(reverse("billing_overview")).status_code == 404
    assert not AuditEntry.objects.filter(action="begin_viewing").exists()


@pytest.mark.parametrize("person", ["auditor", "cataloger", "trainee"])
def test_it_is_for_support(person, plus, clerk, log_in, request):
    client = log_in(request.getfixturevalue(person))
    assert view(client, plus).status_code == 403
    assert client.get(reverse("admin:customer_view", args=[plus.key])).status_code == 403
    assert client.get(reverse("billing_overview")).status_code == 404


def test_it_is_not_for_customers(plus, charlie, log_in, client):
    assert view(client, plus).status_code == 302
    stranger = log_in(charlie)
    assert stranger.get(reverse("admin:customer_view", args=[plus.key]), follow=True).status_code == 403
    assert view(stranger, plus).status_code == 302
    assert stranger.get(reverse("billing_overview")).status_code == 404


def test_it_ends_after_an_hour(viewer, plus, at):
    with clock.travel_to(at + timedelta(minutes=59)):
        assert viewer.get(reverse("billing_overview")).status_code == 200
    with clock.travel_to(at + timedelta(minutes=60)):
        answer = viewer.get(reverse("billing_overview"), follow=True)
        assert answer.redirect_chain == [(reverse("admin:index"), 302)]
        assert "You no longer view the portal of Wonder Ltd: 60 minutes are over." in answer.text
        assert viewer.get(reverse("billing_overview")).status_code == 404
    assert AuditEntry.objects.get(action="end_viewing").after == {"how": "expired"}


def test_a_form_sent_too_late_reaches_nothing_of_the_persons_own(viewer, plus, supporter, other_customer, at):
    Membership.objects.create(user=supporter, customer=other_customer, role=Role.BILLING_ADMIN)
    with clock.travel_to(at + timedelta(hours=2)):
        answer = viewer.post(reverse("members"), {"email": "new@example.com", "role": "member"})
    assert answer.status_code == 403
    assert "60 minutes are over" in answer.text
    assert not Membership.objects.filter(user__email="new@example.com").exists()


def test_it_ends_within_a_page_too(viewer, at):
    with clock.travel_to(at + timedelta(hours=2)):
        answer = viewer.get(reverse("billing_usage_panel"), headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (403, "#notices")


def test_it_ends_where_the_role_is_withdrawn(viewer, plus, supporter):
    supporter.groups.clear()
    answer = viewer.get(reverse("billing_overview"), follow=True)
    assert "You no longer view the portal of Wonder Ltd: your role no longer includes it." in answer.text
    assert AuditEntry.objects.get(action="end_viewing").after == {"how": "role withdrawn"}
    assert viewer.get(reverse("billing_overview")).status_code == 404


def test_it_ends_with_the_persons_job(viewer, plus, supporter):
    supporter.is_staff = False
    supporter.save()
    assert viewer.get(reverse("billing_overview")).status_code == 302
    assert viewer.get(reverse("billing_overview")).status_code == 404


def test_it_ends_with_logging_out(viewer, plus):
    viewer.post(reverse("account_logout"))
    assert AuditEntry.objects.get(action="end_viewing").after == {"how": "logged out"}
    assert viewer.get(reverse("billing_overview")).status_code == 302


def test_it_begins_once_however_often_the_form_is_sent(plus, supporter, log_in):
    first, second = log_in(supporter), log_in(supporter)
    view(first, plus)
    view(second, plus)
    assert AuditEntry.objects.filter(action="begin_viewing").count() == 1


def test_no_form_of_a_look_that_ended_begins_another(viewer, plus, supporter, clerk, log_in):
    viewer.post(reverse("admin:viewing_stop"))
    again = view(viewer, plus)
    assert (again.status_code, "This form was used before." in again.text) == (422, True)
    assert view(log_in(clerk), plus).status_code == 422
    assert viewer.get(reverse("billing_overview")).status_code == 404


def test_stopping_what_is_over_leads_to_the_staff_site(supporter, log_in):
    assert log_in(supporter).post(reverse("admin:viewing_stop")).headers["Location"] == reverse("admin:index")


def test_it_leaves_the_person_their_own_customer_afterwards(viewer, plus, supporter, other_customer, catalogue, at):
    Membership.objects.create(user=supporter, customer=other_customer, role=Role.BILLING_VIEWER)
    on_plus(other_customer, supporter, catalogue, at)
    viewer.post(reverse("admin:viewing_stop"))
    assert "Stranger Inc" in viewer.get(reverse("billing_overview")).text
