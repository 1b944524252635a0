"""Moves of test clocks. Part of `accounts.models`."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

LEASE = timedelta(minutes=1)  # of real time; a worker at it renews it at every stop


class ClockMoveQuerySet(models.QuerySet["ClockMove"]):
    def open(self) -> "ClockMoveQuerySet":
        """Not there yet."""
        return self.filter(ended_at__isnull=True)

    def free(self, at: datetime) -> "ClockMoveQuerySet":
        """Not there yet, and nobody is at it: not begun, handed on, or its worker was killed."""
        return self.open().filter(Q(busy_until__isnull=True) | Q(busy_until__lte=at))

    @transaction.atomic
    def claim(self, at: datetime) -> "ClockMove | None":
        """The free one that waits longest, for the caller until LEASE has passed; another worker passes it by."""
        rows = self.free(at).select_for_update(skip_locked=True, of=("self",))
        move = rows.order_by(Coalesce("busy_until", "wanted_at"), "pk").first()
        if move is not None:
            move.hold(at)
        return move


class ClockMove(models.Model):
    """A test clock is to be moved: a row that waits until the runs have come as far as `until`.

    How far they are the clock itself says, `Customer.clock_at`. Instants of the clock: `starts_at`, `until`. Of real
    time: `wanted_at`, `busy_until`, `ended_at`.
    """

    key = models.CharField(max_length=40, help_text="Of the form: a double submit moves once")
    customer = models.ForeignKey("accounts.Customer", on_delete=models.PROTECT, related_name="+", db_index=False)
    actor = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField(help_text="What the clock showed before")
    until = models.DateTimeField(help_text="What it is to show")
    wanted_at = models.DateTimeField()
    busy_until = models.DateTimeField(null=True, help_text="A worker is at it until then; later another one goes on")
    stops = models.PositiveIntegerField(default=0, help_text="At how many instants the clock stood still on the way")
    ended_at = models.DateTimeField(null=True)
    stopped = models.TextField(blank=True, help_text="Why it ended before `until`")

    objects: ClassVar[ClockMoveQuerySet] = ClockMoveQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(until__gt=F("starts_at")), name="clock_move_forward"),
            models.CheckConstraint(condition=Q(stopped="") | Q(ended_at__isnull=False), name="clock_move_stopped_over"),
            models.UniqueConstraint(fields=("customer", "key"), name="clock_move_once"),
            models.UniqueConstraint(
                fields=("customer",), condition=Q(ended_at__isnull=True), name="clock_move_one_at_a_time"
            ),
        )
        indexes = (models.Index(fields=("customer", "-id"), name="clock_move_of_customer"),)

    def __str__(self) -> str:
        return f"{self.customer_id} to {self.until:%Y-%m-%d %H:%M}"

    def hold(self, at: datetime) -> None:
        """Whoever is at it goes on being at it."""
        self.busy_until = at + LEASE
        self.save(update_fields=["busy_until"])

    def hand_on(self, at: datetime) -> None:
        """Nobody is at it any more; a worker may go on at once, after those that wait longer."""
        self.busy_until = at
        self.save(update_fields=["busy_until"])
