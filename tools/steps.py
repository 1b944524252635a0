"""What the person at the terminal sees: steps with their times, and one clear text when something fails."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType


class Failure(Exception):  # noqa: N818 - it reads as the sentence "raise Failure"
    """The command cannot go on; the text says why and what to do."""


class Stopped(SystemExit):
    """Ctrl-C or SIGTERM; an exit, so that every `finally` on the way out still runs."""


class Terminal:
    """Where the steps are shown: stderr for commands whose stdout belongs to somebody else."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def say(self, text: str, end: str = "\n") -> None:
        print(text, end=end, file=self.stream, flush=True)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.say(f"  {title} … ", end="")
        start = time.monotonic()
        try:
            yield
        except BaseException:
            self.say("stopped" if isinstance(sys.exception(), SystemExit) else "failed")
            raise
        self.say(f"{time.monotonic() - start:.1f} s")


def run(command: Sequence[str], *, env: Mapping[str, str] | None = None, timeout: float | None = None) -> str:
    """Run a command silently; its output is of interest only when it fails."""
    try:
        done = subprocess.run(
            command,
            env=env,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(str(error)) from error
    if done.returncode:
        raise Failure(f"{' '.join(command)}\n{done.stdout}".rstrip())
    return done.stdout


def stop_on_signals() -> None:
    """Leave by an exception: SIGINT too, which a shell's background job would ignore otherwise."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise Stopped(128 + number)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, leave)
