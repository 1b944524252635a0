"""Draw-down, corrections, overdraft and balances against the cases of three billing engines."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.money import allocate, quantize
from core.tests.vectors import Answer, Case, NotApplicable, Responder, answered, cents, instant, tally
from credits.drawdown import (
    Allocated,
    Drawn,
    Open,
    Owed,
    Source,
    available_for,
    draw,
    in_draw_order,
    may_repay,
    repay,
    settled_for,
    unwind,
)
from credits.exceptions import CorrectionError
from credits.tests.naive import Customer

NOW = datetime(2026, 4, 10, 9, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)
EARLIER = NOW - timedelta(hours=2)

TRUE_READING = "a reading at an instant is as true as one of now"
NOTHING_TO_CORRECT = "a correction of nothing is not asked for: it is refused"
BEFORE_TAX = "credit reduces the price before tax"
RESTRICTED_FIRST = "restricted credit pays before unrestricted of the same priority"
FEES_TOO = "credit pays for fees as well as for usage"
UNCOVERED = "what no credit covers becomes overdraft or goes to the invoice"
FIRST_RESULT = "doing it twice gives the first result"


def source(number: int, available: int, **facts: Any) -> Source:
    """In force since long ago, unrestricted, for ever – unless the facts say otherwise."""
    usual: dict[str, Any] = {"priority": 10, "features": frozenset(), "effective_at": EARLIER, "expires_at": None}
    return Source(id=number, available=available, granted_at=EARLIER, **(usual | facts))


# --- OpenMeter: money credits ----------------------------------------------------------------------------------------
def sources_of(case: Case) -> dict[str, Source]:
    return {
        given["id"]: Source(
            id=given["seq"],
            priority=given["priority"],
            features=frozenset(given["features"]),
            effective_at=EARLIER,
            expires_at=given["expires_at"] and instant(given["expires_at"]),
            granted_at=EARLIER,
            available=cents(given["available"]),
        )
        for given in case.inputs["sources"]
    }


def drawn(case: Case) -> tuple[dict[str, Source], list[tuple[str, int]], int]:
    """The sources by name, who paid what, and what nobody paid."""
    sources = sources_of(case)
    names = {given.id: name for name, given in sources.items()}
    result = draw(
        sources.values(),
        amount=cents(case.inputs["amount"]),
        feature_key=case.inputs["feature"] or "",
        at=instant(case.inputs["at"]),
    )
    return sources, [(names[part.source_id], part.amount) for part in result.parts], result.uncovered


def draw_down(case: Case) -> Answer:
    sources, parts, uncovered = drawn(case)
    overdrawn = case.inputs["settlement_mode"] == "credit_only"
    ours = {
        "taken": parts,
        "remaining": {name: given.available - dict(parts).get(name, 0) for name, given in sources.items()},
        "overdraft": uncovered if overdrawn else 0,
        "to_invoice": 0 if overdrawn else uncovered,
    }
    expected = case.expected
    theirs = {
        "taken": [(part["source"], cents(part["amount"])) for part in expected["taken"]],
        "remaining": {name: cents(amount) for name, amount in expected["remaining"].items()},
        **{name: cents(expected[name]) for name in ("overdraft", "to_invoice")},
    }
    return Answer(ours, theirs)


def draw_down_then_correct(case: Case) -> Answer:
    sources, parts, uncovered = drawn(case)
    overdraft = uncovered if case.inputs["settlement_mode"] == "credit_only" else 0
    undone = unwind(
        [Allocated(number, amount) for number, (_, amount) in enumerate(parts)],
        overdraft=overdraft,
        amount=cents(case.inputs["correct"]),
    )
    restored = {parts[number][0]: amount for number, amount in undone.parts}
    held = {name: amount - restored.get(name, 0) for name, amount in parts}
    left = {name: given.available - held.get(name, 0) for name, given in sources.items()}
    ours = {
        "restored": restored,
        "still_consumed": {name: amount for name, amount in held.items() if amount},
        "overdraft": overdraft - undone.overdraft,
        "available": left,
    }
    return Answer(ours, major(case.expected))


def major(expected: Any) -> Any:
    """Every amount of an expectation in cents."""
    return {
        name: {one: cents(amount) for one, amount in value.items()} if isinstance(value, dict) else cents(value)
        for name, value in expected.items()
    }


def allocation_correction(case: Case) -> Answer:
    """Their amounts are negative, ours say how much is given back."""
    left = [cents(amount) for amount in case.inputs["allocations"]]
    for prior in case.inputs["prior_corrections"]:
        left[prior["allocation"]] -= cents(prior["amount"])
    amount = -cents(case.inputs["amount"])
    theirs: Any = "refused"
    if "error" not in case.expected:
        theirs = [(one["allocation"], -cents(one["amount"])) for one in case.expected["corrections"]]
    try:
        ours: Any = list(unwind([Allocated(*one) for one in enumerate(left)], overdraft=0, amount=amount).parts)
    except CorrectionError:
        ours = "refused"
    return Answer(ours, theirs, rule=NOTHING_TO_CORRECT if amount == 0 else "")


def reconcile_allocation(case: Case) -> Answer:
    """Draw what is missing, or give back what is too much."""
    current, target = cents(case.inputs["current"]), cents(case.inputs["target"])
    if target < current:
        undone = unwind([Allocated(1, current)], overdraft=0, amount=current - target)
        ours = -sum(amount for _, amount in undone.parts)
    else:
        plenty = source(1, target)
        ours = sum(part.amount for part in draw([plenty], amount=target - current, feature_key="", at=NOW).parts)
    return Answer(ours, cents(case.expected["delta"]))


def grant_over_overdraft(case: Case) -> Answer:
    owed = [Owed(n, one["feature"] or "", cents(one["amount"])) for n, one in enumerate(case.inputs["overdrafts"])]
    sources, told = [], []
    for number, given in enumerate(case.inputs["grants"]):
        features = frozenset(given["features"])
        paid, rest = repay(owed, amount=cents(given["amount"]), features=features)
        owed = [Owed(one.charge_id, one.feature_key, one.amount - dict(paid).get(one.charge_id, 0)) for one in owed]
        effective = {"past": EARLIER, "now": NOW, "future": LATER}[given["effective"]]
        sources.append(source(number, rest, features=features, effective_at=effective))
        told.append({"repays_overdraft": sum(dict(paid).values()), "becomes_available": rest})
    ours: dict[str, Any] = {
        "grants": told,
        "overdraft_left": [one.amount for one in owed],
        "settled_balance": settled_for(sources, owed=owed, feature_key=None, at=LATER),
        "available_now": available_for(sources, owed=owed, feature_key=None, at=NOW),
        "available_at_effective": available_for(sources, owed=owed, feature_key=None, at=LATER),
        "expires": sources[-1].available,
    }
    expected = case.expected
    theirs: dict[str, Any] = {
        name: cents(expected[name]) for name in ours if name in expected and name not in ("grants", "overdraft_left")
    }
    theirs["overdraft_left"] = [cents(amount) for amount in expected["overdraft_left"]]
    theirs["grants"] = [
        {name: cents(one[name]) for name in ("repays_overdraft", "becomes_available")} for one in expected["grants"]
    ]
    return Answer({name: ours[name] for name in theirs}, theirs)


def grant_repays_overdraft(case: Case) -> Answer:
    ours = may_repay(frozenset(case.inputs["grant_features"]), case.inputs["overdraft_feature"] or "")
    return Answer(ours, case.expected["repays"])


def overdraft_grant_then_usage_deleted(case: Case) -> Answer:
    """The grant repaid the overdraft; deleting the usage gives that back to it."""
    overdraft, granted = cents(case.inputs["overdraft"]), cents(case.inputs["grant"])
    paid, rest = repay([Owed(1, "", overdraft)], amount=granted, features=frozenset())
    repaid = dict(paid)[1]
    undone = unwind([Allocated(1, repaid)], overdraft=overdraft - repaid, amount=overdraft)
    after = rest + sum(amount for _, amount in undone.parts)
    ours = {"available_before_deletion": rest, "available_after_deletion": after, "expires": after}
    return Answer(ours, major(case.expected))


def collection_cut_off(case: Case) -> Answer:
    """A charge is booked at the end of its period: credit that starts later does not pay for it."""
    granted = source(1, cents(case.inputs["grant_after_period_end"]), effective_at=LATER)
    result = draw([granted], amount=cents(case.inputs["usage_in_closed_period"]), feature_key="", at=NOW)
    owed = [Owed(1, "", result.uncovered)]
    ours = {
        "grant_available": granted.available - sum(part.amount for part in result.parts),
        "overdraft": result.uncovered,
        "settled_balance": settled_for([granted], owed=owed, feature_key=None, at=LATER),
    }
    return Answer(ours, major(case.expected))


def credit_balance(case: Case) -> Answer:
    asked = case.inputs["feature_filter"]
    feature_key = "" if asked == "unrestricted" else asked
    starts = {"settled": EARLIER, "pending": LATER}
    sources = [
        source(number, cents(one["amount"]), features=frozenset(one["features"]), effective_at=starts[one["state"]])
        for number, one in enumerate(case.inputs["grants"])
        if one["state"] != "deleted"
    ]
    owed: list[Owed] = []
    for number, one in enumerate(one for one in case.inputs["charges"] if one["state"] == "settled"):
        result = draw(sources, amount=cents(one["amount"]), feature_key=one["feature"] or "", at=NOW)
        sources = after(sources, result)
        owed += [Owed(number, one["feature"] or "", result.uncovered)] * (one["settlement_mode"] == "credit_only")
    waiting = [
        Open(
            one["feature"] or "",
            cents(one["amount"]),
            one["settlement_mode"] == "credit_only",
            settles_at=LATER if one["state"] == "not_started" else None,
        )
        for one in case.inputs["charges"]
        if one["state"] != "settled"
    ]
    ours = {
        "settled": settled_for(sources, owed=owed, feature_key=feature_key, at=NOW),
        "live": available_for(sources, owed=owed, open_charges=waiting, feature_key=feature_key, at=NOW),
        "pending": sum(
            one.available
            for one in sources
            if one.effective_at > NOW and (feature_key is None or may_repay(one.features, feature_key))
        ),
    }
    return Answer(ours, major(case.expected), rule=TRUE_READING if case.inputs["as_of_query"] else "")


def after(sources: Iterable[Source], result: Drawn) -> list[Source]:
    """What is left of the sources when a charge was drawn."""
    taken = {part.source_id: part.amount for part in result.parts}
    return [
        Source(
            one.id, one.priority, one.features, one.effective_at, one.expires_at, one.granted_at,
            one.available - taken.get(one.id, 0),
        )
        for one in sources
    ]  # fmt: skip


# --- Lago: wallets ---------------------------------------------------------------------------------------------------
def prepaid_allocation(case: Case) -> Answer:
    """A wallet is a grant. One that is limited to a type of fee is restricted to all features of that type."""
    fees = case.inputs["fees"]
    wallets = [one for one in case.inputs["wallets"] if one["currency"] == case.inputs["currency"]]
    sources = [
        source(
            number,
            int(one["balance_cents"]),
            priority=one["priority"],
            features=frozenset(one["target_metrics"])
            | {_feature(fee) for fee in fees if fee["type"] in one["allowed_fee_types"]}
            | set(one["allowed_fee_types"]),
        )
        for number, one in enumerate(wallets)
    ]
    used: dict[str, int] = {}
    for fee in fees:
        result = draw(sources, amount=int(fee["amount_cents"]), feature_key=_feature(fee), at=NOW)
        sources = after(sources, result)
        for part in result.parts:
            name = wallets[part.source_id]["wallet"]
            used[name] = used.get(name, 0) + part.amount
    expected = case.expected
    ours: dict[str, Any] = {"total_used_cents": sum(used.values())}
    theirs: dict[str, Any] = {"total_used_cents": int(expected["total_used_cents"])}
    if "used_cents" in expected:
        ours["used_cents"] = used
        theirs["used_cents"] = {name: int(amount) for name, amount in expected["used_cents"].items()}
    taxed = any(Decimal(fee["tax_cents"]) for fee in fees)
    return Answer(ours, theirs, rule="" if ours == theirs else BEFORE_TAX if taxed else RESTRICTED_FIRST)


def _feature(fee: Any) -> str:
    return str(fee["metric"] or fee["type"])


def prepaid_balance(case: Case) -> Answer:
    wallet = source(1, int(case.inputs["wallet_balance_cents"]))
    result = draw([wallet], amount=int(case.inputs["used_cents"]), feature_key="", at=NOW)
    return Answer(after([wallet], result)[0].available, int(case.expected["balance_cents"]))


def prepaid_series(case: Case) -> Answer:
    """Fees one after the other, paid before their tax."""
    sources, told = [source(1, cents(case.inputs["granted_credits"]))], []
    for charge in case.inputs["charges"]:
        result = draw(sources, amount=cents(charge), feature_key="", at=NOW)
        sources = after(sources, result)
        told.append((cents(charge) - result.uncovered, result.uncovered, sources[0].available))
    theirs = [
        tuple(cents(one[name]) for name in ("prepaid", "total", "balance_after")) for one in case.expected["invoices"]
    ]
    return Answer(told, theirs, rule=BEFORE_TAX if Decimal(case.inputs["tax_rate"]) else "")


def credit_consumption(case: Case) -> Answer:
    """Inbound transactions are grants, the oldest first."""
    outbound = case.inputs["outbound_cents"]
    sources = [
        Source(
            id=number, priority=one["priority"], features=frozenset(), effective_at=NOW - timedelta(days=999),
            expires_at=None, granted_at=NOW - timedelta(days=one["age_days"]), available=int(one["remaining_cents"]),
        )
        for number, one in enumerate(case.inputs["inbound"])
    ]  # fmt: skip
    names = [one["id"] for one in case.inputs["inbound"]]
    consumed, uncovered = dict.fromkeys(names, 0), 0
    for amount in outbound if isinstance(outbound, list) else [outbound]:
        result = draw(sources, amount=int(amount), feature_key="", at=NOW)
        sources, uncovered = after(sources, result), uncovered + result.uncovered
        for part in result.parts:
            consumed[names[part.source_id]] += part.amount
    if "error" in case.expected:
        return Answer({"uncovered": uncovered}, "refused", rule=UNCOVERED)
    ours = {"remaining_cents": {names[one.id]: one.available for one in sources}, "consumed_cents": consumed}
    theirs = {name: {one: int(amount) for one, amount in amounts.items()} for name, amounts in case.expected.items()}
    return Answer({name: ours[name] for name in theirs}, theirs)


def topup(case: Case) -> Answer:
    """Credit is granted in whole minor units, and its price is amount × cost of a unit."""
    currency = case.inputs["currency"]
    amount = quantize(Decimal(case.inputs["credits"]), currency)
    price = quantize(Decimal(case.inputs["credits"]) * Decimal(case.inputs["rate_amount"]), currency)
    theirs = tuple(cents(case.expected[name]) for name in ("credit_amount", "amount"))
    return Answer((amount, price, amount), (*theirs, int(case.expected["balance_cents"])))


def prepaid_rerun(case: Case) -> Answer:
    """The same charge twice."""
    customer = Customer()
    customer.grant(name="wallet", currency="EUR", amount=1000, at=EARLIER)
    charge = {"key": "c", "group": "c", "currency": "EUR", "feature": "", "amount": 100, "may_overdraw": False}
    for _ in range(2):
        customer.charge(**charge, booked_at=NOW, at=NOW)
    return Answer({"balance": customer.settled("EUR"), "rows": len(customer.movements)}, "refused", rule=FIRST_RESULT)


# --- Flexprice: prepaid credits after discounts ----------------------------------------------------------------------
def discount_then_credit(case: Case) -> Answer:
    """Coupons are not ours: the lines come with their share of the discount. Then credit pays, line by line."""
    amounts = [cents(line["amount"]) for line in case.inputs["lines"]]
    discounts = allocate(cents(case.expected["discount"]), amounts)
    sources = [source(number, cents(one)) for number, one in enumerate(case.inputs["prepaid_wallets"])]
    used, totals = 0, []
    for amount, discount in zip(amounts, discounts, strict=True):
        result = draw(sources, amount=amount - discount, feature_key="requests", at=NOW)
        sources, used = after(sources, result), used + sum(part.amount for part in result.parts)
        totals.append(result.uncovered)
    theirs = cents(case.expected["credits"]), cents(case.expected["total"])
    only_usage = all(line["price_type"] == "usage" for line in case.inputs["lines"])
    return Answer((used, sum(totals)), theirs, rule="" if only_usage else FEES_TOO)


def prepaid_apply(case: Case) -> Answer:
    asked = case.inputs
    net = cents(asked["line_amount"]) - cents(asked["line_discount"]) - cents(asked["invoice_discount"])
    wallets = [source(number, cents(one)) for number, one in enumerate(asked["wallets"])]
    debits = [part.amount for part in draw(wallets, amount=net, feature_key="requests", at=NOW).parts]
    theirs = (
        cents(case.expected["net_line"]),
        cents(case.expected["applied"]),
        list(map(cents, case.expected["debits"])),
    )
    return Answer((net, sum(debits), debits), theirs, rule="" if asked["price_type"] == "usage" else FEES_TOO)


def credit_debit(case: Case) -> Answer:
    """Without a priority comes last."""
    sources = [
        source(
            number,
            cents(one["amount"]),
            priority=int(one["priority"] or 1000),
            expires_at=one["expiry"] and datetime.fromisoformat(one["expiry"]).replace(tzinfo=UTC),
        )
        for number, one in enumerate(case.inputs["credits"])
    ]
    in_order = [one.priority for one in in_draw_order(sources, feature_key="", at=NOW)]
    before = settled_for(sources, feature_key=None, at=NOW)
    result = draw(sources, amount=cents(case.inputs["debit"]), feature_key="", at=NOW)
    balance = settled_for(after(sources, result), feature_key=None, at=NOW)
    theirs = cents(case.expected["balance_before"]), cents(case.expected["balance_after"])
    return Answer((before, balance, in_order), (*theirs, sorted(in_order)))


def elsewhere(why: str) -> Responder:
    return lambda case: NotApplicable(why)


DOCUMENTS = elsewhere("answered by the documents, in invoices")

RESPONDERS: dict[str, Responder] = {
    "draw_down": draw_down,
    "draw_down_then_correct": draw_down_then_correct,
    "allocation_correction": allocation_correction,
    "reconcile_allocation": reconcile_allocation,
    "grant_over_overdraft": grant_over_overdraft,
    "grant_repays_overdraft": grant_repays_overdraft,
    "overdraft_grant_then_usage_deleted": overdraft_grant_then_usage_deleted,
    "collection_cut_off": collection_cut_off,
    "credit_balance": credit_balance,
    "prepaid_allocation": prepaid_allocation,
    "prepaid_balance": prepaid_balance,
    "prepaid_series": prepaid_series,
    "prepaid_rerun": prepaid_rerun,
    "credit_consumption": credit_consumption,
    "credit_consumption_series": credit_consumption,
    "topup": topup,
    **dict.fromkeys(("coupon", "coupon_breakdown", "credit_notes_apply", "progressive_billing_credit"), DOCUMENTS),
    "discount_then_credit": discount_then_credit,
    "prepaid_apply": prepaid_apply,
    "credit_debit": credit_debit,
    "credit_grant": elsewhere("asked of the verb: credits/tests/test_grant_credits.py"),
    **dict.fromkeys(("topup_bonus", "topup_bonus_slab"), elsewhere("bought credit has no bonus")),
    "credit_expiry": elsewhere("a grant is given the instant of its expiry, not a duration"),
}
COUNTS = {
    "openmeter_credits_drawdown": {"same": 16},
    "openmeter_credits_corrections": {"same": 9, "differ": 1},
    "openmeter_credits_overdraft": {"same": 14},
    "openmeter_credits_balance": {"same": 22, "differ": 1},
    "lago_wallets_coupons_taxes": {"same": 9, "differ": 8, "not applicable": 7},
    "flexprice_credits_and_discounts": {"same": 16, "not applicable": 7},
}
OURS: dict[str, Any] = {
    "tiny_negative_that_rounds_to_zero_is_a_no-op": "refused",
    "pending grants now": {"settled": 1000, "live": 1000, "pending": 5000},
    "wallet_one_fee_priority_first": {"total_used_cents": 100, "used_cents": {"priority_limited_charge": 100}},
    "wallet_two_fee_types_small": {
        "total_used_cents": 100,
        "used_cents": {"priority_limited_subscription": 60, "priority_limited_charge": 40},
    },
    "wallet_two_fee_types_all_wallets": {
        "total_used_cents": 5000,
        "used_cents": {
            "priority_limited_subscription": 1000,
            "priority": 1000,
            "limited_subscription": 1000,
            "normal": 500,
            "priority_limited_charge": 1000,
            "limited_charge": 500,
        },
    },
    "wallet_metric_targets_short": {
        "total_used_cents": 3000,
        "used_cents": {"priority_limited_subscription": 1000, "priority": 1000, "priority_limited_bm": 1000},
    },
    "wallet_tax_rounding_gap_closed": {"total_used_cents": 100000},
    "wallet_already_applied_refused": {"balance": 900, "rows": 2},
    "consumption_nothing_available": {"uncovered": 5000},
    "prepaid_two_invoices_with_24pct_tax": [(1429, 0, 2471), (1427, 0, 1044)],
}


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
