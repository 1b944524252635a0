"""The «Credits» tab as people see it."""

import csv
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.clock import travel_to
from credits.charges import ChargeDraft
from credits.grants import GrantDraft
from credits.models import LedgerTransaction
from credits.services.adjust_balance import adjust_balance
from credits.services.draw_down_credits import draw_down_credits
from credits.services.grant_credits import grant_credits

HTMX = {"HX-Request": "true"}
PAGES = (
    *("credits", "credit_grants_csv", "credit_tx", "credit_tx_csv"),
    *("credits_verify", "credits_ledger_csv", "verify_script"),
)


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


def grant(customer, amount, at, key="g1", **values):
    draft = GrantDraft(
        key=key, customer_id=customer.pk, currency="USD", amount=amount, funding="promotional", name="Welcome", **values
    )
    return grant_credits(grant=draft, at=at, actor=None)


def use(customer, amount, at, key="c1", feature="", title="API requests"):
    charge = ChargeDraft(
        key=key, group=key, customer_id=customer.pk, currency="USD", feature_key=feature, amount=amount, booked_at=at,
        may_overdraw=True, is_final=True, title=title,
    )  # fmt: skip
    return draw_down_credits(charges=[charge], at=at)


def text(response):
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return " ".join(content.decode().split())


def rows_of(response):
    return list(csv.DictReader(StringIO(b"".join(response.streaming_content).decode())))


# --- who sees what --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("htmx", [{}, HTMX])
@pytest.mark.parametrize("name", PAGES)
def test_a_stranger_sees_nothing_of_another_customers_credits(
    name, customer, charlie, other_customer, log_in, at, htmx
):
    grant(customer, 10_000, at)
    page = text(log_in(charlie).get(reverse(name), headers=htmx))
    assert "Welcome" not in page
    assert "$100.00" not in page


@pytest.mark.parametrize("name", PAGES)
def test_a_member_is_told_who_can(name, customer, dora, log_in):
    response = log_in(dora).get(reverse(name))
    assert response.status_code == 403
    assert "alice@example.com" in text(response)


@pytest.mark.parametrize("name", PAGES)
def test_nobody_is_let_in_without_logging_in(name, client, db):
    response = client.get(reverse(name))
    assert (response.status_code, "/accounts/login/" in response["Location"]) == (302, True)


@pytest.mark.parametrize("name", PAGES)
def test_a_viewer_reads_all_of_it(name, customer, bob, log_in):
    assert log_in(bob).get(reverse(name)).status_code == 200


def test_the_number_of_queries_does_not_grow_with_the_history(customer, alice, log_in, at):
    client = log_in(alice)
    grant(customer, 10_000, at)
    with CaptureQueriesContext(connection) as few:
        client.get(reverse("credits"))
    for number in range(40):
        use(customer, 10, at + timedelta(seconds=number), key=f"c{number}")
    with CaptureQueriesContext(connection) as many:
        client.get(reverse("credits"))
    assert len(many) == len(few) <= 15


# --- the balance ----------------------------------------------------------------------------------------------------
def test_a_customer_without_credits_is_told_where_they_appear(customer, alice, log_in):
    page = text(log_in(alice).get(reverse("credits")))
    for words in ("No credits yet.", "Credits granted to you appear here.", "No movements yet."):
        assert words in page


def test_the_balance_is_shown_as_an_equation_that_adds_up(customer, alice, log_in, at):
    grant(customer, 10_000, at)
    use(customer, 4_000, at)
    page = text(log_in(alice).get(reverse("credits")))
    assert '<strong class="figure-value" data-testid="available">$60.00</strong>' in page
    assert "Settled balance" in page


def test_a_balance_below_zero_is_explained_in_words(customer, alice, log_in, at):
    use(customer, 4_000, at)
    page = text(log_in(alice).get(reverse("credits")))
    assert 'Your credit balance is <span class="num">−$40.00</span>. The next grant first covers this amount.' in page


def test_credit_that_expires_soon_says_so(customer, alice, log_in, at):
    grant(customer, 10_000, at, expires_at=at + timedelta(days=10))
    page = text(log_in(alice).get(reverse("credits")))
    assert "$100.00 expires on" in page
    assert "expires within 14 days" in page


def test_grants_stand_in_draw_down_order_with_what_they_pay_for(customer, alice, log_in, at, catalogue):
    grant(customer, 1_000, at, key="later", priority=20)
    grant(customer, 1_000, at, key="only", features=("api-requests",))
    page = text(log_in(alice).get(reverse("credits")))
    assert page.index("Only for: API requests") < page.index('data-label="Draw-down order">20<')


# --- «Transaction History» ------------------------------------------------------------------------------------------
def test_every_movement_has_the_balance_before_and_after_it(customer, alice, log_in, at):
    grant(customer, 10_000, at)
    use(customer, 4_000, at + timedelta(minutes=1))
    page = text(log_in(alice).get(reverse("credits")))
    for word in ('data-type="funded"', "+$100.00", 'data-type="consumed"', "−$40.00", "$60.00"):
        assert word in page
    assert page.index('data-type="consumed"') < page.index('data-type="funded"')


def test_what_the_house_named_is_read_in_german_and_what_people_named_is_not(customer, alice, log_in, at):
    bought = GrantDraft(
        key="g2", customer_id=customer.pk, currency="USD", amount=5_000, funding="promotional", name="Purchased credits"
    )
    grant_credits(grant=bought, at=at, actor=None)
    grant(customer, 500, at)
    use(customer, 700, at, title="API requests (late usage)")
    adjust_balance(
        key="a1", customer_id=customer.pk, currency="USD", amount=-100, reason="Agreed (late usage)", at=at, actor=None
    )
    page = text(log_in(alice).get(reverse("credits"), headers={"Accept-Language": "de"}))
    for german in ("API requests (verspäteter Verbrauch)", "Gekauftes Guthaben", ">Anpassung", "Welcome"):
        assert german in page, german
    for english in ("API requests (late usage)", "Purchased credits"):
        assert english not in page
    assert LedgerTransaction.objects.filter(description="API requests (late usage)").exists()


def test_a_charge_on_two_grants_is_one_row_that_opens(customer, alice, log_in, at):
    grant(customer, 1_000, at, key="a", priority=1)
    grant(customer, 10_000, at, key="b")
    use(customer, 4_000, at)
    page = text(log_in(alice).get(reverse("credits")))
    assert "from 2 grants" in page
    assert '<td class="num" data-label="Amount">−$40.00</td>' in page


def test_htmx_gets_the_fragment_and_everybody_else_a_page(customer, alice, log_in, at):
    grant(customer, 10_000, at)
    client = log_in(alice)
    fragment, page = client.get(reverse("credit_tx"), headers=HTMX), client.get(reverse("credit_tx"))
    assert "<html" not in text(fragment)
    assert "<html" in text(page)
    assert "HX-Request" in fragment["Vary"]
    assert 'id="history"' in text(fragment)


def test_a_filter_keeps_the_true_balance(customer, alice, log_in, at):
    grant(customer, 10_000, at)
    use(customer, 4_000, at + timedelta(minutes=1))
    page = text(log_in(alice).get(reverse("credit_tx"), {"type": "consumed"}))
    assert 'data-type="funded"' not in page
    assert '<td class="num" data-label="Balance before">$100.00</td>' in page


def test_filters_that_match_nothing_say_so(customer, alice, log_in, at):
    grant(customer, 10_000, at)
    page = text(log_in(alice).get(reverse("credit_tx"), {"type": "voided"}))
    assert "No movement matches these filters." in page


@pytest.mark.parametrize(
    "asked", [{"type": "stolen"}, {"since": "someday"}, {"since": "2026-02-02", "until": "2026-02-01"}]
)
def test_a_wrong_filter_is_named(customer, alice, log_in, asked):
    client = log_in(alice)
    for headers in ({}, HTMX):
        assert client.get(reverse("credit_tx"), asked, headers=headers).status_code == 422
    assert client.get(reverse("credit_tx_csv"), asked).status_code == 422


def test_a_wrong_filter_shows_no_history_and_does_not_say_there_is_none(customer, alice, log_in, at):
    grant(customer, 10_000, at)
    asked = {"since": "2026-10-02", "until": "2026-10-01"}
    client = log_in(alice)
    for headers in ({}, HTMX):
        page = text(client.get(reverse("credit_tx"), asked, headers=headers))
        assert page.count("There is a problem") == 1
        assert "No movement" not in page
        assert "Transaction History updated" not in page
        assert ">Clear</a>" in page


def test_a_charge_on_several_grants_is_not_cut_by_the_end_of_a_page(customer, alice, log_in, at):
    for number in range(3):
        grant(customer, 1_000, at, key=f"g{number}")
    use(customer, 2_500, at + timedelta(minutes=1), key="wide")
    for number in range(24):
        use(customer, 1, at + timedelta(minutes=number + 2), key=f"c{number}")
    client = log_in(alice)
    first = client.get(reverse("credit_tx")).context
    older = client.get(reverse("credit_tx") + first["older_url"]).context
    assert [row.amount for row in first["rows"]] == [-1] * 24
    assert [row.amount for row in older["rows"]] == [-2_500, 1_000, 1_000, 1_000]
    newer = client.get(reverse("credit_tx") + older["newer_url"]).context
    assert [row.amount for row in newer["rows"]] == [-1] * 24


def test_older_and_newer_lead_through_the_whole_history_and_back(customer, alice, log_in, at):
    grant(customer, 100_000, at)
    for number in range(60):
        use(customer, 10 + number, at + timedelta(minutes=number + 1), key=f"c{number}")
    client, url, seen = log_in(alice), reverse("credit_tx"), []
    while url:
        context = client.get(url).context
        seen += [row.amount for row in context["rows"]]
        url = reverse("credit_tx") + context["older_url"] if context["older_url"] else ""
    assert seen == [*(-(10 + number) for number in reversed(range(60))), 100_000]
    assert client.get(reverse("credit_tx") + context["newer_url"]).context["rows"]


def test_the_csv_has_every_movement_by_itself(customer, alice, log_in, at):
    grant(customer, 1_000, at, key="a", priority=1)
    grant(customer, 10_000, at, key="b")
    use(customer, 4_000, at)
    response = log_in(alice).get(reverse("credit_tx_csv"))
    rows = rows_of(response)
    assert [Decimal(row["amount"]) for row in rows] == [-30, -10, 100, 10]
    assert all(Decimal(row["balance_before"]) + Decimal(row["amount"]) == Decimal(row["balance_after"]) for row in rows)
    assert response["Content-Disposition"] == 'attachment; filename="credit-transactions.csv"'


def test_the_grants_csv_says_what_the_table_says(customer, alice, log_in, at, catalogue):
    grant(customer, 1_000, at - timedelta(days=3), key="over", expires_at=at - timedelta(days=1))
    grant(customer, 2_050, at, key="gone", priority=1)
    grant(customer, 10_000, at, key="some", expires_at=at + timedelta(days=30))
    only = grant(customer, 700, at, key="only", priority=20, features=("ai-tokens", "api-requests"))
    use(customer, 4_055, at, feature="seats")
    client = log_in(alice)
    page = client.get(reverse("credits"))
    assert f'href="{reverse("credit_grants_csv")}"' in text(page)
    response = client.get(reverse("credit_grants_csv"))
    rows = rows_of(response)
    assert response["Content-Disposition"] == 'attachment; filename="credit-grants.csv"'
    assert response["Cache-Control"] == "no-store"
    cards = [*page.context["grants"], *page.context["ended"]]
    assert [row["grant"] for row in rows] == [card.grant.public_id for card in cards]
    figures = [tuple(Decimal(row[name]) * 100 for name in ("granted", "used", "left")) for row in rows]
    assert figures == [(card.grant.amount, card.spent, card.left) for card in cards]
    said = [tuple(row[name] for name in ("granted", "used", "left", "priority", "status")) for row in rows]
    assert said == [
        ("100", "20.05", "79.95", "10", "active"),
        ("7", "0", "7", "20", "active"),
        ("20.5", "20.5", "0", "1", "used up"),
        ("10", "0", "0", "10", "expired"),
    ]
    assert rows[1] | {"grant": only.public_id, "type": "promotional", "currency": "USD", "expires_at": ""} == rows[1]
    assert rows[1]["features"] == "ai-tokens, api-requests"
    assert rows[0]["expires_at"] == f"{at + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"


def test_a_grants_name_is_no_formula_and_its_csv_is_read_by_one_query(customer, alice, log_in, at):
    client, asked = log_in(alice), []
    for each in range(2):
        for number in range(10):
            draft = GrantDraft(
                key=f"{each}-{number}", customer_id=customer.pk, currency="USD", amount=100, funding="promotional",
                name='=HYPERLINK("https://example.com")',
            )  # fmt: skip
            grant_credits(grant=draft, at=at, actor=None)
        with CaptureQueriesContext(connection) as queries:
            rows = rows_of(client.get(reverse("credit_grants_csv")))
        asked.append(len(queries))
    assert {row["name"] for row in rows} == {'\'=HYPERLINK("https://example.com")'}
    assert asked[0] == asked[1] <= 8


# --- the ledger that proves itself ----------------------------------------------------------------------------------
def test_the_verify_page_computes_the_chain_and_shows_its_head(customer, alice, log_in, at):
    grant(customer, 10_000, at)
    use(customer, 4_000, at)
    newest = LedgerTransaction.objects.order_by("sequence").last()
    page = text(log_in(alice).get(reverse("credits_verify")))
    assert "The ledger is intact" in page
    assert newest.hash in page


def test_a_printed_head_is_compared_with_the_ledger(customer, alice, log_in, at):
    grant(customer, 10_000, at)
    first = LedgerTransaction.objects.get()
    use(customer, 4_000, at)
    client, url = log_in(alice), reverse("credits_verify")
    assert "They match" in text(client.get(url, {"sequence": 1, "hash": first.hash.upper()}))
    assert "They do not match" in text(client.get(url, {"sequence": 2, "hash": first.hash}))
    assert client.get(url, {"sequence": 1, "hash": "abc"}).status_code == 422


def test_another_customers_head_does_not_match(customer, other_customer, alice, log_in, at):
    grant(other_customer, 10_000, at)
    theirs = LedgerTransaction.objects.get()
    grant(customer, 10_000, at, key="g2")
    page = text(log_in(alice).get(reverse("credits_verify"), {"sequence": 1, "hash": theirs.hash}))
    assert "They do not match" in page


def test_a_downloaded_ledger_verifies_by_the_downloaded_program(customer, alice, log_in, at, tmp_path):
    """A name that a spreadsheet would calculate stays as it was hashed."""
    grant(customer, 10_000, at)
    use(customer, 14_000, at)
    draft = GrantDraft(
        key="odd", customer_id=customer.pk, currency="USD", amount=7_500, funding="promotional",
        name='=1+1 "quoted", ünïcode',
    )  # fmt: skip
    grant_credits(grant=draft, at=at, actor=None)
    client = log_in(alice)
    script, ledger = tmp_path / "verify_ledger.py", tmp_path / "credit-ledger.csv"
    script.write_bytes(client.get(reverse("verify_script")).content)
    ledger.write_bytes(b"".join(client.get(reverse("credits_ledger_csv")).streaming_content))
    newest = LedgerTransaction.objects.order_by("sequence").last()
    asked = ["--sequence", str(newest.sequence), "--head", newest.hash]
    assert _run(script, ledger, *asked).returncode == 0
    ledger.write_text(ledger.read_text().replace("-4000", "-4001"))
    assert _run(script, ledger, *asked).returncode == 1


def _run(script: Path, *args: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", str(script), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
