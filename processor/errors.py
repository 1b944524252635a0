"""What the API answers instead of an object, in Stripe's words."""

from typing import Any


class ApiError(Exception):
    """An error as Stripe writes it: an HTTP status and `{"error": {type, code, message, …}}`."""

    def __init__(self, status: int, kind: str, message: str, *, code: str = "", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        named = {"code": code} if code else {}
        self.body: dict[str, Any] = {"error": {"type": kind, "message": message} | named | more}


class Dropped(Exception):  # noqa: N818 - no error of ours: the connection is cut on purpose
    """The connection ends without an answer."""


def invalid(message: str, *, code: str = "", param: str = "", status: int = 400) -> ApiError:
    more = {"param": param} if param else {}
    return ApiError(status, "invalid_request_error", message, code=code, **more)


def missing(kind: str, object_id: str, param: str = "id") -> ApiError:
    return invalid(f"No such {kind}: '{object_id}'", code="resource_missing", param=param, status=404)
