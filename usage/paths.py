"""Paths into an event's data, pure: the part of JSONPath that names one member of nested objects.

`$.a.b` and `$.a["b"]` (for names with dots, spaces or dashes). No arrays, wildcards or filters: one event has one
value per path. The database resolves the same paths in `usage_keys()` (migration 0002).
"""

import re
from collections.abc import Sequence
from functools import cache

_STEP = re.compile(r'\.([A-Za-z_][A-Za-z0-9_]*)|\["([^"\\\[\]\x00-\x1f]+)"\]')
_NUMBER = re.compile(r"[+-]?[0-9]+")


class PathError(ValueError):
    """The path is not of the form `$.a.b` or `$.a["b"]`."""


@cache
def keys(path: str) -> tuple[str, ...]:
    """The names to follow: keys('$.usage["input-tokens"]') == ("usage", "input-tokens"). Raises PathError."""
    names: list[str] = []
    position = 1
    while step := _STEP.match(path, position):
        names.append(step[1] or step[2])
        position = step.end()
    if not path.startswith("$") or position != len(path) or not names:
        raise PathError(f"not a path like $.a.b: {path!r}")
    if any(_NUMBER.fullmatch(name) for name in names):
        raise PathError(f"a number is no name: {path!r}")
    return tuple(names)


def resolve(data: object, names: Sequence[str]) -> object:
    """The value at the end of the names; None where a name is missing or a step is no object."""
    for name in names:
        if not isinstance(data, dict):
            return None
        data = data.get(name)
    return data
