"""The sandbox processor of `./portal manage`: there for the command where none listens, and gone with it."""

import http.client
import socket
from contextlib import closing

import pytest

from tools import processor
from tools.environment import HOST, demo
from tools.steps import Failure


@pytest.fixture(autouse=True)
def _its_own(monkeypatch, tmp_path):
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        monkeypatch.setenv("SANDBOX_PORT", str(probe.getsockname()[1]))
    monkeypatch.delenv("SANDBOX_URL")
    monkeypatch.setattr(processor, "VAR", tmp_path)
    monkeypatch.setattr(processor, "JOURNAL", tmp_path / "processor.sqlite3")


def test_it_runs_as_long_as_the_command_does(tmp_path):
    assert not processor.listens()
    with processor.at_hand(demo()):
        with closing(http.client.HTTPConnection(demo()["SANDBOX_URL"].removeprefix("http://"))) as connection:
            connection.request("GET", "/_sandbox/health")
            assert connection.getresponse().status == 200
        with processor.at_hand(demo()):  # beside a portal that runs
            assert processor.listens()
        assert processor.listens()
    assert not processor.listens()
    assert (tmp_path / "processor.sqlite3").exists()


def test_it_is_not_needed_where_another_is_named(monkeypatch):
    monkeypatch.setenv("SANDBOX_URL", "http://sandbox.example")
    with processor.at_hand(demo()):
        assert not processor.listens()


def test_a_processor_that_does_not_start_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(processor, "JOURNAL", tmp_path / "no" / "such" / "folder")
    with pytest.raises(Failure, match="does not start on port"), processor.at_hand(demo()):
        raise AssertionError
