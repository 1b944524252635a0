"""The program itself: its own process, its journal on disk, its log, and connections that are cut."""

import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORM = {"Authorization": "Bearer sk_test_x", "Content-Type": "application/x-www-form-urlencoded"}
LONG = "4111111111111111"


class Program:
    def __init__(self, folder):
        self.journal, self.log = folder / "journal.sqlite3", folder / "log"
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    def start(self):
        command = [sys.executable, "-m", "processor", "--port", str(self.port), "--journal", str(self.journal)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)  # noqa: S603 - our own program
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                return self.ask("GET", "/_sandbox/health")
            except OSError:
                time.sleep(0.02)
        raise AssertionError(self.log.read_text())

    def stop(self, number):
        self.process.send_signal(number)
        return self.process.wait(20)

    def ask(self, method, path, form=""):
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, form, FORM)
            answer = connection.getresponse()
            body = answer.read()
            return answer.status, json.loads(body) if answer.headers["Content-Type"] == "application/json" else body


@pytest.fixture
def program(tmp_path):
    running = Program(tmp_path)
    yield running
    running.process.kill()
    running.process.wait()


def test_what_was_answered_outlives_a_killed_process(program):
    made = program.ask("POST", "/v1/customers", "metadata[key]=a")[1]
    program.stop(signal.SIGKILL)
    program.start()

    assert program.ask("GET", f"/v1/customers/{made['id']}") == (200, made)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_it_is_told_to(program, number):
    assert program.stop(number) == 0


def test_a_lost_answer_ends_the_connection_and_loses_nothing(program):
    rule = json.dumps({"rules": [{"fault": "drop_after", "operation": "customers.create"}]})
    program.ask("POST", "/_sandbox/faults", f"plan={rule}")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        program.ask("POST", "/v1/customers", "metadata[key]=a")
    with closing(sqlite3.connect(program.journal)) as books:
        assert books.execute("SELECT COUNT(*) FROM object").fetchone() == (1,)


def test_its_log_tells_paths_and_no_numbers(program):
    asked = [("GET", f"/c/{LONG}"), ("GET", f"/c/x?number={LONG}"), ("POST", "/v1/customers"), ("PUT", f"/{LONG}")]
    for method, path in asked:
        program.ask(method, path, f"number={LONG}")
    program.stop(signal.SIGTERM)

    log = program.log.read_text()
    assert "POST /v1/customers 200" in log
    assert "GET /c/… 404" in log
    assert LONG not in log
    assert LONG.encode() not in program.journal.read_bytes()


def test_it_answers_many_requests_on_one_connection(program):
    with closing(http.client.HTTPConnection("127.0.0.1", program.port, timeout=20)) as connection:
        for _ in range(3):
            connection.request("GET", "/_sandbox/health")
            assert connection.getresponse().read() == b'{"journal": 0}'


def test_it_refuses_what_is_too_large_or_not_http(program):
    for sent in (b"POST /v1/customers HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", b"\x00\x01\r\n\r\n"):
        with closing(socket.create_connection(("127.0.0.1", program.port), timeout=20)) as connection:
            connection.sendall(sent)
            assert b"413" in connection.recv(1000) or sent.startswith(b"\x00")
    assert program.ask("GET", "/_sandbox/health")[0] == 200


def test_a_port_that_is_taken_is_told(program):
    command = [sys.executable, "-m", "processor", "--port", str(program.port)]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603

    assert second.returncode == 1
    assert f"Port {program.port} is not free" in second.stderr
