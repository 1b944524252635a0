"""One request to the API, as its handlers see it."""

from dataclasses import dataclass
from typing import Any

from processor.errors import invalid
from processor.storage import Body, Store


@dataclass
class Call:
    """`declined` is the fault plan's wish; a handler sets `lost` where the answer is not to arrive."""

    store: Store
    params: dict[str, Any]
    base_url: str
    declined: bool = False
    lost: bool = False

    def text(self, name: str, *, required: bool = True) -> str:
        value = self.params.get(name, "")
        if not isinstance(value, str) or (required and not value):
            raise invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
        return value

    def amount(self, name: str) -> int:
        """A positive number of the currency's smallest unit."""
        value = self.text(name)
        if not value.isdecimal() or not 0 < len(value) < 13:
            raise invalid(f"Invalid integer: {name}", code="parameter_invalid_integer", param=name)
        if int(value) < 1:
            raise invalid("This value must be at least 1.", code="parameter_invalid_integer", param=name)
        return int(value)

    def flag(self, name: str) -> bool:
        return self.params.get(name) == "true"

    def metadata(self) -> dict[str, str]:
        given = self.params.get("metadata", {})
        return given if isinstance(given, dict) else {}

    def seconds(self, name: str) -> int | None:
        """A bound of `created`, where one is given."""
        bounds = self.params.get("created", {})
        value = bounds.get(name) if isinstance(bounds, dict) else None
        if value is not None and not str(value).isdecimal():
            raise invalid(f"Invalid timestamp: created[{name}]", param="created")
        return None if value is None else int(value)


def listed(call: Call, kind: str, url: str, *, parent: str = "") -> Body:
    """Newest first, a page at a time, as Stripe lists."""
    store, limit = call.store, min(int(call.text("limit", required=False) or 10), 100)
    query, values = "SELECT body FROM object WHERE kind = ?", [kind]
    wanted: list[tuple[str, Any]] = [
        ("customer = ?", call.text("customer", required=False) or None),
        ("parent = ?", parent or None),
        ("created >= ?", call.seconds("gte")),
        ("created > ?", call.seconds("gt")),
        ("created < ?", call.seconds("lt")),
        ("created <= ?", call.seconds("lte")),
    ]
    if after := call.text("starting_after", required=False):
        store.get(kind, after, "starting_after")
        wanted.append(("seq < (SELECT seq FROM object WHERE id = ?)", after))
    for condition, value in wanted:
        if value is not None:
            query, values = f"{query} AND {condition}", [*values, value]
    rows = store.rows(f"{query} ORDER BY seq DESC LIMIT {limit + 1}", *values)
    found = [store.read(row["body"]) for row in rows]
    return {"object": "list", "url": url, "has_more": len(found) > limit, "data": found[:limit]}
