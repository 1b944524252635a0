"""Beginnings of stories, made by verbs once and put back for every later test: rows, and what the processor knows of
their cards."""

from collections.abc import Callable
from functools import cache
from typing import Generic

from billing_portal.pytest_processor import Books, TestProcessor
from billing_portal.tests.people import on_plus
from core.tests.recorded import Made, Recorded


class Begun(Generic[Made]):
    """`Recorded`, where cards are entered or charged. Nothing else may be known to the processor before."""

    def __init__(self, make: Callable[..., Made]) -> None:
        self.rows = Recorded(make)
        self.books: Books | None = None

    def again(self, processor: TestProcessor, *on: object) -> Made:
        """`on` is what it is made from: recorded rows."""
        assert not processor.store.used
        made = self.rows.again(*on)
        if self.books is None:
            self.books = processor.written()
        else:
            processor.write_again(self.books)
        return made


# By the instant: `customer`, of alice, is on Plus since then, with a card.
plus_since = cache(lambda at: Begun(lambda customer, alice, catalogue: on_plus(customer, alice, catalogue, at)))
