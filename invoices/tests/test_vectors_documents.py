"""Taxes, credit notes, refunds and states of documents against the cases of four billing engines."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

import pytest

from core.money import allocate, quantize, to_major
from core.periods import midnight
from core.tests.vectors import Answer, Case, NotApplicable, Responder, answered, cents, tally
from invoices.dunning import OverdueNotice, Policy, UnpaidInvoice, dunning, next_try
from invoices.settling import Part, RefundTooHighError, refundable, settle
from invoices.states import Move, MoveError, after
from invoices.totals import NO_TAX, TaxedAmount, TaxRule, total_up

ROUNDED_PER_RATE = "a discount is split to whole cents, and each rate is rounded once, on the sum of its lines"
CARD_FIRST = "what is not due goes back to the card that paid; a refund never makes a paid invoice due again"
PAID_IS_FINAL = "what is paid is given back by a credit note, never voided"
BY_AGE = "what follows goes by how long the oldest invoice is overdue and by delivered warnings, never by their number"
HOLD_IS_BILLED = "a hold is no break: fees go on meanwhile, so there is nothing to give back"
PAST_DUE_IS_OPEN = "past due is no state: an open invoice may be voided"


def answered_elsewhere(where: str) -> Responder:
    return lambda case: NotApplicable(f"answered by {where}")


# --- tax ------------------------------------------------------------------------------------------------------------
def rate(percent: str) -> TaxRule:
    return TaxRule("Tax", Decimal(percent))


def tax(case: Case) -> Answer:
    """One rate on one amount."""
    currency = case.inputs["currency"].upper()
    totals = total_up([quantize(Decimal(case.inputs["taxable"]), currency)], rate(case.inputs["rate_percent"]))
    return Answer(to_major(totals.tax, currency), Decimal(case.expected["tax"]))


def tax_multiple(case: Case) -> Answer:
    """Several rates on one amount, each rounded."""
    currency = case.inputs["currency"].upper()
    first, *more = map(rate, case.inputs["rates_percent"])
    rule = TaxRule(first.label, first.percent, more=tuple(more))
    totals = total_up([quantize(Decimal(case.inputs["taxable"]), currency)], rule)
    ours = [to_major(row.tax, currency) for row in totals.taxes], to_major(totals.tax, currency)
    return Answer(ours, ([Decimal(part) for part in case.expected["each"]], Decimal(case.expected["total"])))


def tax_after_discount(case: Case) -> Answer:
    """Tax is on what is left after discounts."""
    asked, expected = case.inputs, case.expected
    totals = total_up([cents(asked["subtotal"]), -cents(asked["discount"])], rate(asked["rate_percent"]))
    return Answer(
        {"tax": totals.tax, **({"total": totals.total} if "total" in expected else {})},
        {name: cents(value) for name, value in expected.items()},
    )


def coupon_breakdown(case: Case) -> Answer:
    """Coupons are not ours; what is taxed after them is: the whole tax of lines with several rates."""
    fees, left = case.inputs["fees"], [int(fee["amount_cents"]) for fee in case.inputs["fees"]]
    for coupon in case.inputs["coupons"]:
        touched = [number for number, fee in enumerate(fees) if _allowed(coupon, fee)]
        shares = allocate(int(coupon["amount_cents"]), [left[number] for number in touched])
        for number, share in zip(touched, shares, strict=True):
            left[number] -= share
    lines = [TaxedAmount(amount, rate(fee["tax_rate"])) for amount, fee in zip(left, fees, strict=True)]
    totals = total_up(lines, NO_TAX)
    ours = (totals.subtotal, totals.tax, totals.total)
    names = ("sub_total_excl_tax_cents", "tax_cents", "total_cents")
    theirs = tuple(int(case.expected[name]) for name in names)
    return Answer(ours, theirs, rule="" if ours == theirs else ROUNDED_PER_RATE)


def _allowed(coupon: dict[str, Any], fee: dict[str, Any]) -> bool:
    metrics, subscription = coupon.get("applies_to_metrics"), coupon.get("applies_to_subscription")
    return (metrics is None or fee["metric"] in metrics) and (subscription in (None, fee["subscription"]))


# --- credit notes and refunds ---------------------------------------------------------------------------------------
def credit_notes_apply(case: Case) -> Answer:
    """Credit notes kept from before pay the next invoice, the oldest first, never more than it has."""
    due, applied, left = int(case.inputs["invoice_total_cents"]), [], []
    for amount in case.inputs["credit_notes_cents"]:
        result = settle(int(amount), [Part(1, due)], [])
        due -= sum(part.amount for part in result.applied)
        applied += [part.amount for part in result.applied]
        left.append(result.kept)
    theirs = [int(amount) for amount in case.expected["applied_cents"]], int(case.expected["first_note_left_cents"])
    return Answer((applied, left[0]), theirs)


@dataclass
class Ledger:
    """One customer: what is due per invoice, what was paid on it, and the credits of notes, issued or still drafts."""

    due: dict[int, int] = field(default_factory=dict)
    paid: dict[int, int] = field(default_factory=dict)
    kept: int = 0
    drafted: int = 0
    applied: int = 0
    marks: dict[str, int] = field(default_factory=dict)

    def charge(self, event: dict[str, Any]) -> None:
        number = event["invoice"]
        self.due[number] = self.due.get(number, 0) + cents(event["amount"])
        self._use(0)

    def payment(self, event: dict[str, Any]) -> None:
        number, amount = event["invoice"], cents(event["amount"])
        self.due[number] -= amount
        self.paid[number] = self.paid.get(number, 0) + amount

    def credit(self, event: dict[str, Any]) -> None:
        if event.get("draft"):
            self.drafted += cents(event["amount"])
        else:
            self._use(cents(event["amount"]))

    def commit(self, event: dict[str, Any]) -> None:
        self.marks["credit_balance_before_commit"] = self.kept
        drafted, self.drafted = self.drafted, 0
        self._use(drafted)

    def refund(self, event: dict[str, Any]) -> None:
        """Ours was made by itself when the credit note was issued."""
        self.marks["credit_balance_before_refund"] = self.kept

    def follow(self, event: dict[str, Any]) -> None:
        """A row of theirs that settling makes by itself here."""

    def _use(self, credit: int) -> None:
        payers = [Part(number, amount) for number, amount in self.paid.items()] if credit else []
        result = settle(self.kept + credit, [Part(*due) for due in sorted(self.due.items())], payers)
        for part in result.applied:
            self.due[part.id] -= part.amount
            self.applied += part.amount
        for part in result.refunded:
            self.paid[part.id] -= part.amount
        self.kept = result.kept

    def figures(self) -> dict[str, Any]:
        return self.marks | {
            "account_balance": sum(self.due.values()) - self.kept,
            "credit_balance": self.kept,
            "credit_applied": self.applied,
            "invoice_balance": self.due.get(1, 0),
            "invoice_balances": {str(number): amount for number, amount in self.due.items()},
            "credit_balance_gain_line": self.kept > 0,
        }


EVENTS: dict[str, Callable[[Ledger, dict[str, Any]], None]] = {
    "charge": Ledger.charge,
    "payment": Ledger.payment,
    "invoice_credit": Ledger.credit,
    "unused_time_credit": Ledger.credit,
    "account_credit": Ledger.credit,
    "commit_credit_invoice": Ledger.commit,
    "refund": Ledger.refund,
    "credit_balance_gain": Ledger.follow,
    "credit_balance_use": Ledger.follow,
}


def account_ledger(case: Case) -> Answer | NotApplicable:
    """A story of charges, payments and credits; refunds and uses of credit follow from the order of settlement."""
    ledger, events = Ledger(), case.inputs["events"]
    if any(event["type"] == "payment" and "charge" not in _types(events, event) for event in events):
        return NotApplicable("a payment is always of what is due on an invoice")
    for event in events:
        EVENTS[event["type"]](ledger, event)
    figures = ledger.figures()
    theirs = {name: _minor(value) for name, value in case.expected.items() if name in figures}
    ours = {name: figures[name] for name in theirs}
    return Answer(ours, theirs, rule="" if ours == theirs else CARD_FIRST)


def _types(events: list[dict[str, Any]], upto: dict[str, Any]) -> set[str]:
    return {event["type"] for event in events[: events.index(upto)]}


def _minor(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: cents(amount) for name, amount in value.items()}
    return value if isinstance(value, bool) else cents(value)


def refund_amount(case: Case) -> Answer:
    """How much of a payment can be given back."""
    asked = case.inputs
    try:
        ours: Any = refundable(cents(asked["payment_amount"] or "0"), 0, cents(asked["requested_amount"]))
    except RefundTooHighError:
        ours = "refund_amount_too_high"
    return Answer(ours, case.expected.get("error") or cents(case.expected["refund_amount"]))


# --- states ---------------------------------------------------------------------------------------------------------
MOVES = {
    "delete": Move.DISCARD,
    "void": Move.VOID,
    "paid": Move.SETTLE,
    "payment_uncollectible": Move.WRITE_OFF,
}
STATES = {"issued": "open", "overdue": "open", "voided": "void", "deleted": "void"}
SETTLED = ("payment_processing.booking_authorized_and_settled", "payment_processing.booking_settled")


def ours_of(state: str) -> str:
    """Our state of theirs: drafts wait, payments on their way leave an invoice open, booked money is paid."""
    if state.startswith(SETTLED):
        return "paid"
    room = state.split(".")[0]
    rooms = {"draft": "draft", "issuing": "draft", "delete": "void", "payment_processing": "open"}
    return rooms.get(room) or STATES.get(state, state)


def invoice_transition(case: Case) -> Answer | NotApplicable:
    """A trigger that is a move of ours; sub-states of theirs are one state here."""
    state, trigger = case.inputs["state"], case.inputs["trigger"]
    before, theirs = ours_of(state), ours_of(case.expected.get("state", "refused"))
    move = Move.FINALIZE if theirs == "open" and before == "draft" else MOVES.get(trigger)
    if theirs == "refused" and move is None:
        return Answer("refused" if before in ("paid", "void") else before, theirs)
    if move is None or before == theirs:
        return NotApplicable("a step inside one state of ours, or of a payment, which has states of its own")
    try:
        ours = after(before, move)
    except MoveError:
        ours = "refused"
    return Answer(ours, theirs, rule=_state_rule(ours, theirs, state))


def _state_rule(ours: str, theirs: str, state: str) -> str:
    if ours == theirs:
        return ""
    return PAST_DUE_IS_OPEN if state == "overdue" else PAID_IS_FINAL


PREPAID: Responder = lambda case: NotApplicable("prepaid credits are a room of their own")  # noqa: E731
COUPONS: Responder = lambda case: NotApplicable("there are no coupons")  # noqa: E731
DUNNING: Responder = lambda case: NotApplicable("unpaid invoices are not dunned yet")  # noqa: E731
PRICES = answered_elsewhere("the prices, in plans")
CALENDAR = answered_elsewhere("the calendar, in plans")


# --- dunning --------------------------------------------------------------------------------------------------------
def payment_retry_dates(case: Case) -> Answer:
    """A card that is declined each time, tried again after gaps of days."""
    first = midnight(date.fromisoformat(case.inputs["first_failure"]))
    days, tries = list(accumulate(case.inputs["retry_gap_days"])), [first]
    while (following := next_try(tries, "card_declined", days)) is not None:
        tries.append(following)
    return Answer([each.date().isoformat() for each in tries[1:]], case.expected["retry_dates"])


def overdue_state_by_age(case: Case) -> Answer:
    """One warning and what follows it; their third state, cancellation, is not ours. A warning is due on its day, and
    is delivered on it."""
    warning, blocked, *_ = case.inputs["states"]
    days = warning["min_days_since_earliest_unpaid"], blocked["min_days_since_earliest_unpaid"]
    policy = Policy((days[0],), timedelta(days=days[1] - days[0]), "hold")
    [since] = case.inputs["earliest_unpaid_since"].values()
    began = midnight(date.fromisoformat(since))
    invoice = UnpaidInvoice(1, began.date(), declined_at=began)
    told: list[OverdueNotice] = []
    words = {"overdue": "clear", "warned": "WARNING", "consequence": "BLOCKED"}
    states = {}
    for on in sorted(case.expected["state_on"]):
        at = midnight(date.fromisoformat(on))
        if dunning([invoice], told, policy, at).tells:
            told.append(OverdueNotice(1, at, "hold"))
        states[on] = words[dunning([invoice], told, policy, at).state]
    return Answer(states, case.expected["state_on"])


def overdue_state_by_count(case: Case) -> Answer:
    """More unpaid invoices are no worse: the oldest decides."""
    began = midnight(date(2012, 5, 31))
    policy = Policy((0, 14), timedelta(days=7), "hold")
    states = [
        str(
            dunning(
                [UnpaidInvoice(number, began.date(), began) for number in range(int(count))], [], policy, began
            ).state
        )
        for count in case.inputs["values"]
    ]
    return Answer(states, case.expected["states"], rule=BY_AGE)


def suspension_credit(case: Case) -> Answer:
    """What comes back for days on hold, and the fee of the next period in full."""
    theirs = (cents(case.expected["credit"]), sum(cents(line) for line in case.expected["next_invoice_lines"]))
    return Answer((0, cents(case.inputs["rate"])), theirs, rule=HOLD_IS_BILLED)


RESPONDERS: dict[str, Responder] = {
    "tax": tax,
    "tax_multiple": tax_multiple,
    "tax_after_discount": tax_after_discount,
    "coupon_breakdown": coupon_breakdown,
    "credit_notes_apply": credit_notes_apply,
    "account_ledger": account_ledger,
    "refund_amount": refund_amount,
    "invoice_transition": invoice_transition,
    **dict.fromkeys(("prepaid_allocation", "prepaid_rerun", "prepaid_balance", "prepaid_series", "topup"), PREPAID),
    **dict.fromkeys(("credit_consumption", "credit_consumption_series"), PREPAID),
    "coupon": COUPONS,
    "progressive_billing_credit": lambda case: NotApplicable("nothing is billed before its window is calculated"),
    "payment_retry_dates": payment_retry_dates,
    "overdue_state_by_age": overdue_state_by_age,
    "overdue_state_by_count": overdue_state_by_count,
    "suspension_credit": suspension_credit,
    **dict.fromkeys(("flexprice_pricing_and_rounding", "currency_rounding", "discount_percentage"), PRICES),
    **dict.fromkeys(("discount_fixed", "commitment_true_up"), PRICES),
    **dict.fromkeys(("prorated_charge", "unused_time_credit"), CALENDAR),
    **dict.fromkeys(("account_timeline", "account_timeline_rewrite"), CALENDAR),
}
COUNTS = {
    "flexprice_pricing_and_rounding": {"same": 10, "not applicable": 61},
    "lago_wallets_coupons_taxes": {"same": 1, "differ": 1, "not applicable": 22},
    "killbill_money": {"same": 11, "differ": 3, "not applicable": 48},
    "killbill_dunning": {"same": 2, "differ": 2},
    "openmeter_invoice_states": {"same": 24, "differ": 4, "not applicable": 44},
}

OURS: dict[str, Any] = {
    "three_coupons_two_subscriptions_taxes": (16500, 1890, 18390),
    "ledger_full_repair_partial_refund": {"account_balance": 0, "credit_balance": 0},
    "ledger_refund_after_credit_half_used": {
        "credit_balance_before_refund": 0,
        "credit_balance": 0,
        "invoice_balances": {"1": 0, "2": 500},
    },
    "ledger_refund_after_credit_fully_used_twice": {
        "credit_balance_before_refund": 0,
        "credit_balance": 0,
        "invoice_balances": {"1": 0, "2": 500, "3": 500},
    },
    "payment_processing.booking_authorized_and_settled --void--> voided": "refused",
    "payment_processing.booking_authorized_and_settled_failed --void--> voided": "refused",
    "payment_processing.booking_settled_failed --void--> voided": "refused",
    "overdue --void--> not allowed": "void",
    "overdue_by_number_of_unpaid_invoices": ["overdue"] * 5,
    "ten_suspended_days_are_credited": (0, 24995),
}


@pytest.mark.parametrize(("case", "answer"), answered(COUNTS, RESPONDERS))
def test_it_comes_to_the_same_or_to_what_our_rule_says(case, answer):
    if answer.rule:
        assert answer.ours == OURS[case.name]
    else:
        assert answer.ours == answer.theirs


@pytest.mark.parametrize("file", COUNTS)
def test_no_case_is_left_out(file):
    assert tally(file, RESPONDERS) == COUNTS[file]
