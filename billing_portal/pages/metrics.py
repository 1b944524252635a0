"""`/metrics` for Prometheus. A page for machines: who may not read it is told that there is none."""

import secrets

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing_portal.metrics import CONTENT_TYPE, as_text
from billing_portal.metrics import metrics as all_metrics
from core import clock

LOOPBACK = ("127.0.0.1", "::1")


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """With METRICS_TOKEN: whoever sends it as a bearer token. Without: this machine alone."""
    if not may_read(request):
        raise Http404
    return HttpResponse(as_text(all_metrics(clock.now())), content_type=CONTENT_TYPE)


def may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        sent = request.headers.get("Authorization", "")
        return secrets.compare_digest(sent.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    # Through a proxy on this machine, everybody's address would be this machine's.
    return request.META.get("REMOTE_ADDR") in LOOPBACK and "X-Forwarded-For" not in request.headers
