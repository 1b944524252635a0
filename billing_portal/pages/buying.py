"""«Buy credits»: how much, then the exact total of the invoice, then its payment."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import PortalRequest, billing_page, customer_now
from accounts.models import Customer, PaymentPolicy
from accounts.sales import sales_contact
from accounts.selectors import default_payment_methods
from billing_portal.pages.buying_forms import BuyForm
from core.money import to_major
from core.nudge import nudge
from credits.selectors import balance
from invoices.buying import Purchase, next_number, sale_totals, sold_grant
from invoices.exceptions import InvoiceMovedError, ManagedByContractError, PaymentMethodMissingError
from invoices.services.buy_credits import buy_credits
from invoices.taxing import row_texts
from invoices.views_paying import see_other
from plans.selectors import current_subscription


def currency_of(customer: Customer) -> str:
    """In which a customer buys credit: the one they are billed in, else their plan's."""
    subscription = None if customer.currency else current_subscription(customer.pk)
    currency = customer.currency or (subscription.plan.currency if subscription else "")
    if not currency:
        raise Http404
    return currency


def check_self_serve(customer: Customer) -> None:
    """Raises ManagedByContractError for Enterprise: they buy through sales."""
    if customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        message = gettext("Your plan is managed under a contract. To buy credits, write to %(email)s.")
        raise ManagedByContractError(f"customer {customer.pk}", message=message % {"email": sales_contact(customer)})


@require_safe
@billing_page(write=True)
def credits_buy(request: PortalRequest) -> HttpResponse:
    check_self_serve(request.customer)
    return _ask(request, BuyForm(currency=currency_of(request.customer)))


@require_http_methods(["GET", "HEAD", "POST"])
@billing_page(write=True)
def credits_review(request: PortalRequest) -> HttpResponse:
    """Shows to the cent what will be charged; «Buy credits» charges exactly that."""
    check_self_serve(request.customer)
    data = request.POST if request.method == "POST" else request.GET
    form = BuyForm(data, currency=currency_of(request.customer))
    if not form.is_valid():
        return _ask(request, form)
    amount = form.cleaned_data["amount"]
    return _buy(request, form.currency, amount) if request.method == "POST" else _review(request, form.currency, amount)


def _ask(request: PortalRequest, form: BuyForm) -> HttpResponse:
    presets = [(amount, str(to_major(amount, form.currency))) for amount in settings.CREDIT_PRESETS]
    context = {"form": form, "currency": form.currency, "presets": presets}
    return render(request, "billing_portal/credits_buy.html", context, status=422 if form.errors else 200)


def _review(request: PortalRequest, currency: str, amount: int, *, has_moved: bool = False) -> HttpResponse:
    customer, at = request.customer, customer_now(request.customer)
    context = {
        **quoted(customer, currency, amount, at),
        "number": request.POST.get("number") or next_number(customer.pk),
        "card": default_payment_methods([customer.pk]).get(customer.pk),
        "add_card_url": add_card_url(currency, amount),
        "has_moved": has_moved,
    }
    return render(request, "billing_portal/credits_review.html", context, status=409 if has_moved else 200)


def quoted(customer: Customer, currency: str, amount: int, at: datetime) -> dict[str, Any]:
    """What buying that much comes to, and what is available afterwards."""
    grant = sold_grant("preview", customer.pk, currency, amount, at)
    totals, held = sale_totals(grant, at), balance(customer.pk, currency, at)
    return {
        "currency": currency,
        "amount": amount,
        "typed": str(to_major(amount, currency)),
        "totals": totals,
        "taxes": row_texts(totals.taxes, currency),
        "expires_at": grant.expires_at,
        "before": held.available,
        "after": held.available + amount,
    }


def add_card_url(currency: str, amount: int) -> str:
    """To the card page, and back to the review."""
    back = f"{reverse('credits_review')}?{urlencode({'amount': str(to_major(amount, currency))})}"
    return f"{reverse('pm_add')}?{urlencode({'next': back})}"


def _buy(request: PortalRequest, currency: str, amount: int) -> HttpResponse:
    """A second click, or another tab with the same number, comes to the same payment."""
    number, total = (_count(request, name) for name in ("number", "total"))
    purchase = Purchase(request.customer.pk, currency, amount, number, total)
    try:
        payment = buy_credits(purchase=purchase, at=customer_now(request.customer), actor=request.user)
    except InvoiceMovedError:
        return _review(request, currency, amount, has_moved=True)
    except PaymentMethodMissingError:
        return see_other(add_card_url(currency, amount))
    nudge("billing_portal.tasks.submit_payment", payment.pk)
    return see_other(reverse("payment_status", args=[payment.invoice.public_id, payment.public_id]))


def _count(request: HttpRequest, name: str) -> int:
    """A number that the page itself had put into the form; anything else never fits."""
    text = request.POST.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 16 else 0
