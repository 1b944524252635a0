"""What the last thirty days would have cost on a plan: figures on the tiles, and a page that derives one."""

import logging
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.access import PortalRequest, billing_page, can_write, customer_now
from plans import pages
from plans.selectors import catalogue, current_subscription
from plans.selectors.estimating import compared, estimates

logger = logging.getLogger(__name__)

SERVICE_UNAVAILABLE = 503


@require_safe
@vary_on_headers("HX-Request")
@billing_page()
def plan_estimate(request: PortalRequest, slug: str) -> HttpResponse:
    """The figure alone for htmx, which tries again; as a plain address the page. 503 where it can't be told."""
    try:
        found = compared(request.customer, slug, customer_now(request.customer))
    except Exception:
        logger.exception("What plan %s would have cost could not be worked out", slug)
        return _show(request, {"slug": slug}, status=SERVICE_UNAVAILABLE)
    if found is None:
        raise Http404
    context = {
        "slug": slug,
        "found": found,
        "estimate": found.estimate,
        "lines": pages.estimate_lines(found.estimate),
        "can_upgrade": can_write(request.membership) and pages.can_upgrade(found, request.customer),
    }
    return _show(request, context)


@require_safe
@vary_on_headers("HX-Request")
@billing_page()
def plan_estimates(request: PortalRequest) -> HttpResponse:
    """Every tile's figure at once, each out of band to its tile; as a plain address the page with the tiles."""
    if not request.htmx:
        return redirect("plan_change")
    customer = request.customer
    current = current_subscription(customer.pk)
    if current is None:
        raise Http404
    plans = pages.estimated_plans(catalogue(customer.pk), current)
    found = estimates(plans, current, customer_now(customer))
    return render(request, "plans/_estimates.html", {"found": found})


def _show(request: PortalRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    template = "plans/_estimate.html" if request.htmx else "plans/plan_estimate.html"
    return render(request, template, context, status=status)
