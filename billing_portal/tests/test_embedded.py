"""The embedded servers: started from nothing, found again after a crash, gone when the last user leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis

from billing_portal import embedded, embedded_programs, embedded_server
from billing_portal.embedded_server import Postgres, Valkey, command_line


@pytest.fixture
def folder(monkeypatch):
    """A home of its own under /tmp: pytest's own folders are closed to the servers' account."""
    with embedded.temporary_folder() as folder:
        monkeypatch.setattr(embedded, "VAR", folder)
        monkeypatch.setattr(embedded_programs, "VAR", folder)
        monkeypatch.setattr(embedded_programs, "home", lambda: folder)
        monkeypatch.setattr(embedded, "home", lambda: folder)
        monkeypatch.setattr(embedded, "socket_dir", lambda: folder / "s")
        monkeypatch.delenv("DATABASE_URL", raising=False)
        monkeypatch.delenv("REDIS_URL", raising=False)
        yield folder


@pytest.fixture(scope="module")
def stored():
    """What a PostgreSQL that was started once has left: to make it takes ten times as long as to start it."""
    with embedded.temporary_folder() as folder:
        first = Postgres(folder, folder / "s")
        first.start()
        first.stop()
        yield first.data


@pytest.fixture
def used_folder(folder, stored):
    """The same, with a PostgreSQL that was there before."""
    subprocess.run(["cp", "-a", str(stored), str(folder)], check=True)
    return folder


def scalar(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def ping(url: str) -> bool:
    with redis.Redis.from_url(url.replace("redis+socket://", "unix://")) as client:
        return bool(client.ping())


def test_it_starts_both_from_nothing_and_keeps_what_they_store(folder):
    with embedded.servers():
        assert ping(embedded.urls().redis)
        with psycopg.connect(embedded.urls().database) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    with embedded.servers():
        assert scalar(embedded.urls().database, "SELECT n FROM kept") == 42
        assert scalar(embedded.urls().database, "SHOW fsync") == "on"
        assert scalar(embedded.urls().database, "SHOW listen_addresses") == ""


def test_it_leaves_no_process_behind(used_folder):
    with embedded.servers() as servers:
        pids = [server.process.pid for server in servers if server.process]

    assert len(pids) == 2
    assert not any(str(used_folder) in command_line(pid) for pid in pids)


def test_the_last_user_stops_the_servers(used_folder):
    with embedded.servers() as outer:
        with embedded.servers() as inner:
            assert all(server.process is None for server in inner), "taken over, not started again"
        assert all(server.alive() for server in outer)
    assert not any(server.alive() for server in outer)


def test_it_takes_over_what_a_killed_run_has_left(used_folder):
    killed = Postgres(used_folder, used_folder / "s")
    killed.start()

    with embedded.servers() as servers:
        assert servers[0].process is None
        assert scalar(embedded.urls().database, "SELECT 1") == 1
    assert killed.process
    killed.process.wait(60)  # our own child, whom nobody else can bury
    assert not killed.alive()


def test_it_recovers_from_a_crash(used_folder):
    crashed = Postgres(used_folder, used_folder / "s")
    crashed.start()
    assert crashed.process
    os.kill(crashed.process.pid, signal.SIGKILL)
    crashed.process.wait()

    with embedded.servers():
        assert scalar(embedded.urls().database, "SELECT 1") == 1


def test_a_stale_pid_file_naming_another_process_does_not_matter(used_folder):
    with embedded.servers():
        pass
    for stale in (used_folder / "postgresql" / "postmaster.pid", used_folder / "s" / ".s.PGSQL.5432.lock"):
        stale.write_text(f"{os.getpid()}\n")

    with embedded.servers():
        assert scalar(embedded.urls().database, "SELECT 1") == 1


def test_it_uses_the_servers_of_the_environment(folder, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example.com/portal")
    monkeypatch.setenv("REDIS_URL", "redis://cache.example.com")

    with embedded.servers() as servers:
        assert servers == []


def test_it_refuses_the_data_of_another_version(used_folder):
    (used_folder / "postgresql" / "PG_VERSION").write_text("12\n")

    with pytest.raises(embedded.EmbeddedError, match="written by PostgreSQL 12"), embedded.servers():
        pass


def test_it_shows_the_log_of_a_server_that_does_not_start(used_folder):
    (used_folder / "postgresql" / "postgresql.conf").write_text("nonsense = 1\n")

    with pytest.raises(embedded.EmbeddedError, match="nonsense"), embedded.servers():
        pass


def test_it_makes_the_secret_key_once(folder):
    first = embedded.secret_key()

    assert embedded.secret_key() == first
    assert len(first) >= 50
    assert (folder / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_throwaway_server_is_gone_with_its_folder():
    with embedded.throwaway_postgres() as url:
        place = Path(str(scalar(url, "SHOW data_directory"))).parent
        assert scalar(url, "SHOW fsync") == "off"
        assert scalar(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is True

    assert not place.exists()


def test_the_next_throwaway_sweeps_up_after_a_killed_one():
    code = (
        "import os, signal\nfrom billing_portal import embedded\n"
        "with embedded.throwaway_valkey() as url:\n print(url, flush=True)\n os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code], cwd=embedded.ROOT, capture_output=True, text=True, check=False
    )
    left = Path(killed.stdout.strip().removeprefix("redis+socket://")).parent.parent
    assert left.exists()

    with embedded.throwaway_valkey() as url:
        assert ping(url)
        assert not left.exists()


def test_it_does_not_touch_the_throwaway_that_another_process_uses():
    with embedded.throwaway_valkey() as first, embedded.throwaway_valkey() as second:
        assert ping(first)
        assert ping(second)


def test_a_pid_alone_identifies_nobody(folder):
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        valkey = Valkey(folder, folder / "s")
        valkey.data.mkdir()
        valkey.pid_file().write_text(str(other.pid))

        valkey.stop()

        assert not valkey.alive()
        time.sleep(0.1)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_command_line_of_nobody_is_empty():
    assert command_line(2**22 + 1) == ""
    assert "python" in command_line(os.getpid())


def test_the_address_holds_its_port_against_the_environment(monkeypatch):
    monkeypatch.setenv("PGPORT", "6543")
    with embedded.throwaway_postgres() as url:
        assert scalar(url, "SELECT 1") == 1
    assert embedded_server.DATABASE in url
