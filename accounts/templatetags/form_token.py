"""`{% csrf_token %}` of every template: a form of a customer's page also says which customer it was shown for."""

from django import template
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html

from accounts.access import FORM_CUSTOMER
from accounts.models import Customer

register = template.Library()


class FormTokenNode(CsrfTokenNode):
    def render(self, context: Context) -> str:
        customer = getattr(context.get("request"), "customer", None)
        token = super().render(context)
        if type(customer) is not Customer:  # the lazy one: `accounts.access` let nobody in, so nobody is asked for
            return token
        return format_html('{}<input type="hidden" name="{}" value="{}">', token, FORM_CUSTOMER, customer.key)


@register.tag
def csrf_token(parser: Parser, token: Token) -> FormTokenNode:
    return FormTokenNode()
