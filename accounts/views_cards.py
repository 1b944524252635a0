"""Payment methods: adding one through the gateway's card page, choosing the default, deleting."""

import logging
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import selectors
from accounts.access import PortalRequest, billing_page, customer_now, enter_customer, local_path
from accounts.exceptions import CardNotEnteredError, DefaultRequiredError, DuplicateCardError, ManagedByContractError
from accounts.forms import CardSetupForm
from accounts.gateways.base import GatewayError
from accounts.middleware import SESSION_KEY
from accounts.models import CardSetup, Customer, PaymentMethod, PaymentPolicy, User
from accounts.recent import check_recent
from accounts.services.add_payment_method import add_payment_method
from accounts.services.delete_payment_method import delete_payment_method
from accounts.services.make_default import make_default
from accounts.services.start_card_setup import start_card_setup
from accounts.views import see_other
from core.periods import utc_day

logger = logging.getLogger(__name__)


def _back(request: HttpRequest, url: str = "") -> HttpResponse:
    """To `url` or the billing portal, which shows the customer whose card it was, not one chosen in another tab."""
    request.session[SESSION_KEY] = cast("PortalRequest", request).customer.pk
    return see_other(url or reverse("portal"))


@require_http_methods(["GET", "POST"])
@billing_page(write=True)
def pm_add(request: PortalRequest) -> HttpResponse:
    if request.customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        raise ManagedByContractError(request.customer, "asked to add a card")
    if request.method != "POST":
        return _add_page(request, request.customer, local_path(request.GET.get("next")))
    next_url = local_path(request.POST.get("next"))
    try:
        url = start_card_setup(
            customer=request.customer,
            user=request.user,
            next_url=next_url,
            at=customer_now(request.customer),
            build_url=request.build_absolute_uri,
            make_default="make_default" in request.POST,
        )
    except GatewayError:
        logger.exception("No card page could be opened for customer %s", request.customer.pk)
        return _add_page(request, request.customer, next_url, failed=True)
    return see_other(url)


def _add_page(
    request: HttpRequest, customer: Customer, next_url: str, *, failed: bool = False, again_url: str = ""
) -> HttpResponse:
    """503 where the processor `failed` to answer; `again_url` asks it for a card that was entered there already."""
    context = {
        "form": CardSetupForm(request.POST or None),
        "default": selectors.default_payment_methods([customer.pk]).get(customer.pk),
        "next": next_url,
        "failed": failed,
        "again_url": again_url,
    }
    return render(request, "accounts/pm_add.html", context, status=503 if failed else 200)


@require_GET
@login_required
def pm_add_return(request: HttpRequest) -> HttpResponse:
    user = cast("User", request.user)
    setup = get_object_or_404(CardSetup, key=request.GET.get("setup", ""), user=user)
    customer = enter_customer(request, setup.customer_id, write=True).customer
    try:
        method = add_payment_method(setup_key=setup.key, at=customer_now(customer), actor=user)
    except (CardNotEnteredError, DuplicateCardError) as refusal:
        messages.warning(request, refusal.message)
    except GatewayError:
        logger.exception("What was entered for card setup %s could not be read", setup.pk)
        return _add_page(request, customer, setup.next_url, failed=True, again_url=request.get_full_path())
    else:
        said = gettext("%(card)s added and set as default.") if method.is_default else gettext("%(card)s added.")
        messages.success(request, said % {"card": method})
    return _back(request, setup.next_url)


def _find(request: HttpRequest, key: str) -> PaymentMethod:
    """The card of that key, deleted or not, for people who may change it."""
    method = get_object_or_404(PaymentMethod.objects.select_related("customer"), key=key)
    method.customer = enter_customer(request, method.customer_id, write=True).customer
    return method


@require_POST
@login_required
def pm_default(request: HttpRequest, key: str) -> HttpResponse:
    found = _find(request, key)
    at = customer_now(found.customer)
    method = make_default(payment_method=found, at=at, actor=cast("User", request.user))
    said = gettext("%(card)s is now the default.") % {"card": method}
    portal = cast("PortalRequest", request)
    if not portal.htmx:
        messages.success(request, said)
        return _back(request)
    context = {
        "payment_methods": selectors.payment_methods(portal.customer),
        "customer": portal.customer,
        "can_write": True,
        "today": utc_day(at),
        "say": said,
        "focus_key": method.key,
    }
    return render(request, "accounts/_payment_methods.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def pm_delete(request: HttpRequest, key: str) -> HttpResponse:
    method = _find(request, key)
    policy = method.customer.payment_policy
    if request.method == "POST":
        check_recent(request)
        at = customer_now(method.customer)
        delete_payment_method(payment_method=method, at=at, actor=cast("User", request.user))
        messages.success(request, gettext("%(card)s deleted.") % {"card": method})
        return _back(request)
    if policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        raise ManagedByContractError(method.customer, f"deletes payment_method:{method.pk}")
    if method.deleted_at:
        return _back(request)
    refused = gettext(DefaultRequiredError.message) if method.is_default and policy == PaymentPolicy.REQUIRED else ""
    heirs = [other for other in selectors.payment_methods(method.customer) if other.pk != method.pk]
    heir = max(heirs, key=lambda other: (other.created_at, other.pk), default=None) if method.is_default else None
    return render(request, "accounts/pm_delete.html", {"method": method, "refused": refused, "heir": heir})
