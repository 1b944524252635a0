"""A year of many customers, day by day: every document is to the cent what a plain recomputation says.

CUSTOMERS sets how many and SEED which year, e.g. `CUSTOMERS=200 ./portal test billing_portal/tests/test_year.py`;
CUSTOMER takes one of them alone, in the same year.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from io import StringIO
from itertools import chain, count
from random import Random
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from billing_portal import billing_run
from billing_portal.simulation.market import Market, next_version
from billing_portal.simulation.places import START, event_of
from billing_portal.simulation.plain_ledger import Used
from billing_portal.tests.surfaces import announcements, disagreements
from billing_portal.tests.year_players import Player, players
from core import clock, formats
from invoices.models import Invoice, InvoiceLine, Payment, Refund, Seller
from invoices.services.reconcile_payments import reconcile_payments
from invoices.services.reconcile_refunds import reconcile_refunds
from plans.models import Plan
from plans.tests.conftest import migrate_to
from usage.services.ingest_events import ingest_events

CUSTOMERS = int(os.environ.get("CUSTOMERS", "16"))
SEED = int(os.environ.get("SEED", "2028"))
NUMBERS = [int(os.environ["CUSTOMER"])] if "CUSTOMER" in os.environ else list(range(CUSTOMERS))
DAYS = 366  # with 29 February 2028
AFTERWARDS = 45  # what is left is billed
RUN_AT = timedelta(hours=2)
MOMENT = timedelta(microseconds=1)
NEW_VERSIONS = {"basic": "now", "trio": "period_end", "yen-pro": "period_end", "dinar": "now", "deal": "now"}

USED, STAFF, CHANGED, RUN = range(4)  # the order at one instant


@dataclass
class Year:
    """What is to happen, by time, and what has."""

    players: list[Player]
    market: Market
    reader: Client
    ahead: list[tuple[datetime, int, int, int, Any]] = field(default_factory=list)
    arrived: list[tuple[datetime, Player, Used]] = field(default_factory=list)
    serial: Iterator[int] = field(default_factory=count)
    done: Counter[str] = field(default_factory=Counter)
    announced: dict[Any, tuple[int, dict[str, str]]] = field(default_factory=dict)

    def plan(self, at: datetime, kind: int, place: int = -1, what: Any = None) -> None:
        heappush(self.ahead, (at, kind, place, next(self.serial), what))

    def plan_all(self, random: Random) -> None:
        away = set(days_away(random))
        self.done["days away"] = len(away)
        for day in range(DAYS + AFTERWARDS):
            if day not in away:
                self.plan(START + timedelta(days=day) + RUN_AT, RUN, what=day >= DAYS + AFTERWARDS - 2)
        for key, when in NEW_VERSIONS.items():
            published = START + timedelta(days=random.randrange(90, 200), hours=9)
            self.plan(published, STAFF, what=(key, ""))
            self.plan(published + timedelta(days=random.randrange(60), hours=5), STAFF, what=(key, when))
        for place, player in enumerate(self.players):
            first = timedelta(days=player.random.choice([28, 29, 30, player.random.randrange(60)]))
            self.plan(START + first + timedelta(seconds=player.random.randrange(86_400)), CHANGED, place)
            player.changes_left = player.random.randrange(1, 8)
            for _ in range(player.random.randrange(20, 90)):
                self.plan_usage(place, START + timedelta(seconds=player.random.randrange(DAYS * 86_400)))

    def plan_usage(self, place: int, at: datetime) -> None:
        player = self.players[place]
        for received, used in player.use(player.at(at)):
            self.plan(received - player.at(at) + at, USED, place, used)

    def play(self) -> None:
        while self.ahead:
            at, kind, place, _serial, what = heappop(self.ahead)
            if kind == USED:
                self.arrived.append((at, self.players[place], what))
                continue
            with clock.travel_to(at):
                self.send(at)
                if kind == RUN:
                    self.run(at, is_last=what)
                elif kind == STAFF:
                    self.publish_or_migrate(at, *what)
                else:
                    self.change(at, place)

    def send(self, at: datetime) -> None:
        """What has arrived since. A clock of their own moves on with it."""
        events = []
        for received, player, used in self.arrived:
            player.ledger.events.append(used)
            if player.ahead is not None:
                player.move_clock(received)
            events.append(event_of(used, player.customer.key))
        if events:
            result = ingest_events(events=events, token_customer_id=None, at=at - MOMENT)
            assert result.accepted == len(events), f"seed {SEED}: {result.rejected}"
        self.arrived = []

    def run(self, at: datetime, *, is_last: bool) -> None:
        """The night's run, without the paper and the letters."""
        for player in self.players:
            if player.ahead is None or is_last or player.random.random() < 0.2:
                player.move_clock(at)
        report = billing_run.RunReport(at=at.isoformat())
        billing_run.bill_due(at=at, report=report)
        reconcile_payments(at=at)
        reconcile_refunds(at=at)
        billing_run.settle_starts(at=at, report=report)
        billing_run.collect_due(at=at, report=report)
        assert report.parked == [], f"seed {SEED} on {at}: {report.parked}"
        for player in self.players:
            player.ledger.run(player.now)
        self.look()

    def look(self) -> None:
        """At what is announced, while it waits: one draft of each kind, of a customer who has no other."""
        drafts = Invoice.objects.filter(status="draft", total__gt=0).select_related("customer")
        several = Counter(draft.customer_id for draft in drafts)
        for draft in drafts:
            kind = (draft.currency, draft.collection, bool(draft.credits), bool(draft.tax))
            if kind not in self.announced and several[draft.customer_id] == 1:
                self.announced[kind] = draft.pk, announcements(draft, self.reader)

    def publish_or_migrate(self, at: datetime, key: str, when: Any) -> None:
        plan = self.market.plain[key]
        if not when:
            self.market.publish(next_version(plan), at)
            return
        migrated = migrate_to(Plan.objects.get(key=key, version=plan.version), when, at)
        self.done["migrate"] += migrated
        for player in self.players:
            if player.ahead is None:
                player.move_clock(at)
            ledger = player.ledger
            if ledger.plan and ledger.plan.key == key and ledger.plan != plan and not ledger.scheduled:
                ledger.scheduled = (player.now if when == "now" else ledger.period_end(player.now), plan)
                migrated -= 1
        assert migrated == 0, f"seed {SEED}: {key} was migrated for {migrated} more than have it"

    def change(self, at: datetime, place: int) -> None:
        player = self.players[place]
        player.move_clock(at)
        self.done[player.change(self.market)] += 1
        compare(player)
        self.plan_usage(place, at + timedelta(seconds=player.random.randrange(4 * 3_600)))
        player.changes_left -= 1
        later = at + player.next_change()
        if player.changes_left and later < START + timedelta(days=DAYS):
            self.plan(later, CHANGED, place)


def days_away(random: Random) -> Iterator[int]:
    """The days nobody runs anything: some here and there, some weeks, and once more than a month."""
    for length in (1, 1, 2, 2, 3, 4, 6, 9, 15, 24, 40):
        first = random.randrange(20, DAYS)
        yield from range(first, min(first + length, DAYS + 10))


def compare(player: Player) -> None:
    found, expected = player.documents, player.ledger.documents
    wrong = [entry for entry in found if entry not in expected], [entry for entry in expected if entry not in found]
    where = f"SEED={SEED} CUSTOMER={player.number} at {player.now}, {player.keys}"
    assert found == expected, f"{where}: books {wrong[0]}, plain ledger {wrong[1]}"


@pytest.mark.django_db
def test_a_year_costs_what_a_plain_recomputation_says(
    seller: Seller, alice: User, staff: User, log_in: Callable[[User], Client]
) -> None:
    market = Market(START)
    year = Year(players(NUMBERS, SEED, seller, alice), market, log_in(alice))
    year.plan_all(Random(SEED))  # noqa: S311
    year.play()
    for player in year.players:
        compare(player)
    assert_one_number_everywhere(year.reader, log_in(staff))
    assert_announced_is_issued(year)
    if len(NUMBERS) >= 32:  # few may well do without some of it
        assert_everything_happened(year)
    output = StringIO()
    call_command("check_books", stdout=output)
    assert output.getvalue() == "The books agree.\n", f"seed {SEED}"


def assert_one_number_everywhere(reader: Client, staff: Client) -> None:
    """Of documents of every kind, currency and way to be settled; a few of them are typeset."""
    issued = Invoice.objects.filter(number__isnull=False).select_related("customer").order_by("pk")
    chosen: dict[Any, Invoice] = {}
    for invoice in issued:
        has = bool(invoice.credits), bool(invoice.tax), bool(invoice.amount_credited), bool(invoice.total)
        chosen.setdefault((invoice.kind, invoice.currency, invoice.status, *has), invoice)
    typeset = {kind: invoice.pk for (kind, *_rest), invoice in chosen.items()}.values()
    seen: Counter[str] = Counter()
    wrong = [disagreements(invoice, reader, staff, seen, with_pdf=invoice.pk in typeset) for invoice in chosen.values()]
    assert list(chain(*wrong)) == []
    assert set(seen) == {"page", "page of staff", "list of staff", "history", "CSV", "lines", "e-mail", "XML", "PDF"}


def assert_announced_is_issued(year: Year) -> None:
    """What overview and message said is the same, and what is due once it is issued; some drafts were withdrawn."""
    issued = Invoice.objects.filter(number__isnull=False).in_bulk([pk for pk, _said in year.announced.values()])
    assert len(issued) >= 3
    for pk, said in year.announced.values():
        assert said["overview"] == said["announcement"], f"seed {SEED}, invoice {pk}"
        if pk in issued and not issued[pk].amount_credited:
            total = formats.money(issued[pk].total, issued[pk].currency)
            assert said["overview"] == total.replace(formats.NO_BREAK_SPACE, " ")


def assert_everything_happened(year: Year) -> None:
    kinds = ("subscribe", "change", "cancel", "schedule", "staff", "past", "too early", "declined", "migrate")
    assert [kind for kind in kinds if not year.done[kind]] == []
    issued = Invoice.objects.filter(number__isnull=False)
    documents = Counter(issued.values_list("kind", flat=True))
    assert documents["invoice"] >= 4 * len(year.players)
    assert documents["credit_note"] > 0
    for part in (":late:", ":minimum:", ":usage:", ":fee:"):
        assert InvoiceLine.objects.filter(key__contains=part, amount__gt=0).exists(), part
    for part in (":late:", ":unused:"):
        assert InvoiceLine.objects.filter(key__contains=part, amount__lt=0).exists(), part
    assert Invoice.objects.filter(status="void", key__contains=":discarded:").exists()
    assert issued.filter(key__contains=":late:").exists()
    assert Payment.objects.filter(status="declined").exists()
    assert Refund.objects.filter(status="succeeded").exists()
