"""What the last thirty days would have cost on a plan: a figure on its tile, and a page that derives it."""

import logging
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.access import PortalRequest, billing_page, can_write, customer_now
from plans import pages
from plans.selectors.estimating import compared

logger = logging.getLogger(__name__)

SERVICE_UNAVAILABLE = 503


@require_safe
@vary_on_headers("HX-Request")
@billing_page()
def plan_estimate(request: PortalRequest, slug: str) -> HttpResponse:
    """The figure alone for htmx; as a plain address the page. 503 where it can't be told; the tile still works."""
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
        "lines": pages.estimate_lines(found.estimate),
        "can_upgrade": can_write(request.membership) and pages.can_upgrade(found, request.customer),
    }
    return _show(request, context)


def _show(request: PortalRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    template = "plans/_estimate.html" if request.htmx else "plans/plan_estimate.html"
    return render(request, template, context, status=status)
