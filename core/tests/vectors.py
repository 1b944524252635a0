"""The cases of other billing engines, kept as data in `vectors/`, and how a test answers them by our rules.

A room's `test_vectors_….py` has one function per kind of case. It computes our answer with the room's own code and
says which rule of ours is another one where it is; `docs/algorithms/vectors.md` has the reasons.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "vectors"


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


def nine_decimals(exact: Fraction) -> Decimal:
    """A share as the cases write it: nine decimals, half up."""
    scaled = (2 * exact.numerator * 10**9 + exact.denominator) // (2 * exact.denominator)
    return Decimal(scaled).scaleb(-9)


def _verdict(answer: Answer | NotApplicable) -> str:
    if isinstance(answer, NotApplicable):
        return "not applicable"
    return "differ" if answer.rule else "same"
