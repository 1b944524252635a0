"""`POST /api/v1/events`: CloudEvents in, what became of them out. Errors are `{"error": {"code", "message"}}`."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt

from accounts.api import ApiError, bearer_token, refuse
from core.clock import now
from usage import requests
from usage.services.ingest_events import IngestResult, ingest_events


@csrf_exempt
@cache_control(no_store=True)
def api_events(request: HttpRequest) -> HttpResponse:
    """200 with the counts; 422 where no event of the batch could be kept. Authenticated by a bearer token."""
    if request.method != "POST":
        return refuse(ApiError(405, "method_not_allowed", "Send events by POST."), Allow="POST")
    try:
        token = bearer_token(request)
        events = requests.read_events(request)
    except ApiError as error:
        return refuse(error)
    result = ingest_events(events=events, token_customer_id=token.customer_id, at=now())
    return JsonResponse(_answer(result), status=200 if result.accepted or result.duplicates else 422)


def _answer(result: IngestResult) -> dict[str, object]:
    return {
        "accepted": result.accepted,
        "duplicates": result.duplicates,
        "rejected": [
            {"index": one.index, "code": one.code, "message": one.message, "id": one.event_id}
            for one in result.rejected
        ],
    }
