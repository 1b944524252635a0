"""What holds for every answer: nothing of a person's pages is kept in caches, and every refusal is a page of ours."""

import logging
import re
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import render
from django.template.loader import select_template
from django.template.response import SimpleTemplateResponse
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language_from_request, gettext

from core.exceptions import RuleError
from core.language import ENGLISH, override

logger = logging.getLogger(__name__)

API = "/api/"
MEGABYTE = 1024 * 1024


class CompressionMiddleware(GZipMiddleware):
    """Pages, their parts and CSV files, at a quarter of their size and less; PDFs and archives are compressed already.

    Django pads by chance: the length of a page tells nothing of the secret of its forms (BREACH).
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.get("Content-Type", "").startswith("text/"):
            return response
        return super().process_response(request, response)


class LanguageMiddleware:
    """The language that a person chose, else their browser's, for this request alone.

    Programs are answered in English.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(API):
            with override(ENGLISH):
                return self.get_response(request)
        language = get_language_from_request(request)
        with override(language):
            response = self.get_response(request)
        patch_vary_headers(response, ["Accept-Language"])
        response.headers.setdefault("Content-Language", language)
        return response


class PortalMiddleware:
    """Headers of logged-in pages; RuleError and too large bodies as pages, fragments or JSON."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = too_large(request) if body_exceeds_limit(request) else self.get_response(request)
        if request.path.startswith(API) or request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "no-store")
            patch_vary_headers(response, ["HX-Request"])
        return response

    def process_template_response(
        self, request: HttpRequest, response: SimpleTemplateResponse
    ) -> SimpleTemplateResponse:
        """Pages that others brought, allauth's above all, answer 200 where they show again a form that they refused."""
        form = (response.context_data or {}).get("form")
        if request.method == "POST" and response.status_code == 200 and getattr(form, "errors", None):
            response.status_code = 422
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Turn what a view raised into an answer; None leaves it to Django."""
        if isinstance(exception, RequestDataTooBig):
            return too_large(request)
        if isinstance(exception, RuleError):
            logger.info("%s refused: %s", request.path, exception.description)
            return refusal(request, exception.status, error_code(exception), exception.message)
        if isinstance(exception, Http404) and getattr(request, "htmx", False):
            return refusal(request, 404, "not_found", gettext("This is no longer here. Reload the page."))
        return None


def refusal(request: HttpRequest, status: int, code: str, message: str) -> HttpResponse:
    """The same refusal as JSON under /api/, as a banner for htmx, else as a whole page."""
    if request.path.startswith(API):
        return JsonResponse({"error": {"code": code, "message": message}}, status=status)
    if getattr(request, "htmx", False):
        response = render(
            request, "components/banner.html", {"level": "danger", "text": message, "focus": True}, status=status
        )
        response.headers["HX-Retarget"] = "#notices"
        response.headers["HX-Reswap"] = "innerHTML"
        response.headers["HX-Push-Url"] = "false"
        response.headers["HX-Reselect"] = ".banner"  # whatever part of an answer the page asked for
        return response
    page = select_template([f"{status}.html", "rule_error.html"])
    return HttpResponse(page.render({"message": message, "back_url": came_from(request)}, request), status=status)


def too_large(request: HttpRequest) -> HttpResponse:
    limit = (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) // MEGABYTE
    said = gettext("The limit of one request is %(limit)s MB. Send it in smaller parts.") % {"limit": limit}
    return refusal(request, 413, "too_large", said)


def body_exceeds_limit(request: HttpRequest) -> bool:
    """Said by its length alone, before anything reads the body. Files of a form have their own limits."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    length = request.META.get("CONTENT_LENGTH") or "0"
    is_upload = request.content_type == "multipart/form-data"
    return limit is not None and not is_upload and length.isdigit() and int(length) > limit


def error_code(error: RuleError) -> str:
    """The rule's name for programs: RoleRequiredError → role_required."""
    name = type(error).__name__.removesuffix("Error") or "rule"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def came_from(request: HttpRequest) -> str:
    """The page of this portal the person came from, or an empty text where they were on this one already."""
    referer = stood_on(request)
    return "" if referer == request.build_absolute_uri() else referer


def stood_on(request: HttpRequest) -> str:
    """The page of this portal that asked for this, be it the same; or an empty text."""
    referer = request.headers.get("Referer", "")
    safe = url_has_allowed_host_and_scheme(referer, {request.get_host()}, require_https=request.is_secure())
    return referer if safe else ""
