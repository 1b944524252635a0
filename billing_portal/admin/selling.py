"""Credit that is sold, for staff: which invoice sold a grant, and the switch of automatic top-up."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import customer_now
from accounts.models import Customer, User
from accounts.roles import MANAGE, READ
from billing_portal.admin.access import customer_page, staff_user
from billing_portal.admin.credit_forms import ReasonForm
from billing_portal.admin.customers import render_customer
from credits import proposals
from credits.grants import GrantDraft
from invoices.buying import sale_totals
from invoices.services.sell_credits import sell_credits
from invoices.services.stop_top_up import stop_top_up
from invoices.sold_lines import sale_key
from invoices.taxing import row_texts
from invoices.topping_up import rules_of, sale_of, spent

if TYPE_CHECKING:
    from credits.models_proposals import GrantProposal
    from invoices.models_selling import CreditSale, TopUpRule


@require_safe
@customer_page(READ)
def customer_credits_invoice(request: HttpRequest, customer: Customer, grant_id: str) -> HttpResponse:
    """From a grant to the invoice that sold it. 404 where none did."""
    sale = sale_of(customer.pk, grant_id)
    if sale is None:
        raise Http404
    return HttpResponseRedirect(reverse("admin:invoices_invoice_change", args=[sale.invoice_id]))


def proposal_sale_key(customer: Customer, proposal: "GrantProposal") -> str:
    """The idempotency key of what a proposal sells."""
    return sale_key(customer.pk, "staff", proposal.public_id)


def priced(grant: GrantDraft, at: datetime) -> dict[str, Any]:
    """What the invoice for a grant comes to."""
    totals = sale_totals(grant, at)
    return {"totals": totals, "taxes": row_texts(totals.taxes, grant.currency)}


def sell(
    proposal: "GrantProposal", grant: GrantDraft, *, seen: str, total: str, at: datetime, actor: User | None
) -> "CreditSale":
    """Issue the invoice of a proposal; `seen` and `total` as the form carries them. Raises InvoicesError, and as
    `check_proposal`."""
    shown = int(total) if total.isdecimal() and len(total) < 16 else -1
    with transaction.atomic():
        proposals.check_proposal(proposal=proposal, grant=grant, is_paid=False, seen=seen, at=at)
        sale = sell_credits(grant=grant, total=shown, at=at, actor=actor)
        proposals.close_proposal(proposal=proposal, granted_id=sale.grant_id)
    return sale


def top_ups(customer: Customer) -> dict[str, Any]:
    """The rules of a customer with what each has charged this month, for the tab."""
    at = customer_now(customer)
    return {"top_ups": [(rule, spent(rule, at)) for rule in rules_of(customer.pk)]}


@require_http_methods(["GET", "HEAD", "POST"])
@customer_page(MANAGE)
def customer_top_up_stop(request: HttpRequest, customer: Customer, rule_id: str) -> HttpResponse:
    """Switches automatic top-up off; only the customer switches it on."""
    rule, form = _rule(customer, rule_id), ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        stop_top_up(
            rule_id=rule.pk,
            because="staff",
            at=customer_now(customer),
            actor=staff_user(request),
            reason=form.cleaned_data["reason"],
        )
        messages.success(request, gettext("Automatic top-up is off."))
        return HttpResponseRedirect(reverse("admin:customer_credits", args=[customer.key]))
    context = {"form": form, "rule": rule}
    return render_customer(request, customer, "admin/credits/top_up_stop.html", context, 422 if form.is_bound else 200)


def _rule(customer: Customer, public_id: str) -> "TopUpRule":
    for rule in rules_of(customer.pk):
        if rule.public_id == public_id:
            return rule
    raise Http404


CREDITS = "billing/customers/<str:key>/credits/"
urlpatterns = [
    path(CREDITS + "<slug:grant_id>/invoice/", customer_credits_invoice, name="customer_credits_invoice"),
    path(CREDITS + "top-up/<slug:rule_id>/stop/", customer_top_up_stop, name="customer_top_up_stop"),
]
