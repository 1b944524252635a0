"""The environment of the portal's own processes on this machine."""

from __future__ import annotations

import os
import sys
from typing import Final

from billing_portal import embedded

HOST: Final = "127.0.0.1"

PYTHON = sys.executable
MANAGE = (PYTHON, str(embedded.ROOT / "manage.py"))


def port() -> int:
    return int(os.environ.get("PORT", "8000"))


def sandbox_port() -> int:
    return int(os.environ.get("SANDBOX_PORT", "8010"))


def address() -> str:
    return os.environ.get("PORTAL_URL", f"http://127.0.0.1:{port()}").rstrip("/")


def demo() -> dict[str, str]:
    """A demo on this machine, unless the environment says otherwise."""
    defaults = {
        "DEMO": "1",
        "PORTAL_URL": address(),
        "SANDBOX_URL": f"http://{HOST}:{sandbox_port()}",
        "DJANGO_SETTINGS_MODULE": "billing_portal.settings",
    }
    if "SECRET_KEY" not in os.environ:
        defaults["SECRET_KEY"] = embedded.secret_key()
    return defaults | os.environ


def production_like() -> dict[str, str]:
    """What `check --deploy` is to judge: the settings as a server would have them, and none of the demo's."""
    env = {name: value for name, value in os.environ.items() if name not in {"DEBUG", "DEMO", "HTTPS"}}
    return env | {
        "SECRET_KEY": "a-long-and-unguessable-value-that-only-the-deployment-check-ever-sees-0123456789",
        "ALLOWED_HOSTS": "portal.example.com",
        "PORTAL_URL": "https://portal.example.com",
        "EMAIL_HOST": "mail.example.com",
        "STRIPE_API_KEY": "sk_test_of_the_deployment_check",
        "STRIPE_WEBHOOK_SECRET": "whsec_of_the_deployment_check",
        "DJANGO_SETTINGS_MODULE": "billing_portal.settings",
    }
