"""Set up what a command needs – virtual environment, packages, system libraries, browser – and hand over to it.

Runs with whatever Python the machine has; the command itself runs with that of the virtual environment. What is
there already costs nothing, so every command starts here.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.util
import json
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Final

from tools.steps import Failure, Stopped, Terminal, run, stop_on_signals

ROOT: Final = Path(__file__).resolve().parent.parent
VENV: Final = ROOT / ".venv"
PYTHON: Final = VENV / "bin" / "python"
INSTALLED: Final = VENV / "portal-installed.json"

USAGE: Final = """\
./portal run               set everything up and run the portal
./portal test              run all checks and tests; with arguments: only pytest, with these arguments
./portal manage COMMAND …  run one of Django's commands on the portal's database
"""
# What WeasyPrint loads, and the Debian packages that bring it. The last one is optional: without it PDFs take
# four times as long.
LIBRARIES: Final = {
    "libgobject-2.0.so.0": "libpango-1.0-0",
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libharfbuzz.so.0": "libpango-1.0-0",
    "libfontconfig.so.1": "libpangoft2-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
}
# Chromium without its windows is the same engine, and needs a third less of the processor for the same pages.
WINDOWLESS: Final = "chromium-headless-shell"
BROWSERS: Final = (WINDOWLESS, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APT_PATIENCE: Final = 600  # seconds; a browser is large


def main() -> int:
    stop_on_signals()
    command, *arguments = sys.argv[1:] or ["help"]
    if command not in {"run", "test", "manage"}:
        sys.stderr.write(USAGE)
        return 2
    # The output of Django's commands may be wanted by another program; the set-up keeps out of it.
    terminal = Terminal(sys.stderr if command == "manage" else sys.stdout)
    try:
        set_up(command, terminal)
    except Failure as failure:
        terminal.say(f"\n{failure}")
        return 1
    return hand_over(command, arguments)


def hand_over(command: str, arguments: list[str]) -> int:
    os.environ["PATH"] = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # Where containers forbid it, each of a hundred processes would compile everything for itself.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if sys.platform == "darwin":  # Homebrew's libraries are not where macOS looks for them
        os.environ.setdefault("DYLD_FALLBACK_LIBRARY_PATH", "/opt/homebrew/lib:/usr/local/lib:/usr/lib")
    os.execv(PYTHON, [str(PYTHON), "-m", f"tools.{command}", *arguments])  # noqa: S606 - same process: signals arrive


def set_up(command: str, terminal: Terminal) -> None:
    create_environment(terminal)
    system = SystemPackages(command)
    system.start()
    install_packages(wanted_requirements(command), terminal)
    system.finish(terminal)
    if command != "manage":
        tell_of_missing_libraries(terminal)
    if command == "test":
        install_browser(terminal)


# --- Python ----------------------------------------------------------------------------------------------------------


def create_environment(terminal: Terminal) -> None:
    if works(PYTHON):
        return
    if importlib.util.find_spec("ensurepip") is None:  # Debian and Ubuntu have it in a package of its own
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        try:
            with terminal.step(f"system packages: {package}"):
                apt_install([package])
        except Failure as failure:
            hint = f"Python cannot make virtual environments here: sudo apt-get install {package}"
            raise Failure(hint) from failure
    with terminal.step("virtual environment"):
        run([sys.executable, "-m", "venv", "--clear", str(VENV)])


def works(python: Path) -> bool:
    try:
        run([str(python), "-m", "pip", "--version"] if not INSTALLED.exists() else [str(python), "-c", ""])
    except Failure:
        return False
    return True


def wanted_requirements(command: str) -> list[Path]:
    names = ["requirements.txt"]
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        names.append("requirements-embedded.txt")
    if command == "test":
        # The tests start a broker of their own.
        names = ["requirements.txt", "requirements-embedded.txt", "requirements-test.txt"]
    return [ROOT / name for name in names]


def install_packages(requirements: list[Path], terminal: Terminal) -> None:
    """Run pip only when a list has changed since it was last installed."""
    installed: dict[str, str] = json.loads(INSTALLED.read_text()) if INSTALLED.exists() else {}
    wanted = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in requirements}
    changed = [path for path in requirements if installed.get(path.name) != wanted[path.name]]
    if not changed:
        return
    files = [part for path in changed for part in ("-r", str(path))]
    # Python compiles what it needs when it needs it: a tenth of what is installed, and half of the time of installing.
    quietly = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    with terminal.step("Python packages (about a minute the first time)"):
        run([str(PYTHON), "-m", "pip", "install", *quietly, *files])
    INSTALLED.write_text(json.dumps(installed | wanted))


# --- the system ------------------------------------------------------------------------------------------------------


class SystemPackages(threading.Thread):
    """Debian's packages, installed beside Python's, which leave a core and most of the line to them."""

    def __init__(self, command: str) -> None:
        super().__init__(daemon=True)
        self.lists: list[list[str]] = []
        if may_install():
            if command != "manage":
                self.lists.append(missing_libraries())
            # Ubuntu has no such package, and its Chromium only asks for a snap, which containers cannot install.
            if command == "test" and is_debian() and not shutil.which(WINDOWLESS):
                self.lists.append([WINDOWLESS])

    def run(self) -> None:
        """One list after the other: what there is of the first does not fail with the second."""
        for packages in filter(None, self.lists):
            with contextlib.suppress(Failure):
                apt_install(packages)

    def finish(self, terminal: Terminal) -> None:
        if packages := [package for each in self.lists for package in each]:
            with terminal.step(f"system packages: {' '.join(packages)}"):
                self.join()


def missing_libraries() -> list[str]:
    return sorted({package for library, package in LIBRARIES.items() if not loads(library)})


def tell_of_missing_libraries(terminal: Terminal) -> None:
    """The libraries of the PDFs; without them everything else works."""
    if sys.platform == "darwin":
        if not any(Path(folder, "libpango-1.0.dylib").exists() for folder in ("/opt/homebrew/lib", "/usr/local/lib")):
            terminal.say("  No PDFs: the system libraries are missing. To have them: brew install pango")
    elif packages := missing_libraries():
        consequence = "PDFs are made slowly" if packages == ["libharfbuzz-subset0"] else "No PDFs"
        terminal.say(
            f"  {consequence}: system libraries are missing. To have them: sudo apt-get install {' '.join(packages)}"
        )


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install_browser(terminal: Terminal) -> None:
    """Chromium for the browser tests; without it they are skipped and say so."""
    mac = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    if any(shutil.which(name) for name in BROWSERS) or mac.exists():
        return
    try:
        with terminal.step("Chromium for the browser tests"):
            run([str(PYTHON), "-m", "playwright", "install", "chromium"], timeout=APT_PATIENCE)
    except Failure:
        terminal.say(
            "  No browser tests: Chromium is missing. To have it: sudo apt-get install chromium-headless-shell"
        )


def is_debian() -> bool:
    release = Path("/etc/os-release")
    return release.exists() and "ID=debian" in release.read_text().splitlines()


def may_install() -> bool:
    """Only root may, and `sudo` is never called behind anybody's back."""
    return os.getuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages: list[str]) -> None:
    if not may_install():
        raise Failure("Only root installs packages of the system, and only where apt-get is.")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], env=env, timeout=APT_PATIENCE)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    run([*install, *packages], env=env, timeout=APT_PATIENCE)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stopped:
        sys.exit(130)
