import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.settling import Part, RefundTooHighError, refundable, settle

PLACES = st.lists(st.integers(0, 10**6), max_size=6).map(
    lambda amounts: [Part(number, amount) for number, amount in enumerate(amounts)]
)


@given(credit=st.integers(0, 10**7), invoices=PLACES, payments=PLACES)
def test_nothing_of_a_credit_is_lost_and_no_place_gets_more_than_it_can_take(credit, invoices, payments):
    result = settle(credit, invoices, payments)
    parts = (*result.applied, *result.refunded)
    assert sum(part.amount for part in parts) + result.kept == credit
    assert all(0 < part.amount <= invoices[part.id].amount for part in result.applied)
    assert all(0 < part.amount <= payments[part.id].amount for part in result.refunded)


@given(credit=st.integers(0, 10**7), invoices=PLACES, payments=PLACES)
def test_nothing_is_refunded_while_anything_is_due_and_nothing_kept_while_a_card_can_take_it(
    credit, invoices, payments
):
    result = settle(credit, invoices, payments)
    due = sum(place.amount for place in invoices) - sum(part.amount for part in result.applied)
    takes = sum(place.amount for place in payments) - sum(part.amount for part in result.refunded)
    assert not (result.refunded and due)
    assert not (result.kept and (due or takes))


@given(credit=st.integers(0, 10**7), invoices=PLACES, payments=PLACES, first=st.integers(0, 10**6))
def test_what_stands_first_is_filled_before_any_invoice(credit, invoices, payments, first):
    result = settle(credit, invoices, payments, [Part(99, first)])
    rest = settle(credit - min(credit, first), invoices, payments)
    assert sum(part.amount for part in result.refunded if part.id == 99) == min(credit, first)
    assert (result.applied, result.kept) == (rest.applied, rest.kept)


@given(credit=st.integers(0, 10**6), more=st.integers(0, 10**6), invoices=PLACES)
def test_two_credits_pay_as_much_as_one(credit, more, invoices):
    whole = settle(credit + more, invoices, [])
    first = settle(credit, invoices, [])
    taken = {part.id: part.amount for part in first.applied}
    left = [Part(place.id, place.amount - taken.get(place.id, 0)) for place in invoices]
    assert first.kept + settle(more, left, []).kept == whole.kept


@pytest.mark.parametrize(
    "wrong", [lambda: settle(-1, [], []), lambda: settle(1, [Part(1, -1)], []), lambda: refundable(10, 0, -1)]
)
def test_amounts_are_not_negative(wrong):
    with pytest.raises(ValueError, match="negative"):
        wrong()


def test_a_payment_gives_back_what_it_has_left():
    assert refundable(paid=1000, refunded=400, asked=600) == 600
    with pytest.raises(RefundTooHighError):
        refundable(paid=1000, refunded=400, asked=601)
