"""«Pay» and what became of it."""

import logging
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_POST

from accounts.access import PortalRequest, can_write, customer_now, enter_customer
from accounts.gateways import decline_message, get_gateway
from accounts.gateways.base import GatewayError
from accounts.models import PaymentMethod, User
from accounts.selectors import recipients
from core import formats
from core.nudge import nudge
from invoices.exceptions import InvoiceMovedError, NotPayableError, PaymentMethodMissingError
from invoices.models import UNRESOLVED, Invoice, Payment, PaymentStatus
from invoices.resolving import look_at_payment
from invoices.services.collect_payment import collect_payment
from invoices.views import find, find_payment, invoice_page

logger = logging.getLogger(__name__)

WAITS = (1, 2, 4, 8, 8)  # seconds between two looks; afterwards the page stops asking


@require_POST
@login_required
def invoice_pay(request: HttpRequest, public_id: str) -> HttpResponse:
    invoice = find(public_id)
    membership = enter_customer(request, invoice.customer_id, write=True)
    attempt, seen = request.POST.get("attempt", ""), request.POST.get("amount", "")
    try:
        payment = collect_payment(
            invoice_id=invoice.pk,
            at=customer_now(membership.customer),
            automatic=False,
            actor=cast("User", request.user),
            payment_method=chosen_card(request, invoice),
            attempt=int(attempt) if attempt.isdecimal() and len(attempt) < 6 else None,
            seen=int(seen) if seen.isdecimal() and len(seen) < 19 else 0,
        )
    except (NotPayableError, PaymentMethodMissingError) as refusal:
        messages.info(request, refusal.message)
        return see_other(reverse("invoice", args=[invoice.public_id]))
    except InvoiceMovedError as moved:
        page = invoice_page(find(public_id), membership) | {"moved": moved.message}
        return render(request, "invoices/invoice.html", page, status=409)
    nudge("billing_portal.tasks.submit_payment", payment.pk)
    return see_other(reverse("payment_status", args=[invoice.public_id, payment.public_id]))


def chosen_card(request: HttpRequest, invoice: Invoice) -> PaymentMethod | None:
    """The customer's card named by the form; without a name the default. 404 for anybody else's."""
    key = request.POST.get("payment_method", "")
    mine = PaymentMethod.objects.filter(customer_id=invoice.customer_id, deleted_at__isnull=True)
    return get_object_or_404(mine, key=key) if key else None


@require_GET
@login_required
def payment_status(request: HttpRequest, public_id: str, payment_id: str) -> HttpResponse:
    """Asked again and again while the payment is processed; ends at the invoice."""
    invoice = find(public_id)
    membership = enter_customer(request, invoice.customer_id)
    payment = find_payment(invoice, payment_id)
    htmx = cast("PortalRequest", request).htmx
    if payment.status not in UNRESOLVED:
        url = after_outcome(request, payment, starts=invoice.is_start and can_write(membership))
        return HttpResponse(headers={"HX-Redirect": url}) if htmx else see_other(url)
    if payment.status == PaymentStatus.NEEDS_CONFIRMATION and "returned" in request.GET:
        return back_from_the_bank(request, payment)
    looks = request.GET.get("looks", "")
    number = min(int(looks), len(WAITS)) if looks.isdecimal() and len(looks) < 6 else 0
    wait = WAITS[number] if number < len(WAITS) and payment.status == PaymentStatus.PENDING else 0
    context = {
        "invoice": invoice,
        "payment": payment,
        "can_confirm": can_write(membership),
        "wait": wait,
        "looks": number + 1,
    }
    return render(request, "invoices/payment_status.html#waiting" if htmx else "invoices/payment_status.html", context)


def after_outcome(request: HttpRequest, payment: Payment, *, starts: bool) -> str:
    """Where the person is led, who is told there what became of the plan where one `starts` by it, else here."""
    invoice = payment.invoice
    if starts:
        return reverse("plan_started", args=[invoice.public_id])
    say_outcome(request, payment)
    bought = invoice.is_sale and payment.status == PaymentStatus.SUCCEEDED
    return reverse("credits") if bought else reverse("invoice", args=[invoice.public_id])


def back_from_the_bank(request: HttpRequest, payment: Payment) -> HttpResponse:
    """The processor is asked once what came of it; whoever may not pay only sees what is known."""
    portal = cast("PortalRequest", request)
    if can_write(portal.membership):
        try:
            look_at_payment(payment, customer_now(portal.customer))
        except GatewayError as error:
            logger.warning("payment %s waits for its next question: %s", payment.pk, error.description)
    return see_other(status_url(payment))


@require_POST
@login_required
def payment_confirm(request: HttpRequest, public_id: str, payment_id: str) -> HttpResponse:
    """«Confirm with your bank»: to the bank's page, and from there back to the payment's."""
    invoice = find(public_id)
    enter_customer(request, invoice.customer_id, write=True)
    payment = find_payment(invoice, payment_id)
    back, url = f"{status_url(payment)}?returned=1", None
    if payment.status == PaymentStatus.NEEDS_CONFIRMATION:
        gateway = get_gateway(payment.gateway)
        try:
            url = gateway.confirmation_url(payment.gateway_id, return_url=request.build_absolute_uri(back))
        except GatewayError as error:
            logger.warning("the bank's page of payment %s could not be opened: %s", payment.pk, error.description)
            messages.error(request, error.message)
            back = status_url(payment)
    return see_other(url or back)


def status_url(payment: Payment) -> str:
    return reverse("payment_status", args=[payment.invoice.public_id, payment.public_id])


def say_outcome(request: HttpRequest, payment: Payment) -> None:
    values = {"amount": formats.money(payment.amount, payment.currency)}
    if payment.status == PaymentStatus.SUCCEEDED:
        values |= {"how": payment.how, "number": payment.receipt_number or ""}
        to = recipients([payment.invoice.customer_id])[payment.invoice.customer_id]
        said = gettext("%(amount)s paid %(how)s. Receipt %(number)s.")
        if to:
            values |= {"emails": ", ".join(to)}
            said = gettext("%(amount)s paid %(how)s. Receipt %(number)s goes to %(emails)s.")
        messages.success(request, said % values)
    elif payment.status == PaymentStatus.DECLINED:
        failed = gettext("Payment of %(amount)s failed.") % values
        messages.error(request, f"{failed} {decline_message(payment.decline_code)}")
    elif payment.status == PaymentStatus.SURPLUS:
        text = gettext("%(amount)s was charged when nothing was due any more. All of it goes back to your card.")
        messages.info(request, text % values)
    else:
        text = gettext("The payment of %(amount)s was given up. Nothing was charged; you can pay again.")
        messages.warning(request, text % values)


def see_other(url: str) -> HttpResponse:
    """303: what was posted is done, look there."""
    return HttpResponseRedirect(url, status=303)
