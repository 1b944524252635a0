import re

import pytest
from django.core import mail
from django.urls import reverse

from accounts.exceptions import AlreadyMemberError, UnknownRoleError
from accounts.models import AuditEntry, Membership, Notice, Role, User
from accounts.services.deliver_notices import deliver_notices
from accounts.services.invite_member import invite_member


def test_it_invites_a_new_person_without_a_password(customer, alice, at):
    membership = invite_member(
        customer_id=customer.pk, email="New@Example.com", role=Role.BILLING_VIEWER, at=at, actor=alice
    )

    assert membership.user.email == "new@example.com"
    assert not membership.user.has_usable_password()
    notice = Notice.objects.get(template="accounts_invitation")
    assert notice.to == ["new@example.com"]
    assert notice.context["link"].endswith("/accounts/password/reset/")
    entry = AuditEntry.objects.get(action="invite_member")
    assert (entry.actor, entry.after) == (alice, {"email": "new@example.com", "role": "billing_viewer"})


def test_it_invites_somebody_who_is_here_already(customer, charlie, alice, at):
    invite_member(customer_id=customer.pk, email="charlie@example.com", role=Role.MEMBER, at=at, actor=alice)

    assert User.objects.filter(email="charlie@example.com").count() == 1
    assert Notice.objects.get(template="accounts_invitation").context["link"].endswith("/accounts/login/")


def test_it_refuses_to_invite_a_member_again(customer, bob, alice, at):
    with pytest.raises(AlreadyMemberError):
        invite_member(customer_id=customer.pk, email=bob.email, role=Role.BILLING_ADMIN, at=at, actor=alice)

    assert Membership.objects.get(user=bob).role == Role.BILLING_VIEWER


def test_it_refuses_a_role_it_does_not_know(customer, alice, at):
    with pytest.raises(UnknownRoleError):
        invite_member(customer_id=customer.pk, email="new@example.com", role="owner", at=at, actor=alice)

    assert not User.objects.filter(email="new@example.com").exists()


def test_it_lets_an_invited_person_set_a_password_by_the_reset_page(client, customer, alice, at):
    invite_member(customer_id=customer.pk, email="new@example.com", role=Role.BILLING_VIEWER, at=at, actor=alice)
    deliver_notices(at=at)
    assert "/accounts/password/reset/" in mail.outbox.pop().body

    client.post(reverse("account_reset_password"), {"email": "new@example.com"})
    (link,) = re.findall(r"http://\S+/accounts/password/reset/key/\S+", str(mail.outbox.pop().body))
    form = client.get(link.partition("testserver")[2], follow=True)
    new = {"password1": "correct-horse-battery", "password2": "correct-horse-battery"}
    client.post(form.redirect_chain[-1][0], new)

    assert User.objects.get(email="new@example.com").check_password("correct-horse-battery")
