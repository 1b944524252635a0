"""The billing portal: invoices' page, with what only the plan knows."""

from django.http import HttpResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.access import PortalRequest, billing_page
from accounts.models import Customer, PaymentPolicy
from core import formats
from invoices.views import portal_page
from plans.selectors import current_subscription


@require_GET
@vary_on_headers("HX-Request")
@billing_page()
def portal(request: PortalRequest) -> HttpResponse:
    return portal_page(request, lambda: words_of_plan(request.customer))


def words_of_plan(customer: Customer) -> dict[str, str]:
    """Why there is no card and no invoice yet, as far as the plan is the reason. Two queries."""
    current = current_subscription(customer.pk)
    if current is None:
        return {}
    if current.plan.terms().is_credit_only:
        return {"card_not_needed": gettext("Not needed: your plan is paid with credits.")}
    words = {}
    if customer.payment_policy == PaymentPolicy.OPTIONAL:
        text = gettext("No payment method. You don’t need one on %(plan)s.")
        words["no_card"] = text % {"plan": current.plan.name}
    if current.next_billing_on and current.plan.terms().is_priced:
        text = gettext("Your first invoice will appear here on %(day)s, the day it is issued.")
        words["no_invoice"] = text % {"day": formats.day(current.next_billing_on)}
    return words
