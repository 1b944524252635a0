"""The chaos run from its first day until everything has come to rest; then it is compared (docs/simulation.md)."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import close_old_connections, connection

from accounts.models import Notice
from accounts.services.create_api_token import create_api_token
from billing_portal.demo_data import seed_seller
from billing_portal.embedded_server import Valkey
from billing_portal.simulation.browser import Browser
from billing_portal.simulation.checks import differences
from billing_portal.simulation.control import plan_faults
from billing_portal.simulation.launching import Options
from billing_portal.simulation.market import Market
from billing_portal.simulation.people import Person, people
from billing_portal.simulation.places import START, add_tax_rates, event_of
from billing_portal.simulation.processes import PROCESSOR, WEB, WORKERS, Processes
from billing_portal.simulation.servers import SafePostgres, Servers
from billing_portal.simulation.shared import Clock, Lines, folder, share
from billing_portal.simulation.telling import tell
from billing_portal.simulation.ticking import AFTERWARDS, MINUTELY, Ticker
from invoices.models import REFUNDING, UNRESOLVED, Payment, Refund

MONTH = 30  # days of a simulated month
LINGERING = 2  # days more, for what began on the last one
STEPS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1), timedelta(days=1))
VISITORS = 8  # at once
BLOWS = 30  # nights of a run, at most about so many, in which a whole server or all of a worker is lost
REST = 40  # how many steps are taken until nothing is open any more


@dataclass
class Simulation:
    options: Options
    servers: Servers
    processes: Processes
    ticker: Ticker
    market: Market
    token: str
    persons: list[Person] = field(default_factory=list)
    at: datetime = START
    sent: set[tuple[int, str]] = field(default_factory=set)

    @property
    def days(self) -> int:
        return self.options.months * MONTH

    # -- a day

    def day(self, number: int) -> None:
        """Two runs in the night, customers at noon, the minute's jobs after them; usage as it comes."""
        morning = START + timedelta(days=number)
        self.at = morning + timedelta(minutes=30)
        self.send_usage()
        blow = self.blow(number)
        self.at = self.ticker.run(morning + timedelta(hours=2, minutes=5, microseconds=number), blow=blow)
        if share(self.options.seed, "back", number) < 0.05:
            self.ticker.counted["clock put back"] += 1
            self.ticker.tick(self.at - timedelta(seconds=90), MINUTELY)
        noon = timedelta(hours=12, seconds=number % 3_000, microseconds=7 * number + 1)
        self.at = morning + noon
        visitors = [person for person in self.persons if number in person.act_days]
        self.visit(visitors, number)
        tasks = AFTERWARDS
        for step in STEPS[:3]:
            if visitors or self.unresolved() or waiting_notices():  # nothing else can be due so soon after a run
                self.ticker.tick(self.at + step, tasks)
                tasks, visitors = MINUTELY, []

    def visit(self, visitors: list[Person], number: int) -> None:
        """All of the day's at once, while the minute's jobs run and at times the web server is lost."""
        self.ticker.set(self.at)
        if not visitors:
            return
        falls = share(self.options.seed, "web", number) < 0.05
        lost = Thread(target=self.processes.kill, args=(WEB,)) if falls else None
        if lost:
            lost.start()
        with ThreadPoolExecutor(VISITORS) as pool:
            list(pool.map(visit, visitors))
        if lost:
            lost.join()

    def blow(self, number: int) -> Callable[[], None] | None:
        """What befalls the processes in this night's run, if anything."""
        chance = share(self.options.seed, "blow", number)
        blows: list[Callable[[], None]] = [
            lambda: self.processes.kill(WORKERS[number % 2]),
            lambda: self.crash("database", SafePostgres),
            lambda: self.crash("broker", Valkey),
            lambda: self.processes.kill(PROCESSOR),
        ]
        often = min(0.12, BLOWS / self.days)
        return blows[int(chance / often * len(blows))] if chance < often else None

    def crash(self, name: str, kind: Any) -> None:
        self.servers.crash(kind)
        self.processes.killed[name] += 1

    def send_usage(self) -> None:
        """What has arrived by now, some of it twice; the broken-off request is sent again."""
        for person in self.persons:
            due = [used for at, used in person.received if at <= self.at and (person.number, used.id) not in self.sent]
            for used in due:
                self.sent.add((person.number, used.id))
            person.arrive(self.at, due)
        batch = [event_of(used, person.customer.key) for person in self.persons for used in person.just_arrived]
        if batch:
            self.ticker.set(self.at)
            twice = share(self.options.seed, "events", self.at) < 0.2
            for _ in range(2 if twice else 1):
                self.ingest(batch)

    def ingest(self, batch: list[dict[str, Any]]) -> None:
        browser = Browser(settings.PORTAL_URL, self.persons[0].browser.counted)
        for first in range(0, len(batch), 500):
            page = browser.post_json("/api/v1/events", batch[first : first + 500], self.token)
            answer = json.loads(page.text)
            if answer["rejected"]:
                raise RuntimeError(f"events were rejected: {answer['rejected'][:3]}")
            self.ticker.counted["events"] += answer["accepted"]
            self.ticker.counted["events repeated"] += answer["duplicates"]

    # -- until nothing is open

    def rest(self) -> None:
        """No faults and kills any more, good cards for everybody, and the clock moves until nothing is open."""
        (folder() / "calm").touch()
        plan_faults({"seed": self.options.seed})
        for person in self.persons:
            visit(person, "make_good_card_default")
        for number in range(REST):
            self.at = self.ticker.run(self.at + STEPS[min(number, 3)])
            self.ticker.tick(self.at + timedelta(seconds=30), MINUTELY)
            if number > LINGERING and not self.unresolved() and not waiting_notices():
                return
        self.ticker.counted["did not come to rest"] += 1

    def unresolved(self) -> bool:
        close_old_connections()
        open_ones = Payment.objects.filter(status__in=UNRESOLVED).exists()
        return open_ones or Refund.objects.filter(status__in=REFUNDING).exists()


def visit(person: Person, what: str = "act") -> None:
    try:
        getattr(person, what)()
    finally:
        connection.close()


def waiting_notices() -> bool:
    return Notice.objects.filter(sent_at=None).exists()


def days_ahead(seed: str, days: int) -> Iterator[int]:
    """Every day but a week in which nobody runs anything, once in three months."""
    away = {first + day for first in range(40, days, 90) for day in range(int(3 + 8 * share(seed, "away", first)))}
    yield from (day for day in range(days) if day not in away)


def drive(options: Options, say: Callable[[str], Any]) -> list[str]:
    """Play it, and print what happened; what differs afterwards, in words."""
    began = time.monotonic()
    clock = Clock(folder())
    clock.set(START)
    call_command("migrate", verbosity=0)
    seller = seed_seller()
    add_tax_rates(seller)
    servers = Servers(folder().parent)
    with Processes(folder()) as processes:
        ticker = Ticker(clock, processes, Lines(folder() / "finished"))
        _token, raw = create_api_token(customer=None, name="Gateway", at=START, actor=None)
        simulation = Simulation(options, servers, processes, ticker, Market(START), raw)
        base = settings.PORTAL_URL
        simulation.persons = people(options.customers, options.seed, base=base, start=START, days=simulation.days)
        try:
            play(simulation, say)
        except Exception:
            for name in processes.running:
                say(f"--- {name}, at {simulation.at}\n{processes.last_words(name)}")
            raise
        found = differences(simulation)
        tell(simulation, found, time.monotonic() - began, say)
    return found


def play(simulation: Simulation, say: Callable[[str], Any]) -> None:
    options = simulation.options
    faults = {"seed": options.seed, "share": options.fault_rate, "slow_seconds": 0.05, "late_seconds": 2.0}
    plan_faults(faults | {"webhook_share": options.fault_rate})
    for number in days_ahead(options.seed, simulation.days):
        simulation.day(number)
        simulation.processes.revive()
        if number % MONTH == 0:
            say(f"day {number}: {dict(simulation.persons[0].done)}")
    simulation.rest()
