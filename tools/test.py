"""`./portal test`: every check there is, pytest last so that its closing line is the last line."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import Final

from billing_portal import embedded
from tools.environment import MANAGE, PYTHON, production_like
from tools.steps import Failure, Stopped, Terminal, run, stop_on_signals

PATIENCE: Final = 30  # seconds for pytest to end by itself once it is told to
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
            if not os.environ.get("DATABASE_URL"):
                os.environ["DATABASE_URL"] = stack.enter_context(embedded.throwaway_postgres())
            arguments = sys.argv[1:]
            failed = [] if arguments else check(Terminal(sys.stdout))
            code = pytest(arguments or ["-n", "2", "--quiet"])
            return code or len(failed)
    except embedded.EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def check(terminal: Terminal) -> list[str]:
    """Run all checks even if one fails, and say at the end which did."""
    failures: dict[str, str] = {}
    for name, command in CHECKS.items():
        try:
            with terminal.step(name):
                run(command, env=production_like())
        except Failure as failure:
            failures[name] = str(failure)
    for name, output in failures.items():
        terminal.say(f"\n--- {name} failed ---\n{output}")
    if failures:
        terminal.say(f"\nFailed: {', '.join(failures)}. The tests run all the same:")
    return list(failures)


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
