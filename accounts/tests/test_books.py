from accounts import books
from accounts.models import BillingProfile, CardSetup, PaymentMethod, UsageSubject
from accounts.tests.cards import MASTERCARD, add_card


def found():
    return {(finding.subject, finding.rule) for finding in books.check()}


def test_it_finds_nothing_in_good_books(customer, other_customer, alice, at):
    add_card(customer, alice, at)
    add_card(customer, alice, at, MASTERCARD)

    assert found() == set()


def test_it_finds_a_customer_without_profile_or_subject(customer, other_customer):
    BillingProfile.objects.filter(customer=customer).delete()
    UsageSubject.objects.filter(customer=customer).delete()

    assert found() == {
        (f"customer:{customer.pk}", "has a billing profile"),
        (f"customer:{customer.pk}", "has a usage subject"),
    }


def test_it_finds_cards_without_a_default(customer, alice, at):
    add_card(customer, alice, at)
    PaymentMethod.objects.update(is_default=False)

    assert found() == {(f"customer:{customer.pk}", "cards have exactly one default")}


def test_it_finds_a_visit_that_kept_a_card_for_somebody_else(customer, other_customer, alice, at):
    add_card(customer, alice, at)
    setup = CardSetup.objects.get()
    CardSetup.objects.update(customer=other_customer)

    assert found() == {(f"card_setup:{setup.pk}", "kept the card for its own customer")}
