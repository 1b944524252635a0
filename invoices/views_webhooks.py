"""Where card processors send their events: kept at once, handled by a worker."""

import logging

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.gateways import get_gateway
from accounts.gateways.base import SignatureError
from accounts.models import GatewayName
from core.clock import now
from core.nudge import nudge
from invoices.services.receive_event import receive_event

logger = logging.getLogger(__name__)

LARGEST = 256 * 1024  # bytes


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, gateway: str) -> HttpResponse:
    """Anybody may call it, so the signature of the raw body is all that counts. A repeat is answered as the first.

    Where the database is away: 503, and the processor sends it again later.
    """
    if gateway not in GatewayName.values:
        raise Http404
    length = request.META.get("CONTENT_LENGTH") or "0"
    body = request.read(LARGEST + 1) if length.isdecimal() and int(length) <= LARGEST else b""
    if not length.isdecimal() or int(length) > LARGEST or len(body) > LARGEST:
        return HttpResponse("too large\n", status=413, content_type="text/plain")
    try:
        event = get_gateway(gateway).read_event(body, request.headers.get("Stripe-Signature", ""))
        receive_event(gateway=gateway, event=event, at=now())
    except SignatureError as error:
        logger.warning("a webhook is refused: %s", error.description)
        return HttpResponse("bad signature\n", status=400, content_type="text/plain")
    except (OperationalError, InterfaceError):
        logger.exception("a webhook could not be kept")
        return HttpResponse("try again later\n", status=503, content_type="text/plain")
    nudge("billing_portal.tasks.handle_events")
    return HttpResponse("kept\n", content_type="text/plain")
