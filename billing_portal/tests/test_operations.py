"""The operators' handbook and the example of a deployment name what there is."""

import re
from pathlib import Path

import pytest
from django.core.checks import Tags, run_checks

from billing_portal.celery import app
from billing_portal.metrics import metrics

ROOT = Path(__file__).resolve().parents[2]
HANDBOOK = (ROOT / "docs/operations.md").read_text()
COMPOSE = (ROOT / "deploy/compose.yaml").read_text()
SETTINGS = (ROOT / "billing_portal/settings.py").read_text()


def test_the_example_sets_only_what_the_settings_read():
    shared = COMPOSE.partition("environment: &environment\n")[2].partition("\n\n")[0]
    names = set(re.findall(r"^    ([A-Z_]+):", shared, re.MULTILINE))

    assert {"SECRET_KEY", "DATABASE_URL", "METRICS_TOKEN"} <= names
    assert {name for name in names if f'"{name}"' not in SETTINGS} == set()


def test_the_handbook_names_only_settings_that_there_are():
    section = HANDBOOK.partition("## Settings")[2].partition("\n## ")[0]
    names = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", section))

    assert "SECRET_KEY" in names
    assert {name for name in names if f'"{name}"' not in SETTINGS} == set()


def test_every_variable_of_the_settings_is_in_their_table():
    table = SETTINGS.split('"""')[1]
    read = set(re.findall(r'(?:environ\.get|flag|words)\("([A-Z_]+)"', SETTINGS))

    assert {name for name in read if name not in table} == set()


def test_the_handbook_explains_every_gauge(db, at):
    section = HANDBOOK.partition("## What to watch")[2].partition("\n## ")[0]
    names = [row.name for row in metrics(at)]

    unexplained = [name for name in names if name not in section and not explained_together(name, section)]
    assert unexplained == []


def explained_together(name: str, section: str) -> bool:
    """`billing_notices_waiting`, `…_failing` in one row of the table."""
    ends = ("oldest_seconds", name.rpartition("_")[2])
    return any(name.endswith(end) and f"…_{end}" in section for end in ends)


def test_the_alerts_ask_for_gauges_that_there_are(db, at):
    rules = HANDBOOK.partition("```yaml")[2].partition("```")[0]
    asked = set(re.findall(r"billing_\w+", rules))

    assert asked
    assert asked <= {row.name for row in metrics(at)}


def test_the_example_starts_every_kind_of_process():
    for command in ("gunicorn", "celery, --app, billing_portal, worker", "celery, --app, billing_portal, beat"):
        assert command in COMPOSE + (ROOT / "deploy/Dockerfile").read_text()
    assert app.main == "billing_portal"


@pytest.mark.parametrize("name", ["requirements.txt", "manage.py"])
def test_the_image_is_made_of_files_that_there_are(name):
    assert name in (ROOT / "deploy/Dockerfile").read_text()
    assert (ROOT / name).exists()


def test_a_deployment_by_the_handbook_has_nothing_to_mend(settings):
    settings.DEMO, settings.EMAIL_HOST, settings.STAFF_MFA_REQUIRED = False, "mail.example.com", True
    settings.SECRET_KEY = "0123456789abcdefghijklmnopqrstuvwxyz-0123456789abcdefghijkl"
    settings.SECURE_SSL_REDIRECT = settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    settings.ALLOWED_HOSTS = ["billing.example.com"]

    assert run_checks(tags=[Tags.security], include_deployment_checks=True) == []
