"""Staff's pages about moving subscriptions to a version: what it means, the decision, and how it gets on."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.roles import MANAGE, READ
from accounts.staff import render_staff, staff_page, staff_user
from core import clock
from core.ids import public_id
from plans.admin_plans import plan_of, plan_url, progress_url
from plans.models import MoveTime, Plan, PlanStatus, SubscriptionMigration
from plans.selectors.migrating import (
    STATES,
    MigrationPreview,
    changes_of,
    migration_of,
    preview_migration,
    progress_of,
)
from plans.services.migrate_subscriptions import migrate_subscriptions

PAGE = 50
DRIFT = 20  # a twentieth more or fewer than were shown is still what was shown


class MigrationForm(forms.Form):
    """When, and why. `seen`: how many could move when it was shown; `key`: of this form, so that it counts once."""

    key = forms.RegexField(r"^mig_[0-9a-z]{20}$", widget=forms.HiddenInput)
    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    when = forms.ChoiceField(
        label=gettext_lazy("When"), choices=MoveTime.choices, widget=forms.RadioSelect, initial=MoveTime.AFTER_NOTICE
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        help_text=gettext_lazy("For the audit trail; customers do not see it."),
    )

    def __init__(self, data: Mapping[str, Any] | None) -> None:
        super().__init__(data, initial={"key": public_id("mig")})


@staff_page(MANAGE)
@require_http_methods(["GET", "POST"])
def plan_migrate(request: HttpRequest, plan_id: str) -> HttpResponse:
    """Who would move, who can't, what it costs; then the decision, refused where many more or fewer would move."""
    plan = plan_of(plan_id)
    if plan.status != PlanStatus.PUBLISHED:
        return HttpResponseRedirect(plan_url(plan))
    known = migration_of(plan, request.POST.get("key", ""))
    if known is not None:
        return HttpResponseRedirect(progress_url(known))
    preview = preview_migration(plan, clock.now())
    form = MigrationForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            if not _has_moved(form.cleaned_data["seen"], preview.movable):
                return _decide(request, plan, form)
            status = 409
    return _page(request, form, preview, status)


def _has_moved(seen: int, movable: int) -> bool:
    return abs(movable - seen) > seen // DRIFT


def _decide(request: HttpRequest, plan: Plan, form: MigrationForm) -> HttpResponse:
    migration = migrate_subscriptions(
        key=form.cleaned_data["key"],
        plan_id=plan.pk,
        when=MoveTime(form.cleaned_data["when"]),
        reason=form.cleaned_data["reason"],
        at=clock.now(),
        actor=staff_user(request),
    )
    many = migration.expected
    said = ngettext(
        "%(count)s subscription will move to %(plan)s. This page says how it gets on.",
        "%(count)s subscriptions will move to %(plan)s. This page says how it gets on.",
        many,
    )
    messages.success(request, said % {"count": many, "plan": plan})
    return HttpResponseRedirect(progress_url(migration))


def _page(request: HttpRequest, form: MigrationForm, preview: MigrationPreview, status: int) -> HttpResponse:
    context = {
        "plan": preview.plan,
        "form": form,
        "preview": preview,
        "moved": status == 409,
        "seen_before": form.cleaned_data["seen"] if status == 409 else None,
        "title": gettext("Move subscriptions"),
    }
    return render_staff(request, "admin/plans/migrate.html", context, status)


@staff_page(READ)
@require_safe
def plan_migration(request: HttpRequest, plan_id: str, key: str) -> HttpResponse:
    """How a migration gets on, by customer. htmx gets the moving part alone, as long as it moves."""
    plan = plan_of(plan_id)
    migration = migration_of(plan, key)
    if migration is None:
        raise Http404
    context = {"plan": plan, **_progress(request, migration), "title": gettext("Move to %(plan)s") % {"plan": plan}}
    if request.headers.get("HX-Request"):
        return render(request, "admin/plans/_progress.html", context)
    return render_staff(request, "admin/plans/migration.html", context)


def _progress(request: HttpRequest, migration: SubscriptionMigration) -> dict[str, Any]:
    state = request.GET.get("state", "")
    state = state if state in STATES else ""
    rows = changes_of(migration, state).order_by("-pk")
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    shown = list(rows[: PAGE + 1])
    older = f"?state={state}&before={shown[PAGE - 1].pk}" if len(shown) > PAGE else ""
    return {
        "migration": migration,
        "progress": progress_of(migration),
        "rows": [(row, STATES[row.state]) for row in shown[:PAGE]],
        "state": state,
        "here": request.get_full_path(),
        "older_url": older,
        "newer_url": f"?state={state}" if before else "",
    }
