"""What staff change about a customer: name, billing details, usage mapping, parking. Each is a page that asks why."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from accounts.access import customer_now
from accounts.models import Customer, UsageSubject
from accounts.roles import MANAGE
from accounts.selectors import billing_profile
from accounts.services.add_usage_subject import add_usage_subject
from accounts.services.remove_usage_subject import remove_usage_subject
from accounts.services.rename_customer import rename_customer
from accounts.services.unpark_customer import unpark_customer
from accounts.services.update_billing_profile import update_billing_profile
from accounts.staff import staff_user
from billing_portal.admin.access import customer_page
from billing_portal.admin.change_forms import DetailsForm, RenameForm, SubjectForm, WhyForm
from billing_portal.admin.customers import render_customer
from core.exceptions import RuleError

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
ACTION = "admin/customer_action.html"


@dataclass(frozen=True, slots=True)
class Words:
    """What a page says: its heading, what happens, and its button."""

    heading: "_StrOrPromise"
    lead: "_StrOrPromise"
    submit: "_StrOrPromise"
    note: "_StrOrPromise" = ""
    is_danger: bool = False


def post_data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def act(
    request: HttpRequest,
    customer: Customer,
    form: forms.BaseForm,
    words: Words,
    do: Callable[[], str],
    *,
    template: str = ACTION,
) -> HttpResponse:
    """The form; once it is valid, `do`, which answers what to say, and back to the customer page. What a rule refuses
    stands above the form, nothing typed is lost."""
    if form.is_bound and form.is_valid():
        try:
            said = do()
        except RuleError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, said)
            return HttpResponseRedirect(reverse("admin:customer", args=[customer.key]), status=303)
    context = {"form": form, "words": words, "title": f"{words.heading} – {customer.name}"}
    status = getattr(form, "status", 422) if form.is_bound else 200
    return render_customer(request, customer, template, context, status)


def gone(request: HttpRequest, customer: Customer) -> HttpResponse:
    """About something that is not there: 404; a form sent twice is answered as the first time."""
    if request.method != "POST":
        raise Http404
    return HttpResponseRedirect(reverse("admin:customer", args=[customer.key]), status=303)


@get_or_post
@customer_page(MANAGE)
def customer_rename(request: HttpRequest, customer: Customer) -> HttpResponse:
    form = RenameForm(post_data(request), initial={"name": customer.name})
    words = Words(
        gettext("Rename"),
        gettext("What staff and the customer call it. The legal name on invoices stays."),
        gettext("Rename"),
    )

    def do() -> str:
        at, actor = customer_now(customer), staff_user(request)
        renamed = rename_customer(customer_id=customer.pk, at=at, actor=actor, **form.cleaned_data)
        return gettext("The customer is called %(name)s.") % {"name": renamed.name}

    return act(request, customer, form, words, do)


@get_or_post
@customer_page(MANAGE)
def customer_details(request: HttpRequest, customer: Customer) -> HttpResponse:
    """As the customer changes them: recipients and billing admins are told by e-mail what changed."""
    form = DetailsForm(post_data(request), billing_profile(customer))
    lead = gettext(
        "Used on future invoices. Issued invoices don’t change; an announced one is made again where tax changes."
    )
    note = gettext("Recipients and billing admins are told by e-mail what was changed.")

    def do() -> str:
        update_billing_profile(
            customer_id=customer.pk,
            values=form.values,
            at=customer_now(customer),
            actor=staff_user(request),
            reason=form.cleaned_data["reason"],
        )
        return gettext("Billing details saved.")

    words = Words(gettext("Billing details"), lead, gettext("Save"), note)
    return act(request, customer, form, words, do, template="admin/customer_details.html")


@get_or_post
@customer_page(MANAGE)
def customer_subject_add(request: HttpRequest, customer: Customer) -> HttpResponse:
    form = SubjectForm(post_data(request))
    lead = gettext(
        "Events that name it and arrive from now on are this customer’s. Those refused before have to be sent again."
    )
    words = Words(
        gettext("Add usage mapping"), lead, gettext("Add"), gettext("A subject belongs to one customer only.")
    )

    def do() -> str:
        at, actor = customer_now(customer), staff_user(request)
        row = add_usage_subject(customer_id=customer.pk, at=at, actor=actor, **form.cleaned_data)
        return gettext("Events of “%(subject)s” are attributed to %(name)s.") % {
            "subject": row.subject,
            "name": customer.name,
        }

    return act(request, customer, form, words, do)


@get_or_post
@customer_page(MANAGE)
def customer_subject_remove(request: HttpRequest, customer: Customer, subject_id: int) -> HttpResponse:
    row = UsageSubject.objects.filter(customer=customer, pk=subject_id).first()
    if row is None:
        return gone(request, customer)
    form = WhyForm(post_data(request))
    lead = gettext("New events of “%(subject)s” are refused as unknown, corrections included.") % {
        "subject": row.subject
    }
    note = gettext("What has been attributed stays with %(name)s and is billed.") % {"name": customer.name}
    words = Words(
        gettext("Remove “%(subject)s”") % {"subject": row.subject}, lead, gettext("Remove"), note, is_danger=True
    )

    def do() -> str:
        at, actor = customer_now(customer), staff_user(request)
        remove_usage_subject(
            customer_id=customer.pk, subject_id=subject_id, at=at, actor=actor, reason=form.cleaned_data["reason"]
        )
        return gettext("“%(subject)s” removed. New events of it are refused as unknown.") % {"subject": row.subject}

    return act(request, customer, form, words, do)


@get_or_post
@customer_page(MANAGE)
def customer_unpark(request: HttpRequest, customer: Customer) -> HttpResponse:
    form = WhyForm(post_data(request))
    lead = gettext("The next run takes the customer along and catches up on everything that is due.")
    note = (
        gettext("It was left out because: %(parked_reason)s") % {"parked_reason": customer.parked_reason}
        if customer.parked_at
        else gettext("It is in every run already.")
    )
    words = Words(gettext("Take along in runs again"), lead, gettext("Take along in runs again"), note)

    def do() -> str:
        at, actor = customer_now(customer), staff_user(request)
        unpark_customer(customer_id=customer.pk, at=at, actor=actor, reason=form.cleaned_data["reason"])
        return gettext("%(name)s is taken along in runs again.") % {"name": customer.name}

    return act(request, customer, form, words, do)


CUSTOMER = "billing/customers/<str:key>/"
urlpatterns = [
    path(f"{CUSTOMER}rename/", customer_rename, name="customer_rename"),
    path(f"{CUSTOMER}details/", customer_details, name="customer_details"),
    path(f"{CUSTOMER}usage-mapping/add/", customer_subject_add, name="customer_subject_add"),
    path(f"{CUSTOMER}usage-mapping/<int:subject_id>/remove/", customer_subject_remove, name="customer_subject_remove"),
    path(f"{CUSTOMER}unpark/", customer_unpark, name="customer_unpark"),
]
