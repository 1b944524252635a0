from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from accounts.audit import record
from accounts.clocks import FARTHEST, check_sandbox
from accounts.exceptions import (
    ClockBackwardsError,
    ClockMissingError,
    ClockMovedError,
    ClockMovesError,
    ClockParkedError,
    ClockTooFarError,
)
from accounts.models import ClockMove, Customer, User
from accounts.services.lock_customers import lock_customers
from core import formats


@transaction.atomic
def move_clock(*, customer_id: int, key: str, shown: datetime, until: datetime, at: datetime, actor: User) -> ClockMove:
    """Ask for the customer's clock to be moved: a row that waits for a worker (`billing_portal.clock_run`).

    `key` is the form's: twice is once. `shown` is what the clock showed when the form was made; `at` is real time.
    A clock never goes back, because what happened by then is issued, paid and told: it could not be undone.
    Raises ClockMissingError, ClockMovesError, ClockMovedError, ClockBackwardsError, ClockTooFarError, ClockParkedError
    and NotSandboxError.
    """
    customer = lock_customers([customer_id])[customer_id]
    found = ClockMove.objects.filter(key=key, customer=customer).first()
    if found is not None:
        return found
    _check(customer, shown, until)
    move = ClockMove.objects.create(key=key, customer=customer, actor=actor, starts_at=shown, until=until, wanted_at=at)
    record(
        at=shown,
        actor=actor,
        customer_id=customer_id,
        action="move_clock",
        subject=f"customer:{customer_id}",
        before={"clock": shown.isoformat()},
        after={"clock": until.isoformat()},
    )
    return move


def _check(customer: Customer, shown: datetime, until: datetime) -> None:
    if customer.clock_at is None:
        raise ClockMissingError(f"customer {customer.pk}")
    under_way = ClockMove.objects.open().filter(customer=customer).first()
    if under_way is not None:
        words = gettext("The test clock is on its way to %(time)s. Wait until it is there.")
        raise ClockMovesError(f"move {under_way.pk}", message=words % {"time": formats.instant(under_way.until)})
    if customer.clock_at != shown:
        words = gettext("The test clock shows %(time)s by now. Look again, then move it.")
        raise ClockMovedError(f"made for {shown}", message=words % {"time": formats.instant(customer.clock_at)})
    if customer.parked_at is not None:
        raise ClockParkedError(customer.parked_reason)
    if until <= shown:
        raise ClockBackwardsError(f"from {shown} to {until}")
    if until > shown + FARTHEST:
        words = gettext("One move goes %(days)s days at most: to %(time)s.")
        values = {"days": FARTHEST.days, "time": formats.instant(shown + FARTHEST)}
        raise ClockTooFarError(f"from {shown} to {until}", message=words % values)
    check_sandbox(customer)
