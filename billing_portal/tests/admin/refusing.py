"""What the proofs of refusals share: who may what, which rows must stay as they are, and how it is tried."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from django.contrib import admin, auth
from django.db import connection
from django.db.models import Model
from django.http import HttpRequest
from django.test import Client
from django.urls import URLPattern

from accounts.roles import CATALOG, CATALOG_TABLES, EXPORT, READ, ROLES, ROOMS, SUPPORT, SUPPORT_TABLES
from billing_portal.tests.admin.world import ROLES_OF, World, kept_apart
from invoices.models_archives import Archive

PEOPLE = (*ROLES_OF, "staff")
SUPERUSER = "superuser"
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label_lower)

# Rows that forms and actions of the tables may change. Every other table stays as it is, to the byte.
FREE = {
    *("accounts_user", "accounts_user_groups", "accounts_user_user_permissions", "accounts_apitoken"),
    *("plans_salesinquiry", "usage_meter", "usage_feature", "invoices_seller", "invoices_taxrate"),
    *("invoices_archive", "invoices_archiveentry", "invoices_archivepart"),
}
ONLY = {
    "plans_plan": "status <> 'draft'",
    "plans_ratecard": "plan_id IN (SELECT id FROM plans_plan WHERE status <> 'draft')",
    "plans_pricetier": "rate_card_id IN (SELECT c.id FROM plans_ratecard c JOIN plans_plan p ON p.id = c.plan_id"
    " WHERE p.status <> 'draft')",
    "accounts_auditentry": "id <= {newest}",  # appended to by the verbs
}

DONE, REFUSED = {200, 302, 303, 409, 422}, {403, 405}


# --- who may ----------------------------------------------------------------------------------------------------------
def holds(person: str, capabilities: tuple[str, ...]) -> bool:
    """All of them."""
    role = ROLES_OF.get(person)
    return person == "staff" or (role is not None and set(capabilities) <= set(ROLES[role]))


def seeing(label: str) -> tuple[tuple[str, ...], ...]:
    """Whoever has all capabilities of one of these looks at the table."""
    if label == "invoices.archive":
        return ((READ, EXPORT),)
    if label.partition(".")[0] not in ROOMS:
        return ((SUPERUSER,),)
    more = [(CATALOG,)] * (label in CATALOG_TABLES) + [(SUPPORT,)] * (label in SUPPORT_TABLES)
    return ((READ,), *more)


def sees(person: str, label: str) -> bool:
    return any(holds(person, one) for one in seeing(label))


def row_of(model: type[Model], world: World) -> Model | None:
    if model._meta.label_lower == "plans.plan":
        return world.published
    return model._default_manager.order_by("pk").first()


def key_of(row: Model) -> Any:
    """As its address names it."""
    return row.public_id if isinstance(row, Archive) else row.pk


def patterns(entries: Iterable[Any]) -> Iterator[tuple[str | None, list[str]]]:
    """(name, parameters) of every address below."""
    for entry in entries:
        if isinstance(entry, URLPattern):
            yield entry.name, list(entry.pattern.converters)
        else:
            yield from patterns(entry.url_patterns)


# --- what stays -------------------------------------------------------------------------------------------------------
class Fingerprint:
    """A hash of all rows of each table of the rooms but the free ones; `before` is that of the world as it was built,
    to which every test returns."""

    def __init__(self) -> None:
        rooms = tuple(f"{room}_" for room in ROOMS)
        tables = [name for name in connection.introspection.table_names() if name.startswith(rooms)]
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(id) FROM accounts_auditentry")
            [newest] = cursor.fetchone()
        self.statement = " UNION ALL ".join(
            f"SELECT '{table}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"  # noqa: S608 - our own names
            f" WHERE {ONLY.get(table, 'true').format(newest=newest)}"
            for table in sorted(set(tables) - FREE)
        )
        self.before = self()

    def __call__(self) -> dict[str, str]:
        with connection.cursor() as cursor:
            cursor.execute(self.statement)
            return dict(cursor.fetchall())

    def changed(self, statements: "Statements") -> list[str]:
        """The tables that are not as before. Where nothing was asked of the database but to read, none can be."""
        if not statements.may_write:
            return []
        return [table for table, rows in self().items() if rows != self.before[table]]


class Statements:
    """Whether anything but reading was asked of the database; used by `execute_wrapper`."""

    READING = ("SELECT", "SAVEPOINT", "ROLLBACK TO", "RELEASE")

    def __init__(self) -> None:
        self.may_write = False

    def __call__(self, execute: Callable[..., Any], sql: Any, *args: Any) -> Any:
        self.may_write |= not str(sql).lstrip(" (").startswith(self.READING)
        return execute(sql, *args)


# --- how it is tried --------------------------------------------------------------------------------------------------
class Attempt(NamedTuple):
    """A request, and whether it is one that is answered – where not, it is refused. `writes`: what it is for, so that
    only who may not send it must leave everything as it was."""

    name: str
    client: Client
    method: str
    url: str
    data: dict[str, Any]
    is_allowed: bool
    answers: frozenset[int] = frozenset(DONE)
    writes: bool = False

    @property
    def changes_nothing(self) -> bool:
        """Whatever comes after it is answered as if it had not been sent."""
        return not self.is_allowed or not (self.writes or self.method == "post")

    def send(self) -> int:
        return int(getattr(self.client, self.method)(self.url, self.data).status_code)


def wrong_among(attempts: Iterable[Attempt], fingerprint: Fingerprint) -> list[str]:
    """What is not as it should be, in words. Whatever must change nothing is sent in one go, with one look at the
    tables after it; where they differ then, each is sent again by itself to tell which it was."""
    sent, statements = list(attempts), Statements()
    with kept_apart(), connection.execute_wrapper(statements):
        wrong = [
            f"{one.name}: {status}"
            for one in sent
            if one.changes_nothing and (status := one.send()) not in (one.answers if one.is_allowed else REFUSED)
        ]
        is_moved = bool(fingerprint.changed(statements))
    for one in sent:
        if is_moved or not one.changes_nothing:
            wrong += alone(one, fingerprint)
    return wrong


def alone(one: Attempt, fingerprint: Fingerprint) -> Iterator[str]:
    statements = Statements()
    with kept_apart(), connection.execute_wrapper(statements):
        status = one.send()
        if one.is_allowed and status not in one.answers:
            yield f"{one.name}: {status}"
        if not (one.is_allowed and one.writes):
            yield from (f"{one.name}: changed {table}" for table in fingerprint.changed(statements))


@contextmanager
def known_by_session() -> Iterator[None]:
    """Who a session belongs to, and what they may, is asked once and not with every request."""
    known: dict[str, Any] = {}
    find = auth.get_user

    def get_user(request: HttpRequest) -> Any:
        key = request.session.session_key
        if key is None:
            return find(request)
        if key not in known:
            known[key] = find(request)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "get_user", get_user)
        yield
