import secrets
from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import ApiToken, Customer, User
from accounts.selectors import token_digest

PREFIX_LENGTH = 12


@transaction.atomic
def create_api_token(*, customer: Customer | None, name: str, at: datetime, actor: User | None) -> tuple[ApiToken, str]:
    """A new token and its secret, which can be shown now and never again. Without a customer: an operator's."""
    raw = "bpt_" + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        customer=customer,
        name=name,
        prefix=raw[:PREFIX_LENGTH],
        digest=token_digest(raw),
        created_by=actor,
        created_at=at,
    )
    record(
        at=at,
        actor=actor,
        customer_id=customer.pk if customer else None,
        action="create_api_token",
        subject=f"api_token:{token.pk}",
        after={"name": name, "prefix": token.prefix},
    )
    return token, raw
