"""One function per message of this room. Each freezes its figures, so that mail, page and PDF agree."""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts import figures
from accounts.figures import Figure
from accounts.gateways import decline_message
from accounts.models import Customer, OptionalMail, PaymentMethod
from accounts.notices import NoticeDraft
from core.language import english, in_english
from core.periods import Period, utc_day
from core.wording import title_of
from invoices.dunning import Dunning, NamedConsequence
from invoices.lines import LineDraft
from invoices.models import (
    Collection,
    CreditStatement,
    Invoice,
    InvoiceStatus,
    OutsideMethod,
    OverdueStory,
    Payment,
    Refund,
)
from invoices.paper import corrected_text
from invoices.selectors import issue_days
from invoices.taxing import credit_figures, note_figures, tax_figures

PLACE = "PUBLIC-ID"
BEFORE_IT_IS_BILLED = frozenset({"invoice_announced", "invoice_withdrawn"})

Declined = Mapping[int, Payment]  # the payment that was declined last, by invoice


def announced(
    invoice: Invoice, lines: Sequence[LineDraft], card: PaymentMethod | None, to: list[str], kept: int = 0
) -> NoticeDraft:
    """E6: charges are calculated – amount, date and card. `kept`: what credit notes will take off, minor units."""
    titles = [(line.title, line.amount) for line in lines]
    return _notice(invoice, "announced", "invoice_announced", to, _announcement(invoice, titles, card, kept))


def announced_again(invoice: Invoice, card: PaymentMethod | None, to: list[str], kept: int = 0) -> NoticeDraft:
    """E6 once more: the billing details changed the tax, so another amount will be charged."""
    titles = list(invoice.lines.values_list("title", "amount"))
    context = _announcement(invoice, titles, card, kept) | {"again": True}
    what = f"announced:{invoice.announced_at.isoformat() if invoice.announced_at else ''}"
    return _notice(invoice, what, "invoice_announced", to, context)


def _announcement(
    invoice: Invoice, lines: Sequence[tuple[str, int]], card: PaymentMethod | None, kept: int
) -> dict[str, Any]:
    automatic = invoice.collection == Collection.AUTOMATIC
    rows = [{"title": _title(title), "amount": figures.money(amount, invoice.currency)} for title, amount in lines]
    return _figures(invoice) | {
        "kept": figures.money(-kept, invoice.currency) if kept else "",
        "due": figures.money(invoice.total - kept, invoice.currency) if invoice.total > kept else "",
        "credit": figures.money(-invoice.total, invoice.currency) if invoice.is_credit_note else "",
        "lines": rows,
        "card": figures.card(card) if card and automatic else "",
        "automatic": automatic,
        "cards_url": _address("portal"),
    }


def withdrawn(invoice: Invoice, to: list[str], kept: int = 0) -> NoticeDraft:
    """What E6 announced will not be charged, or credited: the draft was discarded. `kept` as in `announced`."""
    context = _figures(invoice) | {
        "total": figures.money(abs(invoice.total - kept), invoice.currency),
        "credit": invoice.is_credit_note,
        "overview_url": _address("billing_overview"),
    }
    return _notice(invoice, "withdrawn", "invoice_withdrawn", to, context)


def issued(invoice: Invoice, card: PaymentMethod | None, to: list[str]) -> NoticeDraft:
    """E7: the invoice has its number – due date, or when which card is charged."""
    if invoice.is_credit_note:
        return credited(invoice, to)
    charged = invoice.collect_at is not None and card is not None
    context = _figures(invoice) | {
        "card": figures.card(card) if charged and card else "",
        "charged_at": figures.instant(invoice.collect_at) if invoice.collect_at and charged else "",
        "later": bool(invoice.collect_at and invoice.finalized_at and invoice.collect_at > invoice.finalized_at),
        "due": figures.day(invoice.due_on) if invoice.due_on else "",
        "void_on": figures.day(utc_day(invoice.voided_at)) if invoice.voided_at else "",
        "payable": invoice.amount_due > 0,
        "by_credit": bool(invoice.credit_rows) and not invoice.total,
        "balance": "" if invoice.ledger_balance is None else figures.money(invoice.ledger_balance, invoice.currency),
        "credited": figures.money(invoice.amount_credited, invoice.currency) if invoice.amount_credited else "",
        "amount_due": figures.money(invoice.amount_due, invoice.currency),
        "iban": invoice.seller_party.get("iban", ""),
    }
    return _notice(invoice, "issued", "invoice_issued", to, context, _paper(invoice))


def credited(note: Invoice, to: list[str]) -> NoticeDraft:
    """A credit note was issued: what it gives back, and how."""
    refunds = sum(refund.amount for refund in note.refunds.all())
    returned = -min(note.credits, 0)
    context = _figures(note) | {
        "returned": figures.money(returned, note.currency) if returned else "",
        "total": figures.money(-note.total, note.currency),
        "corrects": figures.text(partial(corrected_text, issue_days(note))),
        "applied": figures.money(note.amount_credited, note.currency) if note.amount_credited else "",
        "refunding": figures.money(refunds, note.currency) if refunds else "",
        "kept": figures.money(note.amount_due - refunds, note.currency) if note.amount_due > refunds else "",
    }
    return _notice(note, "credited", "invoice_credited", to, context, _paper(note))


def refunded(refund: Refund, to: list[str]) -> NoticeDraft:
    """E16: money of a credit note, or what was charged too late, is on its way back to the card, or was paid out."""
    context = _figures(refund.document) | {
        "surplus": refund.credit_note is None,
        "amount": figures.money(refund.amount, refund.currency),
        "card": _card(refund.payment),
        "method": figures.sentence(english(OutsideMethod(refund.method).label)) if refund.method else "",
        "reference": refund.reference,
        "paid_on": figures.day(refund.paid_on) if refund.paid_on else "",
    }
    return _notice(refund.document, f"refunded:{refund.pk}", "payment_refunded", to, context)


def paid(payment: Payment, to: list[str]) -> NoticeDraft:
    """E8: the receipt."""
    paper = [f"receipt:{payment.pk}", *_paper(payment.invoice)]
    return _notice(payment.invoice, f"paid:{payment.pk}", "payment_receipt", to, _payment_figures(payment), paper)


def confirm(payment: Payment, to: list[str]) -> NoticeDraft:
    """E10: the bank wants the person to confirm the charge; until when, and where."""
    page = settings.PORTAL_URL + reverse("payment_status", args=[payment.invoice.public_id, payment.public_id])
    context = _payment_figures(payment) | {
        "until": figures.instant(payment.confirm_until),
        "status_url": page,
        "sale": payment.invoice.is_sale,
    }
    return _notice(payment.invoice, f"confirm:{payment.pk}", "payment_confirm", to, context)


def came_late(payment: Payment, to: list[str]) -> NoticeDraft:
    """A card was charged after its invoice needed that no more: what we received goes back."""
    status = payment.invoice.status
    why = {"already_paid": status == InvoiceStatus.PAID, "void": status == InvoiceStatus.VOID}
    context = _payment_figures(payment) | why
    return _notice(payment.invoice, f"late:{payment.pk}", "payment_late", to, context)


def failed(payment: Payment, code: str, to: list[str]) -> NoticeDraft:
    """E9: the payment was declined with this `code` – why, in plain words, what to do, and when it is tried again."""
    is_sale = payment.invoice.is_sale  # tried once, and nobody is reminded: it is no debt
    next_try = None if is_sale else payment.invoice.collect_at
    context = _payment_figures(payment) | {
        "reason": declined_because(code),
        "sale": is_sale,
        "cards_url": _address("portal"),
        "next_try": figures.day(utc_day(next_try)) if next_try else "",
        "automatic": payment.automatic and not is_sale,
    }
    return _notice(payment.invoice, f"failed:{payment.pk}", "payment_failed", to, context)


def stated(statement: CreditStatement, to: list[str]) -> NoticeDraft:
    """E21: the monthly credit statement – opening balance, what moved, closing balance."""
    moved = statement.closing - statement.opening
    period = Period(statement.period_start, statement.period_end)
    context = {
        "product": settings.PRODUCT_NAME,
        "period": figures.period(period),
        "currency": statement.currency,
        "opening": figures.money(statement.opening, statement.currency),
        "moved": figures.money(moved, statement.currency),
        "closing": figures.money(statement.closing, statement.currency),
        "overdrawn": statement.closing < 0,
        "url": settings.PORTAL_URL + reverse("statement_pdf", args=[statement.public_id]),
    }
    return NoticeDraft(
        key=f"statement:{statement.pk}:issued",
        customer_id=statement.customer_id,
        template="credit_statement",
        to=to,
        context=context,
        documents=[f"statement:{statement.pk}"],
        optional=OptionalMail.CREDIT_STATEMENT,
    )


def reminder(stands: Dunning, late: Sequence[Invoice], declined: Declined, to: list[str]) -> NoticeDraft:
    """E9 where no card is tried any more: what is overdue, how to pay it, and what happens when. `late`: every overdue
    invoice, the one that is due to be told about among them."""
    invoice, stage = _told_of(stands, late)
    return _notice(invoice, f"dunning:{stage}", "payment_reminder", to, _overdue(invoice, late, declined, stands))


def final_warning(
    stands: Dunning, late: Sequence[Invoice], declined: Declined, consequence: NamedConsequence, to: list[str]
) -> NoticeDraft:
    """The last E9: names the consequence and the day before which it does not come."""
    invoice, _stage = _told_of(stands, late)
    context = _overdue(invoice, late, declined, stands) | {
        "consequence": consequence.kind,
        "sentence": consequence.sentence,
        "not_before": stands.ends.at.isoformat() if stands.ends else "",
    }
    return _notice(invoice, f"{FINAL}{consequence.kind}", "payment_warning", to, context)


FINAL = "dunning:final:"  # of the key of a final warning; the consequence's name follows


def _told_of(stands: Dunning, late: Sequence[Invoice]) -> tuple[Invoice, int]:
    if stands.due is None:
        raise ValueError("nothing is due to be told")
    return next(each for each in late if each.pk == stands.due.invoice_id), stands.due.stage


def _overdue(invoice: Invoice, late: Sequence[Invoice], declined: Declined, stands: Dunning) -> dict[str, Any]:
    tried = declined.get(invoice.pk)
    return _figures(invoice) | {
        "card": figures.card(tried.payment_method) if tried and tried.payment_method else "",
        "tried_on": figures.day(utc_day(tried.settled_at)) if tried and tried.settled_at else "",
        "reason": declined_because(tried.decline_code) if tried else "",
        "amount": figures.money(invoice.amount_due, invoice.currency),
        "due": figures.day(invoice.due_on) if invoice.due_on else "",
        "others": [_other(each) for each in late if each.pk != invoice.pk],
        "earliest": figures.day(utc_day(stands.ends.at)) if stands.ends else "",
        "iban": invoice.seller_party.get("iban", ""),
        "cards_url": _address("portal"),
    }


def _other(invoice: Invoice) -> dict[str, Any]:
    amount = figures.money(invoice.amount_due, invoice.currency)
    return {"number": invoice.number or "", "amount": amount, "url": _invoice_address(invoice)}


def up_to_date(story: OverdueStory, customer: Customer, to: list[str]) -> NoticeDraft:
    """E11: nothing is overdue any more."""
    context = {"customer": customer.name, "url": _address("billing_overview"), "portal_url": _address("portal")}
    return NoticeDraft(f"story:{story.pk}:over", customer.pk, "payment_up_to_date", to, context)


def card_missing(draft: Invoice, number: int, to: list[str], kept: int = 0) -> NoticeDraft:
    """E12: charges are calculated and there is no card; `number` 2 is the day before the billing date. `kept` as in
    `announced`."""
    amount = figures.money(draft.total - kept, draft.currency)
    context = _figures(draft) | {"amount": amount, "add_url": _address("pm_add")}
    return _notice(draft, f"card:{number}", "payment_card_missing", to, context)


@lru_cache(maxsize=8)
def _address(name: str, *args: str) -> str:
    """A page of the portal that is the same for everybody."""
    return settings.PORTAL_URL + reverse(name, args=args)


def _invoice_address(invoice: Invoice) -> str:
    """The page of one invoice; the address is looked up once, not for every message of a run."""
    return _address("invoice", PLACE).replace(PLACE, invoice.public_id)


def _figures(invoice: Invoice) -> dict[str, Any]:
    period = Period(invoice.period_start, invoice.period_end)
    return {
        "product": settings.PRODUCT_NAME,
        "number": invoice.number or "",
        "total": figures.money(invoice.total, invoice.currency),
        "subtotal": figures.money(invoice.subtotal, invoice.currency),
        "grants": credit_figures(invoice),
        "taxes": tax_figures(invoice),
        "tax_notes": note_figures(invoice),
        "billing_on": figures.day(invoice.billing_on),
        "period": figures.period(period),
        "url": _invoice_address(invoice),
    }


def _payment_figures(payment: Payment) -> dict[str, Any]:
    return _figures(payment.invoice) | {
        "amount": figures.money(payment.amount, payment.currency),
        "receipt": payment.receipt_number or "",
        "card": _card(payment),
        "how": payment.how_figure,
        "outside": payment.is_outside,
        "paid_on": figures.day(payment.paid_on) if payment.paid_on else "",
    }


def _title(kept: str) -> Figure | str:
    """Of a line. Most are names, the same in every language; what is said of one follows in brackets."""
    return figures.text(partial(title_of, kept)) if kept.endswith(")") else kept


@in_english
def declined_because(code: str) -> Figure:
    """A decline in plain words."""
    return figures.sentence(decline_message(code))


def _card(payment: Payment | None) -> Figure:
    card = payment.payment_method if payment else None
    return figures.card(card) if card else figures.sentence("another way")


def _paper(invoice: Invoice) -> list[str]:
    """What goes with the message: the document, where it has a number and so gets a PDF; stamped if it is void."""
    return [f"{invoice.document_kind}:{invoice.pk}"] if invoice.number else []


def _notice(
    invoice: Invoice, what: str, template: str, to: list[str], context: dict[str, Any], documents: Sequence[str] = ()
) -> NoticeDraft:
    return NoticeDraft(
        key=f"invoice:{invoice.pk}:{what}",
        customer_id=invoice.customer_id,
        template=template,
        to=to,
        context=context,
        documents=list(documents),
        optional=OptionalMail.CHARGES if template in BEFORE_IT_IS_BILLED else "",
    )
