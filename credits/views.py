"""The «Credits» tab: balances, grants, «Transaction History», and the ledger that anyone can verify."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.access import PortalRequest, billing_page, can_write, customer_now
from accounts.exporting import as_csv
from accounts.models import Customer, PaymentPolicy
from core.spreadsheet import csv_lines, exact_lines
from credits import presenting, selectors
from credits.exporting import LEDGER_COLUMNS, ledger_rows
from credits.forms import HeadForm, HistoryFilter
from credits.pace import Pace, pace
from credits.verifying import verify_customer
from usage.selectors import feature_names

PAGE_SIZE = 25
CSV_PAGE = 1_000
SCRIPT = settings.BASE_DIR / "tools" / "verify_ledger.py"


@require_safe
@billing_page()
def credits_page(request: PortalRequest) -> HttpResponse:
    customer, at = request.customer, customer_now(request.customer)
    balances = selectors.balances(customer.pk, at)
    names = feature_names()
    context = {
        "customer": customer,
        "can_buy": customer.payment_policy != PaymentPolicy.MANAGED_BY_CONTRACT,
        "can_write": can_write(request.membership),
        "balances": presenting.balance_cards(balances, at, _paces(customer, balances, at)),
        **presenting.grant_cards(selectors.grants(customer.pk, at), names),
        **history(request.GET, customer.pk, [balance.currency for balance in balances], names),
    }
    return render(request, "credits/credits.html", context)


def _paces(customer: Customer, balances: list[selectors.Balance], at: datetime) -> dict[str, Pace]:
    """None where invoices are paid: they take credit once a month."""
    if customer.payment_policy == PaymentPolicy.REQUIRED:
        return {}
    return {balance.currency: pace(customer.pk, balance.currency, at) for balance in balances}


@require_safe
@vary_on_headers("HX-Request")
@billing_page()
def credit_tx(request: PortalRequest) -> HttpResponse:
    """«Transaction History» by itself: the fragment for htmx, else a page; 422 where a filter is wrong."""
    context = history(request.GET, request.customer.pk, *choices_of(request.customer))
    template = "credits/_history.html" if request.htmx else "credits/transactions.html"
    return render(request, template, context, status=422 if context["filter"].errors else 200)


@require_safe
@billing_page()
def credit_tx_csv(request: PortalRequest) -> HttpResponseBase:
    """What the filters show, all pages of it, newest first."""
    customer_id, choices = request.customer.pk, choices_of(request.customer)
    form = history_filter(request.GET, *choices)
    if not form.is_valid():
        context = history(request.GET, customer_id, *choices)
        return render(request, "credits/transactions.html", context, status=422)
    rows = presenting.csv_rows(every_movement(customer_id, form.criteria()))
    return as_csv("credit-transactions.csv", csv_lines(presenting.CSV_COLUMNS, rows))


@require_safe
@billing_page()
def credit_grants_csv(request: PortalRequest) -> StreamingHttpResponse:
    """Every grant, in the order of the page."""
    rows = selectors.grants(request.customer.pk, customer_now(request.customer))
    return as_csv("credit-grants.csv", csv_lines(presenting.GRANT_COLUMNS, presenting.grant_csv_rows(rows)))


@require_safe
@billing_page()
def credits_verify(request: PortalRequest) -> HttpResponse:
    """Computes the customer's chain anew; a printed number and hash can be compared with it."""
    form = HeadForm(request.GET if "hash" in request.GET else None)
    verified = verify_customer(request.customer.pk)
    compared = None
    if form.is_bound and form.is_valid():
        compared = verified.compare(form.cleaned_data["sequence"], form.cleaned_data["hash"])
    context = {"verified": verified, "form": form, "compared": compared, "customer": request.customer}
    return render(request, "credits/verify.html", context, status=422 if form.errors else 200)


@require_safe
@billing_page()
def credits_ledger_csv(request: PortalRequest) -> StreamingHttpResponse:
    """The whole ledger of the customer, one row per entry, in the order of the chain (docs/algorithms/ledger.md)."""
    return as_csv("credit-ledger.csv", exact_lines(LEDGER_COLUMNS, ledger_rows(request.customer.pk)))


@require_safe
@billing_page()
def verify_script(request: PortalRequest) -> HttpResponse:
    """The program that checks a downloaded ledger without us."""
    headers = {"Content-Disposition": f'attachment; filename="{SCRIPT.name}"'}
    return HttpResponse(SCRIPT.read_bytes(), content_type="text/x-python; charset=utf-8", headers=headers)


def choices_of(customer: Customer) -> tuple[list[str], Mapping[str, str]]:
    """The currencies and features that a customer's history can be filtered by."""
    return list(selectors.currencies(customer.pk)), feature_names()


def history_filter(data: QueryDict, currencies: list[str], features: Mapping[str, str]) -> HistoryFilter:
    """The filters of a history as they were asked for."""
    return HistoryFilter(data, currencies=currencies, features=list(features.items()))


def history(
    data: QueryDict,
    customer_id: int,
    currencies: list[str],
    features: Mapping[str, str],
    *,
    with_entries: bool = False,
) -> dict[str, Any]:
    """One page of «Transaction History»: the newest, or where the cursor stands. Staff see it by this, too, then with
    who did it and why."""
    form = history_filter(data, currencies, features)
    chosen = {name: str(data[name]) for name in form.fields if data.get(name)}
    if not form.is_valid():
        return {"filter": form, "rows": [], "query": urlencode(chosen)}
    page = selectors.movements(customer_id, **form.criteria(), cursor=data.get("cursor", ""), limit=PAGE_SIZE)
    entries = selectors.entries_of(customer_id, page.rows) if with_entries else {}
    return {
        "filter": form,
        "in_currencies": [chosen["currency"]] if "currency" in chosen else currencies,
        "rows": presenting.history_rows(page.rows, entries),
        "query": urlencode(chosen),
        "older_url": _url(chosen, page.older),
        "newer_url": _url(chosen, page.newer),
    }


def _url(chosen: dict[str, str], cursor: str) -> str:
    return f"?{urlencode(chosen | {'cursor': cursor})}" if cursor else ""


def every_movement(customer_id: int, criteria: dict[str, Any]) -> Iterator[selectors.Movement]:
    """Page by page, so that nothing is held in memory."""
    cursor = ""
    while True:
        page = selectors.movements(customer_id, **criteria, cursor=cursor, limit=CSV_PAGE)
        yield from page.rows
        cursor = page.older
        if not cursor:
            return
