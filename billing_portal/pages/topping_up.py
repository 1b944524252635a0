"""Automatic top-up: what is agreed to, what it did this month, and its switch."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from accounts.access import PortalRequest, billing_page, can_write, check_role, customer_now
from accounts.drafts import refill
from accounts.selectors import default_payment_methods
from billing_portal.pages.buying import check_self_serve, currency_of
from billing_portal.pages.buying_forms import TopUpForm
from core.exceptions import RuleError
from core.money import to_major
from credits.selectors import balance
from invoices.exceptions import PaymentMethodMissingError
from invoices.services.set_top_up import set_top_up
from invoices.services.stop_top_up import stop_top_up
from invoices.topping_up import one_purchase, rule_of, spent
from invoices.views_paying import see_other

if TYPE_CHECKING:
    from invoices.models_selling import TopUpRule

FIELDS = ("threshold", "amount", "ceiling")


@require_http_methods(["GET", "HEAD", "POST"])
@billing_page()
def credits_top_up(request: PortalRequest) -> HttpResponse:
    """Viewers read it; billing admins switch it."""
    check_self_serve(request.customer)
    currency = currency_of(request.customer)
    rule = rule_of(request.customer.pk, currency)
    if request.method != "POST":
        form = refill(request, TopUpForm(currency=currency, initial=_initial(rule)))
        return _page(request, rule, form)
    check_role(request.membership, write=True)
    return _stop(request, rule) if "off" in request.POST else _set(request, rule, currency)


def _set(request: PortalRequest, rule: "TopUpRule | None", currency: str) -> HttpResponse:
    form = TopUpForm(request.POST, currency=currency)
    if not form.is_valid():
        return _page(request, rule, form)
    at = customer_now(request.customer)
    try:
        set_top_up(customer_id=request.customer.pk, terms=form.terms(), at=at, actor=request.user)
    except PaymentMethodMissingError:
        return see_other(f"{reverse('pm_add')}?{urlencode({'next': reverse('credits_top_up')})}")
    except RuleError as refused:
        form.add_error(None, refused.message)
        return _page(request, rule, form)
    messages.success(request, gettext("Automatic top-up is on."))
    return see_other(reverse("credits_top_up"))


def _stop(request: PortalRequest, rule: "TopUpRule | None") -> HttpResponse:
    if rule is not None:
        at = customer_now(request.customer)
        stop_top_up(rule_id=rule.pk, because="customer", at=at, actor=request.user)
    messages.success(request, gettext("Automatic top-up is off. Nothing is bought by itself any more."))
    return see_other(reverse("credits_top_up"))


def _page(request: PortalRequest, rule: "TopUpRule | None", form: TopUpForm) -> HttpResponse:
    customer, at = request.customer, customer_now(request.customer)
    context = {
        "form": form,
        "currency": form.currency,
        "rule": rule,
        **(_standing(rule, request) if rule else {}),
        "available": balance(customer.pk, form.currency, at).available,
        "card": default_payment_methods([customer.pk]).get(customer.pk),
        "can_write": can_write(request.membership),
    }
    return render(request, "billing_portal/credits_top_up.html", context, status=422 if form.errors else 200)


def _standing(rule: "TopUpRule", request: PortalRequest) -> dict[str, Any]:
    at = customer_now(request.customer)
    return {
        "spent": spent(rule, at),
        "charged": one_purchase(rule.customer_id, rule, at),
        "waits_until": rule.next_at if rule.is_on and rule.next_at > at else None,
    }


def _initial(rule: "TopUpRule | None") -> dict[str, Any]:
    return {name: to_major(getattr(rule, name), rule.currency) for name in FIELDS} if rule else {}
