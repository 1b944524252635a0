"""PostgreSQL and Valkey from wheels, for machines that have no servers of their own.

Only the programs of the two wheels are used, never their Python layers: that of the PostgreSQL wheel opens every
parent folder of the data to the world and keeps one lock for all users of the machine.

This module needs the standard library only and starts nothing when imported, because the settings ask it for
the addresses, and the commands and the tests for the servers.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from billing_portal.embedded_programs import ROOT, TAG, VAR, EmbeddedError, home, make_home, server_account
from billing_portal.embedded_server import DATABASE, DATABASE_USER, Postgres, Server, Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ROOT",
    "VAR",
    "EmbeddedError",
    "Urls",
    "secret_key",
    "servers",
    "temporary_folder",
    "throwaway_postgres",
    "throwaway_valkey",
    "undisturbed",
    "urls",
]

SHORT_TMP: Final = Path("/tmp")  # noqa: S108 - the path of a Unix socket has 107 bytes; $TMPDIR is often too long
THROWAWAY: Final = "billing-portal-test-"


class Urls(NamedTuple):
    database: str
    redis: str


def urls() -> Urls:
    """The addresses of the embedded servers, whether they run or not."""
    sockets = socket_dir()
    return Urls(_database_url(sockets), _redis_url(sockets))


def socket_dir() -> Path:
    return SHORT_TMP / f"billing-portal-{os.getuid()}-{TAG}"


def _database_url(sockets: Path) -> str:
    # The port is only part of the socket's name; it is spelt out so that PGPORT of the environment cannot change it.
    return f"postgresql://{DATABASE_USER}@{quote(str(sockets), safe='')}:5432/{DATABASE}"


def _redis_url(sockets: Path) -> str:
    return f"redis+socket://{sockets}/valkey.sock"


def secret_key() -> str:
    """Django's secret of the embedded run, made once, so that sessions survive a restart."""
    path = VAR / "secret_key"
    make_home()
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(64))
    return path.read_text()


# --- the servers of this checkout ------------------------------------------------------------------------------------


@contextlib.contextmanager
def servers() -> Iterator[list[Server]]:
    """Both servers run inside; whoever leaves last stops them.

    So `./portal manage` beside a running portal neither starts a second PostgreSQL nor stops the first, and the
    servers that a killed run has left behind are simply taken over.
    """
    started = _wanted()
    folder = make_home()
    with (folder / "gate.lock").open("w") as gate, (folder / "users.lock").open("w") as users:
        try:
            with _locked(gate):
                fcntl.flock(users, fcntl.LOCK_SH)
                for server in started:
                    server.start()
            yield started
        finally:
            with undisturbed(), _locked(gate), contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for server in reversed(started):
                    server.stop()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """No second Ctrl-C cuts the stopping short: it would leave a server behind."""
    handlers = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)


def _wanted() -> list[Server]:
    """The servers for which the environment names no other."""
    wanted: list[Server] = []
    if not os.environ.get("DATABASE_URL"):
        wanted.append(Postgres(home(), socket_dir()))
    if not os.environ.get("REDIS_URL"):
        wanted.append(Valkey(home(), socket_dir()))
    return wanted


@contextlib.contextmanager
def _locked(file: IO[str]) -> Iterator[None]:
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


# --- servers of the tests --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def throwaway_postgres() -> Iterator[str]:
    """The address of an empty PostgreSQL that is gone afterwards: quick, unsafe, with us as its superuser."""
    with _throwaway(Postgres) as server:
        yield _database_url(server.sockets)


@contextlib.contextmanager
def throwaway_valkey() -> Iterator[str]:
    with _throwaway(Valkey) as server:
        yield _redis_url(server.sockets)


@contextlib.contextmanager
def _throwaway(kind: type[Server]) -> Iterator[Server]:
    with temporary_folder() as folder:
        server = kind(folder, folder / "s", throwaway=True)
        try:
            server.start()
            yield server
        finally:
            with undisturbed():
                server.stop()


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that the servers' account can enter; it is locked while in use, so that others' can be swept up."""
    _sweep()
    new = Path(tempfile.mkdtemp(prefix="billing-portal-new-", dir=SHORT_TMP))
    with (new / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Only now under the name that is swept: nobody may find it before it is locked.
        folder = new.rename(new.with_name(new.name.replace("billing-portal-new-", THROWAWAY)))
        if server_account():
            folder.chmod(0o711)
        try:
            yield folder
        finally:
            with undisturbed():
                shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Stop and remove what killed test runs have left: folders whose lock nobody holds any more."""
    for folder in SHORT_TMP.glob(f"{THROWAWAY}*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid != os.getuid():
                continue
            with (folder / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for kind in (Postgres, Valkey):
                    kind(folder, folder / "s").stop()
                shutil.rmtree(folder)
