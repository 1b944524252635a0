"""Staff's pages about one meter or one feature: made by their verbs, renamed afterwards."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext

from accounts.roles import CATALOG, READ, check_may, may
from accounts.staff import render_staff, staff_page, staff_user
from core import clock
from usage.admin_forms import FeatureForm, MeterForm
from usage.exceptions import UsageError
from usage.models import Feature, Meter
from usage.services.define_feature import define_feature
from usage.services.define_meter import define_meter
from usage.services.rename_feature import rename_feature
from usage.services.rename_meter import rename_meter


@staff_page(CATALOG)
def meter_add(request: HttpRequest) -> HttpResponse:
    form = MeterForm(_posted(request), meter=None)
    title = gettext("New meter")
    return _page(request, form, "meter", title, lambda values, who: define_meter(**values, **who), is_new=True)


@staff_page(READ, CATALOG)
def meter_change(request: HttpRequest, pk: str) -> HttpResponse:
    meter = Meter.objects.filter(pk=pk).first() if pk.isdecimal() else None
    if meter is None:
        raise Http404
    form = MeterForm(_posted(request), meter=meter)
    return _page(
        request,
        form,
        "meter",
        meter.name,
        lambda values, who: rename_meter(meter_id=meter.pk, name=values["name"], **who),
    )


@staff_page(CATALOG)
def feature_add(request: HttpRequest) -> HttpResponse:
    form = FeatureForm(_posted(request), feature=None)
    title = gettext("New feature")
    return _page(request, form, "feature", title, lambda values, who: define_feature(**values, **who), is_new=True)


@staff_page(READ, CATALOG)
def feature_change(request: HttpRequest, pk: str) -> HttpResponse:
    feature = Feature.objects.select_related("meter").filter(pk=pk).first() if pk.isdecimal() else None
    if feature is None:
        raise Http404
    form = FeatureForm(_posted(request), feature=feature)
    return _page(request, form, "feature", feature.name, lambda values, who: _rename(feature, values, who))


def _rename(feature: Feature, values: dict[str, Any], who: dict[str, Any]) -> Feature:
    names = {name: values[name] for name in ("name", "unit", "unit_plural")}
    return rename_feature(feature_id=feature.pk, **names, **who)


def _posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _page(
    request: HttpRequest,
    form: Form,
    table: str,
    title: str,
    save: Callable[[dict[str, Any], dict[str, Any]], Meter | Feature],
    *,
    is_new: bool = False,
) -> HttpResponse:
    """The form; what its verb refuses stands above it. Who may only look gets it closed."""
    may_save = may(request.user, CATALOG)
    if form.is_bound:
        check_may(request.user, CATALOG)
    for field in () if may_save else form.fields.values():
        field.disabled = True
    if form.is_valid():
        try:
            saved = save(form.cleaned_data, {"at": clock.now(), "actor": staff_user(request)})
        except UsageError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, gettext("%(name)s saved.") % {"name": saved.name})
            return HttpResponseRedirect(reverse(f"admin:usage_{table}_changelist"))
    context = {"form": form, "table": table, "title": title, "is_new": is_new, "may_save": may_save}
    return render_staff(request, f"admin/usage/{table}_form.html", context, 422 if form.is_bound else 200)
