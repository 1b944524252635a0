"""`./portal test`: every check there is, all but pytest beside it; a check that failed has the last word."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from typing import Final

from billing_portal import embedded
from tools.environment import MANAGE, PYTHON, production_like
from tools.steps import Failure, Stopped, Terminal, run, stop_on_signals

# More than two cores: tests also wait. Who has nothing left to do takes over what another one would do last.
FOUR_AT_ONCE: Final = ["-n", "4", "--dist", "worksteal"]
PATIENCE: Final = 30  # seconds for pytest to end by itself once it is told to
TEMPLATE: Final = "test_template"  # none of the checks looks into it: it can't be copied while somebody does
MAKE_TABLES: Final = f"""
import django
django.setup()
from django.db import connection
connection.settings_dict["TEST"]["NAME"] = "{TEMPLATE}"
connection.creation.create_test_db(autoclobber=True)
"""
CHECKS: Final = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "import contracts": ["lint-imports", "--no-cache"],
    "migrations are complete": [*MANAGE, "makemigrations", "--check", "--dry-run"],
    "deployment": [*MANAGE, "check", "--deploy", "--fail-level", "WARNING"],
}


def main() -> int:
    stop_on_signals()
    try:
        with contextlib.ExitStack() as stack:
            if is_ours := not os.environ.get("DATABASE_URL"):
                os.environ["DATABASE_URL"] = stack.enter_context(embedded.throwaway_postgres())
            if arguments := sys.argv[1:]:
                return pytest(arguments)
            checks = Checks(Terminal(sys.stdout))
            checks.start()
            compile_everything()
            if is_ours:
                make_tables()
            code = pytest([*FOUR_AT_ONCE, "--quiet"])
            checks.join()
            return code or checks.say_failures()
    except embedded.EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1


class Checks(threading.Thread):
    """The checks one after the other, on the core that waits for a browser or a server just then."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(daemon=True)  # who stops the command does not wait for mypy
        self.terminal = terminal
        self.failures: dict[str, str] = {}

    def run(self) -> None:
        """All of them, even if one fails."""
        for name, command in CHECKS.items():
            start = time.monotonic()
            try:
                run(command, env=production_like())
            except Failure as failure:
                self.failures[name] = str(failure)
            outcome = "failed" if name in self.failures else f"{time.monotonic() - start:.1f} s"
            self.terminal.say(f"\n  {name} … {outcome}")

    def say_failures(self) -> int:
        """How many there are."""
        for name, output in self.failures.items():
            self.terminal.say(f"\n--- {name} failed ---\n{output}")
        if self.failures:
            self.terminal.say(f"\nFailed: {', '.join(self.failures)}")
        return len(self.failures)


def compile_everything() -> None:
    """Once, by one process that imports what the tests import: four of them at once would each compile all of it."""
    with contextlib.suppress(Failure):  # pytest says it better
        run([PYTHON, "-m", "pytest", "--collect-only", "-qq"])


def make_tables() -> None:
    """Once, for four processes to copy, on the server that is gone afterwards: nobody else's keeps what they copied."""
    with contextlib.suppress(Failure):
        run([PYTHON, "-c", MAKE_TABLES], env=os.environ | {"DJANGO_SETTINGS_MODULE": "billing_portal.settings_test"})
        os.environ["TEMPLATE_DATABASE"] = TEMPLATE


def pytest(arguments: list[str]) -> int:
    process = subprocess.Popen([PYTHON, "-m", "pytest", *arguments])
    try:
        return process.wait()
    except Stopped:
        with contextlib.suppress(subprocess.TimeoutExpired), embedded.undisturbed():
            process.terminate()
            process.wait(PATIENCE)
        process.kill()
        raise


if __name__ == "__main__":
    sys.exit(main())
