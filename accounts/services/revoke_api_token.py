from datetime import datetime

from django.db import transaction

from accounts.audit import record
from accounts.models import ApiToken, User


@transaction.atomic
def revoke_api_token(*, token: ApiToken, at: datetime, actor: User | None) -> ApiToken:
    """End a token for good. Revoked already: it keeps its first instant."""
    token = ApiToken.objects.select_for_update(no_key=True).get(pk=token.pk)
    if token.revoked_at:
        return token
    token.revoked_at = at
    token.save(update_fields=["revoked_at"])
    record(
        at=at,
        actor=actor,
        customer_id=token.customer_id,
        action="revoke_api_token",
        subject=f"api_token:{token.pk}",
        before={"name": token.name, "prefix": token.prefix},
    )
    return token
