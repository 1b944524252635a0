"""Reading files of usage line by line."""

import io
from datetime import UTC, datetime

import pytest

from usage.cloudevents import EventRejectedError
from usage.importers import (
    MAX_LINE,
    Occurrences,
    read_access_log,
    read_cloudevent,
    read_lines,
    read_llm_trace,
    route,
    truncated,
)

REQUEST = b'198.51.100.7 - - [17/May/2025:10:05:03 +0200] "GET /v1/users/42?q=1 HTTP/1.1" 404 12 "-" "curl \\"8\\""'


def test_it_reads_a_request():
    event = read_access_log(REQUEST, "acme", "id-1")
    assert event.type == "api.request"
    assert (event.subject, event.event_id) == ("acme", "id-1")
    assert event.time == datetime(2025, 5, 17, 8, 5, 3, tzinfo=UTC)
    assert event.data == {"route": "/v1/users/{id}", "status": 404, "method": "GET", "client": "198.51.100.0/24"}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        REQUEST.replace(b"17/May/2025", b"31/Feb/2025"),
        REQUEST.replace(b"May", b"Mai"),
        REQUEST.replace(b"+0200", b"+9900"),
        REQUEST.replace(b"404", b"999"),
        REQUEST.replace(b"GET /v1/users/42?q=1 HTTP/1.1", b"-"),
        REQUEST.replace(b"GET /v1/users/42?q=1 HTTP/1.1", b"\\x16\\x03\\x01"),
        REQUEST[:40],
    ],
)
def test_it_says_what_is_no_request(line):
    with pytest.raises(EventRejectedError):
        read_access_log(line, "acme", "id-1")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/", "/"),
        ("/a/b?c=/1/2", "/a/b"),
        ("/users/42/keys/7", "/users/{id}/keys/{id}"),
        ("/files/0b7e9f3c-2f1b-4a55-9d0e-1f2a3b4c5d6e", "/files/{id}"),
        ("/blobs/9f86d081884c7d659a2feaa0c55ad015", "/blobs/{id}"),
        ("/v1/2024-report.pdf", "/v1/2024-report.pdf"),
        ("http://example.org/a#b", "/a"),
        ("*", "*"),
        ("/" + "x" * 500, "/" + "x" * 199),
        ("?x", "/"),
    ],
)
def test_it_groups_requests_by_route(target, expected):
    assert route(target) == expected


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("198.51.100.7", "198.51.100.0/24"),
        ("2001:db8:7:8::1", "2001:db8:7::/48"),
        ("host.example.org", "unknown"),
        ("300.1.1.1", "unknown"),
        ("10.0.0.1/8", "unknown"),
    ],
)
def test_it_truncates_clients(client, network):
    assert truncated(client) == network


def test_it_reads_a_call():
    event = read_llm_trace(b"2023-11-16 18:17:03.9799609,4808,10", "acme", "id-1")
    assert event is not None
    assert event.time == datetime(2023, 11, 16, 18, 17, 3, 979960, tzinfo=UTC)
    assert event.data == {"context": 4808, "generated": 10, "tokens": 4818}


def test_it_skips_the_header_of_a_trace():
    assert read_llm_trace(b"TIMESTAMP,ContextTokens,GeneratedTokens", "acme", "id-1") is None


@pytest.mark.parametrize(
    "line",
    [b"2023-11-16 18:17:03,4808", b"2023-02-30 18:17:03,1,1", b"2023-11-16 18:17:03,-1,5", b"a,b,c", b"\xff,1,2"],
)
def test_it_says_what_is_no_call(line):
    with pytest.raises(EventRejectedError):
        read_llm_trace(line, "acme", "id-1")


def test_it_gives_a_cloudevent_the_subject_it_lacks():
    line = b'{"specversion": "1.0", "id": "e1", "source": "s", "type": "t", "data": {"a": 0.1}}'
    assert read_cloudevent(line, "acme", "ignored").subject == "acme"
    assert read_cloudevent(line, "acme", "ignored").event_id == "e1"


@pytest.mark.parametrize("line", [b"{", b"7", b"\xff", b'{"a": NaN}', b"[" * 100_000])
def test_it_says_what_is_no_cloudevent(line):
    with pytest.raises(EventRejectedError):
        read_cloudevent(line, "acme", "ignored")


def test_it_identifies_lines_by_content_and_occurrence():
    first, again = Occurrences(), Occurrences()
    ids = [first.identify(line) for line in (b"a", b"b", b"a")]
    assert len(set(ids)) == 3
    assert ids == [again.identify(line) for line in (b"a", b"b", b"a")]


def test_it_forgets_lines_long_past_to_stay_small():
    occurrences = Occurrences(remembered=2)
    ids = [occurrences.identify(line) for line in (b"a", b"b", b"c", b"a")]
    assert ids[0] == ids[3]


def test_it_goes_on_after_bad_and_overlong_lines():
    content = REQUEST + b"\r\n" + b"x" * (3 * MAX_LINE) + b"\n\nbad\n" + REQUEST
    lines = list(read_lines(io.BytesIO(content), read=read_access_log, subject="acme"))
    assert [(line.number, line.draft is not None, line.error and line.error.code) for line in lines] == [
        (1, True, None),
        (2, False, "line_too_long"),
        (3, False, None),
        (4, False, "not_combined_log"),
        (5, True, None),
    ]
    assert lines[-1].end == len(content)
    ids = [line.draft.event_id for line in lines if line.draft]
    assert ids[0][:-1] == ids[1][:-1]
    assert ids[0] != ids[1]
