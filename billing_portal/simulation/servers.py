"""The database and the broker of a simulation: throw-away, but a commit that was answered survives a SIGKILL."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from billing_portal.embedded import temporary_folder, undisturbed
from billing_portal.embedded_server import DATABASE, DATABASE_USER, Postgres, Server, Valkey

PATIENCE = 30  # seconds until the processes of a killed server are gone


class SafePostgres(Postgres):
    """Killed with SIGKILL, not with the machine: what is written need not reach the disk, but it must be written.

    Its tables live for months, unlike those of the tests: without vacuum, queries would soon take a quarter of the run.
    """

    def options(self) -> dict[str, str]:
        return super().options() | {"synchronous_commit": "on", "autovacuum": "on", "log_min_messages": "fatal"}


@dataclass(frozen=True)
class Servers:
    """Both servers of a folder, whichever process has started them."""

    folder: Path

    @property
    def sockets(self) -> Path:
        return self.folder / "s"

    @property
    def environment(self) -> dict[str, str]:
        """The addresses of both for a process that is to use them."""
        database = f"postgresql://{DATABASE_USER}@{quote(str(self.sockets), safe='')}:5432/{DATABASE}"
        return {"DATABASE_URL": database, "REDIS_URL": f"redis+socket://{self.sockets}/valkey.sock"}

    def server(self, kind: type[Server]) -> Server:
        return kind(self.folder, self.sockets, throwaway=True)

    def crash(self, kind: type[Server]) -> None:
        """SIGKILL to all its processes, and a start on what it has left behind."""
        pid = int(self.server(kind).pid_file().read_text().split()[0])
        doomed = [pid, *children_of(pid)]
        for each in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        until = time.monotonic() + PATIENCE
        while any(map(lives, doomed)) and time.monotonic() < until:
            time.sleep(0.01)
        self.server(kind).start()


def children_of(pid: int) -> list[int]:
    listed = subprocess.run(["/bin/ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == pid]


def lives(pid: int) -> bool:
    """Whether there is such a process that does something; one that waits to be buried has ended."""
    state = subprocess.run(["/bin/ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in ("", "Z")


@contextmanager
def servers() -> Iterator[Servers]:
    """Both run inside, in a folder of their own that is gone afterwards."""
    with temporary_folder() as folder:
        found = Servers(folder)
        try:
            for kind in (SafePostgres, Valkey):
                found.server(kind).start()
            yield found
        finally:
            with undisturbed():
                for kind in (Valkey, SafePostgres):
                    found.server(kind).stop()
