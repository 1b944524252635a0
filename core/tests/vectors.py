"""The cases of other billing engines, kept as data in `vectors/`, and how a test answers them by our rules.

A room's `test_vectors_….py` has one function per kind of case. It computes our answer with the room's own code and
says which rule of ours is another one where it is; `docs/algorithms/vectors.md` has the reasons.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from core.cadence import MONTHLY, YEARLY, Cadence
from core.money import round_half_away
from core.periods import Period

FOLDER = Path(__file__).parents[2] / "vectors"
MONDAY_1_JANUARY = date(2001, 1, 1)  # every calendar day, week, month, quarter and year counts from here
CADENCES = {
    "daily": Cadence(days=1),
    "weekly": Cadence(days=7),
    "thirty_days": Cadence(days=30),
    "monthly": MONTHLY,
    "quarter": Cadence(months=3),
    "quarterly": Cadence(months=3),
    "half_year": Cadence(months=6),
    "annual": YEARLY,
    "yearly": YEARLY,
}
ISO_DURATION = re.compile(
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


@dataclass(frozen=True)
class Case:
    file: str
    name: str
    kind: str
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What we say and what they say. `rule`: ours that differs; without one both must be the same."""

    ours: Any
    theirs: Any
    rule: str = ""


@dataclass(frozen=True)
class NotApplicable:
    """There is nothing of ours to ask: `why`."""

    why: str


Responder = Callable[[Case], Answer | NotApplicable]


def load(file: str) -> list[Case]:
    """All cases of a file; `kind` is the file's name where a file has only one."""
    cases = json.loads((FOLDER / f"{file}.json").read_text(), parse_float=Decimal)
    return [
        Case(file, case["name"], case["inputs"].get("kind", file), case["inputs"], case["expected"]) for case in cases
    ]


def answered(files: Iterable[str], responders: Mapping[str, Responder]) -> list[Any]:
    """The cases that have an answer, as parameters of a test: (case, answer)."""
    cases = [case for file in files for case in load(file)]
    answers = [(case, responders[case.kind](case)) for case in cases]
    return [
        pytest.param(case, answer, id=f"{case.file}-{case.name}")
        for case, answer in answers
        if isinstance(answer, Answer)
    ]


def tally(file: str, responders: Mapping[str, Responder]) -> dict[str, int]:
    """How many cases of a file are the same, differ by a rule of ours, or are not applicable: all of them."""
    counts = Counter(_verdict(responders[case.kind](case)) for case in load(file))
    assert counts.total() == len(load(file))
    return dict(counts)


def duration(text: str) -> Cadence:
    """P1Y2M10DT5H30M45S as a step."""
    found = ISO_DURATION.fullmatch(text)
    assert found, text
    part = {name: int(value or 0) for name, value in found.groupdict().items()}
    return Cadence(
        months=part["years"] * 12 + part["months"],
        days=part["weeks"] * 7 + part["days"],
        seconds=part["hours"] * 3600 + part["minutes"] * 60 + part["seconds"],
    )


def day(text: str) -> date:
    """The day an ISO date or instant is written with."""
    return date.fromisoformat(text[:10])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def cents(major: str) -> int:
    """A decimal string in major units of a currency with two decimals."""
    return round_half_away(Decimal(major) * 100)


def inclusive(first: str, last: str) -> Period:
    """Both ends are days inside."""
    return Period(day(first), day(last) + timedelta(days=1))


def nine_decimals(exact: Fraction) -> Decimal:
    """A share as the cases write it: nine decimals, half up."""
    scaled = (2 * exact.numerator * 10**9 + exact.denominator) // (2 * exact.denominator)
    return Decimal(scaled).scaleb(-9)


def _verdict(answer: Answer | NotApplicable) -> str:
    if isinstance(answer, NotApplicable):
        return "not applicable"
    return "differ" if answer.rule else "same"
