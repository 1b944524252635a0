"""Four connections at once do what the stateful test does in turn: every rule of the books holds at the end."""

import itertools
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from django.db import connection

from accounts.models import Customer
from accounts.services.open_customer import open_customer
from core.spreadsheet import exact_lines
from credits import books, chain, selectors
from credits.charges import ChargeDraft, CorrectionDraft, OpenDraft
from credits.exceptions import CorrectionError, NotVoidableError
from credits.exporting import LEDGER_COLUMNS, ledger_rows
from credits.grants import GrantDraft
from credits.models import CreditCharge, CreditGrant, LedgerTransaction, OpenCharge
from credits.services.adjust_balance import adjust_balance
from credits.services.book_due_credits import book_due_credits
from credits.services.correct_draw_down import correct_draw_down
from credits.services.draw_down_credits import draw_down_credits
from credits.services.grant_credits import grant_credits
from credits.services.pay_grant import pay_grant
from credits.services.recognize_charges import recognize_charges
from credits.services.set_open_charges import set_open_charges
from credits.services.settle_open_charges import settle_open_charges
from credits.services.void_grant import void_grant
from tools import verify_ledger

pytestmark = pytest.mark.django_db(transaction=True)

CONNECTIONS = 4
ROUNDS = 40
HOUR = timedelta(hours=1)
WORDS = ("use", "use", "use", "use", "grant", "grant", "correct", "correct", "void", "adjust", "pay", "open", "wake")


class Hand:
    """One of several that work on the same customers; `shared` keys are used by all of them."""

    def __init__(self, number, customers, at):
        self.number, self.customers, self.now = number, customers, at
        self.dice = Random(number)  # noqa: S311 – these dice open nothing
        self.done = Counter()

    def work(self):
        for step in range(ROUNDS):
            self.now += self.dice.choice([0, 0, 1]) * HOUR
            word = self.dice.choice(WORDS)
            try:
                getattr(self, word)(step)
            except (CorrectionError, NotVoidableError):
                word = f"{word} refused"
            self.done[word] += 1

    def _key(self, word, step):
        """Every third key is everybody's."""
        return f"{word}-{step}" if step % 3 == 0 else f"{word}-{step}-{self.number}"

    def use(self, step):
        rows = [
            ChargeDraft(
                key=f"{self._key('charge', step)}-{customer.pk}", group=f"group-{customer.pk}", customer_id=customer.pk,
                currency="USD", feature_key=self.dice.choice(["", "api"]), amount=self.dice.randint(1, 50),
                booked_at=self.now + self.dice.choice([-1, 0, 0, 4]) * HOUR, may_overdraw=step % 4 != 0,
                is_final=step % 4 != 0, title="Usage",
            )
            for customer in self.dice.sample(self.customers, k=2)
        ]  # fmt: skip
        draw_down_credits(charges=rows, at=self.now)

    def grant(self, step):
        customer = self.dice.choice(self.customers)
        grant_credits(
            grant=GrantDraft(
                key=f"{self._key('grant', step)}-{customer.pk}", customer_id=customer.pk, currency="USD",
                amount=self.dice.randint(1, 90), funding=self.dice.choice(["promotional", "external"]), name="Grant",
                features=self.dice.choice([(), ("api",)]), effective_at=self.now + self.dice.choice([0, 0, 5]) * HOUR,
                expires_at=self.dice.choice([None, self.now + 9 * HOUR]),
            ),
            at=self.now, actor=None,
        )  # fmt: skip

    def pay(self, step):
        if grant := CreditGrant.objects.filter(paid_at__isnull=True).first():
            pay_grant(grant_id=grant.pk, at=self.now, actor=None)

    def correct(self, step):
        customer = self.dice.choice(self.customers)
        draft = CorrectionDraft(
            key=f"{self._key('correction', step)}-{customer.pk}", customer_id=customer.pk, group=f"group-{customer.pk}",
            amount=self.dice.choice([5, 20, None]), description="Corrected",
        )  # fmt: skip
        correct_draw_down(corrections=[draft], at=self.now)

    def void(self, step):
        if grant := CreditGrant.objects.order_by("?").first():
            void_grant(grant_id=grant.pk, at=self.now, actor=None, reason="Test")

    def adjust(self, step):
        customer = self.dice.choice(self.customers)
        adjust_balance(
            key=f"{self._key('adjustment', step)}-{customer.pk}", customer_id=customer.pk, currency="USD",
            amount=self.dice.choice([-15, 15]), reason="Test", at=self.now, actor=None,
        )  # fmt: skip

    def open(self, step):
        customer = self.dice.choice(self.customers)
        scope = f"usage:{customer.pk}:"
        draft = OpenDraft(
            key=f"{scope}now", customer_id=customer.pk, currency="USD", feature_key="", amount=step + 1,
            may_overdraw=True,
        )  # fmt: skip
        set_open_charges(scopes={scope: [draft]}, at=self.now)

    def wake(self, step):
        settle_open_charges(ids=list(OpenCharge.objects.values_list("pk", flat=True)), at=self.now)
        book_due_credits(customer_ids=[customer.pk for customer in self.customers], at=self.now)
        recognize_charges(keys=list(CreditCharge.objects.values_list("key", flat=True)), at=self.now)


def at_once(*calls):
    """Run all in threads that start together; what each raised."""
    raised = []
    start = threading.Barrier(len(calls))

    def run(call):
        start.wait()
        try:
            call()
        except Exception as error:  # noqa: BLE001 – handed to the test
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_every_rule_of_the_books_holds_when_four_connections_work_at_once(alice, at, tmp_path):
    customers = [open_customer(name=f"Customer {n}", user=alice, at=at, actor=alice) for n in range(3)]
    hands = [Hand(number, customers, at) for number in range(CONNECTIONS)]
    assert at_once(*(hand.work for hand in hands)) == []
    assert sum((hand.done for hand in hands), Counter()).total() == CONNECTIONS * ROUNDS
    assert list(books.check()) == []
    for customer in customers:
        assert chain.verify(selectors.chain_rows(customer.pk), head=selectors.head(customer.pk)).is_intact
        assert_history_chains(customer)
        assert_export_verifies(customer, tmp_path / "ledger.csv")


def assert_export_verifies(customer: Customer, path: Path):
    """What is downloaded is enough for the stand-alone script."""
    path.write_text("".join(exact_lines(LEDGER_COLUMNS, ledger_rows(customer.pk))), encoding="utf-8", newline="")
    sequence, digest = selectors.head(customer.pk)
    assert verify_ledger.main([str(path), "--head", digest, "--sequence", str(sequence)]) == 0


def assert_history_chains(customer: Customer):
    """Rows of one currency chain, and the newest shows what is settled."""
    rows = selectors.movements(customer.pk, currency="USD", limit=10_000).rows
    assert len(rows) == LedgerTransaction.objects.filter(customer=customer).exclude(kind="recognized").count()
    assert all(newer.before == older.after for newer, older in itertools.pairwise(rows))
    assert rows[-1].before == 0
    assert rows[0].after == sum(row.amount for row in rows)


def test_one_charge_is_made_once_when_four_connections_make_it(customer, at):
    grant = GrantDraft(
        key="g", customer_id=customer.pk, currency="USD", amount=100, funding="promotional", name="Grant"
    )
    charge = ChargeDraft(
        key="c", group="c", customer_id=customer.pk, currency="USD", feature_key="", amount=30, booked_at=at,
        may_overdraw=True, is_final=True, title="Usage",
    )  # fmt: skip

    def all_of_it():
        grant_credits(grant=grant, at=at, actor=None)
        draw_down_credits(charges=[charge], at=at)

    assert at_once(*[all_of_it] * CONNECTIONS) == []
    assert selectors.balance(customer.pk, "USD", at).settled == 70
    assert list(books.check()) == []


def test_credit_is_spent_once_when_four_connections_spend_it(customer, at):
    draft = GrantDraft(
        key="g", customer_id=customer.pk, currency="USD", amount=100, funding="promotional", name="Grant"
    )
    grant_credits(grant=draft, at=at, actor=None)

    def spend(number):
        charge = ChargeDraft(
            key=f"c{number}", group="c", customer_id=customer.pk, currency="USD", feature_key="", amount=60,
            booked_at=at, may_overdraw=False, is_final=False, title="Line",
        )  # fmt: skip
        return lambda: draw_down_credits(charges=[charge], at=at)

    assert at_once(*(spend(number) for number in range(CONNECTIONS))) == []
    covered = sorted(CreditCharge.objects.values_list("covered", flat=True))
    assert covered == [40, 60]
    assert selectors.balance(customer.pk, "USD", at).available == 0
    assert list(books.check()) == []
