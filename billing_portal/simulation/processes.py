"""The processes of a simulation: web and workers, started, killed and started again; each writes a log of its own.

They are forked from a process that has loaded everything and opened nothing, so that a start costs little.
"""

import contextlib
import http.client
import multiprocessing
import os
import signal
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from billing_portal.embedded import undisturbed
from billing_portal.embedded_server import tail
from billing_portal.simulation.forked import Born, be

PATIENCE: Final = 60  # seconds until a process is ready, or gone
HOST: Final = "127.0.0.1"
WORKERS: Final = ("worker-1", "worker-2")
WEB: Final = "web"
PROCESSOR: Final = "processor"
FORKS: Final = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["billing_portal.simulation.preload"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass
class Processes:
    """`killed` counts by name how often one was killed from outside, `restarted` how often one was started again."""

    folder: Path
    running: dict[str, BaseProcess] = field(default_factory=dict)
    killed: Counter[str] = field(default_factory=Counter)
    restarted: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> Self:
        try:
            for name in (PROCESSOR, WEB, *WORKERS):
                self.start(name)
            for name in (PROCESSOR, WEB, *WORKERS):
                self.wait_until_ready(name)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    @property
    def web(self) -> str:
        return urlsplit(os.environ["PORTAL_URL"]).netloc

    @property
    def processor(self) -> str:
        return urlsplit(os.environ["SANDBOX_URL"]).netloc

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with undisturbed():
            for name in list(self.running):
                self.end(name, signal.SIGKILL)

    def command(self, name: str) -> list[str]:
        """As behind `python -m`."""
        if name == PROCESSOR:
            books = ["--port", self.processor.rpartition(":")[2], "--journal", str(self.folder / "processor.sqlite")]
            return ["processor", *books, "--webhook-url", f"{os.environ['PORTAL_URL']}/webhooks/sandbox/"]
        if name == WEB:
            sizes = ["--workers", "2", "--threads", "4", "--bind", self.web, "--timeout", "60"]
            rest = ["--preload", "--no-control-socket", "--log-level", "warning"]
            return ["gunicorn", "billing_portal.wsgi", "--worker-class", "gthread", *sizes, *rest]
        alone = ["--hostname", f"{name}@simulation", "--without-gossip", "--without-mingle"]
        return ["celery", "--app", "billing_portal", "worker", "--loglevel", "WARNING", "--concurrency", "2", *alone]

    def start(self, name: str) -> None:
        born = Born(name, self.command(name), log=self.folder / f"{name}.log", is_portal=name != PROCESSOR)
        self.running[name] = FORKS.Process(target=be, args=(born,), name=name)
        self.running[name].start()

    def wait_until_ready(self, name: str) -> None:
        until = time.monotonic() + PATIENCE
        while not self.is_ready(name):
            if not self.running[name].is_alive():
                raise RuntimeError(f"{name} has ended:\n{self.last_words(name)}")
            if time.monotonic() > until:
                raise RuntimeError(f"{name} does not get ready:\n{self.last_words(name)}")
            time.sleep(0.05)

    def last_words(self, name: str) -> str:
        return tail(self.folder / f"{name}.log", 40)

    def is_ready(self, name: str) -> bool:
        if name in WORKERS:
            return (self.folder / f"{name}.ready").exists()
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(self.web if name == WEB else self.processor, timeout=10)
            connection.request("GET", "/accounts/login/" if name == WEB else "/_sandbox/health")
            return connection.getresponse().status == http.client.OK
        return False

    def kill(self, name: str) -> None:
        """SIGKILL to it and all it has forked, as when a machine is lost; then it is started again."""
        self.end(name, signal.SIGKILL)
        self.killed[name] += 1
        self.again(name)

    def again(self, name: str) -> None:
        self.restarted[name] += 1
        self.start(name)
        self.wait_until_ready(name)

    def end(self, name: str, how: signal.Signals) -> None:
        process = self.running.pop(name)
        assert process.pid, "it was started: 0 would be our own group"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        process.kill()  # it may not have got to a group of its own
        process.join(PATIENCE)
        (self.folder / f"{name}.ready").unlink(missing_ok=True)

    def revive(self) -> bool:
        """What has ended by itself is started again, as its supervisor would; whether anything had."""
        ended = [name for name, process in list(self.running.items()) if not process.is_alive()]
        for name in ended:
            self.end(name, signal.SIGKILL)
            self.again(name)
        return bool(ended)
