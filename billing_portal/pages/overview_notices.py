"""The banners of «Billing and Usage»: what needs to be known now, the most severe first."""

from datetime import date
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext

from accounts.sales import sales_contact
from billing_portal.pages.overview_credits import credit_warnings
from core import formats
from core.periods import utc_day
from invoices.showing import is_past_due, last_payment, unresolved
from invoices.showing_overdue import declined_sentences

if TYPE_CHECKING:
    from billing_portal.pages.overview import Overview
    from invoices.models import Invoice, Payment

Banner = dict[str, Any]


def banners(overview: "Overview") -> list[Banner]:
    """What needs to be known now, the most severe first."""
    credit = credit_warnings(overview.credits, credits_only=overview.credits_only)
    found = [
        *overdue(overview),
        *credit,
        *card_warnings(overview),
        *payments_under_way(overview),
        *delayed_usage(overview),
        *coming_change(overview),
    ]
    if overview.by_contract:
        found.append({"level": "info", "text": gettext("Your plan is managed under a contract.")})
    elif (known := overview.upcoming) and known.draft:
        found.append({"level": "info", "text": announcement(overview, known.draft, known.amount_due)})
    return sorted(found, key=lambda banner: SEVERITY[banner["level"]])


def for_readers(banner: Banner) -> Banner:
    """The same for those who may only read: without what only billing admins can do."""
    hidden = {"more_url", "more_label", *(("url", "label") if banner.get("writes") else ())}
    seen = {**banner, "label": banner.get("readers_label", banner.get("label"))}
    return {name: value for name, value in seen.items() if name not in hidden}


SEVERITY = {"danger": 0, "warning": 1, "info": 2}


def overdue(overview: "Overview") -> list[Banner]:
    """What was declined or is past due: why, when it is tried again, and what to do."""
    today = utc_day(overview.as_of)
    whom = _whom_to_ask(overview)
    found = [{**banner, **whom} for invoice in overview.unpaid if (banner := _overdue_banner(invoice, today))]
    own: Any = overview.subscription  # read with whether access is on hold
    if own.is_held:
        text = gettext("Access to %(plan)s is refused until everything overdue is paid; then it works by itself.") % {
            "plan": overview.plan_name
        }
        found.insert(0, {"level": "danger", "title": gettext("On hold."), "text": text})
    return [{**banner, "alert": place == 0} for place, banner in enumerate(found)]


def _overdue_banner(invoice: "Invoice", today: date) -> Banner | None:
    last = last_payment(invoice)
    if last is not None and last.status == "declined":
        title, text = gettext("Payment failed."), _declined(invoice, last)
    elif is_past_due(invoice, today) and unresolved(invoice) is None and invoice.due_on:
        title = gettext("Past due.")
        text = gettext("%(number)s over %(amount)s was due on %(day)s.") % {
            "number": invoice.number,
            "amount": formats.money(invoice.amount_due, invoice.currency),
            "day": formats.day(invoice.due_on),
        }
    else:
        return None
    return {
        "level": "danger",
        "title": title,
        "text": text,
        "url": reverse("invoice", args=[invoice.public_id]),
        "label": gettext("View invoice"),
    }


def _whom_to_ask(overview: "Overview") -> Banner:
    """The second link of what is overdue: a contract's customer has no payment method to update, but a contact."""
    if overview.by_contract:
        contact = sales_contact(overview.customer)
        return {"more_url": f"mailto:{contact.email}", "more_label": str(contact)}
    return {"more_url": reverse("portal") + "#payment-methods", "more_label": gettext("Update payment method")}


def _declined(invoice: "Invoice", payment: "Payment") -> str:
    what = gettext("We couldn't charge %(amount)s to %(card)s on %(day)s.") % {
        "amount": formats.money(payment.amount, payment.currency),
        "card": payment.payment_method,
        "day": formats.day(utc_day(payment.created_at)),
    }
    return f"{what} {declined_sentences(invoice)}"


def payments_under_way(overview: "Overview") -> list[Banner]:
    """What the bank or the processor has not answered yet."""
    waiting = [(invoice, payment) for invoice in overview.unpaid if (payment := unresolved(invoice))]
    return [_under_way(invoice, payment) for invoice, payment in waiting]


def _under_way(invoice: "Invoice", payment: "Payment") -> Banner:
    url = reverse("payment_status", args=[invoice.public_id, payment.public_id])
    values = {"amount": formats.money(payment.amount, payment.currency)}
    if payment.status == "needs_confirmation":
        text = gettext("Your bank needs you to confirm %(amount)s.") % values
        labels = {"label": gettext("Confirm payment"), "readers_label": gettext("View payment")}
        return {"level": "warning", "text": text, "url": url, **labels}
    text = gettext("Payment of %(amount)s is being processed.") % values
    return {"level": "info", "text": text, "url": url, "label": gettext("View payment")}


def coming_change(overview: "Overview") -> list[Banner]:
    """Staff have scheduled another plan: what is shown is of today's."""
    own: Any = overview.subscription  # read with what comes after it
    if own.coming_at is None:
        return []
    title = gettext("Your plan changes on %(day)s.") % {"day": formats.day(utc_day(own.coming_at))}
    text = gettext(
        "%(product)s %(plan)s, price list v%(version)s takes the place of your plan. "
        "The figures on this page are those of the plan you are on now."
    ) % {"product": settings.PRODUCT_NAME, "plan": own.coming_plan, "version": own.coming_version}
    return [{"level": "info", "title": title, "text": text}]


def card_warnings(overview: "Overview") -> list[Banner]:
    """Said before the date: the next payment cannot work."""
    billing_on = overview.upcoming.billing_on if overview.upcoming else None
    if billing_on is None:
        return []
    add = {"level": "warning", "writes": True, "url": reverse("pm_add"), "label": gettext("Add a payment method")}
    if overview.lacks_card:
        values = {"day": formats.day(billing_on), "plan": overview.subscription.plan.name}
        return [{**add, "text": gettext("Add a payment method before %(day)s to keep %(plan)s.") % values}]
    if overview.card and overview.card_expires_before:
        expires = f"{overview.card.exp_month:02d}/{overview.card.exp_year}"
        values = {"card": str(overview.card), "month": expires}
        return [{**add, "text": gettext("%(card)s expires %(month)s, before your next payment.") % values}]
    return []


def delayed_usage(overview: "Overview") -> list[Banner]:
    """Usage that ordinarily comes has not come: the figures are lower than what was used."""
    if not overview.is_delayed or overview.usage is None or overview.usage.received_at is None:
        return []
    text = gettext("Usage is delayed (last update %(instant)s). Charges may rise when it catches up.")
    if not overview.charges:
        text = gettext("Usage is delayed (last update %(instant)s). What you used since then is not counted yet.")
    return [{"level": "warning", "text": text % {"instant": formats.instant(overview.usage.received_at)}}]


def announcement(overview: "Overview", draft: "Invoice", amount_due: int) -> str:
    values = {
        "amount": formats.money(amount_due, draft.currency),
        "day": formats.day(draft.billing_on),
        "card": str(overview.card),
    }
    if not amount_due:
        return gettext("Charges for this period are final: nothing will be charged on %(day)s.") % values
    if overview.card is None:
        return gettext("Charges for this period are final: %(amount)s, billed on %(day)s.") % values
    return gettext("Charges for this period are final: %(amount)s. We'll charge %(card)s on %(day)s.") % values
