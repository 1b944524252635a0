"""The sandbox processor beside the portal: on its own port, with its books in var/."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Final

from billing_portal.embedded import ROOT, VAR, undisturbed
from billing_portal.embedded_programs import make_home
from tools.environment import HOST, PYTHON, address, sandbox_port
from tools.steps import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

JOURNAL: Final = VAR / "processor.sqlite3"
START_PATIENCE: Final = 15  # seconds until it listens


def command() -> Sequence[str]:
    books = ["--journal", str(JOURNAL), "--webhook-url", f"{address()}/webhooks/sandbox/"]
    return [PYTHON, "-m", "processor", "--port", str(sandbox_port()), *books]


def wait_until_listening(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_PATIENCE
    while not listens():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failure(
                f"The sandbox processor does not start on port {sandbox_port()}. Another port: SANDBOX_PORT=8011"
            )
        time.sleep(0.02)


def listens() -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, sandbox_port()), timeout=1):
        return True
    return False


@contextlib.contextmanager
def at_hand(env: Mapping[str, str]) -> Iterator[None]:
    """For one command: the processor of the running portal, else one that is there as long as the command runs."""
    if "SANDBOX_URL" in os.environ or listens():
        yield
        return
    make_home()
    with (VAR / "processor.log").open("ab") as log:
        process = subprocess.Popen(
            command(), env=env, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until_listening(process)
        yield
    finally:
        with undisturbed():
            process.terminate()
            process.wait()
