"""One embedded server, PostgreSQL or Valkey: prepared, started, asked and stopped. Standard library only."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from billing_portal.embedded_programs import (
    EmbeddedError,
    bindir,
    give,
    major_version,
    server_account,
    valkey_server,
)

if TYPE_CHECKING:
    from collections.abc import Callable

DATABASE: Final = "billing_portal"
DATABASE_USER: Final = "portal"
PATIENCE: Final = 30  # seconds to start or to stop; recovery after a crash is the slowest case


class Server:
    """One server process, whichever of our processes has started it: what counts is the pid it has written down."""

    title: str
    socket_name: str
    stop_signal: signal.Signals

    def __init__(self, folder: Path, sockets: Path, *, throwaway: bool = False) -> None:
        self.account = server_account()
        self.data = folder / self.title.lower()
        self.log = folder / f"{self.title.lower()}.log"
        self.sockets = sockets
        self.throwaway = throwaway
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def pid_file(self) -> Path:
        raise NotImplementedError

    def prepare(self) -> None:
        give(self.data, self.account)

    def start(self) -> None:
        """Start it, or take over the one that a killed run has left."""
        give(self.sockets, self.account)
        if self._take_over():
            return
        self.prepare()
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C in the terminal must reach the portal first and the servers last.
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.data,
                env=_environment(),
                **self._identity(),
            )
        if not _until(lambda: self.answers() or not self.alive()) or not self.alive():
            self.stop()
            raise EmbeddedError(f"{self.title} does not start:\n{tail(self.log)}")

    def stop(self) -> None:
        """Stop it and wait until it is gone; without patience left, kill it: both servers recover from that."""
        pid = self._running_pid()
        if pid is None:
            return
        for each in (self.stop_signal, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, each)
            if _until(lambda: not self.alive()):
                return

    def _take_over(self) -> bool:
        """True if it already runs. One that is still recovering or stopping is waited for."""
        if self._running_pid() is None:
            # Left by a killed server. PostgreSQL would not start if another process had the number in them now.
            for file in (self.pid_file(), *self.sockets.glob(f"{self.socket_name}*")):
                file.unlink(missing_ok=True)
            return False
        if not _until(lambda: self.answers() or not self.alive()):
            raise EmbeddedError(f"{self.title} (pid {self._running_pid()}) runs but does not answer; stop it first.")
        return self.alive()

    def _running_pid(self) -> int | None:
        if self.process:
            return self.process.pid if self.process.poll() is None else None
        try:
            pid = int(self.pid_file().read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None
        command = command_line(pid)
        return pid if str(self.data) in command or str(self.sockets) in command else None

    def alive(self) -> bool:
        return self._running_pid() is not None

    def _run(self, command: list[str], *, text: str = "") -> None:
        """Run one of the server's own tools as the server's account."""
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.data.parent,
            env=_environment(),
            **self._identity(),
        )
        if done.returncode:
            raise EmbeddedError(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}")

    def _identity(self) -> dict[str, Any]:
        account = self.account
        return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


class Postgres(Server):
    title = "PostgreSQL"
    socket_name = ".s.PGSQL.5432"  # PostgreSQL's own choice
    stop_signal = signal.SIGINT  # "fast": disconnects everybody instead of waiting for them

    def options(self) -> dict[str, str]:
        """What its command line says otherwise than the configuration in its folder."""
        options = {"listen_addresses": "", "unix_socket_permissions": "0700", "max_connections": "100"}
        if self.throwaway:  # nothing of it outlives the tests, not even a crash
            options |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "max_connections": "200",
                # Vacuumed between tests, a table counts as empty, and the rows of the next test, which nobody else
                # sees yet, are joined as if there were one: a join of a thousand rows then takes minutes.
                "autovacuum": "off",
            }
        return options

    def command(self) -> list[str]:
        flags = [part for name, value in self.options().items() for part in ("-c", f"{name}={value}")]
        return [str(bindir() / "postgres"), "-D", str(self.data), "-k", str(self.sockets), "-p", "5432", *flags]

    def answers(self) -> bool:
        address = f"host={self.sockets} port=5432 user={DATABASE_USER} dbname=postgres"
        command = [str(bindir() / "pg_isready"), "-q", "-d", address]
        return subprocess.run(command, env=_environment(), check=False).returncode == 0

    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def prepare(self) -> None:
        written = self.data / "PG_VERSION"
        if not written.exists():
            self._create()
        super().prepare()
        if int(written.read_text()) != (major := major_version(bindir())):
            found = written.read_text().strip()
            raise EmbeddedError(f"{self.data} was written by PostgreSQL {found}, but version {major} is installed.")

    def _create(self) -> None:
        """Make the data folder under another name first: an interrupted attempt must not look like a finished one."""
        unfinished = self.data.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        give(unfinished, self.account)
        # The same sort order on Linux and macOS; version 17 brought the locale that needs no operating system.
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major_version(bindir()) >= 17 else []
        sync = ["--no-sync"] if self.throwaway else []
        initdb = [str(bindir() / "initdb"), "-D", str(unfinished), "-U", DATABASE_USER, "--auth=trust"]
        self._run([*initdb, "--encoding=UTF8", "--locale=C", *builtin, *sync])
        single_user = [str(bindir() / "postgres"), "--single", "-D", str(unfinished), "template1"]
        self._run(single_user, text=f"CREATE DATABASE {DATABASE};\n")
        unfinished.rename(self.data)


class Valkey(Server):
    title = "Valkey"
    socket_name = "valkey.sock"
    stop_signal = signal.SIGTERM

    def command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.sockets / self.socket_name),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "pidfile": str(self.pid_file()),
            "appendonly": "no" if self.throwaway else "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",  # a broker may refuse messages but never forget them
        }
        return [str(valkey_server()), *(part for name, value in options.items() for part in (f"--{name}", value))]

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(self.sockets / self.socket_name))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False

    def pid_file(self) -> Path:
        return self.data / "valkey.pid"


# --- small help ------------------------------------------------------------------------------------------------------


def command_line(pid: int) -> str:
    """What runs as process `pid`; empty if nothing does. Pids are used again, so a pid alone identifies nobody."""
    process = Path("/proc") / str(pid) / "cmdline"
    if process.parent.parent.joinpath("self").exists():
        with contextlib.suppress(OSError):
            return process.read_text(errors="replace").replace("\0", " ")
        return ""
    command = ["/bin/ps", "-o", "command=", "-p", str(pid)]  # macOS
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, for an error message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def _environment() -> dict[str, str]:
    """PG… variables of the person at the terminal are meant for other servers."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True
