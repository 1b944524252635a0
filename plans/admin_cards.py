"""Staff's pages about one rate card: «Add Rate Card», change it with live examples, remove it."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.roles import CATALOG, MANAGE
from accounts.staff import render_staff, staff_page, staff_user
from core import clock
from plans.admin_forms import BaseTierFormSet, RateCardForm, tier_formset
from plans.admin_plans import plan_url, writable
from plans.examples import examples
from plans.exceptions import PlanFrozenError, PlansError
from plans.models import Plan, PlanStatus, PriceModel, RateCard
from plans.price_rules import broken_rules
from plans.pricing import CardTerms
from plans.services.remove_rate_card import remove_rate_card
from plans.services.save_rate_card import save_rate_card
from plans.words import card_price
from usage.selectors import all_features

TIERED = (PriceModel.GRADUATED, PriceModel.VOLUME)


@staff_page(CATALOG, MANAGE)
@require_http_methods(["GET", "POST"])
def card_add(request: HttpRequest, plan_id: str) -> HttpResponse:
    return _card_form(request, _draft(request, plan_id), None)


@staff_page(CATALOG, MANAGE)
@require_http_methods(["GET", "POST"])
def card_change(request: HttpRequest, plan_id: str, card_id: int) -> HttpResponse:
    plan = _draft(request, plan_id)
    return _card_form(request, plan, _card(plan, card_id))


@staff_page(CATALOG, MANAGE)
@require_POST
def card_preview(request: HttpRequest, plan_id: str) -> HttpResponse:
    """The examples alone, while the form is being filled in; nothing is stored."""
    plan = writable(request, plan_id)
    form, tiers = _forms(request, plan, None)
    return render(request, "admin/plans/_examples.html", _preview(plan, form, tiers))


@staff_page(CATALOG, MANAGE)
@require_http_methods(["GET", "POST"])
def card_remove(request: HttpRequest, plan_id: str, card_id: int) -> HttpResponse:
    plan = _draft(request, plan_id)
    if request.method == "POST":
        remove_rate_card(plan_id=plan.pk, card_id=card_id, at=clock.now(), actor=staff_user(request))
        messages.success(request, gettext("Rate card removed."))
        return HttpResponseRedirect(plan_url(plan))
    context = {"plan": plan, "card": _card(plan, card_id), "title": gettext("Remove rate card")}
    return render_staff(request, "admin/plans/card_remove.html", context)


def _draft(request: HttpRequest, plan_id: str) -> Plan:
    plan = writable(request, plan_id)
    if plan.status != PlanStatus.DRAFT:
        raise PlanFrozenError(f"{plan} is {plan.status}")
    return plan


def _card(plan: Plan, card_id: int) -> RateCard:
    card = plan.rate_cards.select_related("feature").filter(pk=card_id).first()
    if card is None:
        raise Http404
    return card


def _forms(request: HttpRequest, plan: Plan, card: RateCard | None) -> tuple[RateCardForm, BaseTierFormSet]:
    data = request.POST if request.method == "POST" else None
    return (
        RateCardForm(data, currency=plan.currency, card=card),
        tier_formset(_with_more_rows(data), currency=plan.currency, card=card),
    )


def _with_more_rows(data: Any) -> Any:
    """*More tiers* asks for further rows; a posted form has as many as it says."""
    if data is None or "_more_tiers" not in data:
        return data
    wider = data.copy()
    wider["tiers-TOTAL_FORMS"] = str(min(int(data.get("tiers-TOTAL_FORMS") or 0) + 3, 100))
    return wider


def _card_form(request: HttpRequest, plan: Plan, card: RateCard | None) -> HttpResponse:
    form, tiers = _forms(request, plan, card)
    asked = request.method == "POST" and ("_preview" in request.POST or "_more_tiers" in request.POST)
    if request.method == "POST" and not asked and _is_valid(form, tiers):
        saved = _save(request, plan, card, form, tiers)
        if saved is not None:
            messages.success(request, gettext("Rate card “%(name)s” saved.") % {"name": saved.name})
            return HttpResponseRedirect(plan_url(plan))
    context = {
        "plan": plan,
        "card": card,
        "form": form,
        "tiers": tiers,
        "features": all_features(),
        "title": gettext("Change rate card") if card else gettext("Add Rate Card"),
        **(_preview(plan, form, tiers) if asked else _stored(plan, card)),
    }
    return render_staff(request, "admin/plans/card_form.html", context, 200 if asked else form.status)


def _is_valid(form: RateCardForm, tiers: BaseTierFormSet) -> bool:
    is_valid = form.is_valid()
    if form.data.get("model") in TIERED and not tiers.is_valid():
        for sentence in tiers.sentences():
            form.add_error(None, sentence)
        return False
    return is_valid


def _values(form: RateCardForm, tiers: BaseTierFormSet) -> dict[str, Any]:
    return {"values": form.cleaned_data, "tiers": tiers.tiers() if form.cleaned_data["model"] in TIERED else []}


def _save(
    request: HttpRequest, plan: Plan, card: RateCard | None, form: RateCardForm, tiers: BaseTierFormSet
) -> RateCard | None:
    try:
        return save_rate_card(
            plan_id=plan.pk,
            card_id=card.pk if card else None,
            **_values(form, tiers),
            at=clock.now(),
            actor=staff_user(request),
        )
    except PlansError as error:
        form.add_error(None, error.message)
        return None


def _stored(plan: Plan, card: RateCard | None) -> dict[str, Any]:
    if card is None:
        return {}
    terms = card.terms(plan.currency)
    return {"examples": examples(terms, plan.currency), "price": card_price(terms, plan.currency)}


def _preview(plan: Plan, form: RateCardForm, tiers: BaseTierFormSet) -> dict[str, Any]:
    """Examples of what is written so far, or what is missing for them."""
    if not _is_valid(form, tiers):
        return {"missing": [str(error) for errors in form.errors.values() for error in errors]}
    terms = _terms(plan, form.cleaned_data, tiers)
    broken = list(broken_rules(terms))
    if broken:
        return {"missing": broken}
    return {"examples": examples(terms, plan.currency), "price": card_price(terms, plan.currency)}


def _terms(plan: Plan, values: dict[str, Any], tiers: BaseTierFormSet) -> CardTerms:
    card = RateCard(plan=plan, **values)
    card.tier_values = []
    terms = card.terms(plan.currency)
    return replace(terms, tiers=tuple(tiers.tiers())) if card.model in TIERED else terms
