"""A test clock moves: from instant to instant at which something is due, with the real run at each of them.

The rows are the queue (`ClockMove`), and the clock itself says how far a move has come. At each stop everything that is
due by then is done first, and only then does the clock go on: whoever is killed on the way leaves a move that another
worker goes on with, at the stop where it was left, and nothing is done twice.
"""

import logging
import time
from datetime import datetime, timedelta
from functools import partial

from accounts.models import ClockMove, Customer
from accounts.services.deliver_notices import deliver_notices
from accounts.services.end_move import end_move
from accounts.services.turn_clock import turn_clock
from billing_portal.billing_run import bill_and_collect
from billing_portal.clock_story import coming, next_stop
from billing_portal.report import RunReport
from core import clock
from core.language import gettext_noop, in_english
from credits.services.warn_balances import warn_balances
from credits.services.warn_expiries import warn_expiries
from invoices.attaching import find_files
from invoices.services.ask_for_cards import ask_for_cards
from invoices.services.deliver_documents import deliver_documents
from plans.selectors.at_zero import at_zero_of

logger = logging.getLogger(__name__)

TURN = timedelta(seconds=20)  # then others have theirs: money and messages wait for the same workers
WHILE_ONE_WAITS = timedelta(seconds=3)  # for a person who has pressed a button and looks at an empty page


def move_clocks(turn: timedelta = TURN) -> bool:
    """Go on for a turn with the move that waits longest and that nobody is at; whether any is left to go on with."""
    move = ClockMove.objects.claim(clock.now())
    if move is not None:
        _go_on(move, turn)
    return move is not None and ClockMove.objects.free(clock.now()).exists()


def begin(move_id: int, patience: timedelta = WHILE_ONE_WAITS) -> bool:
    """Go on with one move for a moment, so that short ones need no worker; whether it came to its end. What is left
    is left to the workers."""
    move = ClockMove.objects.filter(pk=move_id).claim(clock.now())
    return move is not None and _go_on(move, patience)


@in_english
def _go_on(move: ClockMove, turn: timedelta) -> bool:
    """Whether it is over. What a run writes is no matter of who pressed a button."""
    began = time.monotonic()
    try:
        while not _stop(move):
            if time.monotonic() - began > turn.total_seconds():
                move.hand_on(clock.now())
                return False
            move.hold(clock.now())
    except Exception:
        logger.exception("move %s of a test clock stopped", move.pk, extra={"customer_id": move.customer_id})
        end_move(move_id=move.pk, at=clock.now(), stopped=gettext_noop("The run failed. The log says why."))
    return True


def _stop(move: ClockMove) -> bool:
    """Do what is due at the instant that the clock shows, then let it show the next one; whether the move is over."""
    customer = Customer.objects.get(pk=move.customer_id)
    at = customer.present(clock.now())
    run_at(customer.pk, at)
    customer.refresh_from_db(fields=["parked_at", "parked_reason"])
    over = partial(end_move, move_id=move.pk, at=clock.now())
    if customer.parked_at is not None:
        over(stopped=gettext_noop("A run failed for this customer."))
    elif at >= move.until or customer.clock_at is None:
        over()
    else:
        turn_clock(move_id=move.pk, to=next_stop(coming(customer, at), at))
        return False
    return True


def run_at(customer_id: int, at: datetime) -> RunReport:
    """The whole run for one customer at an instant of their clock: documents, cards, warnings, PDFs, messages."""
    report = RunReport(at=at.isoformat())
    bill_and_collect(at=at, report=report, customer_id=customer_id)
    warn_balances(at=at, customer_id=customer_id, at_zero=at_zero_of)
    for warn in (warn_expiries, ask_for_cards):
        warn(at=at, customer_id=customer_id)
    deliver_documents(at=at, customer_id=customer_id)
    # Mail servers live in real time: when another attempt is made is no matter of the customer's clock.
    deliver_notices(at=clock.now(), find_files=find_files, customer_id=customer_id)
    return report
