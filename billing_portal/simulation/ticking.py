"""One tick of a simulation: the clock is set, tasks go through the broker, and their end is waited for."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.client import HTTPException
from threading import Timer
from typing import Final
from uuid import uuid4

from kombu.exceptions import OperationalError

from accounts.gateways.sandbox import set_sandbox_clock
from billing_portal.celery import app
from billing_portal.simulation.kill_points import LOST
from billing_portal.simulation.processes import Processes
from billing_portal.simulation.shared import Clock, Lines

TASKS: Final = "billing_portal.tasks."
RUN: Final = f"{TASKS}run_billing"
# All of the schedule but the run and the nightly proof, which is made by itself afterwards.
AFTERWARDS: Final = tuple(
    sorted({entry["task"] for entry in app.conf.beat_schedule.values()} - {RUN, f"{TASKS}check_books"})
)
# Of what nobody here asks for, once a day is often enough: archives, test clocks, runs by hand, summaries for staff.
SELDOM: Final = frozenset(
    f"{TASKS}{name}" for name in ("build_archives", "do_wanted", "move_clocks", "sum_days", "tell_staff")
)
MINUTELY: Final = tuple(task for task in AFTERWARDS if task not in SELDOM)
PATIENCE: Final = 90.0  # real seconds without a finished task until the workers count as stuck
NOTHING_YET: Final = 0.5  # … until it is looked whether all of them are alive
MOST_RUNS: Final = 50  # that are begun until one comes to its end
AFTER_A_LOSS: Final = 3.0  # … where a message may have gone with what was killed


@dataclass
class Ticker:
    """`runs`: the instants of the billing run, also of one that was killed: the next bills what it has left as it
    would have, because nothing comes in between."""

    clock: Clock
    processes: Processes
    finished: Lines
    counted: Counter[str] = field(default_factory=Counter)
    runs: list[datetime] = field(default_factory=list)

    def set(self, at: datetime) -> None:
        self.clock.set(at)
        with suppress(OSError, HTTPException):  # it is being started again
            set_sandbox_clock(at)

    def tick(self, at: datetime, tasks: Iterable[str], *, blow: Callable[[], None] | None = None) -> bool:
        """Whether all of them came to their end. `blow`: what befalls the processes meanwhile."""
        self.set(at)
        self.counted["ticks"] += 1
        waiting = {self._send(task): task for task in tasks}
        timer = Timer(0.05 + at.microsecond / 4_000_000, blow) if blow else None
        if timer:
            timer.start()
        done = self._wait(waiting, patience=AFTER_A_LOSS if blow else PATIENCE)
        if timer:
            timer.join()
        return done

    def run(self, at: datetime, *, blow: Callable[[], None] | None = None) -> datetime:
        """The billing run, sent twice for two workers at once, and again a minute later until it came to an end."""
        for _ in range(MOST_RUNS):
            self.runs.append(at)
            if self.tick(at, (RUN, RUN), blow=blow):
                return at
            at, blow = at + timedelta(minutes=1), None
            self.counted["runs begun again"] += 1
        raise RuntimeError(f"the run came to no end until {at}")

    def _send(self, task: str) -> str:
        task_id = str(uuid4())
        for _ in range(100):
            try:
                app.send_task(task, task_id=task_id)
            except (OperationalError, OSError):
                time.sleep(0.1)
            else:
                break
        self.counted["tasks"] += 1
        return task_id

    def _wait(self, waiting: dict[str, str], *, patience: float) -> bool:
        """A process that ends itself says so before; one that is killed from outside cannot."""
        progress, done = time.monotonic(), True
        while waiting:
            lines = list(self.finished.new())
            ended = [task_id for task_id in lines if waiting.pop(task_id.removeprefix(LOST), None)]
            lost = sum(line.startswith(LOST) for line in ended)
            self.counted["tasks lost"] += lost
            done = done and not lost
            now = time.monotonic()
            if ended:
                progress = now
            elif now - progress > NOTHING_YET and self.processes.revive():
                progress, patience = time.monotonic(), AFTER_A_LOSS  # what had ended took its message with it
            elif now - progress > patience:
                self.counted["messages lost"] += len(waiting)
                if patience == PATIENCE:
                    raise RuntimeError(f"nothing happens any more; {sorted(waiting.values())} wait")
                return False
            time.sleep(0.004)
        return done
