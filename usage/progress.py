"""A progress bar on a terminal; a line every tenth of the way where nobody watches."""

import time
from types import TracebackType
from typing import Protocol, Self

WIDTH = 30


class Output(Protocol):
    """What the bar writes to: a management command's stderr."""

    def write(self, msg: str = "", style_func: None = None, ending: str | None = None) -> None: ...

    def isatty(self) -> bool: ...


class Bar:
    """Shows how much of a known total is done, and how fast things get done."""

    def __init__(self, output: Output, total: int) -> None:
        self._output = output
        self._total = max(total, 1)
        self._began = time.monotonic()
        self._watched = output.isatty()
        self._tenth = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._watched:
            self._output.write("")

    def show(self, done: int, events: int) -> None:
        """`done` of the total; `events` is what the speed is counted in."""
        share = min(done / self._total, 1.0)
        speed = events / max(time.monotonic() - self._began, 0.001)
        text = f"{share:4.0%}  {events:,} events  {speed:,.0f}/s"
        if self._watched:
            full = round(share * WIDTH)
            self._output.write(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {text} ", ending="")
        elif int(share * 10) > self._tenth:
            self._tenth = int(share * 10)
            self._output.write(text)
