"""Wallets, top-ups and credit after discounts against the cases of two billing engines."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.money import allocate, quantize
from core.tests.vectors import Answer, Case, NotApplicable, Responder, answered, cents, tally
from credits.drawdown import Source, draw, in_draw_order, settled_for
from credits.tests.naive import Customer
from credits.tests.shelf import EARLIER, NOW, after, source

BEFORE_TAX = "credit reduces the price before tax"
RESTRICTED_FIRST = "restricted credit pays before unrestricted of the same priority"
FEES_TOO = "credit pays for fees as well as for usage"
UNCOVERED = "what no credit covers becomes overdraft or goes to the invoice"
FIRST_RESULT = "doing it twice gives the first result"


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
    "credit_grant": elsewhere("asked of the verb: credits/tests/test_verbs.py"),
    **dict.fromkeys(("topup_bonus", "topup_bonus_slab"), elsewhere("bought credit has no bonus")),
    "credit_expiry": elsewhere("a grant is given the instant of its expiry, not a duration"),
}
COUNTS = {
    "lago_wallets_coupons_taxes": {"same": 9, "differ": 8, "not applicable": 7},
    "flexprice_credits_and_discounts": {"same": 16, "not applicable": 7},
}
OURS: dict[str, Any] = {
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
