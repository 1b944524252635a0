"""What is owed by feature is kept beside the balance, whatever moves it."""

from credits.models import CreditDebt
from credits.selectors import balance
from credits.tests.cast import HOUR, correct, grant, use


def debts(customer):
    return dict(CreditDebt.objects.filter(customer=customer).values_list("feature_key", "amount"))


def test_it_follows_use_repayment_and_correction(customer, at):
    use(customer, 500, at, key="first", feature_key="api")
    use(customer, 200, at, feature_key="storage")
    use(customer, 100, at)
    assert debts(customer) == {"api": 500, "storage": 200, "": 100}

    grant(customer, 250, at + HOUR, features=("storage",))
    assert debts(customer) == {"api": 500, "storage": 0, "": 100}
    correct(customer, "first", 450, at + HOUR)
    assert debts(customer) == {"api": 50, "storage": 0, "": 100}
    grant(customer, 1_000, at + HOUR)
    assert debts(customer) == {"api": 0, "storage": 0, "": 0}


def test_readings_take_it_instead_of_the_charges(customer, at):
    for _ in range(3):
        use(customer, 100, at, feature_key="api")
    use(customer, 50, at, feature_key="storage")
    CreditDebt.objects.filter(feature_key="api").update(amount=7)
    assert balance(customer.pk, "USD", at, "api").available == -7
    assert balance(customer.pk, "USD", at, "storage").available == -50
    assert balance(customer.pk, "USD", at).overdraft == 350
