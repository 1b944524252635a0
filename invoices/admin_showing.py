"""A document or a payment as staff see it: everything that belongs to it, in the words of its pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q
from django.http import Http404
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from accounts.audit_words import Row
from accounts.countries import country_names
from accounts.gateways import decline_message
from accounts.models import AuditEntry, Notice
from core import formats
from invoices.einvoice import missing
from invoices.glyphs import unprintable
from invoices.hand_charges import PREFIX as BY_HAND_KEYS
from invoices.models import (
    UNRESOLVED,
    CreditApplication,
    Dispute,
    Document,
    Invoice,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
)
from invoices.paper import document_name, invoice_paper
from invoices.rules import refusal
from invoices.selectors import PAYMENTS, corrections_of
from invoices.showing import Badge, badge, credit_figures, refunds_of

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

OUTCOMES = {
    PaymentStatus.PENDING: Badge(gettext_lazy("Processing"), "info"),
    PaymentStatus.SUCCEEDED: Badge(gettext_lazy("Succeeded"), "success"),
    PaymentStatus.DECLINED: Badge(gettext_lazy("Declined"), "danger"),
    PaymentStatus.NEEDS_CONFIRMATION: Badge(pgettext_lazy("staff", "Action needed"), "warning"),
    PaymentStatus.UNKNOWN: Badge(gettext_lazy("Unknown"), "warning"),
    PaymentStatus.CANCELED: Badge(gettext_lazy("Given up"), "neutral"),
    PaymentStatus.SURPLUS: Badge(gettext_lazy("Came too late"), "warning"),
}
SAID = {
    PaymentStatus.PENDING: gettext_lazy("On its way to the card processor."),
    PaymentStatus.NEEDS_CONFIRMATION: gettext_lazy("The bank asks the customer to confirm this payment."),
    PaymentStatus.UNKNOWN: gettext_lazy(
        "The card processor has not answered. It is asked again; nothing is charged twice."
    ),
    PaymentStatus.CANCELED: gettext_lazy("It did not go through and was given up; nothing was charged."),
    PaymentStatus.SURPLUS: gettext_lazy(
        "It was charged when the invoice needed it no more. The money goes back to the card."
    ),
}
REFUNDS = {
    RefundStatus.PENDING: Badge(gettext_lazy("Processing"), "info"),
    RefundStatus.SUCCEEDED: Badge(gettext_lazy("Refunded"), "success"),
    RefundStatus.FAILED: Badge(gettext_lazy("Failed"), "danger"),
    RefundStatus.UNKNOWN: Badge(gettext_lazy("Unknown"), "warning"),
}


class PaymentRow(NamedTuple):
    """One attempt to pay, with what the gateway said."""

    payment: Payment
    badge: Badge
    said: "_StrOrPromise"


class RefundRow(NamedTuple):
    """Money on its way back."""

    refund: Refund
    badge: Badge


class ActionLink(NamedTuple):
    """Something that may be done with the document now; `name` of its page."""

    label: "_StrOrPromise"
    name: str


@dataclass(frozen=True, slots=True)
class Story:
    """What happened around a document; newest audit entries first, everything else oldest first."""

    payments: tuple[PaymentRow, ...]
    refunds: tuple[RefundRow, ...]
    disputes: tuple[Dispute, ...]
    applications: tuple[CreditApplication, ...]
    corrections: tuple[Invoice, ...]
    documents: tuple[Document, ...]
    notices: tuple[Notice, ...]
    audit: tuple[Row, ...]


def find_invoice(pk: str | int) -> Invoice:
    """Any document with its customer, lines and payments; 404 where there is none."""
    rows = Invoice.objects.select_related("customer", "seller").prefetch_related("lines", PAYMENTS)
    found = rows.filter(pk=pk).first() if str(pk).isdecimal() and len(str(pk)) < 19 else None
    if found is None:
        raise Http404
    return found


def find_payment(pk: str | int) -> Payment:
    """Any payment with its invoice, customer and card; 404 where there is none."""
    rows = Payment.objects.select_related("invoice", "customer", "payment_method")
    found = rows.filter(pk=pk).first() if str(pk).isdecimal() and len(str(pk)) < 19 else None
    if found is None:
        raise Http404
    return found


def story(invoice: Invoice) -> Story:
    """A fixed number of questions, however much happened."""
    applied = CreditApplication.objects.filter(Q(credit_note=invoice) | Q(invoice=invoice))
    subjects = [f"invoice:{invoice.pk}", *(f"payment:{payment.pk}" for payment in invoice.payments.all())]
    found = tuple(RefundRow(refund, REFUNDS[RefundStatus(refund.status)]) for refund in refunds_of(invoice))
    subjects += [f"refund:{row.refund.pk}" for row in found]
    subjects += [f"line:{line.key}" for line in invoice.lines.all() if line.key.startswith(BY_HAND_KEYS)]
    return Story(
        payments=tuple(payment_row(payment) for payment in invoice.payments.all()),
        refunds=found,
        disputes=tuple(Dispute.objects.filter(payment__invoice=invoice).order_by("pk")),
        applications=tuple(applied.select_related("credit_note", "invoice").order_by("pk")),
        corrections=corrections_of(invoice),
        documents=tuple(Document.objects.filter(invoice=invoice).defer("content").order_by("pk")),
        notices=tuple(_notices(f"invoice:{invoice.pk}:", invoice.customer_id)),
        audit=_audit(invoice.customer_id, Q(subject__in=subjects) | _making_of(invoice), invoice.currency),
    )


def _making_of(invoice: Invoice) -> Q:
    """A credit note is issued by what is done to its invoice: there stands the reason."""
    return Q(after__credit_note=invoice.number) if invoice.is_credit_note and invoice.number else Q(pk__in=())


def _notices(prefix: str, customer_id: int) -> "list[Notice]":
    return list(Notice.objects.filter(customer=customer_id, key__startswith=prefix).order_by("pk"))


def _audit(customer_id: int, about: Q, currency: str) -> tuple[Row, ...]:
    rows = AuditEntry.objects.filter(about, customer=customer_id)
    return tuple(Row(entry, currency) for entry in rows.select_related("actor").order_by("-pk"))


def payment_row(payment: Payment) -> PaymentRow:
    """What became of an attempt, in plain words."""
    status = PaymentStatus(payment.status)
    said = SAID.get(status, "")
    if status == PaymentStatus.DECLINED:
        said = decline_message(payment.decline_code)
    elif payment.is_outside:
        said = gettext("Paid %(how)s.") % {"how": payment.how}
    return PaymentRow(payment, OUTCOMES[status], said)


def invoice_context(invoice: Invoice, on: date, corrections: Iterable[Invoice]) -> dict[str, Any]:
    """Everything the page of one document shows, but its story. `on`: the customer's day; `corrections`: as there."""
    parties = (*invoice.customer_party.values(), *invoice.seller_party.values())
    return {
        "invoice": invoice,
        "paper": invoice_paper(invoice, corrections),
        "badge": badge(invoice, on),
        "is_draft": invoice.number is None,
        "explain_for": invoice.customer.key,
        "unprintable": unprintable("".join(map(str, parties))),
        "waiting": next((one for one in invoice.payments.all() if one.status in UNRESOLVED), None),
        "title": document_name(invoice),
        "no_xml": missing(invoice),
        "transmit_in": country_to_transmit_in(invoice),
        **credit_figures(invoice),
    }


MUST_TRANSMIT = {"BE", "FR", "PL", "IT"}  # who bill each other there; by laws of 2019 to 2026


def country_to_transmit_in(invoice: Invoice) -> str:
    """The country whose law asks for e-invoices through its network, where both parties are in it; else empty."""
    country = invoice.seller_party.get("country", "")
    is_asked = country in MUST_TRANSMIT and invoice.customer_party.get("country", "") == country
    return country_names()[country] if is_asked else ""


# What moves money, in the order of the buttons, by the name of its rule.
MONEY_ACTIONS = {
    "issue": ActionLink(gettext_lazy("Issue now"), "admin:invoices_invoice_issue"),
    "paid_outside": ActionLink(gettext_lazy("Mark paid outside"), "admin:invoices_invoice_paid_outside"),
    "void": ActionLink(pgettext_lazy("action", "Void"), "admin:invoices_invoice_void"),
    "write_off": ActionLink(gettext_lazy("Write off"), "admin:invoices_invoice_write_off"),
}


def allowed_actions(invoice: Invoice, on: date) -> tuple[ActionLink, ...]:
    """What the rules allow with the document as it stands."""
    return tuple(link for action, link in MONEY_ACTIONS.items() if not refusal(action, invoice, on))


def payment_context(payment: Payment) -> dict[str, Any]:
    """Everything the page of one payment shows."""
    refunds = Refund.objects.filter(payment=payment).select_related("credit_note", "payment__payment_method")
    rows = [RefundRow(refund, REFUNDS[RefundStatus(refund.status)]) for refund in refunds.order_by("pk")]
    subjects = [f"payment:{payment.pk}", *(f"refund:{row.refund.pk}" for row in rows)]
    asked = Q(subject=f"invoice:{payment.invoice_id}", after__payment=payment.key)
    given = sum(row.refund.amount for row in rows if row.refund.status != RefundStatus.FAILED)
    return {
        "row": payment_row(payment),
        "payment": payment,
        "invoice": payment.invoice,
        "refunds": rows,
        "disputes": Dispute.objects.filter(payment=payment).order_by("pk"),
        "given_back": formats.money(given, payment.currency) if given else "",
        "can_refund": payment.status == PaymentStatus.SUCCEEDED and not payment.is_outside and given < payment.amount,
        "documents": Document.objects.filter(payment=payment).defer("content"),
        "notices": [
            *_notices(f"invoice:{payment.invoice_id}:paid:{payment.pk}", payment.customer_id),
            *_notices(f"invoice:{payment.invoice_id}:failed:{payment.pk}", payment.customer_id),
            *_notices(f"invoice:{payment.invoice_id}:confirm:{payment.pk}", payment.customer_id),
            *_notices(f"invoice:{payment.invoice_id}:late:{payment.pk}", payment.customer_id),
        ],
        "audit": _audit(payment.customer_id, Q(subject__in=subjects) | asked, payment.currency),
        "title": gettext("Payment of %(amount)s") % {"amount": formats.money(payment.amount, payment.currency)},
    }
