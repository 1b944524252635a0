"""What a correction may do, pure: take back (part of) one event, at that event's instant, where that event counts.

So nobody can push the usage of any window below zero, and what was billed is rated again where it was billed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from usage.acceptance import Accepted, Listeners
from usage.aggregation import EXACT, ONE, RULES, ZERO, measured, number
from usage.cloudevents import EventRejectedError
from usage.paths import resolve

Name = tuple[int, str, str]  # customer, source, event id


class Known(NamedTuple):
    """An event that is there already, or that stands in the same batch. `corrects` is empty for an original."""

    name: Name
    corrects: str
    type: str
    time: datetime
    data: Mapping[str, object]


@dataclass(slots=True)
class Corrections:
    """The corrections of one batch, judged in its order; those accepted count for the next."""

    listeners: Mapping[str, Listeners]
    originals: dict[Name, Known] = field(default_factory=dict)
    taken: dict[Name, list[Mapping[str, object]]] = field(default_factory=dict)
    stored: set[Name] = field(default_factory=set)

    def learn(self, known: Iterable[Known]) -> None:
        """Events that are stored."""
        for event in known:
            self.stored.add(event.name)
            if event.corrects:
                self.taken.setdefault((*event.name[:2], event.corrects), []).append(event.data)
            else:
                self.originals[event.name] = event

    def accompany(self, accepted: Iterable[Accepted]) -> None:
        """Events of the same batch; what is stored already is not replaced."""
        for event in accepted:
            if event.identity not in self.stored:
                known = Known(event.identity, "", event.draft.type, event.time, event.draft.data)
                self.originals.setdefault(event.identity, known)

    def judge(self, correction: Accepted) -> Accepted:
        """The correction at the instant of the event it names. A repeat stays as it is. Raises EventRejectedError."""
        if correction.identity in self.stored:
            return correction
        draft = correction.draft
        name = (*correction.identity[:2], draft.corrects)
        original = self.originals.get(name)
        if original is None or original.type != draft.type:
            raise EventRejectedError("unknown_correction", "The event that this one `corrects` is not known.")
        taken = self.taken.setdefault(name, [])
        listeners = self.listeners[draft.type]
        _check_features(listeners, original, draft.data)
        _check_amounts(listeners, original, [*taken, draft.data])
        taken.append(draft.data)
        return correction._replace(time=original.time)


def _check_features(listeners: Listeners, original: Known, data: Mapping[str, object]) -> None:
    for _feature_id, measure in listeners.measures:
        before = measured(measure, original.data, corrects=False)
        after = measured(measure, data, corrects=True)
        if (before is None) != (after is None):
            raise EventRejectedError(
                "correction_elsewhere", "A correction must have the dimensions of the event it `corrects`."
            )


def _check_amounts(listeners: Listeners, original: Known, corrections: Sequence[Mapping[str, object]]) -> None:
    if len(corrections) > ONE and any(RULES[name].counts for name in listeners.aggregations):
        raise EventRejectedError("correction_repeated", "The event that this one `corrects` is taken back already.")
    for value in listeners.values:
        if not value.is_number:
            continue
        left = ZERO
        for data in (original.data, *corrections):
            left = EXACT.add(left, _number(data, value.keys))
        if left < 0:
            raise EventRejectedError(
                "correction_too_large",
                f"The corrections of an event may not take more of {value.path} than the event had.",
            )


def _number(data: Mapping[str, object], keys: Sequence[str]) -> Decimal:
    found = number(resolve(data, keys))
    return ZERO if found is None else found
