"""Which events are kept, pure: the rules of one batch, and what every kept event brings to which feature.

The facts (subjects, meters, the present) are gathered once per batch; judging an event asks nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from usage.aggregation import DECIMALS, MAX_VALUE, Measure, measured, number, text
from usage.cloudevents import EventDraft, EventRejectedError, json_text
from usage.paths import resolve


class Subject(NamedTuple):
    """Whose events a subject's are, and that customer's present instant."""

    customer_id: int
    present: datetime


class Value(NamedTuple):
    """A value some meter needs of every event of its type: a number, or a text whose different values are counted."""

    path: str
    keys: tuple[str, ...]
    is_number: bool = True


class Listeners(NamedTuple):
    """Who listens to one event type: the values its meters need, the measures of its features by their id.

    `aggregations`: those of its meters, whether anything is priced by them or not.
    """

    values: tuple[Value, ...]
    measures: tuple[tuple[int, Measure], ...]
    aggregations: frozenset[str] = frozenset()


class Accepted(NamedTuple):
    """One event to store. `place`: its index in the batch. `identity`: customer, source, id.

    `brings`: feature id → what it adds there.
    """

    place: int
    identity: tuple[int, str, str]
    draft: EventDraft
    time: datetime
    text: str
    brings: tuple[tuple[int, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a batch is judged by. `token_customer_id` None: an operator's token, which may write every subject."""

    subjects: Mapping[str, Subject]
    listeners: Mapping[str, Listeners]
    token_customer_id: int | None
    max_ahead: timedelta

    def judge(self, index: int, draft: EventDraft) -> Accepted:
        """The event as it will be stored. Raises EventRejectedError.

        What a correction may take is asked later, for the whole batch.
        """
        subject = self._subject(draft)
        listeners = self.listeners.get(draft.type)
        if listeners is None:
            raise EventRejectedError("unknown_type", "No meter listens to this `type`.")
        time = draft.time or subject.present
        if time - subject.present > self.max_ahead:
            raise EventRejectedError("time_ahead", "`time` lies too far ahead.")
        corrects = bool(draft.corrects)
        for value in listeners.values:
            _check(value, draft)
        brings = tuple(
            (feature_id, quantity)
            for feature_id, measure in listeners.measures
            if (quantity := measured(measure, draft.data, corrects=corrects)) is not None
        )
        identity = (subject.customer_id, draft.source, draft.event_id)
        return Accepted(index, identity, draft, time, json_text(draft.data), brings)

    def _subject(self, draft: EventDraft) -> Subject:
        subject = self.subjects.get(draft.subject)
        if subject is None:
            raise EventRejectedError("unknown_subject", "`subject` is not known.")
        if self.token_customer_id not in (None, subject.customer_id):
            raise EventRejectedError("forbidden_subject", "This token may not write usage of this `subject`.")
        return subject


def _check(value: Value, draft: EventDraft) -> None:
    found = resolve(draft.data, value.keys)
    if found is None:
        raise EventRejectedError("missing_value", f"The value {value.path} is missing.")
    if not value.is_number:
        if text(found) is None:
            raise EventRejectedError("invalid_value", f"The value {value.path} must be a text or a number.")
        return
    _check_number(value, number(found), corrects=bool(draft.corrects))


def _check_number(value: Value, exact: Decimal | None, *, corrects: bool) -> None:
    if exact is None:
        raise EventRejectedError("invalid_value", f"The value {value.path} must be a number.")
    if exact.copy_abs() >= MAX_VALUE:
        raise EventRejectedError("invalid_value", f"The value {value.path} is too large.")
    if int(exact.as_tuple().exponent) < -DECIMALS:
        raise EventRejectedError("invalid_value", f"The value {value.path} has more than {DECIMALS} decimals.")
    if exact < 0 and not corrects:
        raise EventRejectedError(
            "negative_value", f"The value {value.path} is negative; a correction names the event it `corrects`."
        )
