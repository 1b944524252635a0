"""The fault plan: which requests go wrong, and how.

Decided by hashing the plan's seed with what is asked (our key or the path, and the how-manieth time it is), never by
the order of calls, so that the same seed gives the same faults however many callers there are.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, replace
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from processor.storage import Store

# slow: answered late · drop_before, drop_after: the connection ends before or after the work is done ·
# twice: handled twice, answered with the repeat · error_before, error_after: 500 · rate_limit: 429 · decline: the bank
# says no
KINDS: Final = ("slow", "drop_before", "drop_after", "twice", "error_before", "error_after", "rate_limit", "decline")
WEBHOOK_KINDS: Final = ("late", "twice", "never")


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault for requests that match, the first `times` times each is asked. `*` matches anything."""

    fault: str
    operation: str = "*"  # payment_intents.confirm, refunds.create …
    key: str = "*"  # our key where the request has one, else its path
    times: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """Shares are probabilities (0 … 1) and are spread evenly over the kinds."""

    seed: str = ""
    share: float = 0.0
    kinds: tuple[str, ...] = KINDS
    slow_seconds: float = 0.5
    rules: tuple[Rule, ...] = field(default=())
    webhook_share: float = 0.0
    webhook_kinds: tuple[str, ...] = WEBHOOK_KINDS
    late_seconds: float = 5.0

    @classmethod
    def of(cls, store: Store) -> Plan:
        stored = store.setting("faults")
        return cls.read(json.loads(stored)) if stored else cls()

    @classmethod
    def read(cls, values: dict[str, Any]) -> Plan:
        """A plan from JSON. Raises ValueError for what it does not know."""
        if unknown := set(values) - {known.name for known in fields(cls)}:
            raise ValueError(f"a fault plan has no {', '.join(sorted(unknown))}")
        given = values | {name: tuple(values[name]) for name in ("kinds", "webhook_kinds") if name in values}
        given["seed"] = str(values.get("seed", ""))
        given["rules"] = tuple(Rule(**rule) for rule in values.get("rules", ()))
        named = {*given.get("kinds", ()), *(rule.fault for rule in given["rules"])}
        if wrong := named - set(KINDS) | set(given.get("webhook_kinds", ())) - set(WEBHOOK_KINDS):
            raise ValueError(f"there is no fault {', '.join(sorted(wrong))}")
        return cls(**given)

    def with_rule(self, rule: Rule) -> Plan:
        """The same plan with one rule more, which is asked first. Raises ValueError for a fault that is none."""
        if rule.fault not in KINDS:
            raise ValueError(f"there is no fault {rule.fault}")
        return replace(self, rules=(rule, *(known for known in self.rules if known != rule)))

    def store(self, store: Store) -> None:
        store.set("faults", json.dumps(asdict(self)))

    def decide(self, operation: str, key: str, attempt: int) -> str:
        """The fault of this attempt, empty for none."""
        for rule in self.rules:
            if attempt <= rule.times and fnmatchcase(operation, rule.operation) and fnmatchcase(key, rule.key):
                return rule.fault
        return self._draw(self.share, self.kinds, f"{operation}|{key}|{attempt}")

    def delays(self, event: str, about: str, attempt: int) -> list[float]:
        """Seconds until each delivery of an event: one, none, or two."""
        what = f"webhook|{event}|{about}|{attempt}"
        fault = self._draw(self.webhook_share, self.webhook_kinds, what)
        late = self.late_seconds * self._hash(f"{what}|delay")
        return {"late": [late], "twice": [0.0, late], "never": []}.get(fault, [0.0])

    def _draw(self, share: float, kinds: tuple[str, ...], what: str) -> str:
        drawn = self._hash(what)
        return kinds[int(drawn / share * len(kinds))] if kinds and drawn < share else ""

    def _hash(self, what: str) -> float:
        """Evenly spread over [0, 1)."""
        return int.from_bytes(sha256(f"{self.seed}|{what}".encode()).digest()[:6]) / 2**48
