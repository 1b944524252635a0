"""What staff see before they move subscriptions to another version, and how a migration gets on afterwards."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, Value, When
from django.utils.translation import gettext_lazy

from plans.exceptions import PlansError
from plans.models import (
    ChangeQuote,
    Plan,
    ScheduledChange,
    ScheduleStatus,
    Subscription,
    SubscriptionMigration,
)
from plans.selectors.comparing import Sample, samples
from plans.selectors.scheduling import preview_change

if TYPE_CHECKING:
    from plans.selectors.closing import Closing

SHOWN = 20  # customers who cannot move, named one by one
OBSTACLES = {
    "currency": gettext_lazy("Billed in another currency"),
    "scheduled": gettext_lazy("A change is scheduled already"),
    "parked": gettext_lazy("Left out of runs"),
    "starting": gettext_lazy("A first payment has no outcome yet"),
}
WAITING, MOVED, FAILED, SUPERSEDED, WITHDRAWN = "waiting", "moved", "failed", "superseded", "withdrawn"
STATES = {
    WAITING: gettext_lazy("Scheduled"),
    MOVED: gettext_lazy("Moved"),
    FAILED: gettext_lazy("Failed (parked)"),
    SUPERSEDED: gettext_lazy("Superseded"),
    WITHDRAWN: gettext_lazy("Withdrawn"),
}


@dataclass(frozen=True, slots=True)
class Stuck:
    """A subscription that can't move, and why in words."""

    subscription: Subscription
    reason: str


@dataclass(frozen=True, slots=True)
class SampleMove:
    """What moving means for one customer: thirty days on both versions and, moved now, the closing invoice."""

    sample: Sample
    closing: "Closing | None"
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class MigrationPreview:
    """What `migrate_subscriptions` would decide, and for whom. `versions`: (version, open subscriptions, those of them
    that can move), ascending; `stuck`: the first of those that can't."""

    plan: Plan
    versions: tuple[tuple[Plan, int, int], ...]
    obstacles: tuple[tuple[str, int], ...]
    stuck: tuple[Stuck, ...]
    samples: tuple[SampleMove, ...]

    @property
    def movable(self) -> int:
        return sum(can for _plan, _every, can in self.versions)

    @property
    def rows(self) -> list[tuple[Plan, int, int, int]]:
        """Version, open subscriptions, who can move, who can't."""
        return [(plan, every, can, every - can) for plan, every, can in self.versions]

    @property
    def unnamed(self) -> int:
        """How many of those that can't move are not shown by name."""
        return sum(count for _words, count in self.obstacles) - len(self.stuck)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a migration is. `counts`: (state, its words, customers), in the order of STATES."""

    migration: SubscriptionMigration
    counts: tuple[tuple[str, str, int], ...]

    @property
    def is_finished(self) -> bool:
        """Whether nothing of it can change by itself any more."""
        waiting = next(count for state, _words, count in self.counts if state == WAITING)
        return self.migration.scheduled_at is not None and not waiting

    @property
    def scheduled(self) -> int:
        return sum(count for _state, _words, count in self.counts)


def others(plan: Plan) -> Any:  # a SubscriptionQuerySet; an annotation is no field to the type checker
    """The open subscriptions of its other versions, each with its `obstacle`: empty where it can move."""
    has_change = ScheduledChange.objects.filter(customer=OuterRef("customer"), status=ScheduleStatus.SCHEDULED)
    is_starting = ChangeQuote.objects.starts_to_settle().filter(customer=OuterRef("customer"))
    foreign = ~Q(customer__currency__in=("", plan.currency)) | ~Q(plan__currency=plan.currency)
    whens = [When(foreign, then=Value("currency"))] if plan.terms().is_priced else []
    whens += [
        When(Exists(has_change), then=Value("scheduled")),
        When(customer__parked_at__isnull=False, then=Value("parked")),
        When(Exists(is_starting), then=Value("starting")),
    ]
    rows = Subscription.objects.open().filter(plan__key=plan.key).exclude(plan=plan)
    return rows.annotate(obstacle=Case(*whens, default=Value(""), output_field=CharField()))


def to_move(migration: SubscriptionMigration) -> Any:
    """Those of a migration that it has scheduled nothing for yet; nobody again whose change was withdrawn."""
    own = ScheduledChange.objects.filter(migration=migration, customer=OuterRef("customer"))
    rows = others(migration.plan).filter(plan__version__in=migration.from_versions, obstacle="")
    return rows.exclude(Exists(own))


def preview_migration(plan: Plan, at: datetime) -> MigrationPreview:
    """`plan` (loaded `with_cards`) is the version they would move to; nothing is written."""
    counted = others(plan).order_by().values("plan", "obstacle").annotate(count=Count("pk"))
    counts = {(row["plan"], row["obstacle"]): row["count"] for row in counted}
    plans = {each.pk: each for each in Plan.objects.with_cards().filter(pk__in={pk for pk, _obstacle in counts})}
    versions = [
        (each, sum(count for (pk, _), count in counts.items() if pk == each.pk), counts.get((each.pk, ""), 0))
        for each in sorted(plans.values(), key=lambda each: each.version)
    ]
    obstacles = [
        (words, sum(count for (_, obstacle), count in counts.items() if obstacle == name))
        for name, words in OBSTACLES.items()
    ]
    return MigrationPreview(
        plan=plan,
        versions=tuple(versions),
        obstacles=tuple((str(words), count) for words, count in obstacles if count),
        stuck=tuple(_stuck(plan)) if any(count for _words, count in obstacles) else (),
        samples=tuple(_sample_moves(plans, plan, at)),
    )


def _stuck(plan: Plan) -> Iterable[Stuck]:
    rows = others(plan).exclude(obstacle="").select_related("customer", "plan").order_by("obstacle", "customer__name")
    for row in rows[:SHOWN]:
        words = OBSTACLES[row.obstacle]
        yield Stuck(row, f"{words}: {row.customer.parked_reason}" if row.obstacle == "parked" else str(words))


def _sample_moves(plans: dict[int, Plan], plan: Plan, at: datetime) -> Iterable[SampleMove]:
    for sample in samples(plans, plan, at, others(plan).filter(obstacle="")):
        try:
            preview = preview_change(
                customer_id=sample.customer.pk, plan=plan, when="now", at=sample.customer.present(at)
            )
        except PlansError as refused:
            yield SampleMove(sample, None, refused.message)
        else:
            yield SampleMove(sample, preview.owed)


def due_migrations() -> list[SubscriptionMigration]:
    """Wishes whose subscriptions do not all have their change scheduled yet, the oldest first."""
    rows = SubscriptionMigration.objects.filter(scheduled_at__isnull=True)
    return list(rows.select_related("created_by").order_by("created_at", "pk"))


def migrations_to(plan: Plan) -> list[SubscriptionMigration]:
    """What staff have decided to move to this version, the newest first."""
    return list(SubscriptionMigration.objects.filter(plan=plan).select_related("created_by").order_by("-pk"))


def migration_of(plan: Plan, key: str) -> SubscriptionMigration | None:
    if "\x00" in key:  # PostgreSQL has no such text
        return None
    return SubscriptionMigration.objects.filter(plan=plan, key=key).select_related("created_by").first()


def changes_of(migration: SubscriptionMigration, state: str = "") -> Any:
    """Its changes by customer, with their `state`; those of one state where it is named."""
    rows = _with_state(migration).select_related("customer", "opened").order_by("pk")
    return rows.filter(state=state) if state else rows


def _with_state(migration: SubscriptionMigration) -> Any:
    is_waiting = Q(status=ScheduleStatus.SCHEDULED)
    state = Case(
        When(is_waiting & Q(customer__parked_at__isnull=False), then=Value(FAILED)),
        When(is_waiting, then=Value(WAITING)),
        When(status=ScheduleStatus.DONE, then=Value(MOVED)),
        default=F("status"),
        output_field=CharField(),
    )
    return ScheduledChange.objects.filter(migration=migration).annotate(state=state)


def progress_of(migration: SubscriptionMigration) -> Progress:
    counted = _with_state(migration).order_by().values("state").annotate(count=Count("pk"))
    counts = {row["state"]: row["count"] for row in counted}
    return Progress(migration, tuple((state, str(words), counts.get(state, 0)) for state, words in STATES.items()))
