"""`{% load cards %}`: what pages ask of a payment method."""

from datetime import date

from django import template

from accounts.models import PaymentMethod

register = template.Library()


@register.filter
def has_expired(method: PaymentMethod, on: date | str) -> bool:
    """`{% if method|has_expired:today %}`; False where the page doesn't know the day."""
    return isinstance(on, date) and method.has_expired(on)
