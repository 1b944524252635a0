"""pytest plugin: `--answers trickle` and `--answers late` find browser tests that ask a page before it has come.

On a busy machine answers come late, or in parts: whoever asks once where they should wait then fails, at random. With
these every page does so, and they fail each time. Static files are as quick as ever.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django.http import HttpResponse

PAUSE: Final = 0.3  # seconds; longer than a browser needs for a page that is there


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--answers", choices=("late", "trickle"), help="how pages come from the live server")


@pytest.fixture(autouse=True, scope="session")
def _slow_answers(pytestconfig: pytest.Config) -> Iterator[None]:
    how = pytestconfig.getoption("--answers")
    with pytest.MonkeyPatch.context() as patch:
        if how:
            patch.setattr(StaticFilesHandler, "__call__", _slow(how, StaticFilesHandler.__call__))
        yield


def _slow(how: str, answer: Callable[..., Any]) -> Callable[..., Any]:
    def call(handler: StaticFilesHandler, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/static/"):
            quick: Iterable[bytes] = answer(handler, environ, start)
            return quick
        if how == "late":
            time.sleep(PAUSE)
        response = answer(handler, environ, start)
        return _Trickle(response) if how == "trickle" and not response.streaming else response

    return call


class _Trickle:
    """The body of a response: a byte, after a pause a half, after another the rest."""

    def __init__(self, response: HttpResponse) -> None:
        self.close = response.close
        self._body = bytes(response.content)

    def __iter__(self) -> Iterator[bytes]:
        half = len(self._body) // 2
        for part in (self._body[:1], self._body[1:half], self._body[half:]):
            if part:
                yield part
                time.sleep(PAUSE)
