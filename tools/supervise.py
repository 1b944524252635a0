"""The portal's processes: started together, watched, and all stopped when one of them ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from billing_portal.embedded import ROOT, VAR, undisturbed
from billing_portal.embedded_server import command_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from billing_portal.embedded_server import Server

PATIENCE: Final = 20  # seconds for a request or a task to finish before its process is killed
RECORD: Final = VAR / "run.json"


class Ended(NamedTuple):
    name: str
    log: Path
    code: int


class Children:
    """A context manager: whatever was started inside is gone afterwards."""

    def __init__(self, env: Mapping[str, str], servers: Sequence[Server]) -> None:
        self.env = env
        self.servers = servers
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with undisturbed():
            # What the others still have to finish may need the processor.
            stop([process.pid for name, process in self.processes.items() if name != "processor"])
            stop([process.pid for process in self.processes.values()])
            for process in self.processes.values():
                process.wait()
            RECORD.unlink(missing_ok=True)

    def start(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with log_of(name).open("wb") as log:
            # A session of its own: Ctrl-C in the terminal reaches us alone, and we stop the children in order.
            self.processes[name] = subprocess.Popen(
                command,
                env=self.env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        RECORD.write_text(json.dumps([process.pid for process in self.processes.values()]))
        return self.processes[name]

    def wait(self) -> Ended:
        while not (ended := self.first_ended()):
            time.sleep(0.2)
        return ended

    def first_ended(self) -> Ended | None:
        for server in self.servers:
            if not server.alive():
                return Ended(server.title, server.log, 1)
        for name, process in self.processes.items():
            code = process.poll()
            if code is not None:  # a signal's number is shown as shells do
                return Ended(name, log_of(name), code if code >= 0 else 128 - code)
        return None


def stop_leftovers() -> None:
    """Stop the processes of a run that was itself killed and could not."""
    with contextlib.suppress(FileNotFoundError):
        stop([pid for pid in json.loads(RECORD.read_text()) if is_ours(pid)])
        RECORD.unlink()


def stop(pids: Sequence[int]) -> None:
    """Ask, wait, and kill what is left.

    Only the leaders are asked: they let their own workers finish a request or a task, while a signal to the whole
    group would interrupt these.
    """
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while any(is_ours(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def is_ours(pid: int) -> bool:
    """Whether `pid` still runs and is no other program that got the number meanwhile."""
    return str(ROOT) in command_line(pid)


def log_of(name: str) -> Path:
    return VAR / f"{name}.log"
