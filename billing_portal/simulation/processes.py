"""The processes of a simulation: web and workers, started, killed and started again; each writes a log of its own."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from billing_portal.embedded import ROOT, undisturbed
from billing_portal.embedded_server import tail

PATIENCE: Final = 60  # seconds until a process is ready, or gone
HOST: Final = "127.0.0.1"
WORKERS: Final = ("worker-1", "worker-2")
WEB: Final = "web"
PROCESSOR: Final = "processor"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass
class Processes:
    """`killed` counts by name how often one was killed from outside, `restarted` how often one was started again."""

    folder: Path
    environment: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
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
        return urlsplit(self.environment["PORTAL_URL"]).netloc

    @property
    def processor(self) -> str:
        return urlsplit(self.environment["SANDBOX_URL"]).netloc

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with undisturbed():
            for name in list(self.running):
                self.end(name, signal.SIGKILL)

    def command(self, name: str) -> list[str]:
        if name == PROCESSOR:
            books = ["--port", self.processor.rpartition(":")[2], "--journal", str(self.folder / "processor.sqlite")]
            told = f"{self.environment['PORTAL_URL']}/webhooks/sandbox/"
            return [sys.executable, "-m", "processor", *books, "--webhook-url", told]
        if name == WEB:
            gunicorn = [sys.executable, "-m", "gunicorn", "billing_portal.wsgi", "--worker-class", "gthread"]
            sizes = ["--workers", "2", "--threads", "4", "--bind", self.web, "--timeout", "60"]
            return [*gunicorn, *sizes, "--preload", "--no-control-socket", "--log-level", "warning"]
        celery = [sys.executable, "-m", "celery", "--app", "billing_portal", "worker", "--loglevel", "WARNING"]
        return [
            *celery,
            "--concurrency",
            "2",
            "--hostname",
            f"{name}@simulation",
            "--without-gossip",
            "--without-mingle",
        ]

    def start(self, name: str) -> None:
        role = {"SIMULATION_ROLE": "worker" if name in WORKERS else name, "SIMULATION_NAME": name}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self.command(name),
                cwd=ROOT,
                env=self.environment | role,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self, name: str) -> None:
        until = time.monotonic() + PATIENCE
        while not self.is_ready(name):
            if self.running[name].poll() is not None:
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
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        process.wait(PATIENCE)
        (self.folder / f"{name}.ready").unlink(missing_ok=True)

    def revive(self) -> bool:
        """What has ended by itself is started again, as its supervisor would; whether anything had."""
        ended = [name for name, process in list(self.running.items()) if process.poll() is not None]
        for name in ended:
            self.end(name, signal.SIGKILL)
            self.again(name)
        return bool(ended)
