"""What the billing portal shows, and the page of one invoice."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from accounts import selectors as accounts
from accounts.access import PortalRequest, can_write, customer_now, enter_customer
from accounts.models import Customer, Membership, PaymentMethod, PaymentPolicy
from core.periods import utc_day
from invoices import selectors
from invoices.archive_entries import years_of
from invoices.corrections import latest_corrections
from invoices.einvoice import missing
from invoices.forms_history import HistoryFilter
from invoices.models import CreditSale, Invoice, InvoiceStatus, Payment, RefundStatus
from invoices.paper import address, invoice_paper
from invoices.showing import badge, credit_figures, credited, paying, receipts, refunds_of, row, statement_row
from invoices.showing_overdue import declined_sentences, timeline, to_pay_with
from invoices.spreading import kept_for_drafts

PAGE_SIZE = 24


def portal_page(
    request: PortalRequest, words_of_plan: Callable[[], Mapping[str, str]], alerts: Callable[[], list[str]]
) -> HttpResponse:
    """The billing portal, or the part of it that its filter swaps. `words_of_plan` knows what only the plan says where
    there is nothing to show: `no_card`, `card_not_needed`, `no_invoice`; `alerts` at which spending and usage a message
    is sent."""
    customer, today = request.customer, utc_day(customer_now(request.customer))
    is_part = bool(request.htmx) and not request.htmx.history_restore_request
    unpaid = [] if is_part else selectors.unpaid(customer.pk)
    history = _history(request, today, unpaid)
    status = 422 if history["filter"].errors else 200
    if is_part:
        return render(request, "invoices/_history.html", {**history, "swapped": True}, status=status)
    cards = accounts.payment_methods(customer)
    context = {
        "payment_methods": cards,
        **_unpaid(request, unpaid, cards, today),
        **history,
        **_statements(request),
        "alerts": alerts(),
        **_details(customer),
        "error_title": status != 200,
        **({} if cards and history["years"] else words_of_plan()),
    }
    return render(request, "invoices/portal.html", context, status=status)


def _unpaid(request: PortalRequest, unpaid: list[Invoice], cards: list[PaymentMethod], today: date) -> dict[str, Any]:
    """What is to be paid today, and whether who looks at it may."""
    is_admin = can_write(request.membership)
    may_pay = is_admin and request.customer.payment_policy != PaymentPolicy.MANAGED_BY_CONTRACT
    return {
        "today": today,
        "can_write": is_admin,
        "unpaid": [(row(one, today), declined_sentences(one)) for one in unpaid],
        "may_pay": may_pay,
        "to_pay": to_pay_with(unpaid, cards, today) if may_pay else [],
    }


def _details(customer: Customer) -> dict[str, Any]:
    """Who is billed, who gets the documents, and what was asked to be corrected."""
    profile, recipients = accounts.profile_and_recipients(customer)
    return {
        "customer": customer,
        "profile": profile,
        "address": address(accounts.party_of(profile)),
        "recipients": recipients,
        "corrections": latest_corrections(customer.pk),
    }


def _statements(request: PortalRequest) -> dict[str, Any]:
    """One page of the credit statements. One query."""
    said = request.GET.get("statements", "")
    number = max(int(said), 1) if said.isdecimal() and len(said) < 6 else 1
    first = (number - 1) * PAGE_SIZE
    found = list(selectors.credit_statements(request.customer.pk)[first : first + PAGE_SIZE + 1])
    address = "?statements={}#h-statements"
    return {
        "statements": [statement_row(each) for each in found[:PAGE_SIZE]],
        "newer_statements_url": address.format(number - 1) if number > 1 else "",
        "older_statements_url": address.format(number + 1) if len(found) > PAGE_SIZE else "",
    }


def _history(request: PortalRequest, today: date, beside: Sequence[Invoice]) -> dict[str, Any]:
    """One page of «Billing History», as its filter narrows it. Payments are read with those of the documents `beside`
    it, which are the same ones mostly."""
    customer_id = request.customer.pk
    years = years_of(customer_id)
    form = HistoryFilter(request.GET, years=years)
    found = form.narrow(selectors.billing_history(customer_id))
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    shown = list(page)
    selectors.read_payments([*shown, *beside])
    newer = _page_url(form, page.previous_page_number()) if page.has_previous() else ""
    older = _page_url(form, page.next_page_number()) if page.has_next() else ""
    return {
        "years": years,
        "filter": form,
        "history": [row(invoice, today) for invoice in shown],
        "count": page.paginator.count,
        "newer_url": newer,
        "older_url": older,
    }


def _page_url(form: HistoryFilter, number: int) -> str:
    return f"?{form.query}{'&' if form.query else ''}page={number}#history"


@require_GET
@login_required
def invoice(request: HttpRequest, public_id: str) -> HttpResponse:
    found = find(public_id)
    membership = enter_customer(request, found.customer_id)
    return render(request, "invoices/invoice.html", invoice_page(found, membership))


@require_GET
@login_required
def grant_invoice(request: HttpRequest, grant_id: str) -> HttpResponse:
    """From credit that was bought to the invoice that sold it. 404 where it is anybody else's, or none did."""
    sale = get_object_or_404(CreditSale.objects.select_related("invoice"), grant__public_id=grant_id)
    enter_customer(request, sale.customer_id)
    return redirect("invoice", sale.invoice.public_id)


def find(public_id: str) -> Invoice:
    """The invoice of that public id with lines and payments; 404 where there is none or it was discarded."""
    issued_or_draft = Invoice.objects.exclude(status=InvoiceStatus.VOID, number__isnull=True)
    rows = issued_or_draft.prefetch_related("lines", "payments__payment_method")
    return get_object_or_404(rows, public_id=public_id)


def invoice_page(invoice: Invoice, membership: Membership) -> dict[str, Any]:
    """Everything the page of one invoice shows."""
    corrections = selectors.corrections_of(invoice)
    return {
        "invoice": invoice,
        "paper": invoice_paper(invoice, corrections),
        "badge": badge(invoice, utc_day(customer_now(membership.customer))),
        "credited": credited(invoice, corrections),
        "corrections": corrections,
        "refunds": refunds_of(invoice).exclude(status=RefundStatus.FAILED),
        "paying": paying(invoice, membership, accounts.payment_methods(membership.customer)),
        "receipts": receipts(invoice),
        "timeline": timeline(invoice, customer_now(membership.customer)),
        "has_xml": invoice.number is not None and not missing(invoice),
        "is_draft": invoice.status == InvoiceStatus.DRAFT,
        **credit_figures(invoice),
        **_announced(invoice),
    }


def _announced(invoice: Invoice) -> dict[str, int]:
    """Of a draft, minor units: what credit notes that are `kept` take off it, and what is left `to_collect`."""
    if invoice.status != InvoiceStatus.DRAFT:
        return {}
    kept = kept_for_drafts([invoice]).get(invoice.pk, 0)
    return {"kept": -kept, "to_collect": max(invoice.total - kept, 0)}


def find_payment(invoice: Invoice, payment_id: str) -> Payment:
    """One attempt to pay this invoice; 404 for any other."""
    return get_object_or_404(invoice.payments.select_related("payment_method"), public_id=payment_id)
