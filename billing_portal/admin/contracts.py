"""«New contract» of a customer: a plan for nobody else, begun from one of the catalogue."""

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from accounts.access import customer_now
from accounts.models import Customer
from accounts.roles import MANAGE
from accounts.sales import sales_contact
from accounts.services.set_sales_contact import set_sales_contact
from accounts.staff import staff_user
from billing_portal.admin.access import customer_page
from billing_portal.admin.change_forms import ContactForm, contact_of
from billing_portal.admin.changes import Words, act, get_or_post, post_data
from billing_portal.admin.customer_forms import ContractForm
from billing_portal.admin.customers import render_customer
from plans.exceptions import PlansError
from plans.services.draft_contract import draft_contract

if TYPE_CHECKING:
    from plans.models import Plan


@require_http_methods(["GET", "POST"])
@customer_page(MANAGE)
def customer_subscriptions_contract(request: HttpRequest, customer: Customer) -> HttpResponse:
    """What was agreed; then the draft, whose prices are changed and published as any plan's."""
    form = ContractForm(request.POST if request.method == "POST" else None, customer=customer)
    draft = _draft(request, customer, form) if request.method == "POST" and form.is_valid() else None
    if draft is not None:
        messages.success(request, gettext("%(draft)s is a draft. Set its prices, then publish it.") % {"draft": draft})
        return HttpResponseRedirect(reverse("admin:plans_plan_change", args=[draft.pk]))
    context = {"form": form, "title": gettext("New contract – %(name)s") % {"name": customer.name}}
    status = 422 if request.method == "POST" else 200
    return render_customer(request, customer, "admin/customer_subscriptions_contract.html", context, status)


@get_or_post
@customer_page(MANAGE)
def customer_subscriptions_contact(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Whom in sales the customer talks to; a contract that was published keeps no name of its own."""
    form = ContactForm(post_data(request), initial=contact_of(customer))
    words = Words(
        gettext("Sales contact"),
        gettext("Under a contract, the customer’s pages and messages name it instead of the general address of sales."),
        gettext("Save"),
    )

    def do() -> str:
        contact = form.contact()
        saved = set_sales_contact(
            customer_id=customer.pk,
            name=contact.name,
            email=contact.email,
            at=customer_now(customer),
            actor=staff_user(request),
            reason=form.cleaned_data["reason"],
        )
        return gettext("Sales contact of %(name)s: %(contact)s.") % {
            "name": customer.name,
            "contact": sales_contact(saved),
        }

    return act(request, customer, form, words, do)


def _draft(request: HttpRequest, customer: Customer, form: ContractForm) -> "Plan | None":
    """None where a rule refuses: the form says which."""
    try:
        return draft_contract(
            customer_id=customer.pk,
            plan_id=int(form.cleaned_data["plan"]),
            name=form.cleaned_data["name"],
            values=form.terms(),
            at=customer_now(customer),
            actor=staff_user(request),
            reason=form.cleaned_data["reason"],
            contact=form.contact(),
        )
    except PlansError as error:
        form.add_error(None, error.message)
        return None
