"""The diary of the runs: what each did, for how long, and what went wrong. Nothing is decided by it – what is due is
asked of the rooms – but a row that is wanted and not begun is a question that waits for a worker."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing_portal.report import RunReport
from core.books import Finding

KEPT_MINUTELY = timedelta(days=30)
PATIENCE = timedelta(hours=2)  # a run that has not ended by then was killed


class RunKind(models.TextChoices):
    BILLING = "billing", _("Billing run")
    CUSTOMER = "customer", _("Run for one customer")
    BOOKS = "books", _("Check of the books")
    COLLECT = "collect", _("Collecting payments")
    SETTLE = "settle", _("Settling credits")
    RESOLVE = "resolve", _("Asking the gateway")
    DOCUMENTS = "documents", _("Rendering documents")
    NOTICES = "notices", _("Sending messages")


MINUTELY = (RunKind.COLLECT, RunKind.SETTLE, RunKind.RESOLVE, RunKind.DOCUMENTS, RunKind.NOTICES)


class Trigger(models.TextChoices):
    SCHEDULE = "schedule", _("Schedule")
    COMMAND = "command", _("Command")
    PERSON = "person", _("A person")


class RunQuerySet(models.QuerySet["Run"]):
    def waiting(self) -> "RunQuerySet":
        """Wanted by a person; no worker has begun."""
        return self.filter(started_at__isnull=True)

    def large(self) -> "RunQuerySet":
        """Without the jobs of each minute."""
        return self.exclude(kind__in=MINUTELY)

    def tidy(self, at: datetime) -> int:
        """Forget what the jobs of each minute did long ago; how many rows that were."""
        old = self.filter(kind__in=MINUTELY, started_at__lt=at - KEPT_MINUTELY)
        return old.delete()[0]

    def checks(self) -> "RunQuerySet":
        """Checks of the books that came to an end, the newest first."""
        return self.filter(kind=RunKind.BOOKS, ended_at__isnull=False, error="").order_by("-pk")


class Run(models.Model):
    """One run. Written when it begins and when it ends; of the minute's jobs only what did something or failed."""

    key = models.CharField(  # noqa: DJ001 - null, because only what a form has asked for has one
        max_length=40, null=True, unique=True, help_text="Of the form that asked for it: a double submit asks once"
    )
    kind = models.CharField(max_length=20, choices=RunKind)
    trigger = models.CharField(max_length=20, choices=Trigger, default=Trigger.SCHEDULE)
    actor = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    customer = models.ForeignKey(
        "accounts.Customer", null=True, on_delete=models.PROTECT, related_name="+", help_text="Of a run for one alone"
    )
    reason = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(null=True, help_text="The present it worked at; empty while it waits")
    wanted_at = models.DateTimeField(null=True, help_text="When a person asked for it")
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="Empty after it has started: it runs, or was killed")
    took_ms = models.PositiveBigIntegerField(null=True, help_text="By a clock that nobody sets, milliseconds")
    steps = models.JSONField(default=list, help_text="Per step that did something: name, done, took_ms")
    parked = models.JSONField(default=list, help_text="Per customer that was left out: customer (id), reason")
    findings = models.JSONField(default=list, help_text="Of a check: rule, subject, detail; the first of them")
    found = models.PositiveIntegerField(default=0, help_text="How many findings there are")
    error = models.TextField(blank=True, help_text="What it died of")

    objects: ClassVar[RunQuerySet] = RunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=RunKind.values), name="run_kind_known"),
            models.CheckConstraint(condition=Q(trigger__in=Trigger.values), name="run_trigger_known"),
            models.CheckConstraint(
                condition=Q(wanted_at__isnull=False) | Q(started_at__isnull=False), name="run_wanted_or_started"
            ),
            models.CheckConstraint(
                condition=Q(started_at__isnull=False) | Q(ended_at__isnull=True), name="run_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(kind="customer", customer__isnull=False) | (~Q(kind="customer") & Q(customer__isnull=True)),
                name="run_customer_named",
            ),
            models.UniqueConstraint(
                fields=("kind",), condition=Q(started_at__isnull=True, customer__isnull=True), name="run_waits_once"
            ),
            models.UniqueConstraint(
                fields=("customer",),
                condition=Q(started_at__isnull=True, customer__isnull=False),
                name="run_of_customer_waits_once",
            ),
        )
        indexes = (models.Index(fields=("kind", "-id"), name="run_by_kind"),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    def take(self, report: RunReport) -> None:
        """What the report says, for people to read later."""
        self.steps = [{"name": name, "done": s.done, "took_ms": s.took_ms} for name, s in report.steps.items()]
        self.parked = [{"customer": pk, "reason": reason} for pk, reason in report.reasons.items()]

    def take_findings(self, findings: Iterable[Finding], keep: int) -> None:
        """What a check has found: all counted, the first `keep` in words; notes come last and don't count."""
        rows = sorted(findings, key=lambda row: row.is_note)
        self.found = sum(not row.is_note for row in rows)
        self.findings = [
            {"rule": row.rule, "subject": row.subject, "detail": row.detail} | ({"note": True} if row.is_note else {})
            for row in rows[:keep]
        ]

    def state(self, at: datetime) -> str:
        """waiting, running, died (also: never ended), parked, found, done – one word, for badges."""
        if self.started_at is None:
            return "waiting"
        if self.ended_at is None:
            return "running" if at - self.started_at < PATIENCE else "lost"
        outcomes: tuple[tuple[Any, str], ...] = ((self.error, "failed"), (self.parked, "parked"), (self.found, "found"))
        return next((name for is_true, name in outcomes if is_true), "done")


class Digest(models.Model):
    """That a member of staff wants the daily summary by mail. Without a row they get none."""

    user = models.OneToOneField("accounts.User", on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField()
    told_on = models.DateField(help_text="The last day that is done with, whether there was something to tell or not")

    def __str__(self) -> str:
        return f"{self.user_id} since {self.since:%Y-%m-%d}"
