"""Staff's pages about one plan: its form, its rate cards, «Publish Plan» and new versions."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Customer
from accounts.roles import CATALOG, MANAGE, READ, check_may, may
from accounts.staff import render_staff, staff_page, staff_user
from core import clock
from plans.admin_forms import PlanForm
from plans.exceptions import PlanMovedError, PlansError
from plans.models import Plan, PlanStatus, ScheduledChange, ScheduleStatus, Subscription, SubscriptionMigration
from plans.selectors.comparing import comparison
from plans.selectors.migrating import migrations_to
from plans.services.archive_plan import archive_plan
from plans.services.copy_plan import copy_plan
from plans.services.publish_plan import publish_plan
from plans.services.save_plan import save_plan
from plans.words import card_price

LATEST = 5  # migrations shown on the page of a version


def plan_of(plan_id: int | str) -> Plan:
    """Any version with its rate cards, or 404."""
    plan = (
        Plan.objects.with_cards().select_related("customer").filter(pk=plan_id).first()
        if str(plan_id).isdecimal()
        else None
    )
    if plan is None:
        raise Http404
    return plan


def writable(request: HttpRequest, plan_id: int | str) -> Plan:
    """The same, for who may change it: prices of the catalogue, or a contract, which is about its customer."""
    plan = plan_of(plan_id)
    check_may(request.user, _writing(plan))
    return plan


def _writing(plan: Plan) -> str:
    """The capability that changes it."""
    return MANAGE if plan.customer_id else CATALOG


def plan_url(plan: Plan) -> str:
    return reverse("admin:plans_plan_change", args=[plan.pk])


@staff_page(CATALOG)
def plan_add(request: HttpRequest) -> HttpResponse:
    """A new plan. «Add Rate Card» saves it and goes on with its first price."""
    return _plan_form(request, None)


@staff_page(READ, CATALOG)
def plan_change(request: HttpRequest, plan_id: str) -> HttpResponse:
    """A draft as a form for who may change it; to be read otherwise."""
    plan = plan_of(plan_id)
    if plan.customer_id:
        check_may(request.user, READ)
    if request.method == "POST":
        check_may(request.user, _writing(plan))
    if plan.status == PlanStatus.DRAFT and may(request.user, _writing(plan)):
        return _plan_form(request, plan)
    if request.method == "POST":
        return render_staff(request, "403.html", {"message": gettext("Published versions never change.")}, status=403)
    open_ones = Subscription.objects.open().filter(plan__key=plan.key)
    context = {
        **_shown(plan),
        "can_write": may(request.user, _writing(plan)),
        "subscriptions": open_ones.filter(plan=plan).count(),
        "others": open_ones.exclude(plan=plan).count() if plan.status == PlanStatus.PUBLISHED else 0,
        "migrations": [(each, progress_url(each)) for each in migrations_to(plan)[:LATEST]],
    }
    return render_staff(request, "admin/plans/plan.html", context)


def _plan_form(request: HttpRequest, plan: Plan | None) -> HttpResponse:
    form = PlanForm(request.POST or None, plan=plan)
    if request.method == "POST" and form.is_valid():
        try:
            saved = save_plan(
                plan_id=plan.pk if plan else None, values=form.cleaned_data, at=clock.now(), actor=staff_user(request)
            )
        except PlansError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, gettext("%(saved)s saved as a draft.") % {"saved": saved})
            to_card = "_add_rate_card" in request.POST
            args = [saved.pk]
            return HttpResponseRedirect(reverse("admin:plans_plan_card_add", args=args) if to_card else plan_url(saved))
    shown = _shown(plan) if plan else {"title": gettext("New plan")}
    return render_staff(request, "admin/plans/plan_form.html", {**shown, "form": form}, form.status)


def _shown(plan: Plan) -> dict[str, Any]:
    cards = [
        {"card": card, "price": card_price(card.terms(plan.currency), plan.currency)} for card in plan.rate_cards.all()
    ]
    return {
        "plan": plan,
        "contract_of": plan.customer,
        "cards": cards,
        "title": gettext("%(name)s, version %(version)s") % {"name": plan.name, "version": plan.version},
    }


class PublishForm(forms.Form):
    """Why a version is published, where somebody says so."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=300, required=False, help_text=gettext_lazy("For the audit trail.")
    )


@staff_page(CATALOG, MANAGE)
@require_http_methods(["GET", "POST"])
def plan_publish(request: HttpRequest, plan_id: str) -> HttpResponse:
    """«Publish Plan»: what it changes, for whom, and at which price; then the button."""
    plan, refused = writable(request, plan_id), None
    if plan.status != PlanStatus.DRAFT:
        return HttpResponseRedirect(_after_publishing(plan))
    form = PublishForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return _publish(request, plan, form.cleaned_data["reason"])
        except PlanMovedError as error:
            refused = error
    context = {
        "comparison": comparison(plan, clock.now()),
        "plan": plan,
        "form": form,
        "refused": refused,
        "title": gettext("Publish Plan"),
    }
    status = refused.status if refused else 422 if form.is_bound else 200
    return render_staff(request, "admin/plans/publish.html", context, status)


def _publish(request: HttpRequest, plan: Plan, reason: str) -> HttpResponse:
    """Raises PlanMovedError where it is not what the page showed; a form that names nothing has shown nothing."""
    seen = request.POST.get("seen") or "nothing"
    published = publish_plan(plan=plan, at=clock.now(), actor=staff_user(request), reason=reason, seen=seen)
    told = (
        gettext("%(published)s is published. It begins once %(name)s is put on it.")
        if published.customer
        else gettext("%(published)s is published. Customers can be put on it from now on.")
    )
    messages.success(request, told % {"published": published, "name": published.customer and published.customer.name})
    return HttpResponseRedirect(_after_publishing(published))


def _after_publishing(plan: Plan) -> str:
    """A contract goes on to its customer, who is put on it with a preview."""
    if plan.customer and plan.status == PlanStatus.PUBLISHED:
        return begin_url(plan.customer, plan)
    return plan_url(plan)


def progress_url(migration: SubscriptionMigration) -> str:
    """How a migration gets on (plans/admin_migrating.py)."""
    return reverse("admin:plans_plan_migration", args=[migration.plan_id, migration.key])


def begin_url(customer: Customer, plan: Plan) -> str:
    """Where a customer is put on a plan, with the preview."""
    return f"{reverse('admin:customer_subscriptions_add', args=[customer.key])}?plan={plan.pk}"


@staff_page(CATALOG, MANAGE)
@require_POST
def plan_copy(request: HttpRequest, plan_id: str) -> HttpResponse:
    """«New version»: a draft that says the same, to be changed."""
    draft = copy_plan(plan_id=writable(request, plan_id).pk, at=clock.now(), actor=staff_user(request))
    messages.success(
        request, gettext("%(draft)s is a draft. Nothing changes for anybody until it is published.") % {"draft": draft}
    )
    return HttpResponseRedirect(plan_url(draft))


class ArchiveForm(forms.Form):
    """Why nobody should choose a plan any more."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=300, help_text=gettext_lazy("For the audit trail.")
    )


@staff_page(CATALOG, MANAGE)
@require_http_methods(["GET", "POST"])
def plan_archive(request: HttpRequest, plan_id: str) -> HttpResponse:
    """«Archive Plan»: nobody can choose it any more; who is on it stays."""
    plan = writable(request, plan_id)
    form = ArchiveForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        archived = archive_plan(
            plan_id=plan.pk, at=clock.now(), actor=staff_user(request), reason=form.cleaned_data["reason"]
        )
        messages.success(
            request, gettext("%(archived)s is archived. Nobody can choose it any more.") % {"archived": archived}
        )
        return HttpResponseRedirect(plan_url(archived))
    context = {
        "plan": plan,
        "form": form,
        "subscriptions": Subscription.objects.open().filter(plan=plan).count(),
        "scheduled": ScheduledChange.objects.filter(plan=plan, status=ScheduleStatus.SCHEDULED).count(),
        "title": gettext("Archive Plan"),
    }
    return render_staff(request, "admin/plans/archive.html", context, 422 if request.method == "POST" else 200)
