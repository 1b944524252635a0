"""The whole room against the naive model: operations in any order, and after each the same answers from both.

EXAMPLES sets for how long, e.g. `EXAMPLES=15 ./portal test credits/tests/test_stateful.py` for 10,000 operations.
"""

import os
from collections import Counter
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from accounts.models import Customer
from credits import books
from credits.tests.story import World, dice_of

START = datetime(2026, 10, 20, 10, tzinfo=UTC)
CUSTOMERS = 16
EXAMPLES, LENGTH = int(os.environ.get("EXAMPLES", "5")), 75
OPERATIONS = 650 * EXAMPLES  # about 800 each; EXAMPLES=15 makes the ten thousand

DICE = st.integers(0, 99_999)
SEEDS = st.lists(DICE, min_size=CUSTOMERS, max_size=CUSTOMERS)
WORDS = ["use"] * 6 + ["correct"] * 3 + ["few"] * 6 + ["wake"] * 2 + ["sleep", "open", "issue"]
EVERYTHING = ("use", "correct", "grant", "pay", "void", "void refused", "adjust", "open", "issue", "wake", "sleep")
OF_ONE = ("grant", "grant", "pay", "pay", "void", "void", "adjust", "correct_too_much")


class Credits(RuleBasedStateMachine):
    """One example is one transaction that is rolled back; every rule is followed by a comparison."""

    customers: list[Customer]
    done: Counter[str]

    def __init__(self):
        super().__init__()
        self.world = World(self.customers, START)
        self.transaction = transaction.atomic()
        self.transaction.__enter__()

    def teardown(self):
        type(self).done += self.world.done
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert list(books.check()) == []
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    @initialize(seeds=SEEDS)
    def begin(self, seeds):
        """Two grants each, so that there is an order to draw in from the start."""
        for number, pair in enumerate(self.world.pairs):
            for time in range(2):
                self.world.grant(pair, dice_of(seeds[number] + (time * CUSTOMERS + number) * 100_003))

    @rule(word=st.sampled_from(WORDS), seeds=SEEDS)
    def happens(self, word, seeds):
        """Something happens to all customers, or something of its own to each of a few."""
        touched = getattr(self, word)(seeds) if word in ("few", "wake", "sleep") else getattr(self.world, word)(seeds)
        self.world.compare(touched, dice_of(seeds[0]))

    def few(self, seeds):
        touched = self.world.pairs[seeds[0] % CUSTOMERS :][:2]
        return [
            getattr(self.world, dice_of(seed + 1).choice(OF_ONE))(pair, dice_of(seed))
            for pair, seed in zip(touched, seeds, strict=False)
        ]

    def wake(self, seeds):
        return self.world.pass_time(self._hours(seeds), wakes=True)

    def sleep(self, seeds):
        return self.world.pass_time(self._hours(seeds), wakes=False)

    def _hours(self, seeds):
        return dice_of(seeds[0]).choice([0, 1, 1, 2, 5, 12, 30])


@pytest.mark.django_db
def test_it_does_what_the_naive_model_does():
    Credits.customers = [Customer.objects.create(key=f"stateful-{n}", name="Customer") for n in range(CUSTOMERS)]
    Credits.done = Counter()
    run_state_machine_as_test(
        Credits,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=LENGTH,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Credits.done.total() >= OPERATIONS, Credits.done
    assert min(Credits.done[word] for word in EVERYTHING) >= EXAMPLES // 2, Credits.done
