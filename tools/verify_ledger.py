#!/usr/bin/env python3
"""Check a credit ledger that was downloaded as CSV. Needs Python 3.9 or newer, and nothing else.

    python verify_ledger.py ledger.csv --head 9f3a… --sequence 123

Head and sequence are printed at the foot of every invoice and statement («Credit ledger #123 · 9f3a…»). The file must
be the one that was downloaded: a spreadsheet that saves it rewrites dates and numbers, and then nothing fits any more.
What is checked is described in docs/algorithms/ledger.md. Exit code: 0 everything is right, 1 something is not.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

GENESIS = "0" * 64
SHORTEST_HEAD = 8
TRANSACTION = (
    "sequence", "operation", "kind", "booked_at", "created_at", "currency", "amount", "grant", "charge", "feature",
    "corrects", "description", "previous_hash", "hash", "customer",
)  # fmt: skip
ENTRY = ("account", "entry_currency", "entry_amount", "entry_grant", "entry_charge")
CUSTOMER_ACCOUNTS = ("customer_credit", "overdraft")

Row = dict[str, str]


class UnreadableError(Exception):
    """The file is not such an export."""


class Ledger:
    """What the rows read so far say: where the chain stands, the balances, and everything that is wrong."""

    def __init__(self) -> None:
        self.sequence = 0
        self.head = GENESIS
        self.hashes: dict[int, str] = {}
        self.operations: dict[str, int] = {}
        self.balances: dict[str, int] = defaultdict(int)
        self.grants: dict[tuple[str, str], int] = defaultdict(int)
        self.overdrafts: dict[tuple[str, str], int] = defaultdict(int)
        self.faults: list[str] = []

    def add(self, rows: Sequence[Row]) -> None:
        """Check one transaction, given as the rows of its entries, and go on behind it."""
        first = rows[0]
        try:
            problems = [*self._chained(first), *_agreeing(rows), *_sealed(rows), *_balanced(rows), *self._held(rows)]
        except ValueError as error:
            problems = [f"a number cannot be read: {error}"]
        self.faults += (f"#{first['sequence']} ({first['operation']}): {problem}" for problem in problems)
        self.sequence = int(first["sequence"]) if first["sequence"].isdigit() else self.sequence + 1
        self.head = first["hash"]
        self.hashes[self.sequence] = self.head
        self.operations[first["operation"]] = self.sequence

    def _chained(self, first: Row) -> Iterator[str]:
        if first["sequence"] != str(self.sequence + 1):
            yield f"number {self.sequence + 1} was expected here – rows are missing, doubled or out of order"
        if first["previous_hash"] != self.head:
            yield "it does not continue the transaction before it"
        if first["operation"] in self.operations:
            yield f"the same operation stands at #{self.operations[first['operation']]} already"

    def _held(self, rows: Sequence[Row]) -> Iterator[str]:
        self.balances[rows[0]["currency"]] += int(rows[0]["amount"])
        for row in rows:
            amount = int(row["entry_amount"])
            if row["account"] == "customer_credit":
                self.grants[row["entry_currency"], row["entry_grant"]] += amount
                if self.grants[row["entry_currency"], row["entry_grant"]] < 0:
                    yield f"more is taken from grant {row['entry_grant']} than it held"
            elif row["account"] == "overdraft":
                self.overdrafts[row["entry_currency"], row["entry_charge"]] += amount
                if self.overdrafts[row["entry_currency"], row["entry_charge"]] > 0:
                    yield f"more is repaid for {row['entry_charge']} than was overdrawn"


def canonical_text(rows: Sequence[Row]) -> str:
    """The text whose SHA-256 is the transaction's hash."""
    first = rows[0]
    facts: dict[str, object] = {name: first[name] for name in TRANSACTION if name != "hash"}
    facts.update(sequence=int(first["sequence"]), amount=int(first["amount"]))
    facts.update({name: first[name] or None for name in ("grant", "charge", "corrects")})
    facts["entries"] = [
        [
            row["account"], row["entry_currency"], int(row["entry_amount"]),
            row["entry_grant"] or None, row["entry_charge"] or None,
        ]
        for row in rows
    ]  # fmt: skip
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _agreeing(rows: Sequence[Row]) -> Iterator[str]:
    for name in TRANSACTION:
        if any(row[name] != rows[0][name] for row in rows):
            yield f"its rows do not agree on “{name}”"


def _sealed(rows: Sequence[Row]) -> Iterator[str]:
    if hashlib.sha256(canonical_text(rows).encode("utf-8")).hexdigest() != rows[0]["hash"]:
        yield "its content is not what was hashed – something in it was changed"


def _balanced(rows: Sequence[Row]) -> Iterator[str]:
    total = sum(int(row["entry_amount"]) for row in rows)
    if total:
        yield f"its entries sum to {total} instead of 0"
    moved = sum(int(row["entry_amount"]) for row in rows if row["account"] in CUSTOMER_ACCOUNTS)
    if moved != int(rows[0]["amount"]):
        yield f"its amount is {rows[0]['amount']}, but its entries move {moved}"
    if any(row["entry_currency"] != row["currency"] for row in rows):
        yield "an entry is in another currency"


def read(path: str) -> Iterator[list[Row]]:
    """The transactions of the file, each as the rows of its entries."""
    with open(path, newline="", encoding="utf-8-sig") as file:  # noqa: PTH123 – a path as it was typed
        reader = csv.DictReader(file, strict=True)
        missing = [name for name in (*TRANSACTION, *ENTRY) if name not in (reader.fieldnames or ())]
        if missing:
            raise UnreadableError("it has no column " + ", ".join(missing))
        for _, rows in groupby(_whole(reader), key=lambda row: (row["sequence"], row["hash"])):
            yield list(rows)


def _whole(rows: Iterable[Row]) -> Iterator[Row]:
    customers = set()
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise UnreadableError(f"row {number} has too many or too few cells")
        customers.add(row["customer"])
        if len(customers) > 1:
            raise UnreadableError("it is about several customers: " + ", ".join(sorted(customers)))
        yield row


def check_head(ledger: Ledger, head: str, sequence: int | None) -> Iterator[str]:
    """Whether the printed head stands in the chain: at `sequence`, or without it at the end."""
    head = head.strip().rstrip("….").lower()
    at = ledger.sequence if sequence is None else sequence
    if len(head) < SHORTEST_HEAD:
        yield f"the head must have at least {SHORTEST_HEAD} of its 64 characters"
    elif at not in ledger.hashes:
        yield f"the file ends at #{ledger.sequence}: transaction #{at}, whose hash was printed, is missing"
    elif not ledger.hashes[at].startswith(head):
        yield f"the hash of transaction #{at} is {ledger.hashes[at]}, but {head} was printed"


def report(ledger: Ledger, head: str, sequence: int | None) -> str:
    """What a bookkeeper wants to read."""
    lines = [f"{len(ledger.hashes)} transactions read. The ledger ends at #{ledger.sequence} {ledger.head}"]
    lines += (
        f"Closing balance {currency}: {balance} (in the currency's smallest unit)"
        for currency, balance in sorted(ledger.balances.items())
    )
    if ledger.faults:
        lines += ["", f"NOT RIGHT – {len(ledger.faults)} problem(s):", *(f"  {fault}" for fault in ledger.faults)]
    elif head:
        at = ledger.sequence if sequence is None else sequence
        lines += ["", f"RIGHT. Nothing was changed, left out or put in between up to the printed head, #{at}."]
        if at < ledger.sequence:
            lines.append(f"The {ledger.sequence - at} transaction(s) after it continue it without a gap.")
    else:
        lines += [
            "",
            "RIGHT, as far as the file can tell. Give the head that is printed on an invoice (--head, --sequence)",
            "to prove that this is the same ledger, and that its end was not cut off.",
        ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, check, say so: 0 when everything is right, else 1."""
    parser = argparse.ArgumentParser(description="Check a credit ledger that was downloaded as CSV.")
    parser.add_argument("file", help="the CSV file as it was downloaded")
    parser.add_argument("--head", default="", help="the hash printed on an invoice or statement")
    parser.add_argument("--sequence", type=int, help="the number printed beside it; without it, the newest")
    options = parser.parse_args(arguments)
    ledger = Ledger()
    try:
        for rows in read(options.file):
            ledger.add(rows)
    except (OSError, UnicodeDecodeError, csv.Error, UnreadableError) as error:
        print(f"NOT RIGHT – {options.file} cannot be read as a ledger: {error}")
        return 1
    if options.head or options.sequence is not None:
        ledger.faults += check_head(ledger, options.head, options.sequence)
    print(report(ledger, options.head, options.sequence))
    return 1 if ledger.faults else 0


if __name__ == "__main__":
    sys.exit(main())
