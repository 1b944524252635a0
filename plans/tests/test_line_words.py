"""Lines in the reader's language: written again from what is kept, never kept in another language themselves."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from core.language import in_english, override
from core.periods import Period, Window
from invoices.giving_back import Standing
from invoices.lines import LineDraft
from plans.capping import capped
from plans.fees import FeeFacts, fee_lines
from plans.line_words import _detail, detail, title, worded
from plans.pricing import CardTerms, PlanTerms, Tier
from plans.rating import UsageFacts, rate_windows, usage_lines

MONTH = Window(datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))
CUT = Window(MONTH.start, datetime(2026, 10, 31, 14, 5, tzinfo=UTC))
WHOLE = Period(date(2026, 10, 20), date(2026, 11, 20))
PART = Period(date(2026, 10, 20), date(2026, 10, 31))

UNIT = CardTerms(
    id=1,
    key="api-requests",
    name="API requests",
    model="unit",
    unit_amount=Decimal("1"),
    per_units=1_000,
    free_units=Decimal(10_000),
    feature_id=1,
    feature_key="api-requests",
    unit="request",
    unit_plural="requests",
)
TIERS = (Tier(Decimal(1_000), Decimal("0.30")), Tier(Decimal(5_000), Decimal("0.20"), Decimal(3)), Tier(None))
FEE = CardTerms(id=2, key="base-fee", name="Plus monthly fee", model="flat", amount=4_900)


def terms(*cards):
    return PlanTerms(id=1, key="plus", name="Plus", version=3, currency="USD", cards=cards)


def used(card, quantity, *, cut=MONTH, billed=(Decimal(0), 0)):
    facts = UsageFacts(cut, MONTH, {1: Decimal(quantity)})
    windows = rate_windows(terms(card), [facts], {(card.id, cut.start): billed})
    return list(usage_lines(7, terms(card), windows))


def fees(card=FEE, **facts):
    return list(fee_lines(7, terms(card), [FeeFacts(**{"part": PART, "whole": WHOLE, **facts})]))


ENGLISH = {"included", "of", "billed", "before", "less", "at", "most", "minimum", "used", "month", "per", "once"}
LINES = {
    "units": used(UNIT, "12345.5"),
    "units, none charged": used(UNIT, 9_000),
    "no included units": used(replace(UNIT, free_units=Decimal(0)), 3),
    "units of a cut window": used(UNIT, 12_345, cut=CUT),
    "billed before": used(UNIT, 22_345, billed=(Decimal(12_345), 235)),
    "a discount": used(replace(UNIT, discount_percent=Decimal("12.5")), 22_345),
    "a maximum": used(replace(UNIT, maximum=Decimal(5)), 22_345),
    "a minimum": used(replace(UNIT, minimum=Decimal(100)), 22_345),
    "a minimum of a cut window": used(replace(UNIT, minimum=Decimal(100)), 22_345, cut=CUT),
    "packages": used(replace(UNIT, model="package", unit_amount=Decimal(5), per_units=20), 10_030),
    "graduated": used(replace(UNIT, model="graduated", per_units=1, tiers=TIERS, free_units=Decimal(0)), 4_000),
    "graduated, after included": used(replace(UNIT, model="graduated", tiers=TIERS), 14_000),
    "volume": used(replace(UNIT, model="volume", per_units=1, tiers=TIERS), 14_000),
    "free": used(replace(UNIT, model="free"), 14_000),
    "a fee": fees(part=WHOLE),
    "a yearly fee": fees(replace(FEE, cadence="yearly"), part=WHOLE, cadence="yearly"),
    "part of a fee": fees(),
    "an unused fee": fees(replace(FEE, timing="in_advance"), timing="in_advance", unused=True),
    "a fee once": fees(replace(FEE, timing="one_time"), timing="one_time"),
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_it_writes_from_what_is_kept_what_was_kept(lines):
    assert lines
    for line in lines:
        assert in_english(_detail)("", line.explain) == line.detail


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_a_german_reads_no_english_of_ours(lines):
    for line in lines:
        with override("de"):
            said = detail(line.detail, line.explain)
        words = set(said.replace("(", " ").replace(",", " ").split())
        assert not words & {
            "included",
            "of",
            "billed",
            "before",
            "less",
            "at",
            "most",
            "minimum",
            "used",
            "month",
            "per",
        }
        assert said != line.detail


def test_a_german_reads_german():
    [usage] = used(UNIT, "12345.5")
    [unused] = fees(replace(FEE, timing="in_advance"), timing="in_advance", unused=True)
    with override("de"):
        read = [worded(line) for line in (usage, unused)]
    assert [(line.title, line.detail) for line in read] == [
        ("API requests", "(12.345,5 − 10.000 enthalten) × 1,00\N{NO-BREAK SPACE}$ je 1.000 requests"),
        ("Plus monthly fee (ungenutzt)", "−49,00\N{NO-BREAK SPACE}$ × 11 von 31 Tagen, nicht genutzt"),
    ]
    assert [replace(line, title="", detail="") for line in read] == [
        replace(line, title="", detail="") for line in (usage, unused)
    ]


def test_what_is_kept_is_english_whoever_asks():
    with override("de"):
        assert used(UNIT, "12345.5") == LINES["units"]
        assert fees() == LINES["part of a fee"]


def test_a_line_that_was_cut_says_so():
    [line] = fees(replace(FEE, timing="in_advance"), timing="in_advance", unused=True)
    [cut] = capped([replace(line, corrects="fee")], {"fee": Standing(billed=4_900, left=500, notes=("CN-1",))})
    assert in_english(_detail)("", cut.explain) == cut.detail
    with override("de"):
        assert detail(cut.detail, cut.explain).endswith("; mehr als 5,00\N{NO-BREAK SPACE}$ war davon nicht übrig")


def test_what_people_named_or_too_little_is_kept_of_is_read_as_it_is():
    by_hand = LineDraft(
        "charge:1", "fee", "Training", "", MONTH.start, MONTH.end, Decimal(1), 500, explain={"model": "by_hand"}
    )
    with override("de"):
        assert worded(by_hand) == by_hand
        assert detail("11 of 31 days", {"model": "flat", "currency": "USD"}) == "11 of 31 days"
        assert title("Training (given back) (late usage)") == "Training (erstattet) (verspäteter Verbrauch)"
    assert title("Training (given back)") == "Training (given back)"


def test_a_part_of_it_given_back_says_of_how_much():
    [line] = fees(part=WHOLE)
    data = {**line.explain, "part_given_back": 1_000}
    with override("de"):
        assert detail("$10.00 of $49.00", data) == "10,00\N{NO-BREAK SPACE}$ von 49,00\N{NO-BREAK SPACE}$"


def test_a_part_of_what_was_agreed_by_hand_given_back_says_so_too():
    data = {"model": "by_hand", "currency": "USD", "amount": 5_000, "part_given_back": 1_000}
    with override("fr"):
        assert detail("$10.00 of $50.00", data) == "10,00\N{NO-BREAK SPACE}$US sur 50,00\N{NO-BREAK SPACE}$US"


def test_shares_are_exact():
    [_line, minimum] = used(replace(UNIT, minimum=Decimal(100)), 22_345, cut=CUT)
    assert Fraction(minimum.explain["share"]) == Fraction(11, 31)
    with override("de"):
        assert "Mindestbetrag × 11/31 −" in detail(minimum.detail, minimum.explain)
