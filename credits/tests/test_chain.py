"""The chain over a customer's ledger, and the stand-alone script that checks its export."""

import ast
import csv
import json
import re
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from credits import chain
from credits.chain import GENESIS, Entry, Transaction
from tools import verify_ledger

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
COLUMNS = (
    *("sequence", "operation", "kind", "booked_at", "created_at", "currency", "amount", "grant", "charge", "feature"),
    *("corrects", "description", "previous_hash", "hash", "account", "entry_currency", "entry_amount", "entry_grant"),
    *("entry_charge", "customer"),
)
WELCOME = Transaction(
    customer="acme", sequence=1, operation="grant:grt_1", kind="funded", currency="USD", amount=10000, grant="grt_1",
    charge=None, feature="", corrects=None, description="Welcome credit", booked_at=AT, created_at=AT,
    entries=(Entry("funding", "USD", -10000, "grt_1"), Entry("customer_credit", "USD", 10000, "grt_1")),
    previous_hash=GENESIS,
)  # fmt: skip


def _use(sequence, amount, *, previous, description="AI tokens – “late”,\nÜbertrag"):
    return chain.sealed(
        Transaction(
            customer="acme", sequence=sequence, operation=f"use:{sequence}", kind="consumed", currency="USD",
            amount=-amount, grant="grt_1", charge=f"hour:{sequence}", feature="ai-tokens", corrects=None,
            description=description, booked_at=AT + timedelta(hours=sequence), created_at=AT + timedelta(hours=9),
            entries=(
                Entry("customer_credit", "USD", -amount, "grt_1", f"hour:{sequence}"),
                Entry("earnings", "USD", amount, None, f"hour:{sequence}"),
            ),
            previous_hash=previous,
        )
    )  # fmt: skip


@pytest.fixture
def ledger():
    """100.00 granted, then 40.00 and 25.00 used."""
    granted = chain.sealed(WELCOME)
    used = _use(2, 4000, previous=granted.hash)
    return [granted, used, _use(3, 2500, previous=used.hash)]


@pytest.fixture
def exported(tmp_path):
    """Writes transactions as the export does; returns the path."""

    def export(transactions, name="ledger.csv", encoding="utf-8"):
        path = tmp_path / name
        with path.open("w", newline="", encoding=encoding) as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for one in transactions:
                for entry in one.entries:
                    row = one._asdict() | {
                        "booked_at": chain.instant(one.booked_at), "created_at": chain.instant(one.created_at),
                        "account": entry.account, "entry_currency": entry.currency, "entry_amount": entry.amount,
                        "entry_grant": entry.grant, "entry_charge": entry.charge,
                    }  # fmt: skip
                    writer.writerow([row[column] for column in COLUMNS])
        return str(path)

    return export


def test_it_hashes_the_text_that_the_documentation_shows():
    page = (ROOT / "docs/algorithms/ledger.md").read_text()
    shown = re.search(r"```json\n(.*)\n```", page).group(1)
    assert chain.canonical_text(WELCOME) == shown
    assert f"has the hash `{chain.hash_of(WELCOME)}`" in page


def test_it_writes_instants_in_utc_with_six_decimals():
    assert chain.instant(AT) == "2026-03-01T10:00:00.000000Z"
    later = datetime(2026, 3, 1, 12, 0, 0, 7, tzinfo=timezone(timedelta(hours=2)))
    assert chain.instant(later) == "2026-03-01T10:00:00.000007Z"


def test_it_leaves_characters_as_they_are_and_keeps_the_entries_in_order():
    text = chain.canonical_text(_use(2, 1, previous=GENESIS))
    assert "“late”,\\nÜbertrag" in text
    assert json.loads(text)["entries"] == [
        ["customer_credit", "USD", -1, "grt_1", "hour:2"],
        ["earnings", "USD", 1, None, "hour:2"],
    ]


def test_it_finds_an_untouched_chain_intact(ledger):
    verdict = chain.verify(ledger, head=(3, ledger[-1].hash))
    assert verdict.is_intact
    assert (verdict.sequence, verdict.hash) == (3, ledger[-1].hash)
    assert chain.verify([], head=(0, GENESIS)).is_intact


@pytest.mark.parametrize(
    "change",
    [
        {"customer": "other"}, {"operation": "use:x"}, {"kind": "expired"}, {"currency": "EUR"}, {"amount": -3999},
        {"grant": None}, {"charge": None}, {"feature": ""}, {"corrects": "use:1"}, {"description": ""},
        {"booked_at": AT}, {"created_at": AT}, {"previous_hash": "f" * 64}, {"hash": "f" * 64}, {"entries": ()},
        {"entries": (Entry("customer_credit", "USD", -4000, "grt_2", "hour:2"), Entry("earnings", "USD", 4000))},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_it_notices_a_change_of_any_fact(ledger, change):
    ledger[1] = ledger[1]._replace(**change)
    assert {fault.sequence for fault in chain.verify(ledger).faults} >= {2}


def test_it_notices_a_change_whose_hash_was_made_anew(ledger):
    ledger[1] = chain.sealed(ledger[1]._replace(description="Something else"))
    assert [(fault.sequence, fault.problem) for fault in chain.verify(ledger).faults] == [
        (3, "it does not continue the transaction before it")
    ]


@pytest.mark.parametrize("index", [0, 1])
def test_it_notices_what_is_left_out(ledger, index):
    del ledger[index]
    assert not chain.verify(ledger).is_intact


def test_it_notices_what_is_put_in_twice_or_out_of_order(ledger):
    assert not chain.verify([*ledger[:2], ledger[1], ledger[2]]).is_intact
    assert not chain.verify([ledger[0], ledger[2], ledger[1]]).is_intact


def test_it_needs_the_head_to_notice_that_the_end_is_cut_off(ledger):
    head = (3, ledger[-1].hash)
    assert chain.verify(ledger[:2]).is_intact
    assert not chain.verify(ledger[:2], head=head).is_intact


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        (
            (Entry("customer_credit", "USD", -4000), Entry("earnings", "USD", 3999)),
            "its entries sum to -1 instead of 0",
        ),
        (
            (Entry("customer_credit", "USD", -1), Entry("earnings", "USD", 1)),
            "its amount is -4000, its entries move -1",
        ),
        ((Entry("overdraft", "USD", -4000), Entry("earnings", "EUR", 4000)), "an entry is in another currency"),
    ],
)
def test_it_notices_entries_that_do_not_fit_however_well_hashed(ledger, entries, problem):
    ledger[1] = chain.sealed(ledger[1]._replace(entries=entries))
    assert problem in [fault.problem for fault in chain.verify(ledger).faults]


def test_it_imports_nothing_but_the_standard_library():
    for module in ("credits/chain.py", "tools/verify_ledger.py"):
        imported = {
            name.split(".")[0]
            for node in ast.walk(ast.parse((ROOT / module).read_text(), feature_version=(3, 9)))
            for name in (
                [alias.name for alias in node.names] if isinstance(node, ast.Import)
                else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            )
        }  # fmt: skip
        assert imported <= set(sys.stdlib_module_names), module


# --- the stand-alone script ------------------------------------------------------------------------------------------


def test_the_script_agrees_with_the_chain(ledger, exported, capsys):
    assert verify_ledger.main([exported(ledger), "--head", ledger[-1].hash, "--sequence", "3"]) == 0
    said = capsys.readouterr().out
    assert "3 transactions read" in said
    assert ledger[-1].hash in said
    assert "Closing balance USD: 3500" in said
    assert "RIGHT. Nothing was changed" in said


def test_the_script_accepts_an_older_head_and_one_that_is_printed_short(ledger, exported, capsys):
    assert verify_ledger.main([exported(ledger), "--head", f"{ledger[0].hash[:12]}…", "--sequence", "1"]) == 0
    assert "The 2 transaction(s) after it continue it" in capsys.readouterr().out


def test_the_script_reads_a_file_that_begins_with_a_byte_order_mark(ledger, exported):
    assert verify_ledger.main([exported(ledger, encoding="utf-8-sig"), "--head", ledger[-1].hash]) == 0


def test_the_script_says_what_it_cannot_know_without_a_head(ledger, exported, capsys):
    assert verify_ledger.main([exported(ledger[:2])]) == 0
    assert "as far as the file can tell" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--head", "0" * 64], "was printed"),
        (["--head", "0" * 64, "--sequence", "4"], "the file ends at #3"),
        (["--head", "00"], "at least 8"),
        (["--sequence", "3"], "at least 8"),
    ],
)
def test_the_script_refuses_a_head_that_does_not_stand_there(ledger, exported, capsys, arguments, said):
    assert verify_ledger.main([exported(ledger), *arguments]) == 1
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("column", range(len(COLUMNS)), ids=COLUMNS)
def test_the_script_notices_a_change_in_any_cell(ledger, exported, capsys, column):
    path = Path(exported(ledger))
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    rows[3][column] = {"sequence": "7", "amount": "-1", "entry_amount": "-1"}.get(COLUMNS[column], "x")
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    assert verify_ledger.main([str(path), "--head", ledger[-1].hash]) == 1
    assert "NOT RIGHT" in capsys.readouterr().out


@pytest.mark.parametrize("row", range(1, 7))
def test_the_script_notices_a_row_that_is_missing(ledger, exported, row):
    path = Path(exported(ledger))
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows[:row] + rows[row + 1 :])
    assert verify_ledger.main([str(path), "--head", ledger[-1].hash]) == 1


def test_the_script_notices_a_grant_used_beyond_what_it_held(ledger, exported, capsys):
    ledger.append(_use(4, 3501, previous=ledger[-1].hash))
    assert verify_ledger.main([exported(ledger)]) == 1
    assert "#4 (use:4): more is taken from grant grt_1 than it held" in capsys.readouterr().out


def test_the_script_notices_overdraft_repaid_beyond_what_it_was(ledger, exported, capsys):
    entries = (Entry("funding", "USD", -100, "grt_1"), Entry("overdraft", "USD", 100, "grt_1", "hour:2"))
    repaid = WELCOME._replace(sequence=4, operation="g2", amount=100, entries=entries, previous_hash=ledger[-1].hash)
    assert verify_ledger.main([exported([*ledger, chain.sealed(repaid)])]) == 1
    assert "more is repaid for hour:2 than was overdrawn" in capsys.readouterr().out


def test_the_script_notices_an_operation_that_stands_there_twice(ledger, exported, capsys):
    again = chain.sealed(ledger[2]._replace(sequence=4, amount=-1, previous_hash=ledger[2].hash))
    assert verify_ledger.main([exported([*ledger, again])]) == 1
    assert "the same operation stands at #3 already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\r\n1,2\r\n", "it has no column"),
        (b"\xff\xfe\x00", "cannot be read"),
        ((",".join(COLUMNS) + "\r\n1,2\r\n").encode(), "too many or too few cells"),
        (b"", "it has no column"),
    ],
)
def test_the_script_says_that_a_file_is_no_export(tmp_path, capsys, content, said):
    path = tmp_path / "other.csv"
    path.write_bytes(content)
    assert verify_ledger.main([str(path)]) == 1
    assert said in capsys.readouterr().out


def test_the_script_reads_one_customer_at_a_time(ledger, exported, capsys):
    other = chain.sealed(WELCOME._replace(customer="other"))
    assert verify_ledger.main([exported([*ledger, other])]) == 1
    assert "it is about several customers: acme, other" in capsys.readouterr().out


def test_the_script_says_that_a_file_is_missing(tmp_path, capsys):
    assert verify_ledger.main([str(tmp_path / "nothing.csv")]) == 1
    assert "cannot be read as a ledger" in capsys.readouterr().out
