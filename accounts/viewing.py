"""«Log in as viewer»: a member of staff sees the portal as a billing viewer of one customer, for an hour, read-only.

They stay who they are: their session remembers whose portal they look at and until when, and nobody else's session is
touched. `request.viewing` is set by the roof's `ViewingMiddleware`; `accounts.access` and `accounts.middleware` answer
with its membership instead of the person's own.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest

from accounts.models import Customer, Membership, Role, User
from accounts.roles import SUPPORT, may
from accounts.services.begin_viewing import begin_viewing
from accounts.services.end_viewing import end_viewing

SESSION_KEY = "viewing"
LASTS = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class Viewing:
    """Whose portal is looked at, by whom, and until when. `key` is that of the form it began with."""

    key: str
    customer: Customer
    user: User
    until: datetime
    reason: str

    @property
    def membership(self) -> Membership:
        """A billing viewer's, never stored."""
        return Membership(user=self.user, customer=self.customer, role=Role.BILLING_VIEWER)


class ViewingOverError(Exception):
    """It ended before this request: `how`, of which customer."""

    def __init__(self, customer: Customer, how: str) -> None:
        super().__init__(how)
        self.customer = customer
        self.how = how


def start(request: HttpRequest, *, customer: Customer, user: User, key: str, reason: str, at: datetime) -> None:
    """Look at this customer's portal from the next request on. Raises ViewingRefusedError for a form used before."""
    entry = begin_viewing(customer_id=customer.pk, key=key, until=at + LASTS, at=at, actor=user, reason=reason)
    request.session[SESSION_KEY] = {
        "key": key,
        "customer": customer.pk,
        "user": user.pk,
        "until": entry.after["until"],
        "reason": entry.reason,
    }


def stop(request: HttpRequest, viewing: Viewing, *, how: str, at: datetime) -> None:
    """Look as oneself again."""
    request.session.pop(SESSION_KEY, None)
    end_viewing(
        customer_id=viewing.customer.pk,
        key=viewing.key,
        how=how,
        at=at,
        actor=viewing.user,
        reason=viewing.reason,
    )


def viewing_of(request: HttpRequest, at: datetime) -> Viewing | None:
    """What the session remembers; people who never looked cost no query. Raises ViewingOverError where it ended by
    itself: the hour is over, or the role was withdrawn."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    kept = request.session.get(SESSION_KEY)
    if kept is None:
        return None
    viewing = Viewing(
        key=kept["key"],
        customer=Customer.objects.get(pk=kept["customer"]),
        user=User.objects.get(pk=kept["user"]),
        until=datetime.fromisoformat(kept["until"]),
        reason=kept["reason"],
    )
    how = _over(request, viewing, at)
    if how:
        stop(request, viewing, how=how, at=at)
        raise ViewingOverError(viewing.customer, how)
    return viewing


def _over(request: HttpRequest, viewing: Viewing, at: datetime) -> str:
    """Why it has ended; empty while it goes on."""
    if at >= viewing.until:
        return "expired"
    if request.user.pk != viewing.user.pk or not may(request.user, SUPPORT):
        return "role withdrawn"
    return ""
