"""A part of a page may fail: it says so, and the others are shown all the same."""

import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)


def attempt(what: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
    """One part of a page; None where it fails, whatever the reason: the others are shown all the same."""
    try:
        return what(*args, **kwargs)
    except Exception:
        logger.exception("A part of a page could not be worked out: %s", what.__name__)
        return None
