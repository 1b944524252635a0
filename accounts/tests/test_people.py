"""What staff change about a customer and its people: each verb with its rules, its audit entry, and called twice."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from accounts.exceptions import (
    CustomerInvalidError,
    LastBillingAdminError,
    NotMemberError,
    SubjectKeptError,
    SubjectTakenError,
    UnknownRoleError,
    ViewingRefusedError,
)
from accounts.models import AuditEntry, Membership, Notice, Role, UsageSubject, User
from accounts.services.add_usage_subject import add_usage_subject
from accounts.services.begin_viewing import begin_viewing
from accounts.services.change_role import change_role
from accounts.services.end_viewing import end_viewing
from accounts.services.invite_member import invite_member
from accounts.services.park_customer import park_customer
from accounts.services.remove_member import remove_member
from accounts.services.remove_usage_subject import remove_usage_subject
from accounts.services.rename_customer import rename_customer
from accounts.services.resend_invitation import resend_invitation
from accounts.services.unpark_customer import unpark_customer
from accounts.services.update_billing_profile import update_billing_profile

pytestmark = pytest.mark.django_db


@pytest.fixture
def how(customer, clerk, at):
    """What every verb of staff takes."""
    return {"customer_id": customer.pk, "at": at, "actor": clerk, "reason": "Asked by phone"}


def membership(user):
    return Membership.objects.get(user=user)


def entry(action):
    """The only entry of that action; it says who, when and why."""
    found = AuditEntry.objects.get(action=action)
    assert (found.actor.email, found.reason) == ("clerk@example.com", "Asked by phone")
    return found


# --- name, details, parking -------------------------------------------------------------------------------------------
def test_it_renames_once_and_keeps_the_legal_name(customer, how):
    for _ in range(2):
        rename_customer(name=" Wonder Group ", **how)
    customer.refresh_from_db()
    assert (customer.name, customer.billing_profile.legal_name) == ("Wonder Group", "Wonder Ltd")
    renamed = entry("rename_customer")
    assert (renamed.before, renamed.after) == ({"name": "Wonder Ltd"}, {"name": "Wonder Group"})


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_it_refuses_a_name_that_is_none(customer, how, name):
    with pytest.raises(CustomerInvalidError, match="characters"):
        rename_customer(name=name, **how)
    assert not AuditEntry.objects.filter(action="rename_customer").exists()


def test_it_keeps_why_details_were_changed(customer, how):
    for _ in range(2):
        update_billing_profile(values={"city": "Lyon"}, **how)
    assert entry("update_billing_profile").after == {"city": "Lyon"}


def test_it_keeps_why_a_customer_is_taken_along_again(customer, how, at):
    park_customer(customer_id=customer.pk, reason="no price", at=at)
    for _ in range(2):
        unpark_customer(**how)
    assert entry("unpark_customer").before["parked_reason"] == "no price"


# --- usage mapping ---------------------------------------------------------------------------------------------------
def test_it_maps_a_subject_once(customer, how):
    first, second = (add_usage_subject(subject=" app-7 ", kind="application", **how) for _ in range(2))
    assert first == second
    assert (first.subject, first.kind, first.customer) == ("app-7", "application", customer)
    assert entry("add_usage_subject").after == {"subject": "app-7", "kind": "application"}


def test_it_gives_a_subject_to_one_customer_only(customer, other_customer, how):
    UsageSubject.objects.create(customer=other_customer, subject="app-7")
    with pytest.raises(SubjectTakenError) as refusal:
        add_usage_subject(subject="app-7", kind="subject", **how)
    assert refusal.value.message == "“app-7” belongs to Stranger Inc already. Usage belongs to one customer."
    assert UsageSubject.objects.get(subject="app-7").customer == other_customer


@pytest.mark.parametrize(("subject", "kind"), [("", "subject"), ("x" * 201, "subject"), ("app", "gateway")])
def test_it_refuses_a_mapping_that_cannot_be(customer, how, subject, kind):
    with pytest.raises(CustomerInvalidError):
        add_usage_subject(subject=subject, kind=kind, **how)
    assert UsageSubject.objects.count() == 1


def test_it_removes_a_mapping_once(customer, how):
    row = UsageSubject.objects.create(customer=customer, subject="app-7")
    for _ in range(2):
        remove_usage_subject(subject_id=row.pk, **how)
    assert not UsageSubject.objects.filter(subject="app-7").exists()
    assert entry("remove_usage_subject").before == {"subject": "app-7", "kind": "subject"}


def test_it_keeps_the_customers_own_key(customer, how):
    row = UsageSubject.objects.get(customer=customer)
    with pytest.raises(SubjectKeptError):
        remove_usage_subject(subject_id=row.pk, **how)
    assert UsageSubject.objects.filter(pk=row.pk).exists()


def test_it_removes_no_mapping_of_another_customer(customer, other_customer, how):
    row = UsageSubject.objects.create(customer=other_customer, subject="app-7")
    remove_usage_subject(subject_id=row.pk, **how)
    assert UsageSubject.objects.filter(pk=row.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_it_gives_a_subject_to_one_of_two_who_ask_at_once(customer, other_customer, clerk, at):
    gate, outcomes = threading.Barrier(2), []

    def ask(customer_id):
        gate.wait(10)
        try:
            add_usage_subject(customer_id=customer_id, subject="app-7", kind="subject", at=at, actor=clerk, reason="x")
            outcomes.append("added")
        except SubjectTakenError:
            outcomes.append("taken")
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=[each.pk]) for each in (customer, other_customer)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["added", "taken"]
    assert AuditEntry.objects.filter(action="add_usage_subject").count() == 1


# --- people ----------------------------------------------------------------------------------------------------------
def test_it_changes_a_role_once(customer, bob, how):
    for _ in range(2):
        change_role(membership_id=membership(bob).pk, role=Role.BILLING_ADMIN, **how)
    assert membership(bob).role == Role.BILLING_ADMIN
    changed = entry("change_role")
    assert changed.before == {"email": "bob@example.com", "role": "billing_viewer"}
    assert changed.after == {"email": "bob@example.com", "role": "billing_admin"}


def test_it_refuses_roles_and_people_it_does_not_know(customer, bob, how):
    with pytest.raises(UnknownRoleError):
        change_role(membership_id=membership(bob).pk, role="owner", **how)
    with pytest.raises(NotMemberError):
        change_role(membership_id=0, role=Role.MEMBER, **how)


def test_it_leaves_no_customer_without_an_admin_unsaid(customer, alice, bob, how):
    own = membership(alice).pk
    with pytest.raises(LastBillingAdminError):
        change_role(membership_id=own, role=Role.MEMBER, **how)
    with pytest.raises(LastBillingAdminError):
        remove_member(membership_id=own, **how)
    assert membership(alice).role == Role.BILLING_ADMIN
    change_role(membership_id=own, role=Role.MEMBER, leaves_no_admin=True, **how)
    assert membership(alice).role == Role.MEMBER


def test_an_admin_whose_account_is_closed_counts_for_nobody(customer, alice, bob, how):
    change_role(membership_id=membership(bob).pk, role=Role.BILLING_ADMIN, **how)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    with pytest.raises(LastBillingAdminError):
        remove_member(membership_id=membership(alice).pk, **how)


def test_it_removes_a_member_once_and_keeps_the_account(customer, bob, how):
    own = membership(bob).pk
    for _ in range(2):
        remove_member(membership_id=own, **how)
    assert not Membership.objects.filter(user=bob).exists()
    assert User.objects.filter(pk=bob.pk).exists()
    assert entry("remove_member").before == {"email": "bob@example.com", "role": "billing_viewer"}


def test_it_removes_nobody_of_another_customer(customer, other_customer, charlie, how):
    remove_member(membership_id=membership(charlie).pk, leaves_no_admin=True, **how)
    assert Membership.objects.filter(user=charlie).exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_who_go_at_once_one_stays(customer, alice, bob, clerk, at):
    Membership.objects.filter(user=bob).update(role=Role.BILLING_ADMIN)
    gate, outcomes = threading.Barrier(2), []

    def go(membership_id):
        gate.wait(10)
        try:
            remove_member(customer_id=customer.pk, membership_id=membership_id, at=at, actor=clerk, reason="Left")
            outcomes.append("gone")
        except LastBillingAdminError:
            outcomes.append("stays")
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=[membership(each).pk]) for each in (alice, bob)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["gone", "stays"]
    assert Membership.objects.filter(customer=customer).count() == 1


def test_it_sends_an_invitation_again_once_a_form(customer, how):
    new = invite_member(email="new@example.com", role=Role.MEMBER, **how)
    for key in ("a", "a", "b"):
        resend_invitation(membership_id=new.pk, key=key, **how)
    notices = Notice.objects.filter(template="accounts_invitation")
    assert notices.count() == 3
    assert {notice.context["is_new"] for notice in notices} == {True}
    assert AuditEntry.objects.filter(action="resend_invitation", reason="Asked by phone").count() == 2
    with pytest.raises(NotMemberError):
        resend_invitation(membership_id=0, key="c", **how)


# --- looking as a viewer ---------------------------------------------------------------------------------------------
def test_a_look_leaves_its_begin_and_its_end_once(customer, clerk, at):
    about = {"customer_id": customer.pk, "key": "k", "at": at, "actor": clerk, "reason": "Asked by phone"}
    first, second = (begin_viewing(until=at + timedelta(hours=hour), **about) for hour in (1, 2))
    assert first == second
    for _ in range(2):
        end_viewing(how="stopped", **about)
    assert entry("begin_viewing").after == {"until": (at + timedelta(hours=1)).isoformat()}
    assert entry("end_viewing").after == {"how": "stopped"}


def test_nobody_looks_by_a_key_that_is_used_up_or_somebody_elses(customer, clerk, supporter, at):
    about = {"customer_id": customer.pk, "key": "k", "at": at, "reason": "Asked by phone"}
    begin_viewing(until=at, actor=clerk, **about)
    with pytest.raises(ViewingRefusedError):
        begin_viewing(until=at, actor=supporter, **about)
    end_viewing(how="stopped", actor=clerk, **about)
    with pytest.raises(ViewingRefusedError):
        begin_viewing(until=at, actor=clerk, **about)
