"""What the history shows and what a void forfeits against the cases of one billing engine.

The stories are told to the purse, the part of the ledger that knows no database.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

import pytest

from core.tests.vectors import Answer, Case, Responder, answered, cents, duration, tally
from credits.charges import ChargeDraft
from credits.drawdown import is_in_force
from credits.state import GrantState, Purse

START = datetime(2026, 4, 10, 9, tzinfo=UTC)

ROW_PER_GRANT = "one row for each grant that is drawn from, expires or is voided"
TRUE_BALANCE = "a filter chooses rows; each keeps the true balance before and after it"
NOT_PAID = "credit that is not paid is pending, and cannot be voided"
MONEY_STAYS = "voiding forfeits credit; money goes back by a credit note only"


class Row(NamedTuple):
    kind: str
    after: timedelta
    amount: int
    before: int
    balance: int
    features: frozenset[str]  # of the grant


class Ledger:
    """One customer's credit in one currency, told as a story in the order of time."""

    def __init__(self) -> None:
        self.purse = Purse(1, "USD", [])
        self.grants: list[GrantState] = []

    def grant(
        self,
        amount: int,
        *,
        at: datetime = START,
        features: Iterable[str] = (),
        expires_at: datetime | None = None,
        is_paid: bool = True,
    ) -> GrantState:
        number = len(self.grants) + 1
        grant = GrantState(
            id=number, public_id=f"grt_{number}", customer_id=1, currency="USD", funding="promotional", name="Grant",
            priority=10, features=frozenset(features), effective_at=at, expires_at=expires_at, created_at=at,
            paid_at=None, released_at=None, settled_at=None, pending=amount, available=0, repaid=0, used=0, expired=0,
            voided=0,
        )  # fmt: skip
        self.grants.append(grant)
        self.purse.grants[grant.id] = grant
        if is_paid:
            self.purse.fund(grant, at)
        return grant

    def use(self, amount: int, *, at: datetime = START, feature: str = "", overdraw: bool = True) -> None:
        key = f"charge:{len(self.purse.journal)}"
        draft = ChargeDraft(
            key=key, group=key, customer_id=1, currency="USD", feature_key=feature, amount=amount, booked_at=at,
            may_overdraw=overdraw, is_final=True, title="Usage",
        )  # fmt: skip
        self.purse.charge(draft, at)

    def give_back(self, amount: int, *, at: datetime) -> None:
        self.purse.book_due(at)
        key = f"correction:{len(self.purse.journal)}"
        self.purse.give_back(self.purse.charges[-1], amount, at, key=key, description="", origins={})

    def void(self, grant: GrantState, *, at: datetime) -> str:
        """The verb's rule: what is neither pending nor gone is forfeited."""
        self.purse.book_due(at)
        if not grant.available or not is_in_force(grant.source(), at):
            return "refused"
        self.purse.forfeit(grant, at, "voided", "void")
        return "voided"

    def history(self, *, kind: str = "", until: datetime | None = None, feature: str | None = None) -> list[Row]:
        """Newest first; the balances run over all rows, whatever is chosen of them."""
        if until is not None:
            self.purse.book_due(until)
        balance, rows = 0, []
        for posting in sorted(self.purse.journal, key=lambda one: one.booked_at):
            features = posting.grant.features if posting.grant else frozenset()
            before, balance = balance, balance + posting.amount
            rows.append(Row(posting.kind, posting.booked_at - START, posting.amount, before, balance, features))
        rows = [row for row in rows if feature is None or not row.features or feature in row.features]
        return [row for row in rows if not kind or row.kind == kind][::-1]


def told(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    return [row[:-1] for row in rows]


def one_row_per_use(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """The rows as they count them: everything of one kind at one instant is one row."""
    merged = []
    for (kind, after), parts in groupby(rows, key=lambda row: (row.kind, row.after)):
        newest, *rest = parts
        oldest = rest[-1] if rest else newest
        merged.append((kind, after, newest.balance - oldest.before, oldest.before, newest.balance))
    return merged


def expected_rows(case: Case) -> list[tuple[Any, ...]]:
    return [
        (
            row["type"], offset(row["booked_after"]), cents(row["amount"]),
            *(cents(row[name]) for name in ("before", "after")),
        )
        for row in case.expected["rows"]
    ]  # fmt: skip


def offset(text: str) -> timedelta:
    """PT10H after the first grant; T1, T2 … are the first, second … hour."""
    if text.startswith("T"):
        return timedelta(hours=int(text[1:]) - 1)
    return duration(text).step(START) - START


# --- the history -----------------------------------------------------------------------------------------------------
def transaction_list(case: Case) -> Answer:
    asked, ledger = case.inputs, Ledger()
    if "events" in asked:
        return Answer(told(_documented(ledger, asked["events"])), expected_rows(case))
    if "grants" in asked:
        return _filtered(case, ledger)
    expires_at = asked.get("expires_after") and START + offset(asked["expires_after"])
    grant = ledger.grant(cents(asked["grant"]), expires_at=expires_at)
    if "consumed" in asked:
        ledger.use(cents(asked["consumed"]))
    if "voided_after" in asked:
        ledger.void(grant, at=START + offset(asked["voided_after"]))
    until = START + offset(asked["as_of"]) if "as_of" in asked else None
    return Answer(told(ledger.history(until=until)), expected_rows(case))


def _documented(ledger: Ledger, events: str) -> list[Row]:
    """T1 grant 100, T2 use 40, T3 use corrected by 10."""
    for event in events.split(","):
        time, *words = event.split()
        at, amount = START + offset(time), cents(words[-1])
        if "corrected" in words:
            ledger.give_back(amount, at=at)
        elif "use" in words:
            ledger.use(amount, at=at)
        else:
            ledger.grant(amount, at=at)
    return ledger.history()


def _filtered(case: Case, ledger: Ledger) -> Answer:
    """Without a filter our rows are theirs, split by grant; with one, they are some of those."""
    asked = case.inputs
    for given in asked["grants"]:
        at = START + offset(given["at"])
        ends = given.get("expires_after")
        expires_at = START + offset(ends.split()[0]) if ends else None
        ledger.grant(cents(given["amount"]), at=at, features=given["features"], expires_at=expires_at)
    charge = asked["charge"]
    ledger.use(
        cents(charge["amount"]),
        at=START + offset(charge["at"]),
        feature=charge["feature"] or "",
        overdraw=charge["settlement_mode"] == "credit_only",
    )
    rows = ledger.history(until=START + offset(asked["as_of"]), feature=asked["feature_filter"])
    if asked["feature_filter"] is None:
        assert one_row_per_use(rows) == expected_rows(case)
        return Answer(told(rows), expected_rows(case), rule=ROW_PER_GRANT)
    return Answer(told(rows), expected_rows(case), rule=TRUE_BALANCE)


def expired_rows(case: Case) -> Answer:
    asked, ledger = case.inputs, Ledger()
    if "grants" not in asked:
        ends = [_planned(ledger, plan, offset(plan["expires_after"])) for plan in asked["plans"]]
        return Answer(told(ledger.history(kind="expired", until=max(ends))), expected_rows(case))
    expires_at = START + offset(asked["expires_after"])
    for given in asked["grants"]:
        ledger.grant(cents(given["amount"]), features=given["features"], expires_at=expires_at)
    rows = ledger.history(kind="expired", until=expires_at, feature=asked["feature_filter"])
    if asked["feature_filter"] is None:
        assert one_row_per_use(rows) == expected_rows(case)
    return Answer(told(rows), expected_rows(case), rule=ROW_PER_GRANT)


def expired_amount_by_grant(case: Case) -> Answer:
    ledger = Ledger()
    for plan in case.inputs["plans"]:
        _planned(ledger, plan, timedelta(hours=10))
    rows = ledger.history(kind="expired", until=START + timedelta(hours=10))
    names = [plan["source"] for plan in case.inputs["plans"]]
    ours = dict(zip(names, (row.amount for row in rows[::-1]), strict=True))
    return Answer(ours, {name: cents(amount) for name, amount in case.expected.items()})


def _planned(ledger: Ledger, plan: dict[str, str], ends: timedelta) -> datetime:
    """A grant of which some was used, and some of that given back; nobody else's use may touch it."""
    ledger.grant(cents(plan["amount"]), expires_at=START + ends, features=[f"only-{len(ledger.grants)}"])
    feature = f"only-{len(ledger.grants) - 1}"
    if used := cents(plan["released_by_use"]):
        ledger.use(used, feature=feature)
    if returned := cents(plan["reopened_by_correction"]):
        ledger.give_back(returned, at=START)
    return START + ends


# --- voids -----------------------------------------------------------------------------------------------------------
def void_grant(case: Case) -> Answer:
    asked, expected, ledger = case.inputs, case.expected, Ledger()
    ends = asked.get("expires")
    expires_at = START + timedelta(hours=10) if ends else None
    is_paid = asked.get("funding") != "invoice" or asked["payment_state"] == "after settle"
    features = asked.get("features", ())
    grant = ledger.grant(cents(asked["amount"]), expires_at=expires_at, features=features, is_paid=is_paid)
    if used := cents(asked["consumed"]):
        ledger.use(used, feature=next(iter(features), ""))
    at = START + timedelta(hours=11 if ends == "past" else 1)
    outcome: Any = ledger.void(grant, at=at)
    theirs = _voided(expected)
    if outcome == "refused":
        theirs = "refused" if "error" in expected else theirs
        return Answer(outcome, theirs, rule="" if is_paid else NOT_PAID)
    rows = [(row.kind, row.amount) for row in ledger.history(until=START + timedelta(days=1))]
    balance = sum(amount for _, amount in rows)
    ours = {
        "forfeited": -sum(amount for kind, amount in rows if kind == "voided"),
        "balance": balance,
        "balance_after_expiry": balance,
        "consumed_stays": -sum(amount for kind, amount in rows if kind == "consumed"),
        "transactions": rows if len(expected.get("transactions", rows)) == len(rows) else rows[:1],
    }
    if "funding" in asked:
        return Answer({"forfeited": ours["forfeited"]}, theirs, rule=MONEY_STAYS)
    return Answer({name: ours[name] for name in theirs}, theirs)


def _voided(expected: Any) -> Any:
    return {
        name: [(one["type"], cents(one["amount"])) for one in value] if name == "transactions" else cents(value)
        for name, value in expected.items()
        if name != "error"
    }


RESPONDERS: dict[str, Responder] = {
    "transaction_list": transaction_list,
    "expired_rows": expired_rows,
    "expired_amount_by_grant": expired_amount_by_grant,
    "void_grant": void_grant,
}
COUNTS = {
    "openmeter_credits_transactions": {"same": 10, "differ": 6},
    "openmeter_credits_void": {"same": 6, "differ": 3},
}


def rows(text: str) -> list[tuple[Any, ...]]:
    """Ours, written as: kind, time, amount, before, after."""
    return [
        (kind, offset(time), *map(cents, amounts)) for kind, time, *amounts in (row.split() for row in text.split(","))
    ]


ALL_BUT_STORAGE = """
    consumed PT1H -85 130 45, consumed PT1H -20 150 130, consumed PT1H -10 160 150,
    funded PT2M 20 110 130, funded PT1M 10 100 110, funded PT0M 100 0 100"""
OURS: dict[str, Any] = {
    "expiry_filter_all_routes": rows("expired PT10H -20 20 0, expired PT10H -10 30 20, expired PT10H -100 130 30"),
    "expiry_filter_feature_b_spendable_routes": rows("expired PT10H -20 20 0, expired PT10H -100 130 30"),
    "feature_list_all_routes_after_consumption": rows("""
        consumed PT1H -85 130 45, consumed PT1H -20 150 130, consumed PT1H -10 160 150,
        funded PT3M 30 130 160, funded PT2M 20 110 130, funded PT1M 10 100 110, funded PT0M 100 0 100"""),
    "feature_list_matching_feature_spendable_routes_after_consumption": rows(ALL_BUT_STORAGE),
    "feature_list_matching_feature_spendable_routes_after_expiry": rows(f"expired PT24H -15 45 30, {ALL_BUT_STORAGE}"),
    "feature_list_storage_feature_spendable_routes_after_expiry": rows("""
        expired PT24H -15 45 30, consumed PT1H -85 130 45, consumed PT1H -20 150 130,
        funded PT3M 30 130 160, funded PT2M 20 110 130, funded PT0M 100 0 100"""),
    "invoice_funded_after_issue_before_auth": "refused",
    "invoice_funded_after_auth_before_settle": "refused",
    "invoice_funded_after_settle": {"forfeited": 10000},
}  # fmt: skip


@pytest.mark.parametrize(("case", "answer"), answered(COUNTS, RESPONDERS))
def test_it_comes_to_the_same_or_to_what_our_rule_says(case, answer):
    if answer.rule:
        assert answer.ours == OURS[case.name]
        assert answer.ours != answer.theirs
    else:
        assert answer.ours == answer.theirs


@pytest.mark.parametrize("file", COUNTS)
def test_no_case_is_left_out(file):
    assert tally(file, RESPONDERS) == COUNTS[file]
