"""Health for load balancers and for `./portal run`."""

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

from accounts.gateways.sandbox import sandbox_answers


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when database and broker answer, else 503. `?workers=1` also asks the workers, which takes a second."""
    state = {"database": database_answers(), "broker": broker_answers()}
    if settings.CARD_GATEWAY == "sandbox":
        state["processor"] = sandbox_answers()
    if request.GET.get("workers"):
        state["workers"] = bool(current_app.control.ping(timeout=1.0))
    return JsonResponse(state, status=200 if all(state.values()) else 503)


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def broker_answers() -> bool:
    try:
        with current_app.connection_for_read(connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=0, timeout=2)
    except (OperationalError, OSError):
        return False
    return True
