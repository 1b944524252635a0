"""Every message with what stands in it, as text and as HTML. Development only.

The contexts are frozen ones of real messages, kept beside the templates: `emails/samples/<template>.json`, by name.
"""

import json
from typing import Any, Final

from allauth.account.adapter import get_adapter
from csp.decorators import csp, csp_update
from django.conf import settings
from django.contrib.sites.shortcuts import get_current_site
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from accounts.mail import Written, write

FOLDER = settings.BASE_DIR / "templates" / "emails"
# Mail programs keep styles that stand in the message; nothing else is let in here.
MAIL_POLICY = {"default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "frame-ancestors": ["'self'"]}
# allauth's own messages, which wait in no outbox, and what their templates ask for.
ACCOUNT: Final[dict[str, dict[str, str]]] = {
    "email_confirmation_signup": {"activate_url": f"{settings.PORTAL_URL}/accounts/confirm-email/sample/"},
    "account_already_exists": {"password_reset_url": f"{settings.PORTAL_URL}/accounts/password/reset/"},
    "password_reset_key": {"password_reset_url": f"{settings.PORTAL_URL}/accounts/password/reset/key/1-sample/"},
    "unknown_account": {"signup_url": f"{settings.PORTAL_URL}/accounts/signup/"},
}
READER: Final = "somebody@example.com"


def templates() -> list[str]:
    """The names of all messages but allauth's."""
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
    rows += [(name, [(0, "account")]) for name in ACCOUNT]
    return render(request, "billing_portal/styleguide_emails.html", {"rows": rows})


@require_safe
@csp_update({"frame-src": ["'self'"]})  # type: ignore[arg-type]  # its types know no address with values
def styleguide_email(request: HttpRequest, template: str, number: int) -> HttpResponse:
    """One message: subject, text, and its HTML in a frame that may do nothing."""
    name, written = _sample(request, template, number)
    context = {"template": template, "number": number, "name": name, "written": written}
    return render(request, "billing_portal/styleguide_email.html", context)


@require_safe
@xframe_options_sameorigin
@csp(MAIL_POLICY)  # type: ignore[arg-type]
def styleguide_email_html(request: HttpRequest, template: str, number: int) -> HttpResponse:
    """The HTML of one message, as it is sent."""
    return HttpResponse(_sample(request, template, number)[1].html)


def _sample(request: HttpRequest, template: str, number: int) -> tuple[str, Written]:
    _only_in_development()
    if template in ACCOUNT and number == 0:
        return "account", _account_mail(request, template)
    kept = list(samples(template).items()) if template in templates() else []
    if number >= len(kept):
        raise Http404
    name, context = kept[number]
    return name, write(template, context)


def _account_mail(request: HttpRequest, name: str) -> Written:
    context = {"email": READER, "current_site": get_current_site(request), **ACCOUNT[name]}
    mail = get_adapter().render_mail(f"account/email/{name}", READER, context)
    [(html, _kind)] = mail.alternatives
    return Written(mail.subject, str(mail.body), str(html), mail.reply_to[0])


def _only_in_development() -> None:
    if not (settings.DEBUG or settings.DEMO):
        raise Http404
