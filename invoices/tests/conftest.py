from collections.abc import Iterator

import pytest

from invoices import books


@pytest.fixture
def books_hold(db: None) -> Iterator[None]:
    """Whatever a test did, the books must say it."""
    yield
    assert list(books.check()) == []
