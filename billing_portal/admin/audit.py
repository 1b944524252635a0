"""«Audit» of a customer: who did what, in words, what it was before and is now, and why."""

from collections.abc import Iterable
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.audit_words import Row, action_words
from accounts.models import AuditEntry, Customer
from accounts.roles import READ
from billing_portal.admin.access import customer_page
from billing_portal.admin.customers import render_customer
from invoices.selectors import numbers_of

PAGE = 50


def rows_of(customer: Customer, entries: Iterable[AuditEntry]) -> list[Row]:
    """In words, documents by their numbers. One query."""
    found = [(entry, *entry.subject.partition(":")) for entry in entries]
    ids = {int(which) for _entry, kind, _, which in found if kind == "invoice" and which.isdecimal()}
    numbers = {f"invoice:{pk}": number for pk, number in numbers_of(ids).items()}
    return [Row(entry, customer.currency, numbers.get(entry.subject, "")) for entry, *_ in found]


@require_safe
@customer_page(READ)
def customer_audit(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Newest first; `?action=` one action alone, `?before=` the page after that entry."""
    own = AuditEntry.objects.filter(customer=customer)
    actions = sorted(own.order_by().values_list("action", flat=True).distinct(), key=action_words)
    action, before = request.GET.get("action", ""), request.GET.get("before", "")
    rows = own.select_related("actor").order_by("-pk")
    if action in actions:
        rows = rows.filter(action=action)
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    shown = list(rows[: PAGE + 1])
    kept = {"action": action} if action in actions else {}
    older = "?" + urlencode({**kept, "before": shown[PAGE - 1].pk}) if len(shown) > PAGE else ""
    context = {
        "rows": rows_of(customer, shown[:PAGE]),
        "actions": [(each, action_words(each)) for each in actions],
        "action": kept.get("action", ""),
        "older_url": older,
        "newer_url": "?" + urlencode(kept) if before else "",
    }
    return render_customer(request, customer, "admin/customer_audit.html", context)
