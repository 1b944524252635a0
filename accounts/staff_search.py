"""Searching long tables: what belongs to other tables is looked up first, so that every condition is one an index of
the table itself answers."""

from collections.abc import Collection, Sequence
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, Q, QuerySet

from accounts.models import Customer, Membership, PaymentMethod, UsageSubject

MANY = 1_000  # ids that are looked up; a term that finds more is so common that the list's order finds it quickly

Ids = Collection[int] | QuerySet[Any]


def found(model: type[Model], fields: Sequence[str], term: str) -> Q:
    """The rows of a table that one of its `search_fields` (see StaffTable) finds."""
    wanted = Q(pk__in=())
    for field in fields:
        wanted |= _matches(model, field, term)
    return wanted


def _matches(model: type[Model], field: str, term: str) -> Q:
    if field == "customer" and _leads_to_customers(model):
        return Q(customer__in=ids_of(customers_named(term)))
    name = field.lstrip("^=")
    relation, _, rest = name.partition("__")
    condition = _condition(field[0], rest or name, term)
    if not rest:
        return condition
    related = model._meta.get_field(relation).related_model
    if not isinstance(related, type):
        raise FieldDoesNotExist(relation)
    return Q(**{f"{relation}__in": ids_of(related._default_manager.filter(condition))})


def _condition(how: str, name: str, term: str) -> Q:
    term = term.lower() if name.endswith("email") else term  # as they are stored
    lookup = {"^": "startswith", "=": "exact"}.get(how, "icontains")
    return Q(**{f"{name}__{lookup}": term})


def _leads_to_customers(model: type[Model]) -> bool:
    return model._meta.get_field("customer").related_model is Customer


def ids_of(rows: QuerySet[Any]) -> Ids:
    """The ids of few rows; of many the query itself. One query."""
    ids = list(rows.order_by().values_list("pk", flat=True)[: MANY + 1])
    return ids if len(ids) <= MANY else rows.order_by().values("pk")


def customers_named(term: str) -> QuerySet[Customer]:
    """Whose name has every word of it, or whose key begins so: the one scan, over names."""
    named = Q()
    for word in term.split():
        named &= Q(name__icontains=word)
    return Customer.objects.filter(named | Q(key__startswith=term))


def customers_by_trace(term: str) -> list[int]:
    """Ids by what belongs to customers: a member's e-mail address and a usage subject by their beginning, a live card
    by its last four digits. One query."""
    people = Membership.objects.filter(user__email__startswith=term.lower())
    subjects = UsageSubject.objects.filter(subject__startswith=term)
    cards = PaymentMethod.objects.live().filter(last4=term) if term.isdecimal() else PaymentMethod.objects.none()
    parts = [rows.order_by().values_list("customer_id", flat=True)[:MANY] for rows in (people, subjects, cards)]
    return sorted(set(parts[0].union(*parts[1:])))
