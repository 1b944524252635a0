"""Every message with what stands in it, as text and as HTML. Development only.

The contexts are frozen ones of real messages, kept beside the templates: `emails/samples/<template>.json`, by name.
"""

import json
from typing import Any

from csp.decorators import csp, csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from accounts.mail import Written, write

FOLDER = settings.BASE_DIR / "templates" / "emails"
# Mail programs keep styles that stand in the message; nothing else is let in here.
MAIL_POLICY = {"default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "frame-ancestors": ["'self'"]}


def templates() -> list[str]:
    """The names of all messages."""
    return sorted(path.stem for path in FOLDER.glob("*.txt") if not path.stem.startswith("_"))


def samples(template: str) -> dict[str, dict[str, Any]]:
    """Contexts of a message, by what is special about them; none where nobody has kept one yet."""
    path = FOLDER / "samples" / f"{template}.json"
    kept: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
    return kept


@require_safe
def styleguide_emails(request: HttpRequest) -> HttpResponse:
    """The list. 404 where people bill for real."""
    _only_in_development()
    rows = [(name, list(enumerate(samples(name)))) for name in templates()]
    return render(request, "billing_portal/styleguide_emails.html", {"rows": rows})


@require_safe
@csp_update({"frame-src": ["'self'"]})  # type: ignore[arg-type]  # its types know no address with values
def styleguide_email(request: HttpRequest, template: str, number: int) -> HttpResponse:
    """One message: subject, text, and its HTML in a frame that may do nothing."""
    name, written = _sample(template, number)
    context = {"template": template, "number": number, "name": name, "written": written}
    return render(request, "billing_portal/styleguide_email.html", context)


@require_safe
@xframe_options_sameorigin
@csp(MAIL_POLICY)  # type: ignore[arg-type]
def styleguide_email_html(request: HttpRequest, template: str, number: int) -> HttpResponse:
    """The HTML of one message, as it is sent."""
    return HttpResponse(_sample(template, number)[1].html)


def _sample(template: str, number: int) -> tuple[str, Written]:
    _only_in_development()
    kept = list(samples(template).items()) if template in templates() else []
    if number >= len(kept):
        raise Http404
    name, context = kept[number]
    return name, write(template, context)


def _only_in_development() -> None:
    if not (settings.DEBUG or settings.DEMO):
        raise Http404
