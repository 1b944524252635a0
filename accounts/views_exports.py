"""The tables of the settings as CSV: who may do what, for whoever looks after access, and the cards."""

from django.http import StreamingHttpResponse
from django.views.decorators.http import require_safe

from accounts import selectors
from accounts.access import PortalRequest, billing_page
from accounts.exporting import as_csv
from core.spreadsheet import csv_lines

MEMBER_COLUMNS = ("name", "email", "role")
TOKEN_COLUMNS = ("name", "begins_with", "created_at", "created_by", "revoked_at")
CARD_COLUMNS = ("brand", "last4", "expires_month", "expires_year", "default")


@require_safe
@billing_page()
def members_csv(request: PortalRequest) -> StreamingHttpResponse:
    people = selectors.members(request.customer)
    rows = ((one.user.get_full_name(), one.user.email, one.role) for one in people)
    return as_csv("members.csv", csv_lines(MEMBER_COLUMNS, rows))


@require_safe
@billing_page()
def api_tokens_csv(request: PortalRequest) -> StreamingHttpResponse:
    """Never the token itself: nobody has it."""
    tokens = selectors.api_tokens(request.customer)
    rows = (
        (one.name, one.prefix, one.created_at, one.created_by.email if one.created_by else None, one.revoked_at)
        for one in tokens
    )
    return as_csv("api-tokens.csv", csv_lines(TOKEN_COLUMNS, rows))


@require_safe
@billing_page()
def payment_methods_csv(request: PortalRequest) -> StreamingHttpResponse:
    cards = selectors.payment_methods(request.customer)
    rows = ((one.brand, one.last4, one.exp_month, one.exp_year, one.is_default) for one in cards)
    return as_csv("payment-methods.csv", csv_lines(CARD_COLUMNS, rows))
