"""The processor's own books: one SQLite file, every step committed before it is answered.

Objects are kept as the JSON the API shows. Money that moved is a row of `movement`, which the database itself
guards: one charge per intent, never more given back than was charged.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from processor.errors import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

Body = dict[str, Any]

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    customer TEXT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS object_of_kind ON object (kind, seq);
CREATE INDEX IF NOT EXISTS object_of_customer ON object (kind, customer, seq) WHERE customer <> '';
CREATE INDEX IF NOT EXISTS object_of_parent ON object (kind, parent, seq) WHERE parent <> '';
CREATE INDEX IF NOT EXISTS object_unsettled ON object (seq)
    WHERE kind = 'refund' AND json_extract(body, '$.status') <> json_extract(body, '$._becomes');
CREATE TABLE IF NOT EXISTS movement (
    seq INTEGER PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund', 'refund_failed')),
    object TEXT NOT NULL, intent TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL, key TEXT NOT NULL, at REAL NOT NULL, UNIQUE (kind, object)
);
CREATE UNIQUE INDEX IF NOT EXISTS movement_one_charge ON movement (intent) WHERE kind = 'charge';
CREATE INDEX IF NOT EXISTS movement_of_intent ON movement (intent, kind);
CREATE TRIGGER IF NOT EXISTS movement_no_more_back BEFORE INSERT ON movement WHEN NEW.kind = 'refund' BEGIN
    SELECT RAISE(ABORT, 'more given back than was charged') WHERE NEW.amount > (
        SELECT COALESCE(SUM(CASE kind WHEN 'refund' THEN -amount ELSE amount END), 0)
        FROM movement WHERE intent = NEW.intent
    );
END;
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL, created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS attempt (subject TEXT PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
    seq INTEGER PRIMARY KEY, event TEXT NOT NULL, due REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    delivered REAL, answered TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due) WHERE delivered IS NULL;
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
TABLES: Final = ("object", "movement", "answer", "attempt", "delivery", "setting")


class Store:
    """One connection behind one lock: whatever happens inside `transaction()` happens alone, wholly or not at all."""

    def __init__(self, journal: Path | str = ":memory:", clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.used = False  # since the last `reset`
        self.db = sqlite3.connect(journal, check_same_thread=False, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = NORMAL")  # outlives a killed process, which is what is tried on us
        self.db.executescript(SCHEMA)

    def now(self) -> float:
        """Seconds since 1970: the clock that was set, else the one given."""
        fixed = self.setting("clock")
        return float(fixed) if fixed else self.clock()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.lock:
            self.used = True
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self.lock:
            return self.db.execute(query, values).fetchall()

    def write(self, query: str, *values: Any) -> int:
        """How many rows were changed."""
        with self.lock:
            return self.db.execute(query, values).rowcount

    def reset(self) -> None:
        """Forget everything (tests)."""
        with self.transaction():
            for table in TABLES:
                self.db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        self.used = False

    def close(self) -> None:
        with self.lock:
            self.db.close()

    # --- objects ------------------------------------------------------------------------------------------------------

    def add(self, prefix: str, kind: str, body: Mapping[str, Any], *, customer: str = "", parent: str = "") -> Body:
        """Keep a new object. `parent` is what it belongs to where that is asked for: the intent of a refund."""
        created = int(self.now())
        named = {"id": f"{prefix}_{secrets.token_hex(12)}", "object": kind}
        made = {**named, "created": created, "livemode": False, **body}
        self.db.execute(
            "INSERT INTO object (id, kind, created, customer, parent, body) VALUES (?, ?, ?, ?, ?, ?)",
            (made["id"], kind, created, customer, parent, json.dumps(made)),
        )
        return made

    def save(self, body: Body) -> Body:
        self.db.execute("UPDATE object SET body = ? WHERE id = ?", (json.dumps(body), body["id"]))
        return body

    @staticmethod
    def read(body: str) -> Body:
        read: Body = json.loads(body)
        return read

    def find(self, kind: str, object_id: str) -> Body | None:
        """`kind` empty: of any kind."""
        rows = self.rows("SELECT body FROM object WHERE id = ? AND ? IN (kind, '')", object_id, kind)
        return self.read(rows[0]["body"]) if rows else None

    def get(self, kind: str, object_id: str, param: str = "id") -> Body:
        """Raises the API's error where there is none."""
        found = self.find(kind, object_id)
        if found is None:
            raise missing(kind, object_id, param)
        return found

    # --- money --------------------------------------------------------------------------------------------------------

    def move(self, kind: str, moved: Body, intent: Body) -> None:
        """Money moves. The database refuses a second charge of an intent and whatever is more than was charged."""
        self.db.execute(
            "INSERT INTO movement (kind, object, intent, amount, currency, key, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(kind, moved["id"], intent["id"], moved["amount"], intent["currency"]),
                *(moved["metadata"].get("key", ""), self.now()),
            ),
        )

    def left(self, intent_id: str) -> int:
        """What of a charge was not given back."""
        query = "SELECT SUM(CASE kind WHEN 'refund' THEN -amount ELSE amount END) FROM movement WHERE intent = ?"
        return self.rows(query, intent_id)[0][0] or 0

    def movements(self, after: int = 0) -> list[Body]:
        """The journal of money: what moved, in order."""
        return [dict(row) for row in self.rows("SELECT * FROM movement WHERE seq > ? ORDER BY seq", after)]

    # --- small things -------------------------------------------------------------------------------------------------

    def setting(self, name: str) -> str:
        rows = self.rows("SELECT value FROM setting WHERE name = ?", name)
        return rows[0]["value"] if rows else ""

    def set(self, name: str, value: str) -> None:
        self.write("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", name, value)

    def count_attempt(self, subject: str) -> int:
        """1 for the first time that this is asked, 2 for the second …"""
        query = (
            "INSERT INTO attempt (subject, number) VALUES (?, 1)"
            " ON CONFLICT (subject) DO UPDATE SET number = number + 1 RETURNING number"
        )
        return int(self.rows(query, subject)[0]["number"])
