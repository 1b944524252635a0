"""The customer page: what staff change there, who may, and what its tabs show."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import AuditEntry, Membership, Notice, Role, UsageSubject
from accounts.services.park_customer import park_customer
from billing_portal.admin.change_forms import DetailsForm, RenameForm
from billing_portal.billing_run import run_billing
from billing_portal.tests.begun import plus_since
from billing_portal.tests.people import on_free
from core import clock
from core.language import override
from credits.grants import GrantDraft
from credits.services.grant_credits import grant_credits
from plans.tests.conftest import send
from usage.services.ingest_events import ingest_events

pytestmark = pytest.mark.django_db
WHY = {"reason": "Asked by phone"}
DETAILS = {
    "legal_name": "Wonder SAS",
    "line1": "1 rue",
    "city": "Paris",
    "country": "FR",
    "recipients": "a@example.com",
}
PAGES = ["customer_rename", "customer_details", "customer_subject_add", "customer_unpark", "customer_invite"]
ABOUT_BOB = ["customer_role", "customer_person_remove", "customer_invite_again"]


@pytest.fixture(autouse=True)
def _at_the_beginning(at):
    with clock.travel_to(at):
        yield


@pytest.fixture
def plus(customer, alice, catalogue, seller, at, processor):
    plus_since(at).again(processor, customer, alice, catalogue)
    return customer


def url_of(page, customer, *args):
    return reverse(f"admin:{page}", args=[customer.key, *args])


def member(user):
    return Membership.objects.get(user=user)


def said(response):
    """What the page says after the action."""
    assert response.redirect_chain[-1][1] == 303
    return response.text


@pytest.fixture
def every_page(customer, bob):
    row = UsageSubject.objects.create(customer=customer, subject="app-7")
    return [
        *(url_of(page, customer) for page in PAGES),
        *(url_of(page, customer, member(bob).pk) for page in ABOUT_BOB),
        url_of("customer_subject_remove", customer, row.pk),
    ]


# --- who may ----------------------------------------------------------------------------------------------------------
def test_it_opens_to_who_manages(every_page, as_clerk, django_assert_max_num_queries):
    for url in every_page:
        with django_assert_max_num_queries(15):
            page = as_clerk.get(url)
        assert page.status_code == 200
        assert "Reason" in page.text


@pytest.mark.parametrize("person", ["supporter", "auditor", "cataloger", "trainee"])
def test_it_is_closed_to_other_roles(person, every_page, customer, clerk, log_in, request):
    client, before = log_in(request.getfixturevalue(person)), AuditEntry.objects.count()
    for url in every_page:
        if person == "supporter" and "invite-again" in url:
            continue  # sends again, which is what supporters do
        assert client.get(url).status_code == 403
        assert client.post(url, {**WHY, "name": "X", "role": "member", "email": "x@example.com"}).status_code == 403
    assert AuditEntry.objects.count() == before


def test_it_is_closed_to_everybody_else(every_page, alice, client, log_in):
    for url in every_page:
        assert client.get(url).status_code == 302
        assert log_in(alice).get(url, follow=True).status_code == 403


def test_it_shows_actions_to_who_may_use_them(customer, bob, as_clerk, supporter, auditor, log_in):
    url = url_of("customer", customer)
    links = [url_of(page, customer) for page in ("customer_rename", "customer_details", "customer_invite")]
    assert all(f'href="{link}"' in as_clerk.get(url).text for link in links)
    look = log_in(supporter).get(url).text
    assert not any(f'href="{link}"' in look for link in links)
    assert url_of("customer_view", customer) in look
    assert url_of("customer_view", customer) not in log_in(auditor).get(url).text


def test_who_supports_invites_again_and_no_more(customer, bob, supporter, auditor, log_in):
    look, again = log_in(supporter).get(url_of("customer", customer)).text, ("customer_invite_again", customer)
    assert url_of(*again, member(bob).pk) in look
    assert url_of("customer_role", customer, member(bob).pk) not in look
    assert log_in(supporter).post(url_of(*again, member(bob).pk), {**WHY, "key": "0" * 32}).status_code == 303
    assert AuditEntry.objects.get(action="resend_invitation").reason == "Asked by phone"
    assert url_of(*again, member(bob).pk) not in log_in(auditor).get(url_of("customer", customer)).text


def test_it_asks_for_a_reason(every_page, as_clerk):
    for url in every_page:
        answer = as_clerk.post(url, {"name": "X"})
        assert answer.status_code == 422
        assert "Reason – This field is required." in answer.text


# --- what it does -----------------------------------------------------------------------------------------------------
def test_it_renames(customer, as_clerk, clerk):
    page = as_clerk.post(url_of("customer_rename", customer), {**WHY, "name": "Wonder Group"}, follow=True)
    assert "The customer is called Wonder Group." in said(page)
    entry = AuditEntry.objects.get(action="rename_customer")
    assert (entry.actor, entry.reason, entry.after) == (clerk, "Asked by phone", {"name": "Wonder Group"})


def test_it_changes_billing_details_and_tells_the_customer(customer, as_clerk):
    page = as_clerk.post(url_of("customer_details", customer), {**WHY, **DETAILS}, follow=True)
    assert "Billing details saved." in said(page)
    customer.billing_profile.refresh_from_db()
    assert (customer.billing_profile.city, customer.billing_profile.recipients) == ("Paris", ["a@example.com"])
    assert AuditEntry.objects.get(action="update_billing_profile").reason == "Asked by phone"
    assert Notice.objects.get(template="accounts_billing_details").to == ["a@example.com", "alice@example.com"]


def test_it_says_what_is_wrong_with_billing_details(customer, as_clerk):
    page = as_clerk.post(url_of("customer_details", customer), {**WHY, **DETAILS, "recipients": "nobody"})
    assert page.status_code == 422
    assert "nobody is not an e-mail address." in page.text
    assert 'value="Wonder SAS"' in page.text


def event(subject, at):
    data = {"specversion": "1.0", "source": "test", "id": f"{subject}-{at}", "subject": subject, "type": "api.request"}
    return {**data, "time": at.isoformat(), "data": {}}


def test_it_maps_usage_and_stops_to(plus, as_clerk, at):
    values = {**WHY, "kind": "application", "subject": "app-7"}
    assert ingest_events(events=[event("app-7", at)], token_customer_id=None, at=at).rejected
    added = as_clerk.post(url_of("customer_subject_add", plus), values, follow=True)
    assert "Events of “app-7” are attributed to Wonder Ltd." in said(added)
    later = at + timedelta(minutes=1)
    assert not ingest_events(events=[event("app-7", later)], token_customer_id=None, at=later).rejected
    remove = url_of("customer_subject_remove", plus, UsageSubject.objects.get(subject="app-7").pk)
    assert "New events of it are refused as unknown." in said(as_clerk.post(remove, WHY, follow=True))
    again = later + timedelta(minutes=1)
    [refused] = ingest_events(events=[event("app-7", again)], token_customer_id=None, at=again).rejected
    assert "subject" in str(refused).lower()
    with clock.travel_to(again):
        usage = as_clerk.get(url_of("customer_usage", plus)).context["usage"]
    assert sum(row.quantity for row in usage.rows) == 1
    assert as_clerk.post(remove, WHY).status_code == 303
    assert as_clerk.get(remove).status_code == 404


def test_it_says_whose_a_subject_is(customer, other_customer, as_clerk):
    UsageSubject.objects.create(customer=other_customer, subject="app-7")
    page = as_clerk.post(url_of("customer_subject_add", customer), {**WHY, "kind": "subject", "subject": "app-7"})
    assert page.status_code == 422
    assert "“app-7” belongs to Stranger Inc already." in page.text


def test_it_offers_no_removal_of_the_customers_own_key(customer, as_clerk):
    own = UsageSubject.objects.get(customer=customer)
    url = url_of("customer_subject_remove", customer, own.pk)
    assert url not in as_clerk.get(url_of("customer", customer)).text
    assert as_clerk.post(url, WHY).status_code == 422


def test_it_invites_changes_and_removes_a_person(customer, as_clerk):
    values = {**WHY, "email": "new@example.com", "role": "billing_viewer"}
    invited = as_clerk.post(url_of("customer_invite", customer), values, follow=True)
    assert "new@example.com is billing viewer now and told by e-mail." in said(invited)
    assert "This person is already a member." in as_clerk.post(url_of("customer_invite", customer), values).text
    new = Membership.objects.get(user__email="new@example.com")
    again = as_clerk.get(url_of("customer_invite_again", customer, new.pk)).text
    key = re.search(r'name="key" value="(\w+)"', again)[1]
    for _ in range(2):
        as_clerk.post(url_of("customer_invite_again", customer, new.pk), {**WHY, "key": key})
    assert Notice.objects.filter(template="accounts_invitation").count() == 2
    role = as_clerk.post(url_of("customer_role", customer, new.pk), {**WHY, "role": "billing_admin"}, follow=True)
    assert "new@example.com is billing admin now." in said(role)
    gone = as_clerk.post(url_of("customer_person_remove", customer, new.pk), WHY, follow=True)
    assert "new@example.com no longer belongs to Wonder Ltd." in said(gone)
    assert as_clerk.post(url_of("customer_person_remove", customer, new.pk), WHY).status_code == 303
    actions = ("invite_member", "resend_invitation", "change_role", "remove_member")
    entries = AuditEntry.objects.filter(action__in=actions).order_by("pk")
    assert [entry.action for entry in entries] == list(actions)
    assert {entry.reason for entry in entries} == {"Asked by phone"}


def test_it_removes_the_last_admin_only_where_that_is_said(customer, alice, bob, as_clerk):
    url = url_of("customer_person_remove", customer, member(alice).pk)
    assert "This is the last billing admin" in as_clerk.get(url).text
    refused = as_clerk.post(url, WHY)
    assert refused.status_code == 422
    assert "Confirm that the customer is left without one." in refused.text
    assert Membership.objects.filter(user=alice).exists()
    assert as_clerk.post(url, {**WHY, "leaves_no_admin": "on"}).status_code == 303
    assert not Membership.objects.filter(user=alice).exists()


def test_it_changes_nobody_of_another_customer(customer, other_customer, charlie, as_clerk):
    for page in ABOUT_BOB:
        assert as_clerk.get(url_of(page, customer, member(charlie).pk)).status_code == 404
    as_clerk.post(url_of("customer_person_remove", customer, member(charlie).pk), {**WHY, "leaves_no_admin": "on"})
    assert member(charlie).role == Role.BILLING_ADMIN


def test_it_takes_a_parked_customer_along_again(customer, as_clerk, clerk, at):
    park_customer(customer_id=customer.pk, reason="no price for it", at=at)
    url = url_of("customer_unpark", customer)
    overview = as_clerk.get(url_of("customer", customer)).text
    assert "no price for it" in overview
    assert f'href="{url}"' in overview
    assert "Wonder Ltd is taken along in runs again." in said(as_clerk.post(url, WHY, follow=True))
    customer.refresh_from_db()
    assert customer.parked_at is None
    assert AuditEntry.objects.get(action="unpark_customer").reason == "Asked by phone"


# --- what the tabs show -----------------------------------------------------------------------------------------------
def test_it_shows_what_the_customers_own_overview_does(plus, alice, as_clerk, log_in, at):
    send(plus, at + timedelta(hours=1), tokens=300_000)
    with clock.travel_to(at + timedelta(hours=2)):
        own = log_in(alice).get(reverse("billing_overview"))
        page = as_clerk.get(url_of("customer_upcoming", plus))
        overview = as_clerk.get(url_of("customer", plus))
        usage = as_clerk.get(url_of("customer_usage", plus))
    card = plus.payment_methods.get()
    expires = f"expires {card.exp_month:02d}/{card.exp_year}"
    assert all(text in page.text for text in ("Upcoming invoice", "Still counting", "Charges calculated"))
    assert expires in overview.text
    assert "alice@example.com" in overview.text
    assert f'hx-get="{url_of("customer_upcoming", plus)}"' in overview.text
    total = own.context["overview"].upcoming.totals.total
    assert page.context["overview"].upcoming.totals.total == total
    assert usage.context["usage"].amount == own.context["overview"].usage.amount > 0
    assert reverse("billing_overview") not in page.text + usage.text
    assert reverse("billing_explain", args=["x"])[:-3] not in page.text + usage.text


def test_its_overview_costs_the_same_whatever_there_is(plus, bob, as_clerk, at, django_assert_max_num_queries):
    grant = GrantDraft(key="g", customer_id=plus.pk, currency="USD", amount=500, funding="promotional", name="Welcome")
    grant_credits(grant=grant, at=at, actor=None)
    later = at + timedelta(days=70)
    run_billing(at=later)
    with clock.travel_to(later):
        with django_assert_max_num_queries(20):
            assert as_clerk.get(url_of("customer", plus)).status_code == 200
        with django_assert_max_num_queries(25):  # with the draw-down of credits, as on the customer's own page
            assert as_clerk.get(url_of("customer_upcoming", plus)).status_code == 200


def test_it_answers_the_next_payment_alone_to_htmx(plus, as_clerk):
    part = as_clerk.get(url_of("customer_upcoming", plus), headers={"HX-Request": "true"}).text
    assert 'id="next-payment"' in part
    assert "<html" not in part
    assert 'hx-trigger="load"' not in part


def test_it_shows_the_next_payment_to_who_reads(plus, customer, cataloger, auditor, alice, client, log_in):
    url = url_of("customer_upcoming", plus)
    assert log_in(auditor).get(url).status_code == 200
    assert log_in(cataloger).get(url).status_code == 403
    assert log_in(alice).get(url, follow=True).status_code == 403
    assert client.get(url).status_code == 302


def test_it_does_without_a_plan(customer, as_clerk):
    assert "This customer has no plan yet." in as_clerk.get(url_of("customer", customer)).text
    assert "No plan yet." in as_clerk.get(url_of("customer_usage", customer)).text
    assert as_clerk.get(url_of("customer_upcoming", customer)).status_code == 404


def test_it_says_that_a_card_expires_before_the_next_payment(plus, as_clerk):
    plus.payment_methods.update(exp_month=11, exp_year=2026)
    said = "The card expires before the next payment."
    assert said not in as_clerk.get(url_of("customer_upcoming", plus)).text
    plus.payment_methods.update(exp_month=10)
    assert said in as_clerk.get(url_of("customer_upcoming", plus)).text
    assert ">Expired<" not in as_clerk.get(url_of("customer", plus)).text
    plus.payment_methods.update(exp_month=9)
    assert re.search(r"Expired\s*</span>", as_clerk.get(url_of("customer", plus)).text)


# --- Explain ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def line(plus, as_clerk, at):
    send(plus, at + timedelta(minutes=1), tokens=300_000)
    with clock.travel_to(at + timedelta(minutes=30)):
        return as_clerk.get(url_of("customer_upcoming", plus)).context["overview"].upcoming.counting[0]


def test_it_explains_a_line_to_who_reads(line, plus, as_clerk, auditor, log_in, at, django_assert_max_num_queries):
    url = url_of("customer_explain", plus, line.key)
    with clock.travel_to(at + timedelta(minutes=30)):
        assert f'href="{url}"' in as_clerk.get(url_of("customer_upcoming", plus)).text
        assert f'href="{url}"' in as_clerk.get(url_of("customer_usage", plus)).text
        client = log_in(auditor)
        with django_assert_max_num_queries(22):
            page = client.get(url)
        assert page.context["charge"].agrees
        assert "How it is calculated" in page.text
        part = as_clerk.get(url, headers={"HX-Request": "true"})
    assert 'class="calc"' in part.text
    assert "<html" not in part.text


def test_it_gives_the_events_to_who_exports(line, plus, as_clerk, supporter, log_in, at):
    url = url_of("customer_explain_events", plus, line.key)
    with clock.travel_to(at + timedelta(minutes=30)):
        assert b"event_id" in b"".join(as_clerk.get(url))
        assert url in as_clerk.get(url_of("customer_explain", plus, line.key)).text
        assert log_in(supporter).get(url).status_code == 403
        assert url not in log_in(supporter).get(url_of("customer_explain", plus, line.key)).text


def test_it_explains_no_line_of_another_customer(
    line, other_customer, charlie, as_clerk, client, log_in, at, cataloger
):
    on_free(other_customer, charlie, at)
    assert as_clerk.get(url_of("customer_explain", other_customer, line.key)).status_code == 404
    assert client.get(url_of("customer_explain", other_customer, line.key)).status_code == 302
    assert log_in(cataloger).get(url_of("customer_explain", other_customer, line.key)).status_code == 403


# --- Audit ------------------------------------------------------------------------------------------------------------
def test_it_reads_the_audit_trail_in_words(customer, clerk, as_clerk, at):
    as_clerk.post(url_of("customer_rename", customer), {**WHY, "name": "Wonder Group"})
    values = {
        "amount": 1250,
        "currency": "USD",
        "at": at.isoformat(),
        "on": "2026-11-20",
        "is_paid": True,
        "to": ["a", "b"],
    }
    AuditEntry.objects.create(
        at=at, actor=None, customer=customer, action="void_invoice", subject="invoice:7", after=values
    )
    page = " ".join(re.sub(r"<[^>]+>", "", as_clerk.get(url_of("customer_audit", customer)).text).split())
    for text in (
        "Rename customer Customer", "Name: Wonder Ltd → Wonder Group", "Asked by phone", "Clara clerk@example.com",
        "Void invoice Invoice 7", "Amount: $12.50", "At: 20 Oct 2026, 10:00 UTC", "On: 20 Nov 2026", "Is paid: yes",
        "To: a, b", "The run",
    ):  # fmt: skip
        assert text in page, text


def test_it_filters_the_audit_trail_and_keeps_the_filter(customer, clerk, as_clerk, at, django_assert_max_num_queries):
    AuditEntry.objects.bulk_create(
        AuditEntry(at=at, actor=clerk, customer=customer, action=action, subject="x")
        for action in ["void_invoice", "look"] * 60
    )
    url = url_of("customer_audit", customer)
    with django_assert_max_num_queries(15):
        page = as_clerk.get(url, {"action": "void_invoice"})
    assert {row.entry.action for row in page.context["rows"]} == {"void_invoice"}
    older = as_clerk.get(url + page.context["older_url"])
    assert [row.entry.action for row in older.context["rows"]] == ["void_invoice"] * 10
    assert older.context["newer_url"] == "?action=void_invoice"
    assert as_clerk.get(url, {"action": "'", "before": "x"}).status_code == 200


# --- in German ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", [RenameForm, DetailsForm])
def test_staff_are_asked_for_the_reason_in_their_language(form):
    with override("de"):
        assert form.base_fields["reason"].label == "Grund"
