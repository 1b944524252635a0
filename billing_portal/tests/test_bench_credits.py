"""The measurements of credits run, and what they measure is what the verbs write."""

import pytest

from billing_portal.benchmarks import credits as bench
from credits import books
from credits.models import LedgerEntry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forgets_statistics")]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, number in (("READS", 5), ("QUIET", 4), ("OVERDRAWN", 6)):
        monkeypatch.setattr(bench, name, number)


def test_draw_downs_write_the_rows_of_their_floor(seller):
    measured = bench.measure_draw_downs(customers=7)
    assert measured.figure > 0 < measured.floor
    assert LedgerEntry.objects.count() == 7 * 2 * 2  # a grant and a charge each
    assert list(books.check()) == []


def test_reads_are_measured_on_books_that_agree(seller):
    lines = [str(measured) for measured in bench.measure_credit_reads(entries=100)]
    assert [line.split()[0] for line in lines] == ["balance"] * 3 + ["access"] * 3
    assert "12 entries of one customer" in lines[1]  # a tenth of them, and its grant's two
    assert "6 overdrawn charges" in lines[5]
    assert list(books.check()) == []
