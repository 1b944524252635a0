"""What every page of the API has in common: who asks, and how it refuses: `{"error": {"code", "message"}}`."""

from django.http import HttpRequest, JsonResponse

from accounts.models import ApiToken
from accounts.selectors import authenticate_token


class ApiError(Exception):
    """The request as a whole is refused; nothing of it was kept."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def bearer_token(request: HttpRequest) -> ApiToken:
    """The token in use that the request carries. Raises ApiError 401."""
    scheme, _space, raw = request.headers.get("Authorization", "").partition(" ")
    token = authenticate_token(raw.strip()) if scheme.lower() == "bearer" and raw.strip() else None
    if token is None:
        raise ApiError(401, "unauthorized", "Send a valid token: Authorization: Bearer <token>.")
    return token


def refuse(error: ApiError, **headers: str) -> JsonResponse:
    """The error as an answer; 401 also says how to authenticate."""
    if error.status == 401:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="api"')
    body = {"error": {"code": error.code, "message": error.message}}
    return JsonResponse(body, status=error.status, headers=headers)
