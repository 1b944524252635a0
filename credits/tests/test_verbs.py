"""Every verb of money: twice is once, what is refused, who did it, and how many queries a batch takes."""

import threading

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, Customer
from credits import books
from credits.charges import CorrectionDraft, OpenDraft
from credits.exceptions import (
    AdjustmentError,
    ChargeError,
    CorrectionError,
    CreditCurrencyError,
    GrantError,
    NotVoidableError,
)
from credits.models import CreditCharge, CreditGrant, LedgerTransaction, OpenCharge
from credits.selectors import allocations_of, balance, due_open_charges, due_to_book, grants, preview_draw_down
from credits.services.adjust_balance import adjust_balance
from credits.services.book_due_credits import book_due_credits
from credits.services.correct_draw_down import correct_draw_down
from credits.services.draw_down_credits import draw_down_credits
from credits.services.pay_grant import pay_grant
from credits.services.recognize_charges import recognize_charges
from credits.services.set_open_charges import set_open_charges
from credits.services.settle_open_charges import settle_open_charges
from credits.services.void_grant import void_grant
from credits.tests.cast import DAY, HOUR, charge_draft, correct, entries, grant, history, left, standing, use


def audited(action):
    return list(AuditEntry.objects.filter(action=action).order_by("pk"))


# --- granting -------------------------------------------------------------------------------------------------------
def test_granting_twice_gives_the_first(customer, staff, at):
    first = grant(customer, 100, at, key="g", actor=staff, reason="Launch")
    assert grant(customer, 999, at + HOUR, key="g", actor=staff) == first
    assert history(customer) == [("funded", 100)]
    [entry] = audited("grant_credits")
    assert (entry.actor, entry.customer, entry.reason, entry.after["amount"]) == (staff, customer, "Launch", 100)


@pytest.mark.parametrize(
    "facts",
    [
        {"amount": 0},
        {"amount": -5},
        {"priority": 0},
        {"priority": 1001},
        {"funding": "stolen"},
        {"expires": 0},
        {"expires": -1},
    ],
)
def test_what_is_no_grant_is_refused(customer, at, facts):
    facts = dict(facts)
    amount = facts.pop("amount", 100)
    if "expires" in facts:
        facts["expires_at"] = at + facts.pop("expires") * DAY
    with pytest.raises(GrantError):
        grant(customer, amount, at, **facts)
    assert not CreditGrant.objects.exists()


def test_an_unknown_currency_is_refused(customer, at):
    with pytest.raises(CreditCurrencyError):
        grant(customer, 100, at, currency="XXZ")


def test_a_key_is_one_customers(customer, other_customer, at):
    grant(customer, 100, at, key="g")
    with pytest.raises(GrantError):
        grant(other_customer, 100, at, key="g")


def test_a_future_grant_repays_at_once_and_releases_the_rest(customer, at):
    use(customer, 40, at)
    given = grant(customer, 100, at + HOUR, effective_at=at + DAY)
    assert (left(given).repaid, left(given).pending, left(given).available) == (40, 60, 0)
    assert [(due.id, due.customer_id) for due in due_to_book(at + DAY)] == [(customer.pk, customer.pk)]
    assert book_due_credits(customer_ids=[customer.pk], at=at + 2 * DAY) == 1
    assert book_due_credits(customer_ids=[customer.pk], at=at + 2 * DAY) == 0
    assert due_to_book(at + 2 * DAY) == []
    assert history(customer) == [("consumed", -40), ("funded", 40), ("funded", 60)]
    assert LedgerTransaction.objects.latest("sequence").booked_at == at + DAY


def test_outside_credit_waits_for_its_payment(customer, staff, at):
    given = grant(customer, 100, at, funding="external")
    assert balance(customer.pk, "USD", at).pending == 100
    use(customer, 10, at + HOUR)
    for _ in range(2):
        paid = pay_grant(grant_id=given.pk, at=at + 2 * HOUR, actor=staff, reference="Wire 7")
        assert (paid.available, paid.repaid) == (90, 10)
    [entry] = audited("pay_grant")
    assert (entry.actor, entry.after["reference"]) == (staff, "Wire 7")


def test_what_is_paid_after_its_expiry_expires_at_once(customer, staff, at):
    given = grant(customer, 100, at, funding="external", expires_at=at + DAY)
    pay_grant(grant_id=given.pk, at=at + 2 * DAY, actor=staff)
    assert history(customer) == [("funded", 100), ("expired", -100)]
    assert list(books.check()) == []


# --- drawing down ---------------------------------------------------------------------------------------------------
def test_charging_twice_gives_what_is_recorded(customer, at):
    grant(customer, 100, at)
    first = use(customer, 140, at + HOUR, key="c")
    assert use(customer, 999, at + 2 * HOUR, key="c") == first == allocations_of(["c"])["c"]
    assert history(customer) == [("funded", 100), ("consumed", -100), ("consumed", -40)]
    assert len(audited("draw_down_credits")) == 1


def test_what_may_not_overdraw_leaves_the_rest_to_the_invoice(customer, at):
    assert use(customer, 50, at, key="none", may_overdraw=False).covered == 0
    assert not CreditCharge.objects.exists()
    grant(customer, 30, at)
    outcome = use(customer, 50, at, key="some", may_overdraw=False)
    assert (outcome.covered, outcome.overdraft) == (30, 0)
    assert standing(customer) == (0, 0)
    assert list(books.check()) == []


def test_nothing_to_pay_is_no_charge(customer, at):
    with pytest.raises(ChargeError):
        use(customer, 0, at)


def test_another_customers_charge_is_refused(customer, other_customer, at):
    use(customer, 5, at, key="c")
    with pytest.raises(ChargeError):
        use(other_customer, 5, at, key="c")


def test_a_late_sweep_still_finds_what_expired_since(customer, at):
    grant(customer, 100, at, expires_at=at + HOUR + HOUR / 6)
    outcome = use(customer, 30, at + HOUR, now=at + 2 * HOUR)
    assert outcome.covered == 30
    book_due_credits(customer_ids=[customer.pk], at=at + 2 * HOUR)
    assert history(customer)[1:] == [("consumed", -30), ("expired", -70)]


def test_a_draft_accrues_and_its_issue_earns(customer, at):
    grant(customer, 100, at)
    use(customer, 40, at + HOUR, key="c", is_final=False)
    assert entries("c#1") == [("customer_credit", -40), ("accrued", 40)]
    assert recognize_charges(keys=["c", "unknown"], at=at + DAY) == 1
    assert recognize_charges(keys=["c"], at=at + DAY) == 0
    assert entries("c:recognized") == [("accrued", -40), ("earnings", 40)]
    assert list(books.check()) == []


def test_a_charge_of_later_waits_and_settles_itself(customer, at):
    given = grant(customer, 100, at)
    for _ in range(2):
        assert use(customer, 30, at + DAY, now=at, key="fee").covered == 0
    assert balance(customer.pk, "USD", at).available == 100
    assert balance(customer.pk, "USD", at + DAY).available == 70
    [due] = due_open_charges(at + DAY)
    assert settle_open_charges(ids=[due.id], at=at + DAY - HOUR) == 0
    assert settle_open_charges(ids=[due.id], at=at + DAY + HOUR) == 1
    assert settle_open_charges(ids=[due.id], at=at + DAY + HOUR) == 0
    assert left(given).used == 30
    assert LedgerTransaction.objects.get(key="fee#1").booked_at == at + DAY


# --- corrections ----------------------------------------------------------------------------------------------------
def test_a_correction_goes_back_the_way_it_came(customer, at):
    first = grant(customer, 50, at, priority=1)
    second = grant(customer, 50, at, priority=2)
    use(customer, 120, at + HOUR, key="c")
    assert correct(customer, "c", 40, at + 2 * HOUR, key="k") == 40
    assert correct(customer, "c", 999, at + 3 * HOUR, key="k") == 40
    assert history(customer)[-2:] == [("correction", 20), ("correction", 20)]
    assert (standing(customer), left(first).available, left(second).available) == ((20, 0), 0, 20)
    assert correct(customer, "c", None, at + 4 * HOUR) == 80
    assert correct(customer, "c", None, at + 5 * HOUR) == 0
    assert (left(first).used, left(second).used) == (0, 0)
    assert list(books.check()) == []


def test_more_than_a_charge_holds_is_refused(customer, at):
    grant(customer, 50, at)
    use(customer, 30, at + HOUR, key="c")
    for amount in (31, 0, -1):
        with pytest.raises(CorrectionError):
            correct(customer, "c", amount, at + 2 * HOUR)
    with pytest.raises(CorrectionError):
        correct(customer, "unknown", 1, at + 2 * HOUR)
    assert history(customer) == [("funded", 50), ("consumed", -30)]


def test_a_group_is_corrected_from_its_newest_charge(customer, at):
    grant(customer, 100, at)
    for hour in (1, 2):
        use(customer, 30, at + hour * HOUR, key=f"c{hour}", group="window")
    use(customer, 10, at + DAY, now=at + 3 * HOUR, key="later", group="window")
    assert correct(customer, "window", 45, at + 4 * HOUR) == 45
    assert not OpenCharge.objects.exists()
    held = {key: one.covered for key, one in allocations_of(["c1", "c2"]).items()}
    assert held == {"c1": 25, "c2": 0}


def test_what_returns_to_an_expired_grant_expires_again(customer, staff, at):
    grant(customer, 100, at, expires_at=at + DAY)
    use(customer, 60, at + HOUR, key="c")
    correct(customer, "c", 20, at + 2 * DAY)
    assert history(customer)[2:] == [("expired", -40), ("correction", 20), ("expired", -20)]
    assert standing(customer) == (0, 0)


# --- voiding and adjusting ------------------------------------------------------------------------------------------
def test_voiding_twice_is_once(customer, staff, at):
    given = grant(customer, 100, at)
    use(customer, 40, at + HOUR, key="c")
    for _ in range(2):
        assert void_grant(grant_id=given.pk, at=at + 2 * HOUR, actor=staff, reason="Fraud").voided == 60
    [entry] = audited("void_grant")
    assert (entry.actor, entry.reason, entry.before) == (staff, "Fraud", {"available_amount": 60})
    correct(customer, "c", 10, at + 3 * HOUR)
    assert history(customer)[2:] == [("voided", -60), ("correction", 10), ("voided", -10)]


def test_what_is_not_there_cannot_be_voided(customer, staff, at):
    expired = grant(customer, 10, at, expires_at=at + HOUR)
    pending = grant(customer, 10, at, effective_at=at + 3 * DAY)
    used = grant(customer, 10, at + HOUR)
    use(customer, 10, at + HOUR)
    for given in (expired, pending, used):
        with pytest.raises(NotVoidableError):
            void_grant(grant_id=given.pk, at=at + DAY, actor=staff, reason="Fraud")


def test_adjusting_adds_and_takes(customer, staff, at):
    use(customer, 30, at)
    for _ in range(2):
        adjust_balance(key="a", customer_id=customer.pk, currency="USD", amount=50, reason="Sorry", at=at, actor=staff)
    assert standing(customer) == (20, 0)
    for _ in range(2):
        adjust_balance(key="b", customer_id=customer.pk, currency="USD", amount=-25, reason="Oops", at=at, actor=staff)
    assert standing(customer) == (-5, 5)
    assert history(customer)[1:] == [("adjustment", 50), ("adjustment", -20), ("adjustment", -5)]
    assert [entry.after["amount"] for entry in audited("adjust_balance")] == [50, -25]
    assert list(books.check()) == []


@pytest.mark.parametrize(("amount", "reason"), [(0, "Why"), (5, " "), (-5, "")])
def test_an_adjustment_needs_an_amount_and_a_reason(customer, staff, at, amount, reason):
    facts = {"key": "a", "customer_id": customer.pk, "at": at, "actor": staff}
    with pytest.raises(AdjustmentError):
        adjust_balance(currency="USD", amount=amount, reason=reason, **facts)
    with pytest.raises(CreditCurrencyError):
        adjust_balance(currency="XXZ", amount=-1, reason="Why", **facts)


# --- open charges ---------------------------------------------------------------------------------------------------
def test_a_scope_is_replaced_as_a_whole(customer, at):
    def draft(key, amount):
        return OpenDraft(
            key=key, customer_id=customer.pk, currency="USD", feature_key="", amount=amount, may_overdraw=True
        )

    set_open_charges(scopes={"u:1:": [draft("u:1:a", 5), draft("u:1:b", 6)], "u:2:": [draft("u:2:a", 7)]}, at=at)
    set_open_charges(scopes={"u:1:": [draft("u:1:b", 8), draft("u:1:c", 0)]}, at=at + HOUR)
    assert dict(OpenCharge.objects.values_list("key", "amount")) == {"u:1:b": 8, "u:2:a": 7}
    with CaptureQueriesContext(connection) as queries:
        set_open_charges(scopes={"u:1:": [draft("u:1:b", 8)]}, at=at + DAY)
    assert not [one for one in queries if one["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    set_open_charges(scopes={"u:1:": (), "u:2:": ()}, at=at + DAY)
    assert not OpenCharge.objects.exists()


# --- previews and batches -------------------------------------------------------------------------------------------
def test_a_preview_is_what_happens_then(customer, at):
    grant(customer, 100, at, features=("api",))
    grant(customer, 50, at, effective_at=at + HOUR)
    use(customer, 20, at, key="c0", feature_key="api")
    steps = [
        charge_draft(customer, 90, at + HOUR, key="c1", feature_key="api"),
        CorrectionDraft(key="k", customer_id=customer.pk, group="c0", amount=10, description=""),
        charge_draft(customer, 70, at + 2 * HOUR, key="c2", may_overdraw=False),
    ]
    shown = preview_draw_down(steps, at + 2 * HOUR)
    assert history(customer) == [("funded", 100), ("consumed", -20)]
    made = draw_down_credits(charges=[steps[0]], at=at + 2 * HOUR)
    correct_draw_down(corrections=[steps[1]], at=at + 2 * HOUR)
    made |= draw_down_credits(charges=[steps[2]], at=at + 2 * HOUR)
    assert shown == made


def test_grants_are_listed_as_they_are_drawn(customer, staff, at):
    first = grant(customer, 10, at, priority=1)
    pending = grant(customer, 10, at, effective_at=at + DAY, priority=5)
    ended = grant(customer, 10, at, expires_at=at + HOUR)
    voided = grant(customer, 10, at, priority=1000)
    void_grant(grant_id=voided.pk, at=at, actor=staff, reason="Fraud")
    rows = grants(customer.pk, at + HOUR)
    assert [(row.grant, row.status) for row in rows[:2]] == [(first, "active"), (pending, "pending")]
    assert {(row.grant, row.status) for row in rows[2:]} == {(ended, "expired"), (voided, "voided")}


@pytest.fixture
def crowd(db, at):
    customers = Customer.objects.bulk_create([Customer(name=f"Customer {n}") for n in range(40)])
    for customer in customers:
        grant(customer, 100, at, expires_at=at + DAY)
    return customers


def queries_for(call):
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def test_queries_do_not_grow_with_the_batch(crowd, at):
    def draw(customers, hour):
        drafts = [charge_draft(one, 5, at + hour * HOUR) for one in customers]
        draw_down_credits(charges=drafts, at=at + hour * HOUR)
        return [draft.key for draft in drafts]

    keys = draw(crowd, 1)  # opens the accounts
    few = queries_for(lambda: draw(crowd[:2], 2))
    assert queries_for(lambda: draw(crowd, 3)) == few <= 19
    for number, size in enumerate((2, 38)):
        some = list(zip(crowd, keys, strict=True))[number * 2 : number * 2 + size]
        drafts = [
            CorrectionDraft(key=f"k{key}", customer_id=one.pk, group=key, amount=1, description="") for one, key in some
        ]
        count = queries_for(lambda drafts=drafts: correct_draw_down(corrections=drafts, at=at + 4 * HOUR))
        few = count if number == 0 else few
    assert count == few <= 25
    parts = (crowd[:1], crowd[1:3], crowd[3:])  # the first opens the account of what expires
    due = [queries_for(lambda ids=[one.pk for one in part]: book_due_credits(customer_ids=ids, at=at + DAY))
           for part in parts]  # fmt: skip
    assert due[1] == due[2] <= 13
    assert list(books.check()) == []


# --- two connections ------------------------------------------------------------------------------------------------
def at_once(*calls):
    """Each in a thread with a connection of its own, all begun at the same moment; what went wrong."""
    gate, errors = threading.Barrier(len(calls)), []

    def run(call):
        try:
            gate.wait()
            call()
        except Exception as error:  # noqa: BLE001 – reported to the test
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.django_db(transaction=True)
def test_two_connections_do_everything_once(customer, staff, at):
    pending = grant(customer, 25, at, funding="external")

    def everything():
        given = grant(customer, 100, at, key="g")
        use(customer, 150, at + HOUR, key="c")
        pay_grant(grant_id=pending.pk, at=at + HOUR, actor=staff)
        correct(customer, "c", 70, at + 2 * HOUR, key="k")
        adjust_balance(key="a", customer_id=customer.pk, currency="USD", amount=-5, reason="Oops", at=at, actor=staff)
        void_grant(grant_id=given.pk, at=at + 3 * HOUR, actor=staff, reason="Fraud")

    assert at_once(everything, everything) == []
    assert LedgerTransaction.objects.filter(key__startswith="c#").count() == 2
    assert CreditGrant.objects.count() == 2
    assert list(books.check()) == []


@pytest.mark.django_db(transaction=True)
def test_two_connections_never_spend_the_same_credit(customer, at):
    grant(customer, 100, at)
    spend = [lambda n=n: use(customer, 60, at + HOUR, key=f"c{n}", may_overdraw=False) for n in range(4)]
    assert at_once(*spend) == []
    assert standing(customer) == (0, 0)
    assert sum(one.covered for one in allocations_of([f"c{n}" for n in range(4)]).values()) == 100
    assert list(books.check()) == []
