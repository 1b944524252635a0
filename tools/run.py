"""`./portal run`: servers, tables, demo data, then web, worker and beat until somebody stops them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

from billing_portal import embedded
from billing_portal.embedded_programs import make_home
from billing_portal.embedded_server import tail
from tools import processor
from tools.environment import HOST, MANAGE, PYTHON, address, demo, port, sandbox_port
from tools.portal import INSTALLED
from tools.steps import Failure, Stopped, Terminal, run, stop_on_signals
from tools.supervise import Children, stop_leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OLDER: Final = """
  These data are older than the books of the sandbox processor, which knows none of their cards and payments.
  To begin anew: stop, remove the folder var, and ./portal run again."""
HEALTH_PATIENCE: Final = 60  # seconds until all parts report that they are well


def main() -> int:
    stop_on_signals()
    terminal = Terminal(sys.stdout)
    try:
        with only_run():
            stop_leftovers()
            refuse_taken_port(port(), "PORT=8001")
            refuse_taken_port(sandbox_port(), "SANDBOX_PORT=8011")
            return serve(terminal)
    except (Failure, embedded.EmbeddedError) as failure:
        terminal.say(f"\n{failure}")
        return 1
    except Stopped:
        terminal.say("\nStopped.")
        return 0


def serve(terminal: Terminal) -> int:
    env = demo()
    with contextlib.ExitStack() as stack:
        with terminal.step("PostgreSQL and Valkey"):
            servers = stack.enter_context(embedded.servers())
        children = stack.enter_context(Children(env, servers))
        knows_nothing = not processor.JOURNAL.exists()
        if "SANDBOX_URL" not in os.environ:  # else it runs elsewhere
            with terminal.step("sandbox processor"):
                processor.wait_until_listening(children.start("processor", processor.command()))
        if prepare(env, terminal) == "" and knows_nothing:
            terminal.say(OLDER)
        with terminal.step("web, worker and beat"):
            start_all(children)
            logins = run([*MANAGE, "seed_demo", "--print-logins"], env=env)
            health = wait_until_healthy(children)
        if not children.first_ended():
            welcome(terminal, logins, health)
        ended = children.wait()
        terminal.say(f"\n{ended.name} has ended, so everything stops. Its last words:\n{tail(ended.log)}")
        return ended.code


def prepare(env: Mapping[str, str], terminal: Terminal) -> str:
    """What the demo data says of itself; nothing where there were people already."""
    with terminal.step("tables"):
        run([*MANAGE, "migrate", "--no-input", "--verbosity", "0"], env=env)
    stamp = embedded.VAR / "static.stamp"
    if not stamp.exists() or stamp.read_text() != static_digest():
        with terminal.step("static files"):
            run([*MANAGE, "collectstatic", "--no-input", "--clear", "--verbosity", "0"], env=env)
        stamp.write_text(static_digest())
    with terminal.step("demo data"):
        return run([*MANAGE, "seed_demo", "--if-empty"], env=env)


def static_digest() -> str:
    """Changes with our own static files and with the packages that bring some."""
    files = sorted(path for path in (embedded.ROOT / "static").rglob("*") if path.is_file())
    facts = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    packages = INSTALLED.read_text() if INSTALLED.exists() else ""
    return hashlib.sha256(f"{facts}{packages}".encode()).hexdigest()


def start_all(children: Children) -> None:
    gunicorn = [PYTHON, "-m", "gunicorn", "billing_portal.wsgi", "--worker-class", "gthread", "--no-control-socket"]
    # Bounded threads bound the connections to the database.
    children.start("web", [*gunicorn, "--workers", "2", "--threads", "4", "--bind", f"{HOST}:{port()}"])
    celery = [PYTHON, "-m", "celery", "--app", "billing_portal"]
    children.start("worker", [*celery, "worker", "--concurrency", "2", "--loglevel", "INFO"])
    children.start("beat", [*celery, "beat", "--schedule", str(embedded.VAR / "beat"), "--loglevel", "INFO"])


def wait_until_healthy(children: Children) -> str:
    """Empty when all parts are well, else the last answer; a portal that is partly well still runs."""
    answer = ""
    deadline = time.monotonic() + HEALTH_PATIENCE
    while time.monotonic() < deadline and not children.first_ended():
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(HOST, port(), timeout=10)
            connection.request("GET", "/healthz")
            response = connection.getresponse()
            answer = f"{response.status} {response.read(500).decode(errors='replace')}"
            connection.close()
            if response.status == http.client.OK:
                return ""
        time.sleep(0.1)
    return answer or "no answer"


def welcome(terminal: Terminal, logins: str, health: str) -> None:
    if health:
        terminal.say(f"\nNot everything is well yet (/healthz: {health}); the logs are in {embedded.VAR}.")
    terminal.say(f"\nThe portal runs at {address()}\n\n{logins.rstrip()}\n")
    if not os.environ.get("EMAIL_HOST"):
        terminal.say(f"E-mails are kept in {embedded.VAR / 'mail'}.")
    terminal.say("Ctrl-C stops it.")


def refuse_taken_port(number: int, another: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except OSError as error:
            raise Failure(
                f"Port {number} is not free ({error.strerror}). Take another: {another} ./portal run"
            ) from error


@contextlib.contextmanager
def only_run() -> Iterator[None]:
    """One run per checkout; the lock ends with the process, however that ends."""
    make_home()
    with (embedded.VAR / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise Failure(f"The portal already runs: {lock.read()}") from error
        lock.truncate(0)
        lock.write(f"{address()} (pid {os.getpid()})")
        lock.flush()
        yield


if __name__ == "__main__":
    sys.exit(main())
