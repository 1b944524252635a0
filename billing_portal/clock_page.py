"""What the pages of a test clock share – a demo visitor's own and that of staff: what they show, and a move."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.access import customer_now
from accounts.exceptions import ClockBackwardsError, ClockTooFarError
from accounts.mail import Written, write_notice
from accounts.models import AuditEntry, ClockMove, Customer, Notice, User
from accounts.services.move_clock import move_clock
from billing_portal import clock_run
from billing_portal.clock_forms import MoveForm, steps
from billing_portal.clock_story import coming, tell
from core import clock
from core.nudge import nudge
from core.story import Event

MOVE_CLOCKS = "billing_portal.tasks.move_clocks"
SHOWN = 8  # of what comes
ICONS = {"success": "check-circle", "warning": "alert", "danger": "alert"}
Link = Callable[[str, list[str]], str]  # what an event is about, and its ids → an address, empty where there is none


@dataclass(frozen=True, slots=True)
class Told:
    """One event as the page shows it."""

    text: str
    icon: str
    url: str


def read(customer: Customer, link: Link) -> dict[str, Any]:
    """Where the clock stands, how far it still goes, what comes and what happened since it was started."""
    at, move = customer_now(customer), last_move(customer)
    moves = move is not None and move.ended_at is None
    context = {"customer": customer, "at": at, "now": clock.now(), "move": move, "is_moving": moves}
    if customer.clock_at is None:
        return context
    chapters, events = tell(customer, began(customer), at)
    return {
        **context,
        "progress": _progress(move, at) if move and moves else None,
        "is_left": bool(move and moves and (move.busy_until is None or move.busy_until <= clock.now())),
        "coming": [{"on": each.at, "text": each.text, "next": each is events[0]} for each in events[:SHOWN]],
        "chapters": [(chapter, [_told(event, link) for event in chapter.events]) for chapter in chapters],
        "steps": steps(),
    }


def began(customer: Customer) -> datetime:
    """When the clock was started; what it did before is not its story."""
    entries = AuditEntry.objects.filter(customer=customer, action="start_clock").order_by("-pk")
    return entries.values_list("at", flat=True).first() or customer.created_at


def last_move(customer: Customer) -> ClockMove | None:
    return ClockMove.objects.filter(customer=customer).order_by("-pk").first()


def _progress(move: ClockMove, at: datetime) -> dict[str, int]:
    return {"done": max((at - move.starts_at).days, 0), "of": max((move.until - move.starts_at).days, 1)}


def _told(event: Event, link: Link) -> Told:
    kind, *ids = event.about.split(":")
    return Told(event.text, "mail" if kind == "notice" else ICONS.get(event.mood, "clock"), link(kind, ids))


def ask(customer: Customer, data: Mapping[str, Any], actor: User) -> MoveForm:
    """Take a move from a form and go on with it for a moment; what is left goes to a worker. An invalid form says
    what is wrong; raises what else `move_clock` raises."""
    form = MoveForm(data)
    if not form.is_valid():
        return form
    values, until = form.cleaned_data, form.until(_next_event(customer))
    try:
        move = move_clock(
            customer_id=customer.pk, key=values["key"], shown=values["shown"], until=until, at=clock.now(), actor=actor
        )
    except (ClockBackwardsError, ClockTooFarError) as refused:
        form.add_error("on", refused.message)
    else:
        go_on(move)
    return form


def go_on(move: ClockMove | None) -> None:
    """A moment of it now, and a worker for what is left."""
    if move is not None and not clock_run.begin(move.pk):
        nudge(MOVE_CLOCKS)


def _next_event(customer: Customer) -> datetime | None:
    events = coming(customer, customer_now(customer))
    return events[0].at if events else None


def message_of(customer: Customer, number: int) -> tuple[Notice, Written] | None:
    """A message to the customer as it was written; None where there is no such one, or they have no test clock."""
    rows = Notice.objects.filter(pk=number, customer=customer, customer__clock_at__isnull=False)
    notice = rows.select_related("customer__billing_profile").first()
    return (notice, write_notice(notice)) if notice else None
