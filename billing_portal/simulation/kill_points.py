"""The places where a process of a simulation may kill itself: one list, wrapped around the real functions at start-up.

Production knows nothing of it: functions are replaced, in a process of the simulation alone, by ones that do the same
and ask `Killer.reach` before, after, and between what they did and its commit.
"""

import functools
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.db import transaction

from billing_portal.simulation.shared import Lines, share

LOST: Final = "lost "  # before the id of a task whose process has ended itself
BEFORE, UNCOMMITTED, AFTER = "before", "uncommitted", "after"


@dataclass(frozen=True)
class Target:
    """A function that is wrapped: where it is defined, and the argument or attribute that says what it is about."""

    name: str
    module: str
    function: str
    moments: tuple[str, ...]
    key: str = ""


VERBS: Final = (
    Target("calculate", "plans.services.calculate_charges", "calculate_charges", (UNCOMMITTED,), "subscription_ids"),
    Target("late usage", "plans.services.bill_late_usage", "bill_late_usage", (UNCOMMITTED,), "subscription_ids"),
    Target("batch", "billing_portal.billing_run", "attempt", (AFTER,), "0"),
    Target("finalize", "invoices.services.finalize_invoices", "finalize_invoices", (UNCOMMITTED,), "invoice_ids"),
    Target("collect", "invoices.services.collect_payment", "collect_payment", (UNCOMMITTED, AFTER), "invoice_id"),
    Target("intent id", "invoices.services.submit_payment", "_claim", (BEFORE, AFTER), "0"),
    Target("record", "invoices.services.record_payment", "record_payment", (BEFORE, UNCOMMITTED, AFTER), "payment_id"),
    Target("ask", "invoices.services.reconcile_payments", "_claim", (AFTER,), "0"),
    Target("ask refund", "invoices.services.reconcile_refunds", "_claim", (AFTER,), "0"),
    Target("record refund", "invoices.services.record_refund", "record_refund", (UNCOMMITTED, AFTER), "refund_id"),
    Target("receive event", "invoices.services.receive_event", "receive_event", (BEFORE, UNCOMMITTED, AFTER), "event"),
    Target("event claimed", "invoices.services.handle_events", "_claim", (AFTER,), "0"),
    Target("event handled", "invoices.handling", "_end", (UNCOMMITTED, AFTER), "0"),
    Target("notice claimed", "accounts.services.deliver_notices", "_claim", (AFTER,), "0"),
    Target("notice sent", "accounts.services.deliver_notices", "_deliver", (AFTER,), "0"),
    Target("document", "invoices.services.deliver_documents", "_keep", (BEFORE, AFTER), "1"),
    Target("subscribe", "plans.services.subscribe", "_subscribe", (UNCOMMITTED, AFTER), "0"),
    Target("bill start", "plans.services.bill_start", "_bill", (UNCOMMITTED, AFTER), "0"),
    Target("settle start", "plans.services.settle_start", "settle_start", (UNCOMMITTED, AFTER), "quote"),
    Target("change plan", "plans.services.change_plan", "_change", (UNCOMMITTED, AFTER), "0"),
    Target("cancel", "plans.services.cancel_subscription", "_cancel", (UNCOMMITTED, AFTER), "0"),
    Target("card", "accounts.services.add_payment_method", "_keep", (UNCOMMITTED, AFTER), "0"),
)
CALLS: Final = ("create_intent", "confirm_intent", "retrieve_intent", "find_intent", "cancel_intent", "refund")
CALLS_ABOUT_MORE: Final = ("find_refund", "start_setup", "retrieve_setup")
HANDED_OVER: Final = "mail after"  # the server has it, and nobody has noted that yet

PLACES: Final = (
    *(f"{target.name} {moment}" for target in VERBS for moment in target.moments),
    *(f"gateway {call} {moment}" for call in (*CALLS, *CALLS_ABOUT_MORE) for moment in (BEFORE, AFTER)),
    HANDED_OVER,
)


class Killer:
    """Decides by seed, place and key whether this process ends here, and never twice at the same place and key.

    `only` names places instead, where whoever comes first ends. What was done is kept in the folder.
    """

    def __init__(self, folder: Path, *, seed: str, rate: float, only: Sequence[str] = ()) -> None:
        self.folder, self.seed, self.rate, self.only = folder, seed, rate, only
        self.task_id = ""  # of the Celery task this process is about, if any
        self.marks = folder / "killed"
        self.marks.mkdir(exist_ok=True)

    def begin_task(self, task_id: str, **_values: Any) -> None:
        """From here on the process works for that task; the end of one is no end of its process."""
        self.task_id = task_id

    def reach(self, place: str, key: str) -> None:
        if self.only:
            if place in self.only:
                self._kill(place, "")
        elif share(self.seed, place, key) < self.rate and not (self.folder / "calm").exists():
            self._kill(place, key)

    def _kill(self, place: str, key: str) -> None:
        name = f"{share('', place, key):.17f}"
        try:
            os.close(os.open(self.marks / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            return
        Lines(self.folder / "kills").append(f"{place}\t{key}")
        if self.task_id:
            Lines(self.folder / "finished").append(f"{LOST}{self.task_id}")
        os.kill(os.getpid(), signal.SIGKILL)


def install(killer: Killer) -> None:
    """Wrap every target of this process. Called once, when all modules are loaded."""
    originals = [getattr(sys.modules[target.module], target.function) for target in VERBS]
    replace_everywhere({id(one): around(one, target, killer) for one, target in zip(originals, VERBS, strict=True)})
    gateway = type(sys.modules["accounts.gateways"].get_gateway("sandbox"))
    for call in (*CALLS, *CALLS_ABOUT_MORE):
        target = Target(f"gateway {call}", "", call, (BEFORE, AFTER), "any")
        setattr(gateway, call, around(getattr(gateway, call), target, killer))
    mail = sys.modules["django.core.mail"].EmailMessage
    mail.send = around(mail.send, Target("mail", "", "send", (AFTER,), "0"), killer)


def replace_everywhere(wrapped: dict[int, Any]) -> None:
    """By the identity of what is replaced, in every module that has imported it by name."""
    for module in list(sys.modules.values()):
        for name, value in list(vars(module).items()) if module else ():
            if id(value) in wrapped:
                setattr(module, name, wrapped[id(value)])


def around(original: Callable[..., Any], target: Target, killer: Killer) -> Callable[..., Any]:
    """The same function with the target's moments. An extra transaction lies around it where one of them is between
    its work and the commit."""

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        about = subject(target.key, args, kwargs)
        if BEFORE in target.moments:
            killer.reach(f"{target.name} {BEFORE}", about)
        if UNCOMMITTED in target.moments:
            with transaction.atomic():
                result = original(*args, **kwargs)
                killer.reach(f"{target.name} {UNCOMMITTED}", about)
        else:
            result = original(*args, **kwargs)
        if AFTER in target.moments:
            killer.reach(f"{target.name} {AFTER}", about)
        return result

    return wrapped


def subject(key: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """What a call is about, in words that are the same when it is made again."""
    if key == "any":
        found = kwargs.get("key") or (args[1] if len(args) > 1 else "") or kwargs.get("customer_key", "")
    else:
        found = args[int(key)] if key.isdigit() and len(args) > int(key) else kwargs.get(key, "")
    return named(found)


def named(value: Any) -> str:
    if isinstance(value, str | int):
        return str(value)
    if hasattr(value, "extra_headers"):
        return str(value.extra_headers.get("Message-ID", ""))
    if isinstance(value, Iterable):
        return ",".join(named(one) for one in list(value)[:3])
    return str(getattr(value, "public_id", "") or getattr(value, "key", "") or value)
