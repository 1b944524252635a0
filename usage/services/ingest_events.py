"""Store usage events and add them to the roll-ups."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from usage import measuring, selectors, storage
from usage.acceptance import Accepted, Listeners, Rules
from usage.aggregation import RULES, Found, combine
from usage.cloudevents import EventDraft, EventRejectedError, parse
from usage.corrections import Corrections


@dataclass(frozen=True, slots=True, order=True)
class Rejection:
    """Why one event of a batch was not kept. `event_id` is empty where it had none that could be read."""

    index: int
    code: str
    message: str
    event_id: str


@dataclass(slots=True)
class IngestResult:
    """What became of a batch: accepted + duplicates + len(rejected) is its size."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Rejection] = field(default_factory=list)


def ingest_events(
    *, events: Sequence[EventDraft | Mapping[str, Any]], token_customer_id: int | None, at: datetime
) -> IngestResult:
    """Keep the good events of a batch, reject the others by index; a repeat is ignored and counted.

    `events` are CloudEvents parsed with `parse_float=Decimal`, or drafts. `token_customer_id` is the customer whose
    subjects may be written, None for an operator. Insert and roll-up are one transaction; the number of queries does
    not depend on the number of events. Raises nothing for bad events.

    No customer is locked: events only reference their customer, and whoever bills reads a window that is over.
    """
    result = IngestResult()
    drafts = list(_drafts(events, result))
    if drafts:
        with transaction.atomic():
            if any(draft.corrects for _index, draft in drafts):
                storage.lock_catalogue()  # two corrections of one event must not both take the same
            else:
                storage.hold_catalogue()
            _store(drafts, token_customer_id, at, result)
    result.rejected.sort()
    return result


def _drafts(events: Sequence[EventDraft | Mapping[str, Any]], result: IngestResult) -> Iterable[tuple[int, EventDraft]]:
    for index, event in enumerate(events):
        try:
            yield index, event if isinstance(event, EventDraft) else parse(event)
        except EventRejectedError as error:
            event_id = event.get("id") if isinstance(event, Mapping) else ""
            _reject(result, index, event_id if isinstance(event_id, str) else "", error)


def _reject(result: IngestResult, index: int, event_id: str, error: EventRejectedError) -> None:
    result.rejected.append(Rejection(index, error.code, error.message, event_id[:200]))


def _store(
    drafts: Sequence[tuple[int, EventDraft]], token_customer_id: int | None, at: datetime, result: IngestResult
) -> None:
    rules = Rules(
        subjects=selectors.subjects({draft.subject for _index, draft in drafts}, at),
        listeners=selectors.listeners({draft.type for _index, draft in drafts}),
        token_customer_id=token_customer_id,
        max_ahead=settings.EVENT_MAX_AHEAD,
    )
    kept = _permitted_corrections(_judged(drafts, rules, result), rules.listeners, result)
    if not kept:
        return
    new = storage.insert_events(kept.values(), at=at)
    result.accepted = len(new)
    result.duplicates += len(kept) - len(new)
    if new:
        _roll_up((event for identity, event in kept.items() if identity in new), rules.listeners, at)


def _judged(
    drafts: Iterable[tuple[int, EventDraft]], rules: Rules, result: IngestResult
) -> dict[storage.Identity, Accepted]:
    kept: dict[storage.Identity, Accepted] = {}
    for index, draft in drafts:
        try:
            event = rules.judge(index, draft)
        except EventRejectedError as error:
            _reject(result, index, draft.event_id, error)
            continue
        if kept.setdefault(event.identity, event) is not event:
            result.duplicates += 1
    return kept


def _permitted_corrections(
    kept: dict[storage.Identity, Accepted], listeners: Mapping[str, Listeners], result: IngestResult
) -> dict[storage.Identity, Accepted]:
    """Corrections at the instant of the event they name; those that take what is not there are rejected."""
    asking = [event for event in kept.values() if event.draft.corrects]
    if not asking:
        return kept
    corrections = Corrections(listeners)
    names = {(*event.identity[:2], event.draft.corrects) for event in asking}
    corrections.learn(storage.events_around(names, {event.identity for event in asking}))
    corrections.accompany(event for event in kept.values() if not event.draft.corrects)
    for event in asking:
        try:
            kept[event.identity] = corrections.judge(event)
        except EventRejectedError as error:
            del kept[event.identity]
            _reject(result, event.place, event.draft.event_id, error)
    return kept


def _roll_up(events: Iterable[Accepted], listeners: Mapping[str, Listeners], at: datetime) -> None:
    aggregations = {feature: measure.aggregation for one in listeners.values() for feature, measure in one.measures}
    brought: dict[str, dict[measuring.HourKey, list[Found]]] = {}
    corrected: set[measuring.HourKey] = set()
    for event in events:
        customer_id = event.identity[0]
        hour = event.time.replace(minute=0, second=0, microsecond=0)
        for feature_id, quantity in event.brings:
            aggregation = aggregations[feature_id]
            key = (customer_id, feature_id, hour)
            if event.draft.corrects and not RULES[aggregation].additive:
                corrected.add(key)
            else:
                brought.setdefault(aggregation, {}).setdefault(key, []).append(Found(quantity, event.time))
    storage.add_to_hours(
        {name: {key: combine(name, found) for key, found in hours.items()} for name, hours in brought.items()}, at=at
    )
    if corrected:
        measuring.measure_gauges_again(corrected, at=at)
