"""A real process ends itself at every place of the list, once each; the next one finishes what it began, once.

Each place belongs to a story that reaches it. A step of a story whose process was killed is done again by a fresh
process, as the next tick or a person's second click would. Stories of jobs alone are told once, with a kill at one
place after the other; clicks lead elsewhere after each kill, so theirs is told for each place.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from accounts.gateways import get_gateway
from accounts.models import BillingProfile, CardSetup, Customer
from accounts.tests.cards import LOSES_ANSWER, VISA
from billing_portal.books import check_books
from billing_portal.models import Trigger
from billing_portal.simulation import checks, messages
from billing_portal.simulation.kill_points import PLACES
from billing_portal.simulation.shared import FOLDER, Clock, Lines
from billing_portal.tests.people import on_free, on_plus
from invoices.models import GatewayEvent, Invoice, Payment, Refund
from invoices.services.refund_payment import refund_payment
from plans.models import ChangeQuote, QuoteKind, Subscription
from plans.services.cancel_subscription import cancel_subscription
from plans.services.make_quote import make_quote
from plans.tests.conftest import new_plan
from processor.webhooks import payload_of, sign, waiting

ROOT = Path(__file__).resolve().parents[2]
CALCULATED_AT = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
AFTERWARDS = [BILLED_AT + timedelta(minutes=minutes) for minutes in (2, 4, 10, 20, 90, 180)]
# What charged nothing is tried ever less often.
DAYS = [BILLED_AT + timedelta(days=days, hours=6) for days in range(1, 9)]
MONTH = [CALCULATED_AT, BILLED_AT, *AFTERWARDS]
FORGE = "import billing_portal.simulation.preload; from billing_portal.simulation.forge import main; main()"
PORTAL = "/settings/billing/portal/payment-methods/"
PLAN = "/settings/billing/plan/"

CLICKS = ((1, "plus/", "plus"), (2, "ahead/", "ahead"), (3, "cancel/", "free"), (4, "ahead/", "ahead"))
STORIES = {
    "a month": (
        *("calculate uncommitted", "batch after", "finalize uncommitted", "collect uncommitted", "collect after"),
        *("gateway create_intent before", "gateway create_intent after", "intent id before", "intent id after"),
        *("gateway confirm_intent before", "gateway confirm_intent after", "record before", "record uncommitted"),
        *("record after", "document before", "document after", "notice claimed after", "mail after"),
        "notice sent after",
    ),
    "a lost answer": ("ask after", "gateway retrieve_intent before", "gateway retrieve_intent after"),
    "a webhook": (
        *("receive event before", "receive event uncommitted", "receive event after"),
        *("event claimed after", "event handled uncommitted", "event handled after"),
    ),
    "a lost announcement": (
        *("gateway find_intent before", "gateway find_intent after"),
        *("gateway cancel_intent before", "gateway cancel_intent after"),
    ),
    "a refund": (
        *("ask refund after", "gateway refund before", "gateway refund after"),
        *("record refund uncommitted", "record refund after"),
    ),
    "a lost refund": ("gateway find_refund before", "gateway find_refund after"),
    "somebody leaves": ("late usage uncommitted",),
    "clicks": (
        *("gateway start_setup before", "gateway start_setup after"),
        *("gateway retrieve_setup before", "gateway retrieve_setup after", "card uncommitted", "card after"),
        *("subscribe uncommitted", "subscribe after", "change plan uncommitted", "change plan after"),
        *("cancel uncommitted", "cancel after", "bill start uncommitted", "bill start after"),
        *("settle start uncommitted", "settle start after"),
    ),
}


class Forge:
    """Children of a process that has everything loaded (billing_portal/simulation/forge.py)."""

    def __init__(self, folder: Path) -> None:
        database = connection.settings_dict
        host = quote(database["HOST"], safe="")
        address = f"postgresql://{database['USER']}@{host}:{database['PORT']}/{database['NAME']}"
        own = {"DATABASE_URL": address, "SIMULATION_FOLDER": str(folder), "SECRET_KEY": "of-a-forge"}
        own |= {"DJANGO_SETTINGS_MODULE": "billing_portal.settings_simulation"}
        command = [sys.executable, "-c", FORGE]
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=ROOT, env=os.environ | own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.folder, self.clock, self.places = folder, Clock(folder), ()

    def do(self, at: datetime, **told: object) -> None:
        """In a child, and again in a fresh one whenever that was killed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        for seconds in range(len(self.places) + 1):
            self.clock.set(at + timedelta(seconds=seconds))
            self.process.stdin.write(json.dumps({"places": self.places, **told}) + "\n")
            self.process.stdin.flush()
            code = int(self.process.stdout.readline())
            if code == 0:
                return
            assert code == -9, "only where it is to end it ends"
        raise AssertionError("it ended more often than it was told to")

    @property
    def killed(self) -> list[str]:
        return [line.split("\t")[0] for line in Lines(self.folder / "kills").new()]

    def tick(self, *instants: datetime) -> None:
        for at in instants:
            self.do(at, do="tick")

    def visit(self, at: datetime, user, path: str, *, has: str = "", to: str = "") -> None:
        self.do(at, do="visit", user=user.pk, path=path, has=has, to=to)


@pytest.fixture(scope="module")
def forge_process(tmp_path_factory, django_db_setup, django_db_blocker):
    folder = tmp_path_factory.mktemp("forge")
    Clock(folder).set(CALCULATED_AT)
    with django_db_blocker.unblock():
        made = Forge(folder)
    yield made
    made.process.stdin.close()
    made.process.wait(30)
    made.process.stdout.close()


@pytest.fixture
def forge(forge_process, transactional_db):
    for left in (forge_process.folder / "killed").glob("*"):
        left.unlink()
    for name in ("kills", "mail"):
        (forge_process.folder / name).unlink(missing_ok=True)
    return forge_process


@pytest.fixture
def cast(customer, alice, seller, catalogue, at):
    return customer, alice, catalogue, at


def a_month(forge, cast, card=VISA):
    customer, alice, catalogue, at = cast
    on_plus(customer, alice, catalogue, at, card)
    forge.tick(*MONTH)
    for day in DAYS:
        if Invoice.objects.filter(status="open").exists():
            forge.tick(day, day + timedelta(minutes=3))
    assert [invoice.status for invoice in Invoice.objects.exclude(status="void")] == ["paid"]
    assert Payment.objects.filter(status="succeeded").count() == 1


def a_lost_answer(forge, cast):
    a_month(forge, cast, LOSES_ANSWER)


def a_webhook(forge, cast, processor):
    customer, alice, catalogue, at = cast
    on_plus(customer, alice, catalogue, at, LOSES_ANSWER)
    forge.tick(CALCULATED_AT, BILLED_AT)
    assert [payment.status for payment in Payment.objects.all()] == ["unknown"]
    for seconds, (_number, event) in enumerate(waiting(processor.store)):
        payload = payload_of(event)
        signature = sign(payload, settings.SANDBOX_WEBHOOK_SECRET, time.time())
        forge.do(BILLED_AT + timedelta(seconds=seconds), do="receive", payload=payload.decode(), signature=signature)
    forge.tick(*AFTERWARDS)
    assert set(GatewayEvent.objects.values_list("status", flat=True)) <= {"done", "ignored"}
    assert [payment.status for payment in Payment.objects.all()] == ["succeeded"]


def a_lost_announcement(forge, cast, processor):
    processor.plan_faults(rules=[{"operation": "payment_intents.create", "key": "*:payment:1", "fault": "drop_after"}])
    a_month(forge, cast)


def a_refund(forge, cast):
    places, forge.places = forge.places, ()
    a_month(forge, cast)
    forge.places = places
    payment, at = Payment.objects.get(status="succeeded"), DAYS[-1] + timedelta(days=1)
    refund_payment(payment_id=payment.pk, amount=400, key="k", at=at, reason="Outage")
    forge.tick(*(at + timedelta(minutes=minutes) for minutes in (1, 3, 10, 80, 150)))
    forge.tick(*(at + timedelta(days=days) for days in (1, 2, 3)))
    assert [(refund.amount, refund.status) for refund in Refund.objects.all()] == [(400, "succeeded")]


def a_lost_refund(forge, cast, processor):
    processor.plan_faults(rules=[{"operation": "refunds.create", "fault": "drop_after"}])
    a_refund(forge, cast)


def somebody_leaves(forge, cast):
    customer, alice, catalogue, at = cast
    on_plus(customer, alice, catalogue, at)
    left = at + timedelta(days=10)
    quote_ = make_quote(customer=customer, kind=QuoteKind.CANCEL, at=left, actor=alice)
    cancel_subscription(quote=quote_, at=left, actor=alice)
    forge.tick(*MONTH)
    assert Payment.objects.filter(status="succeeded").count() == 1


def clicks(forge, cast, processor):
    customer, alice, _catalogue, at = cast
    on_free(customer, alice, at)
    BillingProfile.objects.update(line1="1 Street", city="Paris", postal_code="75001", country="FR")
    new_plan("ahead", timing="in_advance", at=at)
    forge.visit(at, alice, f"{PORTAL}add/", to="add/")
    for setup in CardSetup.objects.all():
        processor.enter_card(setup.gateway_id, VISA)
    forge.visit(at, alice, f"{PORTAL}add/return/?setup={CardSetup.objects.latest('pk').key}")
    plans = ["free"]
    for days, path, plan in CLICKS:
        if (forge.folder / "kills").exists():
            break  # what comes after it is told where the places of later clicks are
        then = at + timedelta(days=days)
        forge.visit(then, alice, PLAN + path, has="quote")
        forge.tick(then + timedelta(minutes=3), then + timedelta(minutes=12))
        plans.append(plan)
    if "bill start after" in forge.places:  # its payment never reached the processor: given up, and asked for anew
        forge.visit(at + timedelta(days=5), alice, PLAN + path, has="quote")
    spells = Subscription.objects.filter(customer=customer).order_by("pk")
    assert [spell.plan.key for spell in spells] == plans
    assert ChangeQuote.objects.filter(completed_at__isnull=False).count() == len(plans) - 1


TELL = {
    "a month": a_month,
    "a lost answer": a_lost_answer,
    "a webhook": a_webhook,
    "a lost announcement": a_lost_announcement,
    "a refund": a_refund,
    "a lost refund": a_lost_refund,
    "somebody leaves": somebody_leaves,
    "clicks": clicks,
}


def test_it_has_a_story_for_every_place_of_the_list():
    assert sorted(place for places in STORIES.values() for place in places) == sorted(PLACES)


@pytest.mark.parametrize("story", sorted({*STORIES} - {"clicks"}))
def test_a_process_that_ends_wherever_it_can_leaves_nothing_lost_and_nothing_twice(story, told):
    told(story, STORIES[story])


@pytest.mark.parametrize("place", STORIES["clicks"])
def test_a_click_whose_process_ends_leaves_nothing_lost_and_nothing_twice(place, told):
    told("clicks", (place,))


@pytest.fixture
def told(forge, cast, processor, monkeypatch):
    """Tells a story in which processes end at these places, and compares what it has come to."""

    def tell_and_compare(story, places):
        forge.places, tell = places, TELL[story]
        more = (processor,) if "processor" in tell.__code__.co_varnames[: tell.__code__.co_argcount] else ()
        tell(forge, cast, *more)
        forge.places = ()
        forge.tick(DAYS[-1] + timedelta(days=6), DAYS[-1] + timedelta(days=6, minutes=6))
        killed = forge.killed
        assert sorted(killed) == sorted(places)
        assert list(unlike_the_processors_books()) == []
        monkeypatch.setenv(FOLDER, str(forge.folder))
        assert list(messages.notices(Counter(killed))) == []
        assert not Customer.objects.exclude(parked_reason="").exists()
        assert check_books(at=DAYS[-1] + timedelta(days=7), trigger=Trigger.COMMAND) == []

    return tell_and_compare


def unlike_the_processors_books():
    now, long = datetime.now(UTC), timedelta(days=9_000)
    journal = list(get_gateway("sandbox").journal(since=now - long, until=now + long))
    yield from checks.double_charges(journal)
    yield from checks.unlike_the_journal(journal)
