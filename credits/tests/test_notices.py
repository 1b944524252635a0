"""What customers are told about their credit: once, in time, and only what is true."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.core import mail
from django.db import connection

from accounts.figures import written
from accounts.models import BillingProfile, Membership, Notice
from accounts.services.deliver_notices import deliver_notices
from credits.at_zero import AtZero
from credits.models import CreditBalance, CreditGrant, OpenCharge
from credits.services.adjust_balance import adjust_balance
from credits.services.pay_grant import pay_grant
from credits.services.warn_balances import warn_balances
from credits.services.warn_expiries import warn_expiries
from credits.tests.cast import DAY, HOUR, grant, use
from usage.models import Feature, Meter


def told(template):
    return list(Notice.objects.filter(template=template).order_by("pk"))


def levels():
    return [written(notice.context)["level"] for notice in told("credits_low")]


def sent(at):
    """The only message that waits, as people read it."""
    mail.outbox.clear()
    assert deliver_notices(at=at) == 1
    return mail.outbox[0]


def together(*calls):
    """Run all at once, each on a connection of its own; what they returned."""
    start, results = Barrier(len(calls)), []

    def run(call):
        try:
            start.wait(10)
            results.append(call())
        finally:
            connection.close()

    threads = [Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


# --- granted ---------------------------------------------------------------------------------------------------------
def test_a_grant_is_told_with_the_balance_before_and_after(customer, alice, at):
    grant(customer, 2_000, at)
    mail.outbox.clear()
    deliver_notices(at=at)
    grant(customer, 10_000, at + HOUR, name="Spring", expires_at=at + 30 * DAY)
    message = sent(at + HOUR)

    assert (message.subject, message.to) == ("$100.00 credits added", [alice.email])
    assert message.body.partition("\n\n-- \n")[0] == (
        "Hello,\n\n$100.00 of credits were added for Wonder Ltd: Spring.\n\n"
        "Balance before: $20.00\nBalance after:  $120.00\n\n"
        "What is unused on 19 Nov 2026, 10:00 UTC expires.\n\n"
        "See your credits: http://127.0.0.1:8000/settings/billing/credits/"
    )


def test_it_says_what_was_repaid_and_what_it_may_pay(customer, at):
    meter = Meter.objects.create(key="api", name="API", event_type="api", aggregation="count")
    Feature.objects.create(key="api", name="API requests", meter=meter, unit="request", unit_plural="requests")
    use(customer, 4_000, at, feature_key="api")
    grant(customer, 10_000, at + HOUR, features=("api",))
    body = sent(at + HOUR).body

    assert "$40.00 of them paid what was used beyond your credits before." in body
    assert "Balance before: −$40.00\nBalance after:  $60.00\n\nThey pay only for: API requests.\n\nSee your" in body


def test_a_future_grant_says_from_when_it_is_available(customer, at):
    grant(customer, 10_000, at, effective_at=at + 5 * DAY)
    body = sent(at).body
    assert "They are available from 25 Oct 2026, 10:00 UTC." in body
    assert "Balance before: $0.00\nBalance after:  $0.00" in body


@pytest.mark.parametrize("funding", ["external", "invoiced"])
def test_what_has_to_be_paid_is_told_when_it_is_paid(customer, at, funding):
    row = grant(customer, 10_000, at, funding=funding)
    assert not told("credits_granted")
    pay_grant(grant_id=row.pk, at=at + DAY, actor=None)
    pay_grant(grant_id=row.pk, at=at + DAY, actor=None)
    body = sent(at + DAY).body
    assert "Balance after:  $100.00" in body
    assert "available from" not in body


def test_it_tells_nobody_of_adjustments_repeats_and_credit_that_expired_unpaid(customer, at):
    grant(customer, 100, at, key="same")
    grant(customer, 100, at, key="same")
    late = grant(customer, 500, at, funding="external", expires_at=at + DAY)
    pay_grant(grant_id=late.pk, at=at + 2 * DAY, actor=None)
    adjust_balance(
        key="adj", customer_id=customer.pk, currency="USD", amount=50, reason="Sorry", at=at + 3 * DAY, actor=None
    )
    assert [written(notice.context)["amount"] for notice in told("credits_granted")] == ["$1.00"]


def test_a_customer_without_recipients_gets_none(customer, at):
    BillingProfile.objects.filter(customer=customer).update(recipients=[])
    Membership.objects.filter(customer=customer).delete()
    grant(customer, 100, at, expires_at=at + 40 * DAY)
    use(customer, 90, at)
    warn_expiries(at=at + 35 * DAY)
    assert warn_balances(at=at) == 0
    assert not Notice.objects.exists()
    assert CreditBalance.objects.get().warned == "low"


# --- running low -----------------------------------------------------------------------------------------------------
def test_each_level_is_told_once_on_the_way_down(customer, at):
    grant(customer, 10_000, at)
    steps = []
    for amount in (7_999, 1, 1_000, 1_000, 500, 500):
        use(customer, amount, at)
        steps.append((warn_balances(at=at), warn_balances(at=at)))
    assert steps == [(0, 0), (1, 0), (0, 0), (1, 0), (1, 0), (0, 0)]
    assert levels() == ["low", "exhausted", "negative"]


def test_a_fall_through_several_levels_is_told_once(customer, at):
    grant(customer, 10_000, at)
    use(customer, 12_500, at)
    assert warn_balances(at=at) == 1
    assert levels() == ["negative"]


def test_what_recovered_is_forgotten_and_the_next_fall_is_told(customer, at):
    grant(customer, 10_000, at)
    use(customer, 12_000, at)
    warn_balances(at=at)
    grant(customer, 10_000, at + HOUR)
    assert warn_balances(at=at + HOUR) == 0
    assert CreditBalance.objects.get().warned == ""
    use(customer, 7_000, at + HOUR)
    assert warn_balances(at=at + 2 * HOUR) == 1
    assert levels() == ["negative", "low"]


def test_a_small_gift_does_not_hide_that_little_is_left(customer, at):
    grant(customer, 10_000, at)
    use(customer, 7_000, at)
    grant(customer, 100, at + DAY)
    use(customer, 1_500, at + DAY)
    warn_balances(at=at + DAY)
    assert levels() == ["low"]
    assert CreditBalance.objects.get().settled == 1_600
    warn_balances(at=at + 100 * DAY)  # by then only the newest grant tells what little is
    assert CreditBalance.objects.get().warned == ""


def test_running_usage_counts_before_it_is_charged(customer, at):
    grant(customer, 1_000, at)
    OpenCharge.objects.create(
        key="open", customer=customer, currency="USD", amount=1_200, may_overdraw=True, updated_at=at
    )
    warn_balances(at=at)
    assert written(told("credits_low")[0].context)["available"] == "−$2.00"


def test_what_expired_is_told_though_nobody_has_booked_it(customer, at):
    grant(customer, 1_000, at, expires_at=at + DAY)
    assert warn_balances(at=at + DAY - HOUR) == 0
    assert warn_balances(at=at + DAY) == 1
    assert levels() == ["exhausted"]


def test_credit_that_waits_for_payment_or_its_day_is_no_fall(customer, at):
    grant(customer, 1_000, at, funding="external")
    grant(customer, 1_000, at, effective_at=at + DAY)
    assert warn_balances(at=at) == 0
    use(customer, 1, at)
    assert warn_balances(at=at) == 1
    assert levels() == ["negative"]


def test_currencies_fall_apart_from_each_other(customer, at):
    grant(customer, 1_000, at)
    grant(customer, 1_000, at, currency="EUR")
    use(customer, 1_000, at, currency="EUR")
    warn_balances(at=at)
    assert [(row.currency, row.warned) for row in CreditBalance.objects.order_by("currency")] == [
        ("EUR", "exhausted"), ("USD", ""),
    ]  # fmt: skip


def test_a_customer_is_asked_on_its_own_clock(customer, other_customer, at):
    for one in (customer, other_customer):
        grant(one, 1_000, at, expires_at=at + DAY)
    type(customer).objects.filter(pk=customer.pk).update(clock_at=at + 2 * DAY)
    assert warn_balances(at=at) == 1
    assert told("credits_low")[0].customer_id == customer.pk


def test_the_messages_say_what_is_left(customer, at):
    grant(customer, 10_000, at)
    Notice.objects.all().delete()
    bodies = []
    for amount in (9_000, 1_000, 250):
        use(customer, amount, at)
        warn_balances(at=at)
        message = sent(at + HOUR)
        bodies.append((message.subject, message.body.split("\n\n")[1]))
    assert bodies == [
        ("Credits: $10.00 left", "Wonder Ltd has $10.00 of credits left, a fifth or less of the largest recent grant."),
        ("Credits: none left", "Wonder Ltd has no credits left."),
        (
            "Credits: your balance is −$2.50",
            "The credits of Wonder Ltd are used up, and $2.50 was used beyond them. The next grant first covers this "
            "amount.",
        ),
    ]


HASTE, EASE = [(day, 2_050) for day in range(4)], [(0, 6_400), *((day, 400) for day in range(10, 14))]


def low_after(customer, uses, at, then):
    """The message to a customer who used this of 100.00, as (day, amount), a day after the last."""
    grant(customer, 10_000, at)
    for day, amount in uses:
        use(customer, amount, at + day * DAY)
    Notice.objects.all().delete()
    now = at + (uses[-1][0] + 1) * DAY
    warn_balances(at=now, at_zero=lambda owners: {owner: AtZero("USD", then) for owner in owners})
    return sent(now)


@pytest.mark.parametrize(
    ("uses", "then", "subject", "said"),
    [
        (
            HASTE,
            "negative",
            "Credits: $18.00 left (less than a day)",
            "At the rate of the last 7 days they last less than a day. "
            "When they are used up, usage continues and the balance goes negative.",
        ),
        (
            EASE,
            "refused",
            "Credits: $20.00 left (≈ 5 days)",
            "At the rate of the last 7 days they last about 5 days. When they are used up, new requests are refused.",
        ),
        # Invoices take credit once a month: that is no rate.
        (EASE, "invoiced", "Credits: $20.00 left", "When they are used up, the rest goes on your invoice."),
    ],
)
def test_it_says_how_long_it_lasts_and_what_happens_then(customer, at, uses, then, subject, said):
    message = low_after(customer, uses, at, then)
    assert message.subject == subject
    assert f"\n\n{said}\n\n" in message.body


@pytest.mark.parametrize(
    ("amount", "then", "said"),
    [
        (1_000, "refused", "New requests are refused."),
        (1_000, "invoiced", "What you use from now on goes on your invoice."),
        (1_200, "negative", "Usage continues; the balance goes on falling."),
    ],
)
def test_it_says_what_happens_where_none_is_left(customer, at, amount, then, said):
    grant(customer, 1_000, at)
    use(customer, amount, at)
    Notice.objects.all().delete()
    warn_balances(at=at, at_zero=lambda owners: {owner: AtZero("USD", then) for owner in owners})
    assert f"\n\n{said}\n\n" in sent(at).body


def test_below_zero_who_can_do_something_about_it_is_told_too(customer, alice, at):
    BillingProfile.objects.filter(customer=customer).update(recipients=["books@example.com"])
    grant(customer, 1_000, at)
    for amount in (900, 200):
        use(customer, amount, at)
        warn_balances(at=at)
    assert [notice.to for notice in told("credits_low")] == [["books@example.com"], ["books@example.com", alice.email]]


def test_credit_in_another_currency_than_the_plan_is_told_without_it(customer, at):
    grant(customer, 1_000, at)
    use(customer, 1_000, at)
    warn_balances(at=at, at_zero=lambda owners: {owner: AtZero("EUR", "refused") for owner in owners})
    assert written(told("credits_low")[0].context)["then"] == ""


def test_many_customers_are_asked_in_a_constant_number_of_queries(
    customer, other_customer, at, django_assert_max_num_queries
):
    for one in (customer, other_customer):
        grant(one, 1_000, at)
    with django_assert_max_num_queries(7):  # ids twice, a savepoint, rows, grants, balances: nothing has changed
        warn_balances(at=at)


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_tell_once(customer, at):
    grant(customer, 1_000, at, expires_at=at + 40 * DAY)
    use(customer, 900, at)
    later = at + 20 * DAY
    results = together(*[lambda: warn_balances(at=later) + warn_expiries(at=later)] * 4)
    assert sum(results) == 2
    assert (len(told("credits_low")), len(told("credits_expiring"))) == (1, 1)


# --- expiring --------------------------------------------------------------------------------------------------------
def test_an_expiry_is_told_thirty_and_seven_days_before(customer, at):
    grant(customer, 10_000, at, name="Welcome", expires_at=at + 60 * DAY)
    use(customer, 4_000, at)
    days = [day for day in range(61) if warn_expiries(at=at + day * DAY)]
    assert days == [30, 53]
    assert [written(notice.context)["days"] for notice in told("credits_expiring")] == [30, 7]
    Notice.objects.exclude(key__endswith=":30").delete()
    message = sent(at)
    assert message.subject == "$60.00 of credits expires on 19 Dec 2026, 10:00 UTC"
    assert "$60.00 of the credits “Welcome” of Wonder Ltd is not used yet." in message.body
    assert "within 30 days." in message.body


def test_who_is_told_late_is_told_once(customer, at):
    grant(customer, 1_000, at, expires_at=at + 60 * DAY)
    assert [warn_expiries(at=at + 55 * DAY), warn_expiries(at=at + 56 * DAY)] == [1, 0]
    assert [written(notice.context)["days"] for notice in told("credits_expiring")] == [7]


@pytest.mark.parametrize(("given_for", "days"), [(7, []), (8, [7]), (30, [7]), (31, [30, 7])])
def test_credit_given_for_no_longer_than_a_term_is_not_told_in_it(customer, at, given_for, days):
    grant(customer, 1_000, at, expires_at=at + given_for * DAY)
    for day in range(given_for):
        warn_expiries(at=at + day * DAY + HOUR)
    assert [written(notice.context)["days"] for notice in told("credits_expiring")] == days


def test_it_is_quiet_about_what_is_used_gone_or_was_never_there(customer, at):
    used = grant(customer, 1_000, at, expires_at=at + 31 * DAY)
    use(customer, 1_000, at)
    unpaid = grant(customer, 1_000, at, funding="external", expires_at=at + 31 * DAY)
    later = grant(customer, 1_000, at, effective_at=at + 25 * DAY, expires_at=at + 40 * DAY)
    assert warn_expiries(at=at + 29 * DAY) == 0
    assert warn_expiries(at=at + 32 * DAY) == 0
    assert set(CreditGrant.objects.values_list("pk", flat=True)) == {used.pk, unpaid.pk, later.pk}


def test_a_limit_leaves_the_rest_for_the_next_time(customer, other_customer, at):
    for one in (customer, other_customer, customer):
        grant(one, 1_000, at, expires_at=at + 31 * DAY)
    then = at + timedelta(days=2)
    assert [warn_expiries(at=then, limit=2) for _ in range(3)] == [2, 1, 0]


def test_expiries_follow_the_customers_own_clock(customer, other_customer, at):
    for one in (customer, other_customer):
        grant(one, 1_000, at, expires_at=at + 40 * DAY)
    type(customer).objects.filter(pk=customer.pk).update(clock_at=at + 15 * DAY)
    assert warn_expiries(at=at) == 1
    assert told("credits_expiring")[0].customer_id == customer.pk
