"""`POST /api/v1/events`: CloudEvents in, what became of them out. Errors are `{"error": {"code", "message"}}`."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt

from accounts.models import ApiToken
from accounts.selectors import authenticate_token
from core.clock import now
from usage import requests
from usage.services.ingest_events import IngestResult, ingest_events


@csrf_exempt
@cache_control(no_store=True)
def api_events(request: HttpRequest) -> HttpResponse:
    """200 with the counts; 422 where no event of the batch could be kept. Authenticated by a bearer token."""
    if request.method != "POST":
        return _refuse(requests.ApiError(405, "method_not_allowed", "Send events by POST."), Allow="POST")
    token = _token(request)
    if token is None:
        error = requests.ApiError(401, "unauthorized", "Send a valid token: Authorization: Bearer <token>.")
        return _refuse(error, **{"WWW-Authenticate": 'Bearer realm="events"'})
    try:
        events = requests.read_events(request)
    except requests.ApiError as error:
        return _refuse(error)
    result = ingest_events(events=events, token_customer_id=token.customer_id, at=now())
    return JsonResponse(_answer(result), status=200 if result.accepted or result.duplicates else 422)


def _token(request: HttpRequest) -> ApiToken | None:
    scheme, _space, raw = request.headers.get("Authorization", "").partition(" ")
    return authenticate_token(raw.strip()) if scheme.lower() == "bearer" and raw.strip() else None


def _refuse(error: requests.ApiError, **headers: str) -> JsonResponse:
    body = {"error": {"code": error.code, "message": error.message}}
    return JsonResponse(body, status=error.status, headers=headers)


def _answer(result: IngestResult) -> dict[str, object]:
    return {
        "accepted": result.accepted,
        "duplicates": result.duplicates,
        "rejected": [
            {"index": one.index, "code": one.code, "message": one.message, "id": one.event_id}
            for one in result.rejected
        ],
    }
