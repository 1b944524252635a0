"""«Create Customer»."""

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from accounts.exceptions import AccountsError
from accounts.models import Customer, Role
from accounts.roles import MANAGE
from accounts.services.invite_member import invite_member
from accounts.services.open_customer import open_customer
from accounts.staff import render_staff, staff_page, staff_user
from billing_portal.admin.customer_forms import CustomerForm
from core import clock
from plans.services.open_default_subscription import open_default_subscription


@require_http_methods(["GET", "POST"])
@staff_page(MANAGE)
def customer_add(request: HttpRequest) -> HttpResponse:
    form = CustomerForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            customer = _open_once(request, form)
        except AccountsError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, gettext("%(name)s created.") % {"name": customer.name})
            return HttpResponseRedirect(reverse("admin:customer", args=[customer.key]))
    status = 422 if request.method == "POST" else 200
    return render_staff(request, "admin/customer_add.html", {"form": form, "title": gettext("Create Customer")}, status)


def _open_once(request: HttpRequest, form: CustomerForm) -> Customer:
    """Also where the form is sent twice at the same moment: the second waits, fails, and finds what the first made."""
    try:
        return _open(request, form)
    except IntegrityError:
        return _open(request, form)


@transaction.atomic
def _open(request: HttpRequest, form: CustomerForm) -> Customer:
    """The customer on the default plan, all of it or nothing; a form that is sent twice opens it once."""
    values, at, actor = form.cleaned_data, clock.now(), staff_user(request)
    known = Customer.objects.filter(key=values["key"]).first()
    if known is not None:
        return known
    customer = open_customer(
        key=values["key"],
        name=values["name"],
        user=None,
        at=at,
        actor=actor,
        currency=values["currency"],
        subject=values["subject"],
        subject_kind=values["subject_kind"],
        details=form.details(),
    )
    open_default_subscription(customer_id=customer.pk, at=at, actor=actor)
    if values["invite"]:
        invite_member(customer_id=customer.pk, email=values["email"], role=Role.BILLING_ADMIN, at=at, actor=actor)
    return customer
