"""`{% load staff %}`: names in the code as pages of staff say them."""

from django import template

from accounts.staff_words import words_of

register = template.Library()


@register.filter
def worded(name: str) -> str:
    """`{{ notice.template|worded }}`: `card_expiring` → card expiring."""
    return str(words_of(name))
