"""Staff's pages about one plan: its form, its rate cards, «Publish Plan» and new versions."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.roles import CATALOG, MANAGE, READ, check_may, may
from accounts.staff import render_staff, staff_page, staff_user
from core import clock
from plans.admin_forms import PlanForm
from plans.exceptions import PlansError
from plans.models import Plan, PlanStatus, Subscription
from plans.selectors.comparing import comparison
from plans.services.copy_plan import copy_plan
from plans.services.migrate_subscriptions import migrate_subscriptions
from plans.services.publish_plan import publish_plan
from plans.services.save_plan import save_plan
from plans.words import card_price


def plan_of(plan_id: int | str) -> Plan:
    """Any version with its rate cards, or 404."""
    plan = Plan.objects.with_cards().filter(pk=plan_id).first() if str(plan_id).isdecimal() else None
    if plan is None:
        raise Http404
    return plan


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
    if request.method == "POST":
        check_may(request.user, CATALOG)
    if plan.status == PlanStatus.DRAFT and may(request.user, CATALOG):
        return _plan_form(request, plan)
    if request.method == "POST":
        return render_staff(request, "403.html", {"message": "Published versions never change."}, status=403)
    open_ones = Subscription.objects.open().filter(plan__key=plan.key)
    context = {
        **_shown(plan),
        "subscriptions": open_ones.filter(plan=plan).count(),
        "others": open_ones.exclude(plan=plan).count() if plan.status == PlanStatus.PUBLISHED else 0,
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
            messages.success(request, f"{saved} saved as a draft.")
            to_card = "_add_rate_card" in request.POST
            args = [saved.pk]
            return HttpResponseRedirect(reverse("admin:plans_plan_card_add", args=args) if to_card else plan_url(saved))
    shown = _shown(plan) if plan else {"title": "New plan"}
    status = 422 if request.method == "POST" else 200
    return render_staff(request, "admin/plans/plan_form.html", {**shown, "form": form}, status)


def _shown(plan: Plan) -> dict[str, Any]:
    cards = [
        {"card": card, "price": card_price(card.terms(plan.currency), plan.currency)} for card in plan.rate_cards.all()
    ]
    return {"plan": plan, "cards": cards, "title": f"{plan.name}, version {plan.version}"}


@staff_page(CATALOG)
@require_http_methods(["GET", "POST"])
def plan_publish(request: HttpRequest, plan_id: str) -> HttpResponse:
    """«Publish Plan»: what it changes, for whom, and at which price; then the button."""
    plan = plan_of(plan_id)
    at = clock.now()
    if request.method == "POST":
        published = publish_plan(plan=plan, at=at, actor=staff_user(request))
        messages.success(request, f"{published} is published. Customers can be put on it from now on.")
        return HttpResponseRedirect(plan_url(published))
    if plan.status != PlanStatus.DRAFT:
        return HttpResponseRedirect(plan_url(plan))
    shown = comparison(plan, at)
    return render_staff(
        request, "admin/plans/publish.html", {"comparison": shown, "plan": plan, "title": "Publish Plan"}
    )


@staff_page(CATALOG)
@require_POST
def plan_copy(request: HttpRequest, plan_id: str) -> HttpResponse:
    """«New version»: a draft that says the same, to be changed."""
    draft = copy_plan(plan_id=plan_of(plan_id).pk, at=clock.now(), actor=staff_user(request))
    messages.success(request, f"{draft} is a draft. Nothing changes for anybody until it is published.")
    return HttpResponseRedirect(plan_url(draft))


@staff_page(MANAGE)
@require_http_methods(["GET", "POST"])
def plan_migrate(request: HttpRequest, plan_id: str) -> HttpResponse:
    """Move the subscriptions of other versions to this one, now or at the end of each one's billing period."""
    plan = plan_of(plan_id)
    others = Subscription.objects.open().filter(plan__key=plan.key).exclude(plan=plan).count()
    if request.method == "POST" and request.POST.get("when") in ("now", "period_end"):
        count = migrate_subscriptions(
            plan_key=plan.key,
            to_version=plan.version,
            when="now" if request.POST["when"] == "now" else "period_end",
            at=clock.now(),
            actor=staff_user(request),
        )
        messages.success(request, f"{count} subscriptions will move to {plan}.")
        return HttpResponseRedirect(plan_url(plan))
    context = {"plan": plan, "others": others, "title": "Move subscriptions"}
    return render_staff(request, "admin/plans/migrate.html", context, 422 if request.method == "POST" else 200)
