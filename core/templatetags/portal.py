"""`{% load portal %}`: money, quantities, dates and icons in templates. The texts come from core.formats."""

import re
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from django import template
from django.template import Context
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from core import formats
from core.periods import Period, Window
from core.templatetags.icons import PATHS

register = template.Library()

BELOW_ZERO = re.compile(rf"{formats.MINUS}[^\s<]*\d")


def _day(value: date | datetime | str) -> date:
    """A date from a date, an instant or the ISO text of either (as kept in JSON)."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.date() if isinstance(value, datetime) else value


def _instant(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


@register.filter
def money(amount: int | None, currency: str) -> str:
    """`{{ invoice.total|money:invoice.currency }}` – $1,797.00. Nothing where there is no amount."""
    return "" if amount is None else formats.money(int(amount), str(currency))


@register.simple_tag
def unit_price(
    unit_amount: Decimal | str, per_units: int, currency: str, unit: str = "unit", unit_plural: str = ""
) -> str:
    """`{% unit_price card.unit_amount card.per_units currency "token" %}` – $12.00 per 1 million tokens."""
    return formats.unit_price(Decimal(unit_amount), int(per_units), str(currency), str(unit), str(unit_plural))


@register.filter
def unbroken(text: str) -> SafeString:
    """`{{ text|unbroken }}` – prose in which no line ends between a minus and its amount."""
    return mark_safe(BELOW_ZERO.sub(r'<span class="num">\g<0></span>', conditional_escape(text)))  # noqa: S308 - escaped


@register.filter
def quantity(value: Decimal | Fraction | int | str | None) -> str:
    """`{{ line.quantity|quantity }}` – 12,345 without trailing zeros."""
    if value is None or value == "":
        return ""
    return formats.quantity(value if isinstance(value, Fraction) else Decimal(value))


@register.filter
def instant_text(value: datetime | str | None) -> str:
    """20 Nov 2026, 14:05 UTC as plain text, for attributes and e-mails."""
    return formats.instant(_instant(value)) if value else ""


@register.filter
def day(value: date | datetime | str | None) -> SafeString | str:
    """`{{ invoice.due_on|day }}` – 20 Nov 2026 inside `<time datetime>`."""
    if not value:
        return ""
    on = _day(value)
    return format_html('<time datetime="{}">{}</time>', on.isoformat(), formats.day(on))


@register.filter
def instant(value: datetime | str | None) -> SafeString | str:
    """`{{ event.time|instant }}` – 20 Nov 2026, 14:05 UTC inside `<time datetime>`."""
    if not value:
        return ""
    at = _instant(value)
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), formats.instant(at))


@register.filter
def period(value: Period | Window | None) -> str:
    """`{{ invoice.period|period }}` – 20 Oct – 19 Nov 2026. Takes a Period or a Window."""
    if value is None:
        return ""
    return formats.period(value) if isinstance(value, Period) else formats.window(value)


@register.simple_tag
def days(start: date | datetime | str, end: date | datetime | str) -> str:
    """`{% days invoice.period_start invoice.period_end %}` – a half-open range of days, as `period` writes it."""
    return formats.period(Period(_day(start), _day(end)))


@register.simple_tag
def between(start: datetime | str, end: datetime | str) -> str:
    """`{% between line.starts_at line.ends_at %}` – a usage window, with times where it is not whole days."""
    return formats.window(Window(_instant(start), _instant(end)))


@register.simple_tag(takes_context=True)
def explain_url(context: Context, key: str) -> str:
    """`{% explain_url line.key %}` – where a line is explained: the customer's own page, or staff's page about the
    customer whose key the page has as `explain_for`. Empty where there is no such page."""
    customer_key = context.get("explain_for")
    try:
        return (
            reverse("admin:customer_explain", args=[customer_key, key])
            if customer_key
            else reverse("billing_explain", args=[key])
        )
    except NoReverseMatch:
        return ""


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """`{% icon "cog" %}` – an inline SVG without a name of its own: always beside text or a visually-hidden name."""
    return format_html(
        '<svg class="icon {}" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d="{}"/></svg>',
        css,
        PATHS[name],
    )


@register.inclusion_tag("components/meter.html")
def meter(
    used: Decimal | int, included: Decimal | Fraction | int, label: str = "", *, charged: bool = True
) -> dict[str, object]:
    """`{% meter used included "API requests" %}` – a bar beside the text that says the same in words.

    `charged`: whether what is over the included quantity costs something. Drawn in half percents of the included
    quantity; what is over it is shown as its own part.
    """
    share = Fraction(used) / Fraction(included) if included else Fraction(0)
    over = max(Fraction(0), share - 1)
    inside = min(share, Fraction(1)) / (1 + over)
    return {
        "label": label,
        "used": used,
        "included": included,
        "charged": charged,
        "billed": max(Fraction(used) - Fraction(included), Fraction(0)),
        "inside": _half_percents(inside),
        "over": _half_percents(over / (1 + over)),
        "over_at": _half_percents(1 / (1 + over)) if over else 0,
    }


def _half_percents(share: Fraction) -> int:
    """A share as units of the drawing, 200 wide; something is never drawn as nothing."""
    return max(1, round(share * 200)) if share > 0 else 0


@register.simple_tag
def email_link(url: str, label: str) -> SafeString:
    """`{% email_link cancel_url _("cancel") as link %}`: a link in the middle of a sentence of a message."""
    return render_to_string("emails/_link.html", {"url": url, "label": label})
