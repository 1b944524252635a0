"""pytest plugin: the sandbox processor on a thread, one for each process of the tests.

It listens before Django reads its settings, so that SANDBOX_URL is its address, also for the processes that tests
start. Its clock is the portal's, its books are in memory, and they are forgotten after each test that used them.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

import pytest

from core import clock
from processor import charges, refunds, setups
from processor.app import Processor
from processor.cards import read_entry
from processor.faults import Plan
from processor.server import Server
from processor.storage import TABLES
from processor.web import Request, Response, nested

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processor.storage import Body

Books = dict[str, list[tuple[object, ...]]]  # table → rows

KEY: Final = pytest.StashKey["TestProcessor"]()


class TestProcessor(Processor):
    """The processor, with what a person, a bank or an operator does to it, in one call each."""

    __test__ = False
    url = ""

    def enter_card(self, session_id: str, number: str, expires: str = "04 / 30") -> None:
        """Somebody types a card into the page of that visit. A card that the page refuses is a ValueError."""
        typed = {"number": number, "expiry": expires, "cvc": "123"}
        entry, errors = read_entry(typed, setups.today_of(self.store).date())
        if entry is None:
            raise ValueError(str(errors))
        setups.keep_card(self.store, session_id, entry)

    def get(self, url: str) -> Response:
        """One of its pages."""
        return self.handle(self._request("GET", url))

    def post(self, url: str, values: dict[str, str]) -> Response:
        return self.handle(self._request("POST", url, values))

    def _request(self, method: str, url: str, values: dict[str, str] | None = None) -> Request:
        parts = urlsplit(url)
        params = nested(parts.query) | nested(urlencode(values or {}))
        return Request(method, parts.path, params, base_url=self.url)

    def decide_at_bank(self, intent_id: str, *, confirmed: bool = True) -> str:
        """The person confirms, or refuses, on the bank's page; the status of the intent then."""
        return str(charges.settle_at_bank(self.store, intent_id, confirmed=confirmed)["status"])

    def plan_faults(self, **plan: object) -> None:
        """From now on: `rules=[{"operation": "refunds.create", "fault": "drop_after"}]`, or shares and a seed."""
        with self.store.transaction():
            Plan.read(dict(plan)).store(self.store)

    def written(self) -> Books:
        """All that it has written down."""
        return {table: [tuple(row) for row in self.store.rows(f"SELECT * FROM {table}")] for table in TABLES}  # noqa: S608 - its own names

    def write_again(self, books: Books) -> None:
        """What `written` told, into empty books."""
        with self.store.transaction():
            for table, rows in books.items():
                for row in rows:
                    self.store.write(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", *row)  # noqa: S608

    def objects(self, kind: str) -> list[Body]:
        """What it keeps of a kind, oldest first: payment_intent, refund, event …"""
        return [
            self.store.read(row["body"])
            for row in self.store.rows("SELECT body FROM object WHERE kind = ? ORDER BY seq", kind)
        ]

    def charges(self) -> list[tuple[str, str]]:
        """(our key, what became of it) of every intent, oldest first, in the words of the port."""
        return [(intent["metadata"].get("key", ""), _plainly(intent)) for intent in self.objects("payment_intent")]

    def refunds(self) -> list[tuple[str, int]]:
        """(our key, amount) of everything given back, oldest first."""
        moved = self.store.movements()
        return [(line["key"], line["amount"]) for line in moved if line["kind"] == "refund"]

    def change(self, object_id: str, **values: object) -> None:
        """Make an object other than any request could: what only a real processor's insides would."""
        with self.store.transaction():
            found = self.store.find("", object_id)
            assert found is not None
            self.store.save(found | values)

    def settle_refunds(self) -> int:
        return refunds.settle_refunds(self.store, now=True)

    def open_dispute(self, intent_id: str) -> str:
        return str(refunds.open_dispute(self.store, intent_id)["id"])

    def close_dispute(self, dispute_id: str, *, won: bool) -> None:
        refunds.close_dispute(self.store, dispute_id, won=won)


def _plainly(intent: Body) -> str:
    if intent["status"] != "requires_payment_method":
        words = {"requires_confirmation": "unconfirmed", "requires_action": "needs_confirmation"}
        return words.get(intent["status"], str(intent["status"]))
    code = (intent["last_payment_error"] or {}).get("code")
    return "needs_confirmation" if code == "authentication_required" else "declined"


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Before pytest-django reads the settings, as in pytest_embedded."""
    processor = TestProcessor(clock=lambda: clock.now().timestamp())
    server = Server(processor)
    processor.url = server.url
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    early_config.add_cleanup(server.server_close)
    early_config.add_cleanup(server.shutdown)
    early_config.stash[KEY] = processor
    logging.getLogger("processor").setLevel(logging.WARNING)
    os.environ["SANDBOX_URL"] = server.url
    return (yield)


@pytest.fixture(scope="session")
def _running_processor(pytestconfig: pytest.Config) -> TestProcessor:
    return pytestconfig.stash[KEY]


@pytest.fixture(autouse=True)
def _forgetful_processor(_running_processor: TestProcessor) -> Iterator[None]:
    """What a test has charged is unknown to the next one."""
    yield
    if _running_processor.store.used:
        _running_processor.store.reset()


@pytest.fixture
def processor(_running_processor: TestProcessor) -> TestProcessor:
    """The processor that SANDBOX_URL leads to."""
    return _running_processor
