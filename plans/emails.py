"""The messages of this room. Figures are frozen when one is made, so that mail and page agree letter by letter."""

from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.urls import reverse

from accounts import figures
from accounts.models import PaymentPolicy
from accounts.notices import NoticeDraft
from accounts.sales import sales_contact
from core.language import ENGLISH
from core.periods import utc_day
from plans.models import CarriedOutConsequence, ChangeQuote, SalesInquiry, ScheduledChange, Subscription
from plans.pricing import CardTerms
from plans.words import card_price

if TYPE_CHECKING:
    from invoices.models import Invoice


def subscribed(quote: ChangeQuote, subscription: Subscription, to: list[str]) -> NoticeDraft:
    """E2: the paid plan has begun – prices, what was due at once, first dates, how to cancel."""
    plan, invoice = subscription.plan, quote.invoice
    first, calculated = subscription.next_billing_on, subscription.calculate_at
    context = _plan(subscription) | {
        "version": plan.version,
        "total": figures.money(quote.amount_due, quote.currency) if invoice and quote.amount_due else "",
        "number": (invoice.number or "") if invoice else "",
        "prices": [_price(card, plan.currency) for card in plan.terms().cards],
        "first_billing_date": figures.day(first) if first else "",
        "first_calculation": figures.day(utc_day(calculated)) if calculated else "",
        "cancel_url": settings.PORTAL_URL + reverse("plan_cancel"),
        "terms_url": settings.TERMS_URL,
    }
    return NoticeDraft(
        key=f"subscription:{subscription.pk}:subscribed",
        customer_id=subscription.customer_id,
        template="plan_subscribed",
        to=to,
        context=context,
    )


def downgraded(quote: ChangeQuote, before: Subscription, after: Subscription, to: list[str]) -> NoticeDraft:
    """E4: the paid plan has ended – when, and what the final invoice comes to."""
    invoice = quote.invoice
    context = _plan(after) | {
        "before": before.plan.title,
        "effective_at": figures.instant(quote.effective_at),
        **_final(invoice),
        "number": (invoice.number or "") if invoice else "",
        "invoice_url": settings.PORTAL_URL + reverse("invoice", args=[invoice.public_id]) if invoice else "",
        "plans_url": settings.PORTAL_URL + reverse("plan_change"),
    }
    return NoticeDraft(
        key=f"quote:{quote.public_id}:downgraded",
        customer_id=quote.customer_id,
        template="plan_downgraded",
        to=to,
        context=context,
    )


def downgraded_unpaid(row: CarriedOutConsequence, to: list[str]) -> NoticeDraft:
    """E4 because an invoice stayed unpaid: what ended, what is owed, how to come back."""
    invoice, opened = row.invoice, row.opened
    context = _unpaid(row) | {
        "plan": opened.plan.title if opened else "",
        **_final(invoice),
        "final_number": (invoice.number or "") if invoice else "",
        "final_url": _invoice_url(invoice) if invoice else "",
        "final_due": figures.day(invoice.due_on) if invoice and invoice.due_on else "",
        "plans_url": settings.PORTAL_URL + reverse("plan_change"),
    }
    return NoticeDraft(f"{row.key}:told", row.customer_id, "plan_downgraded_unpaid", to, context)


def held(row: CarriedOutConsequence, to: list[str]) -> NoticeDraft:
    """Access is refused because an invoice stayed unpaid, and until it is paid."""
    return NoticeDraft(f"{row.key}:told", row.customer_id, "plan_on_hold", to, _unpaid(row))


def _unpaid(row: CarriedOutConsequence) -> dict[str, Any]:
    return {
        "before": row.subscription.plan.title,
        "customer": row.customer.name,
        "at": figures.instant(row.at),
        "number": row.overdue.number or "",
        "amount": figures.money(row.overdue.amount_due, row.overdue.currency),
        "invoice_url": _invoice_url(row.overdue),
        "url": settings.PORTAL_URL + reverse("billing_overview"),
    }


def _final(invoice: "Invoice | None") -> dict[str, Any]:
    """Of the document that ends a spell: what it comes to; `back` where it is a credit note, which gives that back."""
    if invoice is None:
        return {"total": "", "back": ""}
    back = figures.money(-invoice.total, invoice.currency) if invoice.total < 0 else ""
    return {"total": figures.money(invoice.total, invoice.currency), "back": back}


def _invoice_url(invoice: "Invoice") -> str:
    return settings.PORTAL_URL + reverse("invoice", args=[invoice.public_id])


def changed(quote: ChangeQuote, before: Subscription, after: Subscription, to: list[str]) -> NoticeDraft:
    """E3: another paid plan has begun – prices, what was billed at once, when the next bill comes."""
    return _changed(f"quote:{quote.public_id}:changed", before, after, quote.invoice, to)


def moved(
    change: ScheduledChange, before: Subscription, after: Subscription, invoice: "Invoice | None", to: list[str]
) -> NoticeDraft:
    """E3 as well: a change that staff had scheduled is carried out."""
    return _changed(f"change:{change.pk}:carried-out", before, after, invoice, to)


def changes_ahead(change: ScheduledChange, before: Subscription, month: tuple[int, int], to: list[str]) -> NoticeDraft:
    """E3 ahead of its day: prices before and after, and what the last thirty days come to with both (minor units)."""
    plan = change.plan
    old, new = (figures.money(amount, each.currency) for amount, each in zip(month, (before.plan, plan), strict=True))
    context = _plan(before) | {
        "plan": plan.title,
        "version": plan.version,
        "on": figures.day(utc_day(change.effective_at)),
        "prices_before": [_price(card, before.plan.currency) for card in before.plan.terms().cards],
        "prices": [_price(card, plan.currency) for card in plan.terms().cards],
        "month_before": old,
        "month_after": new,
        "by_contract": plan.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT,
        "sales_email": str(sales_contact(before.customer)),
        "cancel_url": "" if plan.is_default else settings.PORTAL_URL + reverse("plan_cancel"),
    }
    key = ahead_key(change)
    return NoticeDraft(key=key, customer_id=change.customer_id, template="plan_changes_ahead", to=to, context=context)


def ahead_key(change: ScheduledChange) -> str:
    """Of the message that a change comes: whoever got it hears, too, that it does not."""
    return f"change:{change.pk}:ahead"


def stays(change: ScheduledChange, current: Subscription, to: list[str]) -> NoticeDraft:
    """After `changes_ahead`: the change is withdrawn."""
    context = _plan(current) | {
        "next": change.plan.title,
        "version": current.plan.version,
        "on": figures.day(utc_day(change.effective_at)),
        "prices": [_price(card, current.plan.currency) for card in current.plan.terms().cards],
    }
    key = f"change:{change.pk}:withdrawn"
    return NoticeDraft(key=key, customer_id=change.customer_id, template="plan_stays", to=to, context=context)


def _changed(
    key: str, before: Subscription, after: Subscription, invoice: "Invoice | None", to: list[str]
) -> NoticeDraft:
    plan = after.plan
    context = _plan(after) | {
        "before": before.plan.title,
        "version": plan.version,
        "prices": [_price(card, plan.currency) for card in plan.terms().cards],
        "effective_at": figures.instant(after.starts_at),
        **_final(invoice),
        "number": (invoice.number or "") if invoice else "",
        "invoice_url": settings.PORTAL_URL + reverse("invoice", args=[invoice.public_id]) if invoice else "",
        "next_billing_date": figures.day(after.next_billing_on) if after.next_billing_on else "",
        "cancel_url": settings.PORTAL_URL + reverse("plan_cancel"),
    }
    return NoticeDraft(key=key, customer_id=after.customer_id, template="plan_changed", to=to, context=context)


def inquiry_to_sales(inquiry: SalesInquiry) -> NoticeDraft:
    """S: a request for sales, with everything needed to answer – by answering the message. Staff read English."""
    page = settings.PORTAL_URL + reverse("admin:plans_salesinquiry_change", args=[inquiry.pk])
    more = {"reply_to": inquiry.email, "url": page, "language": ENGLISH}
    return _inquiry(inquiry, "sales_inquiry", [settings.SALES_EMAIL], **more)


def inquiry_received(inquiry: SalesInquiry) -> NoticeDraft:
    """E1: a copy for the person who asked."""
    return _inquiry(inquiry, "sales_acknowledgement", [inquiry.email], reply_to=settings.SALES_EMAIL)


def _plan(subscription: Subscription) -> dict[str, Any]:
    return {
        "product": settings.PRODUCT_NAME,
        "plan": subscription.plan.title,
        "customer": subscription.customer.name,
        "url": settings.PORTAL_URL + reverse("billing_overview"),
    }


def _price(card: CardTerms, currency: str) -> dict[str, Any]:
    return {"name": card.name, "price": figures.text(partial(card_price, card, currency))}


def _inquiry(inquiry: SalesInquiry, template: str, to: list[str], **more: str) -> NoticeDraft:
    return NoticeDraft(
        key=f"inquiry:{inquiry.reference}:{template}",
        customer_id=inquiry.customer_id,
        template=template,
        to=to,
        context={
            "product": settings.PRODUCT_NAME,
            "reference": inquiry.reference,
            "name": inquiry.name,
            "email": inquiry.email,
            "company": inquiry.company,
            "message": inquiry.message,
            "volume": inquiry.volume,
            "customer": inquiry.customer.name,
            "customer_key": inquiry.customer.key,
            **more,
        },
    )
