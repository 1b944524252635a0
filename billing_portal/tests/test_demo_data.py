from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from billing_portal.demo import DEMO_LOGINS
from core import clock

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


@pytest.fixture
def seeded(transactional_db):
    with clock.travel_to(NOW):
        call_command("seed_demo", "--if-empty")
        yield


def test_it_tells_a_story_whose_books_agree(seeded, client, capsys):
    call_command("check_books")
    assert "The books agree." in capsys.readouterr().out
    for login in DEMO_LOGINS:
        assert client.login(email=login["email"], password=login["password"]), login["email"]


def test_it_leaves_a_filled_database_alone(seeded, capsys):
    capsys.readouterr()
    call_command("seed_demo", "--if-empty")
    assert capsys.readouterr().out == ""
    with pytest.raises(CommandError, match="empty"):
        call_command("seed_demo")


def test_the_plus_customer_was_billed_and_paid_every_month(seeded, client):
    client.login(email="plus@example.com", password=DEMO_LOGINS[1]["password"])
    page = client.get("/settings/billing/portal/").content.decode()
    assert page.count("View invoice INV-2026-") == 3
    with clock.travel_to(NOW + timedelta(minutes=1)):
        assert "Meridian Plus" in client.get("/settings/billing/").content.decode()
