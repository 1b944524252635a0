"""Reading CloudEvents strictly."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from usage.cloudevents import EventDraft, EventRejectedError, json_text, parse, parse_time

WHOLE = {
    "specversion": "1.0",
    "id": "e1",
    "source": "gateway",
    "type": "ai.tokens",
    "subject": "acme",
    "time": "2026-10-20T10:00:00.123456Z",
    "data": {"tokens": 5},
}


def test_it_reads_an_event():
    at = datetime(2026, 10, 20, 10, 0, 0, 123456, tzinfo=UTC)
    assert parse(WHOLE) == EventDraft("gateway", "e1", "ai.tokens", "acme", at, {"tokens": 5})


def test_it_reads_an_event_without_time_and_data():
    assert parse({**WHOLE, "time": None, "data": None})[4:] == (None, {}, "")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"specversion": "0.3"}, "invalid_specversion"),
        ({"specversion": None}, "invalid_specversion"),
        ({"id": None}, "missing_id"),
        ({"source": None}, "missing_source"),
        ({"type": None}, "missing_type"),
        ({"subject": None}, "missing_subject"),
        ({"id": ""}, "invalid_id"),
        ({"id": 7}, "invalid_id"),
        ({"id": "x" * 201}, "invalid_id"),
        ({"type": "x" * 121}, "invalid_type"),
        ({"source": "a\x00b"}, "invalid_source"),
        ({"subject": "a\ud800b"}, "invalid_subject"),
        ({"corrects": ["e0"]}, "invalid_corrects"),
        ({"time": "yesterday"}, "invalid_time"),
        ({"time": 1766000000}, "invalid_time"),
        ({"data": "text"}, "invalid_data"),
        ({"data": [1]}, "invalid_data"),
        ({"data_base64": "AAAA"}, "invalid_data"),
    ],
)
def test_it_names_the_rule_that_an_event_breaks(changed, code):
    with pytest.raises(EventRejectedError) as refusal:
        parse({**WHOLE, **changed})
    assert refusal.value.code == code


@pytest.mark.parametrize("value", [None, 7, "text", [WHOLE]])
def test_it_refuses_what_is_no_event(value):
    with pytest.raises(EventRejectedError, match="must be a JSON object"):
        parse(value)


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2026-10-20T10:00:00Z", datetime(2026, 10, 20, 10, tzinfo=UTC)),
        ("2026-10-20t10:00:00z", datetime(2026, 10, 20, 10, tzinfo=UTC)),
        ("2026-10-20T10:00:00+05:30", datetime(2026, 10, 20, 4, 30, tzinfo=UTC)),
        ("2026-10-20T10:00:00.1Z", datetime(2026, 10, 20, 10, 0, 0, 100000, tzinfo=UTC)),
        ("2026-10-20T10:00:00.123456999Z", datetime(2026, 10, 20, 10, 0, 0, 123456, tzinfo=UTC)),
    ],
)
def test_it_reads_times_to_the_microsecond(value, at):
    assert parse_time(value) == at


@pytest.mark.parametrize(
    "value",
    [
        "2026-10-20",
        "2026-10-20T10:00:00",
        "20261020T100000Z",
        "2026-W43-2T10:00:00Z",
        "2026-02-30T10:00:00Z",
        "2026-10-20T10:00:60Z",
        "0001-01-01T00:00:00+14:00",
        "1999-12-31T23:59:59Z",
        "٢٠٢٦-10-20T10:00:00Z",
    ],
)
def test_it_refuses_other_times(value):
    with pytest.raises(EventRejectedError) as refusal:
        parse_time(value)
    assert refusal.value.code == "invalid_time"


def test_it_spells_every_number_exactly():
    data = {"a": Decimal("0.10"), "b": [Decimal("1E+3"), 7, None, True, "x"], "größe": {"c": Decimal("-1.5")}}
    assert json.loads(json_text(data), parse_float=Decimal) == {**data, "b": [1000, 7, None, True, "x"]}
    assert '"a":0.10' in json_text(data)


def nested(depth):
    value: dict[str, object] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"a": "x" * 70_000}, "data_too_large"),
        ({"a": "nul \x00"}, "invalid_data"),
        ({"a\x00": 1}, "invalid_data"),
        ({"a": "half \ud800"}, "invalid_data"),
        ({"a": Decimal("1E+400")}, "invalid_data"),
        ({"a": Decimal("1E-400")}, "invalid_data"),
        ({"a": Decimal("NaN")}, "invalid_data"),
        ({"a": {1, 2}}, "invalid_data"),
        (nested(5_000), "invalid_data"),
    ],
)
def test_it_refuses_data_that_cannot_be_stored(data, code):
    with pytest.raises(EventRejectedError) as refusal:
        json_text(data)
    assert refusal.value.code == code


def test_it_keeps_a_backslash_that_only_looks_like_nul():
    assert json.loads(json_text({"a": "\\u0000"})) == {"a": "\\u0000"}
