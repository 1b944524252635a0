import hashlib
from datetime import timedelta

from accounts.models import ApiToken, AuditEntry
from accounts.selectors import authenticate_token
from accounts.services.create_api_token import create_api_token
from accounts.services.revoke_api_token import revoke_api_token


def test_it_keeps_a_hash_and_never_the_token(customer, alice, at):
    token, raw = create_api_token(customer=customer, name="Gateway", at=at, actor=alice)

    row = ApiToken.objects.filter(pk=token.pk).values().get()
    assert raw not in str(row)
    assert row["digest"] == hashlib.sha256(raw.encode()).hexdigest()
    assert raw.startswith(row["prefix"])
    entry = AuditEntry.objects.get(action="create_api_token")
    assert raw not in str(entry.after)
    assert (entry.actor, entry.customer) == (alice, customer)


def test_it_recognises_a_token_with_its_customer_in_one_query(customer, alice, at, django_assert_num_queries):
    token, raw = create_api_token(customer=customer, name="Gateway", at=at, actor=alice)

    with django_assert_num_queries(1):
        found = authenticate_token(raw)
        assert found == token
        assert found.customer == customer


def test_it_makes_tokens_of_operators_too(db, staff, at):
    token, raw = create_api_token(customer=None, name="Importer", at=at, actor=staff)

    assert authenticate_token(raw) == token
    assert token.customer is None


def test_it_makes_every_token_different(customer, alice, at):
    raws = {create_api_token(customer=customer, name="Gateway", at=at, actor=alice)[1] for _ in range(3)}

    assert len(raws) == 3


def test_it_refuses_tokens_it_does_not_know(customer, alice, at):
    _, raw = create_api_token(customer=customer, name="Gateway", at=at, actor=alice)

    assert authenticate_token(raw + "x") is None
    assert authenticate_token("") is None


def test_it_refuses_a_revoked_token(customer, alice, at):
    token, raw = create_api_token(customer=customer, name="Gateway", at=at, actor=alice)
    revoke_api_token(token=token, at=at, actor=alice)
    revoke_api_token(token=token, at=at + timedelta(days=1), actor=alice)

    assert authenticate_token(raw) is None
    assert ApiToken.objects.get(pk=token.pk).revoked_at == at
    assert AuditEntry.objects.filter(action="revoke_api_token").count() == 1
