"""Staff grant, void, adjust and see: «Credits» of the customer page in the staff site."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEntry, User
from core.clock import travel_to
from credits import selectors
from credits.grants import GrantDraft
from credits.models import CreditGrant, LedgerTransaction
from credits.services.grant_credits import grant_credits
from credits.tests.test_pages import grant, rows_of, text, use

FILLED = {
    "amount": "100.00", "currency": "USD", "name": "Welcome", "reason": "First month on us", "charge": "promotional",
    "unit_cost": "", "availability": "now", "effective_at": "", "priority": "10", "expires_at": "",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _today(at):
    with travel_to(at):
        yield


@pytest.fixture
def helper(db):
    """Staff without the role."""
    return User.objects.create_user("helper@example.com", "correct-horse-battery", is_staff=True)


def url(name, customer, *args):
    return reverse(f"admin:{name}", args=[customer.key, *args])


def fill(client, customer, **values):
    return client.post(url("customer_credits_grant", customer), FILLED | values)


def accept(client, step, **sending):
    """«Grant credits» of a summary as it stands; the response."""
    return client.post(step, {"seen": client.get(step).context["seen"]}, **sending)


def granted(client, customer, **values):
    """Through both steps; the response of «Grant credits»."""
    return accept(client, fill(client, customer, **values)["Location"])


def pages(customer, at):
    made = grant(customer, 500, at, key="for-the-pages")
    return [
        url("customer_credits", customer), url("customer_credits_tx", customer),
        url("customer_credits_tx_csv", customer), url("customer_credits_grants_csv", customer),
        url("customer_credits_grant", customer), url("customer_credits_adjust", customer),
        url("customer_credits_void", customer, made.public_id), url("customer_credits_pay", customer, made.public_id),
    ]  # fmt: skip


# --- who may --------------------------------------------------------------------------------------------------------
def test_people_who_are_not_staff_are_asked_to_log_in_as_staff(customer, alice, log_in, client, at):
    for page in pages(customer, at):
        assert "/admin/login/" in log_in(alice).get(page)["Location"]
        assert "/admin/login/" in client.get(page)["Location"]


def test_staff_without_the_role_learn_who_has_it(customer, helper, staff, log_in, at):
    for page in pages(customer, at):
        response = log_in(helper).get(page)
        assert response.status_code == 403
        assert staff.email in text(response)


def test_nothing_is_granted_without_the_role(customer, helper, log_in):
    assert fill(log_in(helper), customer).status_code == 403
    assert CreditGrant.objects.count() == 0


def test_an_unknown_customer_grant_or_proposal_is_not_found(customer, other_customer, staff, log_in, at):
    theirs = grant(other_customer, 100, at)
    client = log_in(staff)
    for page in (
        reverse("admin:customer_credits", args=["cus_nobody"]),
        url("customer_credits_void", customer, theirs.public_id),
        url("customer_credits_summary", customer, "grp_nothing"),
        url("customer_credits_grant", customer) + "?proposal=grp_nothing",
    ):
        assert client.get(page).status_code == 404


def test_the_number_of_queries_stays_small(customer, staff, log_in, at):
    client = log_in(staff)
    for page in pages(customer, at):
        with CaptureQueriesContext(connection) as asked:
            client.get(page)
        assert len(asked) <= 18, page


# --- «New credit grant» → «Grant Summary» ---------------------------------------------------------------------------
def test_a_grant_is_made_in_two_steps_and_its_row_is_marked(customer, staff, log_in):
    client = log_in(staff)
    summary = client.get(fill(client, customer)["Location"])
    page = text(summary)
    for words in ("Grant Summary", "$100.00", "First month on us", "Promotional / Free", "Grant credits"):
        assert words in page
    assert '<strong class="figure-value" data-testid="balance-before">$0.00</strong>' in page
    assert '<strong class="figure-value" data-testid="balance-after">$100.00</strong>' in page
    assert CreditGrant.objects.count() == 0
    landed = accept(client, summary.wsgi_request.path, follow=True)
    page = text(landed)
    assert landed.redirect_chain[-1][0].endswith("?new=1#new")
    assert 'id="new"' in page
    assert "+$100.00" in page


def test_pressing_twice_grants_once(customer, staff, log_in):
    client = log_in(staff)
    step = fill(client, customer)["Location"]
    seen = {"seen": client.get(step).context["seen"]}
    first, second = client.post(step, seen), client.post(step, seen)
    assert first["Location"] == second["Location"]
    assert CreditGrant.objects.count() == LedgerTransaction.objects.count() == 1


def test_a_grant_over_overdraft_shows_what_it_repays_before_and_does_it(customer, staff, log_in, at):
    use(customer, 4_000, at)
    client = log_in(staff)
    step = fill(client, customer)["Location"]
    page = text(client.get(step))
    assert "$40.00 pays back what was used before" in page
    assert 'data-testid="balance-after">$60.00<' in page
    accept(client, step)
    assert selectors.balance(customer.pk, "USD", at).available == 6_000


def test_nothing_is_granted_that_the_summary_did_not_show(customer, staff, log_in):
    client = log_in(staff)
    step = fill(client, customer)["Location"]
    seen = {"seen": client.get(step).context["seen"]}
    change = f"{url('customer_credits_grant', customer)}?proposal={step.rstrip('/').rsplit('/', 1)[1]}"
    client.post(change, FILLED | {"amount": "9000.00"})  # in another tab
    refused = client.post(step, seen)
    assert refused.status_code == 409
    assert "Nothing was granted." in text(refused)
    assert "$9,000.00" in text(refused)
    assert CreditGrant.objects.count() == 0
    client.post(step, {"seen": refused.context["seen"]})
    assert CreditGrant.objects.get().amount == 900_000


def test_nothing_is_granted_on_another_balance_than_was_shown(customer, staff, log_in, at):
    client = log_in(staff)
    step = fill(client, customer)["Location"]
    seen = {"seen": client.get(step).context["seen"]}
    use(customer, 4_000, at)
    assert client.post(step, seen).status_code == 409
    assert client.post(step).status_code == 409
    assert CreditGrant.objects.count() == 0


def test_what_is_granted_is_not_changed_any_more(customer, staff, log_in):
    client = log_in(staff)
    step = fill(client, customer)["Location"]
    change = f"{url('customer_credits_grant', customer)}?proposal={step.rstrip('/').rsplit('/', 1)[1]}"
    accept(client, step)
    told = client.post(change, FILLED | {"amount": "5.00"}, follow=True)
    assert "This is granted already. Nothing was changed" in text(told)
    assert CreditGrant.objects.get().amount == 10_000


def test_looking_at_the_summary_writes_nothing(customer, staff, log_in):
    client = log_in(staff)
    client.get(fill(client, customer)["Location"])
    assert LedgerTransaction.objects.count() == CreditGrant.objects.count() == 0


def test_what_was_begun_is_offered_again(customer, staff, log_in):
    client = log_in(staff)
    fill(client, customer, name="Half done")
    begun = client.get(url("customer_credits_grant", customer))
    assert "You began a grant for this customer." in text(begun)
    again = client.get(f"{url('customer_credits_grant', customer)}?proposal={begun.context['begun'].public_id}")
    assert 'value="Half done"' in text(again)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("amount", {"amount": "0"}),
        ("amount", {"amount": "-5"}),
        ("amount", {"amount": "1.005"}),
        ("amount", {"amount": "0.5", "currency": "JPY"}),
        ("currency", {"currency": "ABC"}),
        ("reason", {"reason": ""}),
        ("priority", {"priority": "0"}),
        ("priority", {"priority": "1001"}),
        ("availability", {"availability": "after_payment"}),
        ("availability", {"charge": "invoiced"}),
        ("effective_at", {"availability": "on_date"}),
        ("expires_at", {"expires_at": "2020-01-01T00:00"}),
        ("features", {"features": ["no-such-feature"]}),
    ],
)
def test_bad_input_is_named_by_its_field(customer, staff, log_in, field, values):
    response = fill(log_in(staff), customer, **values)
    assert response.status_code == 422
    assert field in response.context["form"].errors


def test_restrictions_and_dates_reach_the_grant(customer, staff, log_in, at, catalogue):
    granted(
        log_in(staff), customer, features=["api-requests"], priority="3", availability="on_date",
        effective_at="2026-11-01T00:00", expires_at="2026-12-01T00:00",
    )  # fmt: skip
    made = CreditGrant.objects.get()
    assert (made.features, made.priority) == (["api-requests"], 3)
    assert (made.effective_at.isoformat(), made.expires_at.isoformat()) == (
        "2026-11-01T00:00:00+00:00",
        "2026-12-01T00:00:00+00:00",
    )
    assert selectors.balance(customer.pk, "USD", at).pending == 10_000


def test_credit_paid_outside_waits_until_its_payment_is_recorded(customer, staff, log_in, at):
    client = log_in(staff)
    step = fill(client, customer, charge="external", availability="after_payment")["Location"]
    assert "alice@example.com will be told by e-mail once it is marked as paid" in client.get(step).text
    accept(client, step)
    made = CreditGrant.objects.get()
    assert selectors.balance(customer.pk, "USD", at).available == 0
    client.post(url("customer_credits_pay", customer, made.public_id), {"reference": "Bank 17"})
    assert selectors.balance(customer.pk, "USD", at).available == 10_000
    entry = AuditEntry.objects.get(action="pay_grant")
    assert (entry.actor, entry.reason, entry.before) == (staff, "Bank 17", {"paid_at": None})


def test_credit_paid_outside_already_is_available_at_once(customer, staff, log_in, at):
    client = log_in(staff)
    step = fill(client, customer, charge="external", availability="now")["Location"]
    assert "alice@example.com will be told by e-mail: “" in client.get(step).text
    accept(client, step)
    assert selectors.balance(customer.pk, "USD", at).available == 10_000


# --- void, adjust ---------------------------------------------------------------------------------------------------
def test_voiding_asks_for_a_reason_and_forfeits_what_is_unused(customer, staff, log_in, at):
    made = grant(customer, 10_000, at)
    use(customer, 4_000, at)
    client, page = log_in(staff), url("customer_credits_void", customer, made.public_id)
    assert "$60.00 of $100.00 is unused" in text(client.get(page))
    assert client.post(page, {"reason": ""}).status_code == 422
    client.post(page, {"reason": "Given by mistake"})
    assert selectors.balance(customer.pk, "USD", at).settled == 0
    assert AuditEntry.objects.filter(reason="Given by mistake", actor=staff).exists()


def test_a_grant_that_is_used_up_is_not_voided(customer, staff, log_in, at):
    made = grant(customer, 1_000, at)
    use(customer, 1_000, at)
    response = log_in(staff).post(url("customer_credits_void", customer, made.public_id), {"reason": "Too late"})
    assert response.status_code == 422


def test_an_adjustment_is_made_once_per_form(customer, staff, log_in, at):
    grant(customer, 10_000, at)
    client, page = log_in(staff), url("customer_credits_adjust", customer)
    key = client.get(page).context["form"]["key"].value()
    for _ in range(2):
        client.post(page, {"amount": "-25.00", "currency": "USD", "reason": "Given twice", "key": key})
    assert selectors.balance(customer.pk, "USD", at + timedelta(seconds=1)).settled == 7_500
    assert client.post(page, {"amount": "0", "currency": "USD", "reason": "x", "key": key}).status_code == 422


# --- «Transaction History» ------------------------------------------------------------------------------------------
def test_htmx_gets_the_history_alone_and_everybody_else_a_page(customer, staff, log_in, at):
    grant(customer, 10_000, at)
    client, page = log_in(staff), url("customer_credits_tx", customer)
    fragment, whole = client.get(page, headers={"HX-Request": "true"}), client.get(page)
    assert "<html" in text(whole)
    assert "<html" not in text(fragment)
    assert text(fragment).count('id="history"') == 1
    assert f'hx-get="{page}"' in fragment.text
    assert "HX-Request" in fragment["Vary"]


def test_staff_see_who_did_it_and_why_and_customers_do_not(customer, staff, alice, log_in, at):
    client = log_in(staff)
    granted(client, customer)
    key = client.get(url("customer_credits_adjust", customer)).context["form"]["key"].value()
    values = {"amount": "-25.00", "currency": "USD", "reason": "Counted twice", "key": key}
    client.post(url("customer_credits_adjust", customer), values)
    client.post(url("customer_credits_void", customer, CreditGrant.objects.get().public_id), {"reason": "Left"})
    rows = client.get(url("customer_credits", customer)).context["rows"]
    assert [(row.kind, row.entry.actor, row.entry.reason) for row in rows] == [
        ("voided", staff, "Left"),
        ("adjustment", staff, "Counted twice"),
        ("funded", staff, "First month on us"),
    ]
    for headers in ({}, {"HX-Request": "true"}):
        assert "Counted twice" in client.get(url("customer_credits_tx", customer), headers=headers).text
    assert "Counted twice" not in log_in(alice).get(reverse("credits")).text


def test_the_grants_csv_is_the_customers_own_and_who_took_it_is_written_down(customer, alice, clerk, log_in, at):
    grant(customer, 10_000, at)
    use(customer, 4_000, at)
    response = log_in(clerk).get(url("customer_credits_grants_csv", customer))
    assert response["Content-Disposition"] == f'attachment; filename="credit-grants-{customer.key}-{at:%Y-%m-%d}.csv"'
    rows = rows_of(response)
    assert [(row["granted"], row["used"], row["left"]) for row in rows] == [("100", "40", "60")]
    assert rows == rows_of(log_in(alice).get(reverse("credit_grants_csv")))
    entry = AuditEntry.objects.get(action="export_list")
    assert (entry.actor, entry.customer, entry.subject) == (clerk, customer, "list:credit grants")


def test_the_file_of_movements_is_the_customers_own_and_who_took_it_is_written_down(customer, alice, clerk, log_in, at):
    grant(customer, 10_000, at)
    response = log_in(clerk).get(url("customer_credits_tx_csv", customer), {"type": "funded"})
    assert response["Content-Disposition"].startswith(f'attachment; filename="credit-transactions-{customer.key}-')
    assert rows_of(response) == rows_of(log_in(alice).get(reverse("credit_tx_csv")))
    entry = AuditEntry.objects.get(action="export_list")
    assert (entry.actor, entry.customer, entry.subject) == (clerk, customer, "list:credit transactions")
    log_in(clerk).get(url("customer_credits_tx_csv", customer), {"type": "nonsense"})
    assert AuditEntry.objects.filter(action="export_list").count() == 1


def test_who_only_looks_is_offered_nothing_that_is_refused(customer, staff, supporter, log_in, at):
    active = grant(customer, 10_000, at)
    draft = GrantDraft(
        key="w", customer_id=customer.pk, currency="USD", amount=500, funding="external", name="Waits for its payment"
    )
    waiting = grant_credits(grant=draft, at=at, actor=None)
    refused = [
        url("customer_credits_void", customer, active.public_id), url("customer_credits_tx_csv", customer),
        url("customer_credits_pay", customer, waiting.public_id), url("customer_credits_grants_csv", customer),
        url("customer_credits_adjust", customer), url("customer_credits_grant", customer),
    ]  # fmt: skip
    for person, offered in ((staff, True), (supporter, False)):
        page = log_in(person).get(url("customer_credits", customer)).text
        assert [f'href="{link}' in page for link in refused] == [offered] * len(refused)
