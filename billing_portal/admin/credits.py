"""«Credits» of a customer, for staff: balances and history, «Grant Credits», void, adjust, outside payments."""

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.access import customer_now
from accounts.exporting import export_file
from accounts.models import Customer
from accounts.roles import EXPORT, MANAGE, READ, check_may
from accounts.selectors import recipients
from accounts.staff import render_staff
from billing_portal.admin import selling
from billing_portal.admin.access import customer_page, staff_user
from billing_portal.admin.credit_forms import AdjustForm, GrantForm, PaymentForm, ReasonForm
from billing_portal.admin.customers import render_customer
from core import formats
from core.exceptions import RuleError
from credits import presenting, proposals, selectors
from credits.exceptions import ProposalMovedError
from credits.grants import GrantDraft
from credits.selectors import GrantRow
from credits.services.adjust_balance import adjust_balance
from credits.services.pay_grant import pay_grant
from credits.services.void_grant import void_grant
from credits.views import choices_of, every_movement, history, history_filter
from invoices.exceptions import InvoicesError
from plans.selectors import current_subscription
from plans.services.settle_usage import settle_usage
from usage.selectors import feature_names

if TYPE_CHECKING:
    from credits.models_proposals import GrantProposal

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@customer_page(READ)
def customer_credits(request: HttpRequest, customer: Customer) -> HttpResponse:
    at, names = customer_now(customer), feature_names()
    balances = selectors.balances(customer.pk, at)
    new = request.GET.get("new", "")
    context = {
        "balances": presenting.balance_cards(balances, at),
        **presenting.grant_cards(selectors.grants(customer.pk, at), names),
        **history(request.GET, customer.pk, [balance.currency for balance in balances], names, with_entries=True),
        **_history_urls(customer),
        "grants_csv_url": _url("customer_credits_grants_csv", customer),
        **selling.top_ups(customer),
        "highlight": int(new) if new.isdecimal() else None,
    }
    return render_customer(request, customer, "admin/credits/credits.html", context)


@require_safe
@vary_on_headers("HX-Request")
@customer_page(READ)
def customer_credits_tx(request: HttpRequest, customer: Customer) -> HttpResponse:
    """«Transaction History» by itself: the fragment for htmx, else a page; 422 where a filter is wrong."""
    context = history(request.GET, customer.pk, *choices_of(customer), with_entries=True) | _history_urls(customer)
    status = 422 if context["filter"].errors else 200
    if getattr(request, "htmx", False):
        whose = {"customer": customer, "explain_for": customer.key}
        return render_staff(request, "credits/_history.html", context | whose, status)
    return render_customer(request, customer, "admin/credits/transactions.html", context, status)


@require_safe
@customer_page(READ)
def customer_credits_tx_csv(request: HttpRequest, customer: Customer) -> HttpResponseBase:
    check_may(request.user, EXPORT)
    form = history_filter(request.GET, *choices_of(customer))
    if not form.is_valid():
        return customer_credits_tx(request, customer.key)
    rows = presenting.csv_rows(every_movement(customer.pk, form.criteria()))
    return export_file(request, presenting.CSV_COLUMNS, rows, name="credit transactions", customer=customer)


def _history_urls(customer: Customer) -> dict[str, Any]:
    tx, csv = (
        reverse(f"admin:{name}", args=[customer.key]) for name in ("customer_credits_tx", "customer_credits_tx_csv")
    )
    return {"staff": True, "tx_url": tx, "csv_url": csv}


# --- «Grant Credits» ------------------------------------------------------------------------------------------------
@get_or_post
@customer_page(MANAGE)
def customer_credits_grant(request: HttpRequest, customer: Customer) -> HttpResponse:
    """«New credit grant»: what was filled in is kept, «Next» leads to the summary."""
    proposal = _proposal(customer, request.GET["proposal"]) if "proposal" in request.GET else None
    if proposal and proposal.granted_id:
        messages.error(request, gettext("This is granted already. Nothing was changed; begin a new grant for more."))
        return _to_new_row(customer, proposal.granted_id)
    form = _grant_form(customer, request.POST or None, proposal)
    if request.method == "POST" and form.is_valid():
        kept = proposals.save_proposal(
            customer=customer,
            values=form.values(),
            at=customer_now(customer),
            actor=staff_user(request),
            proposal=proposal,
        )
        return HttpResponseRedirect(_url("customer_credits_summary", customer, kept.public_id))
    begun = None if proposal or form.is_bound else proposals.latest_proposal(customer, staff_user(request))
    context = {"form": form, "begun": begun, "proposal": proposal}
    status = 422 if form.is_bound else 200
    return render_customer(request, customer, "admin/credits/grant.html", context, status)


@get_or_post
@customer_page(MANAGE)
def customer_credits_summary(request: HttpRequest, customer: Customer, proposal_id: str) -> HttpResponse:
    """«Grant Summary»; «Grant credits» does it once, however often it is pressed."""
    proposal, at = _proposal(customer, proposal_id), customer_now(customer)
    if proposal.granted_id:
        return _to_new_row(customer, proposal.granted_id)
    form = _grant_form(customer, None, proposal, bound=True)
    if not form.is_valid():  # an instant of it has passed since
        return HttpResponseRedirect(_url("customer_credits_grant", customer) + f"?proposal={proposal.public_id}")
    settle_usage(customer_ids=[customer.pk], at=at)
    is_sold = form.cleaned_data["charge"] == "invoiced"
    key = selling.proposal_sale_key(customer, proposal) if is_sold else proposals.proposal_key(proposal)
    grant, refused = form.draft(key=key, customer=customer), None
    if request.method == "POST":
        try:
            return _granted(request, customer, proposal, grant, form)
        except (InvoicesError, ProposalMovedError) as error:
            refused = error
    outcome = proposals.preview_grant(grant=grant, is_paid=form.is_paid_already, at=at)
    context = {
        "proposal": proposal,
        "grant": grant,
        "form": form,
        "refused": refused,
        "outcome": outcome,
        "seen": proposals.figures(proposal, outcome),
        "charge": dict(form.fields["charge"].choices)[grant.funding],  # type: ignore[attr-defined]
        "availability": dict(form.fields["availability"].choices)[form.cleaned_data["availability"]],  # type: ignore[attr-defined]
        "feature_names": [feature_names()[key] for key in grant.features],
        "recipients": recipients([customer.pk]).get(customer.pk, []),
        **(selling.priced(grant, at) if is_sold else {}),
    }
    status = refused.status if refused else 200
    return render_customer(request, customer, "admin/credits/summary.html", context, status)


def _granted(
    request: HttpRequest, customer: Customer, proposal: "GrantProposal", grant: GrantDraft, form: GrantForm
) -> HttpResponse:
    """Raises ProposalMovedError where it is not what was shown, InvoicesError where its invoice can't be issued."""
    at, actor, seen = customer_now(customer), staff_user(request), request.POST.get("seen", "")
    if grant.funding == "invoiced":
        sale = selling.sell(proposal, grant, seen=seen, total=request.POST.get("total", ""), at=at, actor=actor)
        amount, number = formats.money(sale.grant.amount, sale.grant.currency), sale.invoice.number
        messages.success(
            request,
            gettext("Invoice %(number)s is issued: %(amount)s of credits is available once it is paid.")
            % {"number": number, "amount": amount},
        )
        return HttpResponseRedirect(_url("customer_credits", customer))
    made = proposals.accept_proposal(
        proposal=proposal, grant=grant, is_paid=form.is_paid_already, seen=seen, at=at, actor=actor
    )
    messages.success(
        request, gettext("%(amount)s of credits granted.") % {"amount": formats.money(made.amount, made.currency)}
    )
    return _to_new_row(customer, made.pk)


def _proposal(customer: Customer, public_id: str) -> "GrantProposal":
    found = proposals.find_proposal(customer, public_id)
    if found is None:
        raise Http404
    return found


def _grant_form(customer: Customer, data: Any, proposal: "GrantProposal | None", *, bound: bool = False) -> GrantForm:
    at, features = customer_now(customer), feature_names()
    if data is None and bound and proposal:
        return GrantForm(_as_data(proposal.values), features=features, at=at)
    initial = proposal.values if proposal else {"currency": customer.currency or _plan_currency(customer)}
    return GrantForm(data, initial=initial, features=features, at=at)


def _as_data(values: dict[str, Any]) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, value in values.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data


def _plan_currency(customer: Customer) -> str:
    subscription = current_subscription(customer.pk)
    return subscription.plan.currency if subscription else ""


def _to_new_row(customer: Customer, grant_id: int) -> HttpResponseRedirect:
    """The Credits tab with the grant's newest movement marked."""
    sequence = selectors.newest_movement_of(grant_id)
    mark = f"?new={sequence}#new" if sequence else ""
    return HttpResponseRedirect(_url("customer_credits", customer) + mark)


def _url(name: str, customer: Customer, *args: str) -> str:
    return reverse(f"admin:{name}", args=[customer.key, *args])


# --- void, payment, adjustment --------------------------------------------------------------------------------------
@get_or_post
@customer_page(MANAGE)
def customer_credits_void(request: HttpRequest, customer: Customer, grant_id: str) -> HttpResponse:
    """Forfeits what is unused of a grant."""
    row, form, at = _grant_row(customer, grant_id), ReasonForm(request.POST or None), customer_now(customer)
    if request.method == "POST" and form.is_valid():
        settle_usage(customer_ids=[customer.pk], at=at)
        try:
            void_grant(grant_id=row.grant.pk, at=at, actor=staff_user(request), reason=form.cleaned_data["reason"])
        except RuleError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, gettext("“%(name)s” is voided.") % {"name": row.grant.name})
            return _to_new_row(customer, row.grant.pk)
    context = {"form": form, "card": presenting.GrantCard(row, ())}
    return render_customer(request, customer, "admin/credits/void.html", context, 422 if form.is_bound else 200)


@get_or_post
@customer_page(MANAGE)
def customer_credits_pay(request: HttpRequest, customer: Customer, grant_id: str) -> HttpResponse:
    """Records that a grant was paid outside: from then on it is available."""
    row, form, at = _grant_row(customer, grant_id), PaymentForm(request.POST or None), customer_now(customer)
    if row.grant.funding == "invoiced":  # paid by its invoice, and no other way
        return HttpResponseRedirect(_url("customer_credits_invoice", customer, grant_id))
    if request.method == "POST" and form.is_valid():
        reference = form.cleaned_data["reference"]
        pay_grant(grant_id=row.grant.pk, at=at, actor=staff_user(request), reference=reference)
        messages.success(request, gettext("“%(name)s” is paid.") % {"name": row.grant.name})
        return _to_new_row(customer, row.grant.pk)
    context = {"form": form, "card": presenting.GrantCard(row, ())}
    return render_customer(request, customer, "admin/credits/pay.html", context, 422 if form.is_bound else 200)


@get_or_post
@customer_page(MANAGE)
def customer_credits_adjust(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Changes the balance by hand, once per form."""
    initial = {"currency": customer.currency or _plan_currency(customer), "key": secrets.token_hex(16)}
    form, at = AdjustForm(request.POST or None, initial=initial), customer_now(customer)
    if request.method == "POST" and form.is_valid():
        _adjust(request, customer, form, at)
        messages.success(request, gettext("The balance is adjusted."))
        return HttpResponseRedirect(_url("customer_credits", customer))
    context = {"form": form, "balances": selectors.balances(customer.pk, at)}
    return render_customer(request, customer, "admin/credits/adjust.html", context, 422 if form.is_bound else 200)


def _adjust(request: HttpRequest, customer: Customer, form: AdjustForm, at: datetime) -> None:
    values = form.cleaned_data
    settle_usage(customer_ids=[customer.pk], at=at)
    adjust_balance(
        key=f"adjustment:{customer.pk}:{values['key']}",
        customer_id=customer.pk,
        currency=values["currency"],
        amount=form.minor,
        reason=values["reason"],
        at=at,
        actor=staff_user(request),
    )


def _grant_row(customer: Customer, public_id: str) -> GrantRow:
    for row in selectors.grants(customer.pk, customer_now(customer)):
        if row.grant.public_id == public_id:
            return row
    raise Http404


CREDITS = "billing/customers/<str:key>/credits/"
urlpatterns = [
    path(CREDITS, customer_credits, name="customer_credits"),
    path(CREDITS + "transactions/", customer_credits_tx, name="customer_credits_tx"),
    path(CREDITS + "transactions.csv", customer_credits_tx_csv, name="customer_credits_tx_csv"),
    path(CREDITS + "grant/", customer_credits_grant, name="customer_credits_grant"),
    path(CREDITS + "grant/<slug:proposal_id>/", customer_credits_summary, name="customer_credits_summary"),
    path(CREDITS + "adjust/", customer_credits_adjust, name="customer_credits_adjust"),
    path(CREDITS + "<slug:grant_id>/void/", customer_credits_void, name="customer_credits_void"),
    path(CREDITS + "<slug:grant_id>/pay/", customer_credits_pay, name="customer_credits_pay"),
]
