"""Settings, billing details, members, API tokens and the customer switcher."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import drafts, selectors
from accounts.access import (
    PortalRequest,
    billing_page,
    can_write,
    check_role,
    customer_now,
    describe,
    enter_customer,
    local_path,
)
from accounts.countries import country_names
from accounts.exceptions import AlreadyMemberError
from accounts.forms import ApiTokenForm, BillingDetailsForm, InvitationForm
from accounts.middleware import SESSION_KEY, current_membership
from accounts.models import ApiToken, Customer, Role, User
from accounts.recent import check_recent
from accounts.services.create_api_token import create_api_token
from accounts.services.invite_member import invite_member
from accounts.services.revoke_api_token import revoke_api_token
from accounts.services.update_billing_profile import update_billing_profile
from core.clock import now


def see_other(url: str) -> HttpResponse:
    """303: what was posted is done, look there."""
    return HttpResponseRedirect(url, status=303)


@require_GET
@login_required
def settings_home(request: HttpRequest) -> HttpResponse:
    membership = current_membership(request)
    if membership is None:
        raise Http404
    sees_billing = membership.role != Role.MEMBER
    admins = [] if sees_billing else [describe(admin) for admin in selectors.billing_admins(membership.customer)]
    return render(
        request,
        "accounts/settings.html",
        {"membership": membership, "sees_billing": sees_billing, "admins": admins},
    )


@require_POST
@login_required
def switch_customer(request: HttpRequest) -> HttpResponse:
    rows = selectors.memberships(cast("User", request.user))
    chosen = next((row for row in rows if row.customer.key == request.POST.get("customer")), None)
    if chosen is None:
        raise Http404
    request.session[SESSION_KEY] = chosen.customer_id
    start = reverse("settings" if chosen.role == Role.MEMBER else "billing_overview")
    return see_other(local_path(request.POST.get("next"), start))


@require_http_methods(["GET", "POST"])
@billing_page()
def billing_details(request: PortalRequest) -> HttpResponse:
    if request.method == "POST":
        check_role(request.membership, write=True)
    profile = selectors.billing_profile(request.customer)
    form = BillingDetailsForm(request.POST or None, instance=profile)
    if form.is_valid():
        _save_details(request, form)
        messages.success(request, _details_saved())
        return see_other(local_path(request.POST.get("next"), reverse("billing_details")))
    context = {
        "form": drafts.refill(request, form),
        "can_write": can_write(request.membership),
        "country": country_names().get(profile.country, ""),
        "next": local_path((request.POST or request.GET).get("next")),
    }
    return render(request, "accounts/billing_details.html", context, status=form.status)


def _save_details(request: PortalRequest, form: BillingDetailsForm) -> None:
    """Who gets invoices is changed only by somebody who has just shown who they are."""
    if "recipients" in form.changed_data:
        check_recent(request)
    at = customer_now(request.customer)
    update_billing_profile(customer_id=request.customer.pk, values=form.cleaned_data, at=at, actor=request.user)


def _details_saved() -> str:
    """What that changes, and what helps where it came too late for an invoice."""
    said = gettext("Billing details saved. They are used on future invoices; issued invoices don’t change.")
    ask = gettext("Ask for a corrected invoice")
    return format_html('{} <a href="{}">{}</a>', said, reverse("correction_add"), ask)


@require_http_methods(["GET", "POST"])
@billing_page()
def members(request: PortalRequest) -> HttpResponse:
    form = InvitationForm(request.POST or None)
    if request.method == "POST":
        check_role(request.membership, write=True)
        if form.is_valid() and _invited(request, form):
            messages.success(request, gettext("%(email)s added and told by e-mail.") % form.cleaned_data)
            return see_other(reverse("members"))
    context = {
        "form": drafts.refill(request, form),
        "members": selectors.members(request.customer),
        "can_write": can_write(request.membership),
    }
    return render(request, "accounts/members.html", context, status=422 if form.errors else 200)


def _invited(request: PortalRequest, form: InvitationForm) -> bool:
    """Whether the person is a member now; else the form says why not."""
    try:
        invite_member(customer_id=request.customer.pk, at=now(), actor=request.user, **form.cleaned_data)
    except AlreadyMemberError as error:
        form.add_error("email", error.message)
        return False
    return True


@require_http_methods(["GET", "POST"])
@billing_page()
def api_tokens(request: PortalRequest) -> HttpResponse:
    """The secret is part of the answer to the POST itself: written to a session it would be kept."""
    form, created, secret = ApiTokenForm(request.POST or None), None, ""
    if request.method == "POST":
        check_role(request.membership, write=True)
        if form.is_valid():
            created, secret = create_api_token(
                customer=request.customer, name=form.cleaned_data["name"], at=now(), actor=request.user
            )
            form = ApiTokenForm()
    context = {
        "form": drafts.refill(request, form),
        "tokens": selectors.api_tokens(request.customer),
        "created": created,
        "secret": secret,
        "can_write": can_write(request.membership),
    }
    return render(request, "accounts/api_tokens.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@login_required
def api_token_revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    token = get_object_or_404(ApiToken.objects.filter(customer__isnull=False), pk=token_id)
    enter_customer(request, cast("Customer", token.customer).pk, write=True)
    if request.method == "POST":
        revoke_api_token(token=token, at=now(), actor=cast("User", request.user))
        messages.success(request, gettext("%(token)s revoked. It can’t be used any more.") % {"token": token.name})
        return see_other(reverse("api_tokens"))
    if token.revoked_at:
        return redirect("api_tokens")
    return render(request, "accounts/api_token_revoke.html", {"token": token})
