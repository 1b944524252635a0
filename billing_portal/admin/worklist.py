"""What waits for staff: each kind with its count, the oldest few, and where it is worked on.

Every kind is one bounded query – a count beyond LIMIT is told as more –, so the page is as quick with a million
documents as with ten. A person sees what their capabilities reach.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from accounts.models import Customer
from billing_portal.models import Run, RunKind
from core import formats, language
from invoices import attention
from invoices.corrections import open_corrections
from invoices.questions import open_questions
from plans.selectors.catalogue import draft_plans
from plans.selectors.inquiries import open_inquiries

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

LIMIT = 100
SHOWN = 3


class Line(NamedTuple):
    """One of the few that are shown."""

    text: str
    url: str
    note: str


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work. `empty` is what to say where there is none; `url` leads to all of it."""

    key: str
    label: "_StrOrPromise"
    count: int
    lines: tuple[Line, ...]
    url: str
    action: "_StrOrPromise"
    empty: "_StrOrPromise"
    level: str

    @property
    def count_text(self) -> str:
        return f"{LIMIT}+" if self.count > LIMIT else str(self.count)


class Kind(NamedTuple):
    """How a kind is found, and told. `wanted`: short names of capabilities, one of which opens it."""

    wanted: tuple[str, ...]
    find: Callable[[datetime, Mapping[str, bool]], Sequence[Any]]
    line: Callable[[Any], Line]
    key: str
    label: "_StrOrPromise"
    url: str
    action: "_StrOrPromise"
    empty: "_StrOrPromise"
    level: str


def work_for(may: Mapping[str, bool], at: datetime) -> list[Work]:
    """Everything that somebody with these capabilities (`accounts.roles.capabilities`) may look at."""
    return [_work(kind, at, may) for kind in KINDS if any(may[name] for name in kind.wanted)]


class Diary(NamedTuple):
    """The last runs and checks with their states, and the newest check of the books that came to an end."""

    runs: list[tuple[Run, str]]
    check: Run | None


def read_diary(at: datetime) -> Diary:
    """One query: the check may be older than all of the runs that are shown."""
    shown = Run.objects.large().order_by("-pk").values("pk")[:SHOWN]
    rows = list(
        Run.objects.filter(Q(pk__in=shown) | Q(pk__in=Run.objects.checks().values("pk")[:1]))
        .select_related("customer")
        .defer("findings")
        .order_by("-pk")
    )
    ended = (run for run in rows if run.kind == RunKind.BOOKS and run.ended_at and not run.error)
    return Diary([(run, run.state(at)) for run in rows[:SHOWN]], next(ended, None))


def _work(kind: Kind, at: datetime, may: Mapping[str, bool]) -> Work:
    rows = kind.find(at, may)
    lines = tuple(kind.line(row) for row in rows[:SHOWN])
    name, _, query = kind.url.partition("?")
    url = reverse(f"admin:{name}") + (f"?{query}" if query else "")
    return Work(kind.key, kind.label, len(rows), lines, url, kind.action, kind.empty, kind.level)


def _parked(_at: datetime, _may: Mapping[str, bool]) -> list[Customer]:
    return list(Customer.objects.filter(parked_at__isnull=False).order_by("parked_at", "pk")[: LIMIT + 1])


def _parked_line(customer: Customer) -> Line:
    since = gettext("since %(day)s") % {"day": formats.day(customer.parked_at.date())} if customer.parked_at else ""
    return Line(customer.name, reverse("admin:customer", args=[customer.key]), since)


def _payment_line(payment: Any) -> Line:
    said = attention.payment_said(payment).badge.text
    amount = formats.money(payment.amount, payment.currency)
    url = reverse("admin:attention_payment", args=[payment.public_id])
    return Line(f"{payment.customer.name}, {payment.invoice}", url, f"{amount}, {language.inside(said)}")


def _refund_line(refund: Any) -> Line:
    said = attention.refund_said(refund).badge.text
    amount = formats.money(refund.amount, refund.currency)
    url = reverse("admin:attention_refund", args=[refund.public_id])
    return Line(f"{refund.customer.name}, {refund.document}", url, f"{amount}, {language.inside(said)}")


def _dispute_line(dispute: Any) -> Line:
    amount = formats.money(dispute.amount, dispute.currency)
    url = reverse("admin:invoices_payment_change", args=[dispute.payment_id])
    return Line(f"{dispute.customer.name}, {dispute.payment.invoice}", url, f"{amount}, {dispute.words}")


def _event_line(event: Any) -> Line:
    url = reverse("admin:invoices_gatewayevent_change", args=[event.pk])
    return Line(event.type, url, event.last_error)


def _overdue_line(invoice: Any) -> Line:
    amount = formats.money(invoice.amount_due, invoice.currency)
    url = reverse("admin:invoices_invoice_change", args=[invoice.pk])
    return Line(
        f"{invoice.customer.name}, {invoice}",
        url,
        gettext("%(amount)s, due %(day)s") % {"amount": amount, "day": formats.day(invoice.due_on)},
    )


def _draft_line(draft: Any) -> Line:
    amount = formats.money(draft.total, draft.currency)
    url = reverse("admin:invoices_invoice_change", args=[draft.pk])
    return Line(
        draft.customer.name,
        url,
        gettext("%(amount)s, issued %(day)s") % {"amount": amount, "day": formats.day(draft.billing_on)},
    )


def _inquiry_line(inquiry: Any) -> Line:
    url = reverse("admin:plans_salesinquiry_change", args=[inquiry.pk])
    return Line(
        inquiry.company,
        url,
        gettext("%(status)s, from %(day)s")
        % {"status": inquiry.get_status_display(), "day": formats.day(inquiry.created_at.date())},
    )


def _correction_line(asked: Any) -> Line:
    return _asked_line(asked, asked.invoice)


def _question_line(asked: Any) -> Line:
    return _asked_line(asked, asked.title)


def _asked_line(asked: Any, about: object) -> Line:
    url = reverse(f"admin:{asked._meta.app_label}_{asked._meta.model_name}_change", args=[asked.pk])
    return Line(
        f"{asked.customer.name}, {about}",
        url,
        gettext("asked %(day)s") % {"day": formats.day(asked.asked_at.date())},
    )


def _plan_line(plan: Any) -> Line:
    return Line(str(plan), reverse("admin:plans_plan_change", args=[plan.pk]), plan.currency)


KINDS: Iterable[Kind] = (
    Kind(
        ("read",),
        _parked,
        _parked_line,
        "parked",
        gettext_lazy("Parked customers"),
        "runs_parked",
        gettext_lazy("All parked customers"),
        gettext_lazy("Every run takes every customer along."),
        "danger",
    ),
    Kind(
        ("read",),
        lambda at, _may: attention.unresolved_payments(at, LIMIT + 1),
        _payment_line,
        "unresolved",
        gettext_lazy("Uncertain payments"),
        "attention",
        gettext_lazy("All that needs attention"),
        gettext_lazy("Every payment has its outcome."),
        "warning",
    ),
    Kind(
        ("read",),
        lambda _at, _may: attention.declined_payments(LIMIT + 1),
        _payment_line,
        "declined",
        gettext_lazy("Declined payments"),
        "attention",
        gettext_lazy("All that needs attention"),
        gettext_lazy("No open invoice had its card declined."),
        "danger",
    ),
    Kind(
        ("read",),
        lambda at, _may: attention.overdue_invoices(at, LIMIT + 1),
        _overdue_line,
        "overdue",
        gettext_lazy("Overdue invoices"),
        "invoices_invoice_changelist?status__exact=past_due",
        gettext_lazy("All that is past due"),
        gettext_lazy("Nothing is past due."),
        "warning",
    ),
    Kind(
        ("read",),
        lambda at, _may: attention.troubled_refunds(at, LIMIT + 1),
        _refund_line,
        "refunds",
        gettext_lazy("Refunds in trouble"),
        "attention",
        gettext_lazy("All that needs attention"),
        gettext_lazy("No refund has failed."),
        "danger",
    ),
    Kind(
        ("read",),
        lambda _at, _may: attention.open_disputes(LIMIT + 1),
        _dispute_line,
        "disputes",
        gettext_lazy("Disputes"),
        "invoices_dispute_changelist?closed_at__isempty=1",
        gettext_lazy("All open disputes"),
        gettext_lazy("No cardholder takes a charge back."),
        "danger",
    ),
    Kind(
        ("read",),
        lambda _at, _may: attention.failed_events(LIMIT + 1),
        _event_line,
        "events",
        gettext_lazy("Failed events"),
        "invoices_gatewayevent_changelist?status__exact=failed",
        gettext_lazy("All failed events"),
        gettext_lazy("Every event of the processor was handled."),
        "warning",
    ),
    Kind(
        ("read",),
        lambda _at, _may: attention.drafts_to_check(LIMIT + 1),
        _draft_line,
        "drafts",
        gettext_lazy("Drafts to check"),
        "invoices_invoice_changelist?status__exact=draft",
        gettext_lazy("All drafts"),
        gettext_lazy("No invoice waits for its billing date."),
        "info",
    ),
    Kind(
        ("read", "support"),
        lambda _at, _may: open_inquiries(LIMIT + 1),
        _inquiry_line,
        "inquiries",
        gettext_lazy("Contact requests"),
        "plans_salesinquiry_changelist",
        gettext_lazy("All contact requests"),
        gettext_lazy("Nobody waits for an answer."),
        "info",
    ),
    Kind(
        ("read",),
        lambda _at, _may: open_corrections(LIMIT + 1),
        _correction_line,
        "corrections",
        gettext_lazy("Corrections asked for"),
        "invoices_correctionrequest_changelist?status__exact=open",
        gettext_lazy("All open requests"),
        gettext_lazy("Nobody asks for a corrected invoice."),
        "info",
    ),
    Kind(
        ("read",),
        lambda _at, _may: open_questions(LIMIT + 1),
        _question_line,
        "questions",
        gettext_lazy("Questions about charges"),
        "invoices_chargequestion_changelist?answered_at__isempty=1",
        gettext_lazy("All open questions"),
        gettext_lazy("Nobody asks about a charge."),
        "info",
    ),
    Kind(
        ("read", "catalog"),
        lambda _at, may: draft_plans(LIMIT + 1, contracts=may["read"]),
        _plan_line,
        "plans",
        gettext_lazy("Plans in draft"),
        "plans_plan_changelist?status__exact=draft",
        gettext_lazy("All drafts of plans"),
        gettext_lazy("Every version is published."),
        "info",
    ),
)
