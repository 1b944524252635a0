"""Importing whole files, by the verb and by the command."""

import io
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from core.clock import travel_to
from usage import books
from usage.exceptions import ImportFileError
from usage.models import UsageEvent, UsageHour
from usage.services.import_usage import import_usage
from usage.services.ingest_events import ingest_events

pytestmark = pytest.mark.django_db

DATA = Path(__file__).parent / "data"
ACCESS_LOG = DATA / "sample_access.log"
TRACE = DATA / "sample_llm_trace.csv"


@pytest.fixture(autouse=True)
def _present(at):
    with travel_to(at):
        yield


@pytest.fixture
def bring(customer, requests, tokens, at):
    def bring(content, file_format, **options):
        file = io.BytesIO(content if isinstance(content, bytes) else content.read_bytes())
        values = {"subject": customer.key, "token_customer_id": customer.pk, "at": at, **options}
        return import_usage(file=file, file_format=file_format, **values)

    return bring


def tokens_of(trace):
    rows = trace.read_text().splitlines()[1:]
    return sum(int(part) for row in rows for part in row.split(",")[1:])


def used(feature):
    return sum(UsageHour.objects.filter(feature=feature).values_list("quantity", flat=True))


def test_it_imports_every_request_of_an_access_log(bring, requests):
    summary = bring(ACCESS_LOG, "access-log")
    lines = ACCESS_LOG.read_text().splitlines()
    assert (summary.lines, summary.accepted, summary.duplicates) == (len(lines), len(lines), 0)
    assert len(set(lines)) < len(lines), "the sample has lines that are there twice, and each of them counts"
    assert not summary.rejected
    assert used(requests) == len(lines)
    assert list(books.check()) == []


def test_it_imports_every_token_of_a_trace(bring, tokens):
    assert bring(TRACE, "llm-trace").accepted == 1200
    assert used(tokens) == tokens_of(TRACE)


def test_it_changes_nothing_when_a_file_comes_again(bring, requests):
    first = bring(ACCESS_LOG, "access-log")
    before = list(UsageHour.objects.order_by("pk").values())
    again = bring(ACCESS_LOG, "access-log", shift_to=date(2026, 10, 1))
    assert (again.accepted, again.duplicates) == (0, first.accepted)
    assert list(UsageHour.objects.order_by("pk").values()) == before


def test_it_goes_on_where_it_was_interrupted(bring, requests, monkeypatch):
    batches: list[int] = []

    def break_off(**values):
        if batches:
            raise KeyboardInterrupt
        batches.append(1)
        return ingest_events(**values)

    with monkeypatch.context() as patch:
        patch.setattr("usage.services.import_usage.ingest_events", break_off)
        with pytest.raises(KeyboardInterrupt):
            bring(ACCESS_LOG, "access-log")
    assert used(requests) == 1000
    summary = bring(ACCESS_LOG, "access-log")
    assert (summary.duplicates, summary.accepted) == (1000, 500)
    assert used(requests) == 1500


def test_it_brings_what_a_grown_file_has_more(bring, requests):
    content = ACCESS_LOG.read_bytes()
    half = content.index(b"\n", len(content) // 2) + 1
    first = bring(content[:half], "access-log")
    assert bring(content, "access-log").accepted == 1500 - first.accepted


def test_it_shifts_whole_days_so_that_the_first_event_falls_on_the_day(bring):
    summary = bring(TRACE, "llm-trace", shift_to=date(2026, 10, 7))
    stamp = TRACE.read_text().splitlines()[1].split(",")[0]
    original = datetime.fromisoformat(stamp[:26]).replace(tzinfo=UTC)
    assert summary.first is not None
    assert (summary.first.date(), summary.first.time()) == (date(2026, 10, 7), original.time())


def test_it_leaves_later_events_for_another_time(bring, customer):
    until = datetime(2025, 3, 4, tzinfo=UTC)
    summary = bring(ACCESS_LOG, "access-log", until=until)
    assert summary.later > 0
    assert summary.accepted + summary.later == 1500
    assert not UsageEvent.objects.filter(time__gte=until).exists()
    assert bring(ACCESS_LOG, "access-log").accepted == summary.later


def test_it_counts_bad_lines_and_keeps_the_good_ones(bring):
    lines = TRACE.read_bytes().splitlines(keepends=True)
    summary = bring(b"".join([*lines[:5], b"rubbish\n", b"\n", *lines[5:10]]), "llm-trace")
    assert (summary.accepted, dict(summary.rejected)) == (9, {"not_llm_trace": 1})
    assert summary.examples == ["line 6: not a line of TIMESTAMP,ContextTokens,GeneratedTokens"]


def test_it_imports_cloudevents_of_its_own_customer_only(bring, customer, other_customer, at):
    whole = {"specversion": "1.0", "source": "s", "type": "ai.tokens", "time": at.isoformat(), "data": {"tokens": 3}}
    rows = [{**whole, "id": "a"}, {**whole, "id": "b", "subject": other_customer.key}, {"id": "c"}]
    summary = bring("\n".join(map(json.dumps, rows)).encode(), "cloudevents")
    assert summary.accepted == 1
    assert set(summary.rejected) == {"forbidden_subject", "invalid_specversion"}


def test_it_refuses_a_format_nobody_reads(bring):
    with pytest.raises(ImportFileError):
        bring(b"", "spreadsheet")


def test_it_refuses_to_leave_the_calendar(bring):
    with pytest.raises(ImportFileError):
        bring(ACCESS_LOG, "access-log", shift_to=date.max)


def test_it_reports_its_progress(bring):
    seen = []
    bring(ACCESS_LOG, "access-log", progress=lambda summary: seen.append(summary.bytes_read))
    assert seen == sorted(seen)
    assert seen[-1] == ACCESS_LOG.stat().st_size


# --- the command -----------------------------------------------------------------------------------------------------


def run(path, *options, customer):
    out, err = io.StringIO(), io.StringIO()
    call_command("import_usage", str(path), *options, f"--customer={customer}", stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_command_says_what_became_of_a_file(customer, requests):
    out, err = run(ACCESS_LOG, "--format=access-log", "--shift-to=2026-10-07", customer=customer.key)
    assert "1,500 events new" in out
    assert re.search(r"from 2026-10-07 .* to 2026-10-\d\d .* UTC", out)
    assert "100%" in err


def test_the_command_speaks_json(customer, tokens):
    out, _err = run(TRACE, "--format=llm-trace", "--json", customer="alice@example.com")
    assert json.loads(out)["accepted"] == 1200


@pytest.mark.parametrize(
    ("path", "options", "name", "message"),
    [
        (ACCESS_LOG, ["--format=access-log"], "nobody", "no customer with this key"),
        (DATA / "missing.log", ["--format=access-log"], None, "can't be read: No such file"),
        (ACCESS_LOG, ["--format=llm-trace"], None, "Nothing of this file could be imported"),
        (ACCESS_LOG, ["--format=access-log", "--shift-to=soon"], None, "is not an ISO 8601 day"),
        (ACCESS_LOG, ["--format=access-log", "--until=soon"], None, "is not an ISO 8601 instant"),
        (ACCESS_LOG, ["--format=xml"], None, "invalid choice"),
    ],
)
def test_the_command_says_what_is_wrong(customer, requests, tokens, path, options, name, message):
    with pytest.raises(CommandError, match=message):
        run(path, *options, customer=name or customer.key)


def test_the_command_leaves_what_lies_ahead(customer, tokens, at):
    with travel_to(at - timedelta(days=30)), pytest.raises(CommandError, match="Nothing"):
        run(TRACE, "--format=llm-trace", "--shift-to=2026-10-07", customer=customer.key)
    out, _err = run(TRACE, "--format=llm-trace", "--shift-to=2026-10-07", customer=customer.key)
    assert "1,200 events new" in out
