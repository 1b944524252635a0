"""Whether somebody has just shown who they are: what moves money or mail asks for that once more."""

import time

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from accounts.exceptions import ConfirmationRequiredError

SESSION_KEY = "confirmed_at"  # seconds since the epoch, of the real clock: test clocks move no session


def confirmed(session: SessionBase) -> None:
    """They have given password or code right now."""
    session[SESSION_KEY] = time.time()


def is_recent(request: HttpRequest) -> bool:
    """Whether the log-in or the last confirmation is at most ACCOUNT_REAUTHENTICATION_TIMEOUT seconds old."""
    age: float = time.time() - request.session.get(SESSION_KEY, 0)
    return age < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def check_recent(request: HttpRequest) -> None:
    """Raises ConfirmationRequiredError: to the password, and back to the form (billing_portal/entering.py)."""
    if not is_recent(request):
        raise ConfirmationRequiredError(f"{request.path} needs a recent log-in")
