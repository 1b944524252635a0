"""The mail server of a simulation: a file with one line per message that was handed over."""

import json
from collections.abc import Sequence
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from billing_portal.simulation.shared import Lines, folder


class EmailBackend(BaseEmailBackend):
    """Keeps who got what under which Message-ID, and the words: a search for secrets reads them."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        box = Lines(folder() / "mail")
        for message in email_messages:
            box.append(json.dumps(_kept(message)))
        return len(email_messages)


def _kept(message: EmailMessage) -> dict[str, Any]:
    return {
        "id": message.extra_headers.get("Message-ID", ""),
        "to": message.to,
        "subject": str(message.subject),
        "text": message.message().as_string(),
    }
