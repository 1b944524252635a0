"""Every component in every state, on one page: what is looked at, measured and photographed. Development only."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


class SampleForm(forms.Form):
    """A field of every kind."""

    legal_name = forms.CharField(label="Legal or company name", widget=forms.TextInput(attrs={"autocomplete": "off"}))
    country = forms.ChoiceField(choices=[("", "Choose"), ("DE", "Germany"), ("FR", "France")])
    postal_code = forms.CharField()
    city = forms.CharField()
    tax_id = forms.CharField(
        label="Tax ID (VAT, GST…)", required=False, help_text="Printed on every invoice. Example: DE123456789"
    )
    needs = forms.CharField(label="What do you need?", widget=forms.Textarea(attrs={"rows": 3}))
    copies = forms.BooleanField(label="Send a copy to me", required=False)
    pay_with = forms.ChoiceField(
        choices=[("1", "Visa ending 4242"), ("2", "Mastercard ending 4444")], widget=forms.RadioSelect
    )


@dataclass(frozen=True)
class SampleLine:
    title: str
    detail: str
    amount: int
    explain_url: str = ""


LINES = (
    SampleLine("Plus monthly fee", "$49.00 × 11 of 30 days, 8 Nov – 18 Nov 2026", 1797, "#explain"),
    SampleLine(
        "API requests", "12,345 − 10,000 included = 2,345 × $0.0010, to 19 Nov 2026, 14:05 UTC", 235, "#explain"
    ),
    SampleLine("Promotional credits", "Grant Welcome", -500),
)
TOTALS = ({"label": "Net", "amount": 1532}, {"label": "VAT 20 %", "amount": 306})
DATES = (
    {"on": date(2026, 10, 20), "text": "Billing period starts", "past": True, "next": False},
    {"on": date(2026, 11, 17), "text": "Charges calculated", "past": False, "next": True},
    {"on": date(2026, 11, 20), "text": "Billed", "past": False, "next": False},
)


def sample() -> dict[str, Any]:
    """What the components are shown with."""
    return {
        "lines": LINES,
        "totals": TOTALS,
        "total": 1838,
        "currency": "USD",
        "dates": DATES,
        "levels": ("neutral", "info", "success", "warning", "danger", "credit"),
        "plain": SampleForm(initial={"legal_name": "Example SAS"}, prefix="plain"),
        "form": SampleForm({"copies": "on", "city": "Berlin"}),
    }


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """404 where people bill for real."""
    if not (settings.DEBUG or settings.DEMO):
        raise Http404
    if request.GET.get("message"):
        messages.success(request, "You’re on Plus. Nothing is due today. First bill: 20 Dec 2026.")
    return render(request, "billing_portal/styleguide.html", sample())
