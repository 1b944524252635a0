"""While billing details are typed on «Subscribe»: what the VAT number is worth, and what a month costs with its tax."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts.access import PortalRequest, billing_page, customer_now
from accounts.countries import country_names
from accounts.forms import BillingDetailsForm
from invoices.selectors import tax_rule_at
from plans import selectors
from plans.costs import costs, offered, tax_id_hint
from plans.quotes import check_self_serve
from plans.selectors.estimating import estimate_or_none

LONGEST = 40


@require_POST
@billing_page(write=True)
def plan_costs(request: PortalRequest, slug: str) -> HttpResponse:
    """The rows of the summary, and the hint below the number out of band. Writes nothing; the form does, on submit."""
    check_self_serve(request.customer)
    plan = offered(selectors.catalogue(request.customer.pk), slug)
    if plan is None:
        raise Http404
    typed = request.POST.get("country", "")
    country, tax_id = typed if typed in country_names() else "", request.POST.get("tax_id", "").strip()[:LONGEST]
    rule = tax_rule_at(country, tax_id)
    form = BillingDetailsForm(initial={"country": country, "region": request.POST.get("region", "").strip()})
    quiet = "quiet" in request.POST  # the page asks for it by itself, which nobody needs to hear
    at = customer_now(request.customer)
    estimate = estimate_or_none(request.customer.pk, plan, at)
    context: dict[str, Any] = {
        "costs": costs(plan, rule, estimate, at, is_placed=bool(country)),
        "hint": "" if "told" in request.POST else tax_id_hint(country, tax_id, rule),  # else twice, beside the error
        "swapped": True,
        "quiet": quiet,
        # Else it stays as it is, whoever types in it; and the page begins with what is stored.
        "region_moves": not quiet and form.asks_region != ("region" in request.POST),
        "form": form,
    }
    return render(request, "plans/_costs.html", context)
