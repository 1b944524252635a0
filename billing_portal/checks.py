"""System checks: what this installation lacks, each with an id."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from invoices import pdf


@register()
def check_pdf_libraries(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """portal.W001: WeasyPrint's system libraries are missing; the portal runs without PDFs."""
    problem = pdf.available()
    return [Warning(f"PDFs are not available: {problem}", id="portal.W001")] if problem else []


@register(Tags.security, deploy=True)
def check_demo_is_off(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """portal.E001: demo log-ins must not be offered by a portal that is deployed."""
    return [Error("DEMO is on", hint="unset DEMO", id="portal.E001")] if settings.DEMO else []


@register()
def check_cards_are_charged(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """portal.E002: a sandbox charges nobody; portal.E003: what Stripe tells by itself would be refused."""
    if settings.CARD_GATEWAY == "sandbox" and not (settings.DEMO or settings.DEBUG):
        hint = "set STRIPE_API_KEY, or DEMO=1 to try the portal out"
        return [Error("cards go to the sandbox processor", hint=hint, id="portal.E002")]
    if settings.CARD_GATEWAY == "stripe" and not (settings.STRIPE_API_KEY and settings.STRIPE_WEBHOOK_SECRET):
        hint = "set STRIPE_API_KEY and STRIPE_WEBHOOK_SECRET"
        return [Error("Stripe's key or its webhooks' secret is missing", hint=hint, id="portal.E003")]
    if settings.CARD_GATEWAY not in {"sandbox", "stripe"}:
        return [Error(f"there is no card gateway {settings.CARD_GATEWAY}", hint="stripe or sandbox", id="portal.E004")]
    return []


@register(Tags.security, deploy=True)
def check_mail_is_sent(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """portal.W002: notices would be kept as files and reach nobody."""
    return [] if settings.EMAIL_HOST else [Warning("no mail server is set", hint="set EMAIL_HOST", id="portal.W002")]


@register(Tags.security, deploy=True)
def check_staff_need_second_factor(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """portal.W003: a password alone opens everybody's billing."""
    if settings.STAFF_MFA_REQUIRED:
        return []
    return [Warning("staff log in with a password alone", hint="unset STAFF_MFA_REQUIRED", id="portal.W003")]
