"""Messages as mail programs get them: one text and one HTML from a notice's template and its frozen figures."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.template import Context
from django.template.loader import get_template

from accounts.figures import written
from accounts.models import BillingProfile, Notice
from accounts.notices import USUAL, WITH_PDF, Attach, Attachment
from core.language import ENGLISH, FOR_DOCUMENTS, override


class Written(NamedTuple):
    """What a person reads. `subject` is one line; `text` and `html` say the same."""

    subject: str
    text: str
    html: str
    reply_to: str


def write(template: str, context: Mapping[str, Any]) -> Written:
    """The message of `emails/<template>.txt` – first line the subject – and `emails/<template>.html`, in the active
    language.

    `reply_to` in the context takes the place of BILLING_EMAIL. Raises TemplateDoesNotExist where one is missing.
    """
    values = _values(template, context)
    first, _, body = _rendered(f"{template}.txt", values, escape=False).strip().partition("\n")
    values["subject"] = " ".join(first.split())
    footer = _rendered("_footer.txt", values, escape=False)
    html = _rendered(f"{template}.html", values, escape=True)
    return Written(values["subject"], f"{body.strip()}\n\n{footer}", html, values["reply_to"])


def subject(template: str, context: Mapping[str, Any]) -> str:
    """The subject alone, for lists."""
    first, _, _ = _rendered(f"{template}.txt", _values(template, context), escape=False).strip().partition("\n")
    return " ".join(first.split())


def _values(template: str, context: Mapping[str, Any]) -> dict[str, Any]:
    known = {"product": settings.PRODUCT_NAME, "portal": settings.PORTAL_URL, "reply_to": settings.BILLING_EMAIL}
    return {**known, **written(context), "template": template}


def language_of(notice: Notice) -> str:
    """The language a message is written in: what its customer chose for documents and e-mails – English, where only
    documents are written in that – unless its context names another, as of one to staff. One query, unless the notice
    was read with `customer__billing_profile`."""
    if "language" in notice.context:
        return str(notice.context["language"])
    profile: BillingProfile | None = getattr(notice.customer, "billing_profile", None)
    return profile.language if profile and profile.language not in FOR_DOCUMENTS else ENGLISH


def attach_of(notice: Notice) -> Attach:
    """Which files go with a message: what its customer has chosen by now – and the PDFs in any case, where its context
    says so, as of a copy that somebody asked for. Asks what `language_of` asks."""
    profile: BillingProfile | None = getattr(notice.customer, "billing_profile", None)
    chosen = Attach(profile.attach_pdf, profile.attach_xml) if profile else USUAL
    return chosen._replace(pdf=True) if notice.context.get(WITH_PDF) else chosen


def write_notice(notice: Notice) -> Written:
    """The message as its readers get it."""
    with override(language_of(notice)):
        return write(notice.template, notice.context)


def subject_of(notice: Notice) -> str:
    """Its subject, as its readers get it."""
    with override(language_of(notice)):
        return subject(notice.template, notice.context)


def message(
    notice: Notice, files: Sequence[Attachment] = (), server: BaseEmailBackend | None = None
) -> EmailMultiAlternatives:
    """The notice, ready to be sent, over the connection `server` or one of its own; under the same Message-ID each
    time."""
    own = write_notice(notice)
    mail = EmailMultiAlternatives(
        subject=own.subject,
        body=own.text,
        to=notice.to,
        reply_to=[own.reply_to],
        # Of a program, which says so: no out-of-office note answers it.
        headers={
            "Message-ID": message_id(notice.key),
            "Auto-Submitted": "auto-generated",
            "Content-Language": language_of(notice),
        },
        connection=server,
    )
    mail.attach_alternative(own.html, "text/html")
    for file in files:
        mail.attach(file.filename, file.content, file.content_type)
    return mail


def _rendered(name: str, values: Mapping[str, Any], *, escape: bool) -> str:
    """Plain text is not escaped: an apostrophe stays an apostrophe."""
    template = get_template(f"emails/{name}").template  # type: ignore[attr-defined]
    return str(template.render(Context(dict(values), autoescape=escape)))


def message_id(key: str) -> str:
    """The same for every attempt, so that mail programs drop a repeat."""
    host = urlsplit(settings.PORTAL_URL).hostname
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{host}>"
