"""What this room's books must say: the ledger balances and chains, and every projection is what it adds up to."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection

from core.books import Finding
from credits.chain import verify
from credits.models import ChainHead, LedgerTransaction
from credits.selectors import chain_rows, head

# (rule, the offending rows as subject and detail): each a pass over the tables, whatever their size.
CHECKS: tuple[tuple[str, str], ...] = (
    (
        "transaction sums to zero in one currency on its customer's accounts",
        """
        SELECT 'transaction:' || booked.key, format('sum %s, %s of %s entries', given.sum, given.count, entry_count)
        FROM credits_ledgertransaction AS booked
        LEFT JOIN (
            SELECT entry.transaction_id, sum(entry.amount) AS sum, count(*) AS count,
                count(*) FILTER
                    (WHERE account.currency <> own.currency OR account.customer_id <> own.customer_id) AS odd
            FROM credits_ledgerentry AS entry
            JOIN credits_ledgeraccount AS account ON account.id = entry.account_id
            JOIN credits_ledgertransaction AS own ON own.id = entry.transaction_id
            GROUP BY entry.transaction_id
        ) AS given ON given.transaction_id = booked.id
        WHERE given.sum IS DISTINCT FROM 0 OR given.count <> booked.entry_count OR given.odd > 0
        """,
    ),
    (
        "movement is what its entries move",
        """
        SELECT 'transaction:' || booked.key, format('amount %s, entries %s', booked.amount, coalesce(given.sum, 0))
        FROM credits_ledgertransaction AS booked
        LEFT JOIN (
            SELECT entry.transaction_id, sum(entry.amount) AS sum
            FROM credits_ledgerentry AS entry JOIN credits_ledgeraccount AS account ON account.id = entry.account_id
            WHERE account.kind IN ('customer_credit', 'overdraft') GROUP BY entry.transaction_id
        ) AS given ON given.transaction_id = booked.id
        WHERE booked.amount <> coalesce(given.sum, 0)
        """,
    ),
    (
        "balance is the sum of its movements",
        """
        SELECT format('customer:%s', coalesce(balance.customer_id, moved.customer_id)),
            format('%s: settled %s, movements %s; overdraft %s, entries %s',
                coalesce(balance.currency, moved.currency), balance.settled, moved.sum, balance.overdraft, moved.owed)
        FROM credits_creditbalance AS balance
        FULL JOIN (
            SELECT account.customer_id, account.currency, sum(entry.amount) AS sum,
                -coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'overdraft'), 0) AS owed
            FROM credits_ledgerentry AS entry JOIN credits_ledgeraccount AS account ON account.id = entry.account_id
            WHERE account.kind IN ('customer_credit', 'overdraft')
            GROUP BY account.customer_id, account.currency
        ) AS moved USING (customer_id, currency)
        WHERE coalesce(balance.settled, 0) <> coalesce(moved.sum, 0)
            OR coalesce(balance.overdraft, 0) <> coalesce(moved.owed, 0)
        """,
    ),
    (
        "debt of a feature is the overdraft of its charges",
        """
        SELECT format('customer:%s', coalesce(debt.customer_id, owed.customer_id)),
            format('%s %s: %s, charges %s', coalesce(debt.currency, owed.currency),
                coalesce(debt.feature_key, owed.feature_key), debt.amount, owed.sum)
        FROM credits_creditdebt AS debt
        FULL JOIN (
            SELECT customer_id, currency, feature_key, sum(overdraft) AS sum
            FROM credits_creditcharge WHERE overdraft > 0 GROUP BY customer_id, currency, feature_key
        ) AS owed USING (customer_id, currency, feature_key)
        WHERE coalesce(debt.amount, 0) <> coalesce(owed.sum, 0)
        """,
    ),
    (
        "grant is what the ledger says of it",
        """
        SELECT 'grant:' || one.public_id,
            format('available %s, repaid %s, used %s, expired %s, voided %s, taken back %s; '
                'entries %s, %s, %s, %s, %s, %s',
                one.available, one.repaid, one.used, one.expired, one.voided, one.taken_back,
                said.available, said.repaid, said.used, said.expired, said.gone - said.taken_back, said.taken_back)
        FROM credits_creditgrant AS one
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'customer_credit'), 0) AS available,
                coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'overdraft'), 0) - coalesce(sum(entry.amount)
                    FILTER (WHERE booked.kind = 'correction' AND account.kind = 'customer_credit' AND paid.repays), 0)
                    AS repaid,
                -coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'customer_credit'
                    AND (booked.kind = 'consumed' OR booked.kind = 'adjustment' AND entry.amount < 0
                        OR booked.kind = 'correction' AND NOT paid.repays)), 0) AS used,
                -coalesce(sum(entry.amount)
                    FILTER (WHERE account.kind = 'customer_credit' AND booked.kind = 'expired'), 0) AS expired,
                -coalesce(sum(entry.amount)
                    FILTER (WHERE account.kind = 'customer_credit' AND booked.kind = 'voided'), 0) AS gone,
                coalesce(sum(entry.amount)
                    FILTER (WHERE account.kind = 'funding' AND booked.kind = 'voided'), 0) AS taken_back
            FROM credits_ledgertransaction AS booked
            JOIN credits_ledgerentry AS entry ON entry.transaction_id = booked.id
            JOIN credits_ledgeraccount AS account ON account.id = entry.account_id
            LEFT JOIN LATERAL (SELECT origin.kind IN ('funded', 'adjustment') AND origin.amount > 0 AS repays
                FROM credits_ledgertransaction AS origin WHERE origin.id = booked.corrects_id) AS paid ON true
            WHERE booked.grant_id = one.id AND entry.grant_id = one.id
        ) AS said ON true
        WHERE (one.available, one.repaid, one.used, one.expired, one.voided)
            IS DISTINCT FROM (said.available, said.repaid, said.used, said.expired, said.gone - said.taken_back)
            OR one.amount <>
                one.pending + one.available + one.repaid + one.used + one.expired + one.voided + one.taken_back
            OR one.taken_back < said.taken_back
            OR one.paid_at IS NULL AND one.pending + one.taken_back <> one.amount
        """,
    ),
    (
        "charge is what the ledger says of it",
        """
        SELECT 'charge:' || one.key,
            format('covered %s, overdraft %s, accrued while %s; allocations %s, entries %s, accrued %s',
                one.covered, one.overdraft, CASE WHEN one.is_final THEN 'final' ELSE 'draft' END,
                paid.covered, said.overdraft, said.accrued)
        FROM credits_creditcharge AS one
        LEFT JOIN (
            SELECT charge_id, sum(amount - returned) AS covered,
                coalesce(sum(amount - returned) FILTER (WHERE NOT is_repayment), 0) AS drawn
            FROM credits_creditallocation GROUP BY charge_id
        ) AS paid ON paid.charge_id = one.id
        LEFT JOIN (
            SELECT entry.charge_id,
                -coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'overdraft'), 0) AS overdraft,
                coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'accrued'), 0) AS accrued,
                -coalesce(sum(entry.amount) FILTER (WHERE account.kind IN ('customer_credit', 'overdraft')
                    AND booked.kind IN ('consumed', 'adjustment', 'correction')
                    AND (booked.kind <> 'adjustment' OR booked.amount < 0)), 0) AS held
            FROM credits_ledgerentry AS entry
            JOIN credits_ledgeraccount AS account ON account.id = entry.account_id
            JOIN credits_ledgertransaction AS booked ON booked.id = entry.transaction_id
            WHERE entry.charge_id IS NOT NULL GROUP BY entry.charge_id
        ) AS said ON said.charge_id = one.id
        WHERE one.covered <> coalesce(paid.covered, 0) OR one.overdraft <> coalesce(said.overdraft, 0)
            OR coalesce(said.accrued, 0) <> CASE WHEN one.is_final THEN 0 ELSE coalesce(paid.drawn, 0) END
            OR coalesce(said.held, 0) <> one.covered + one.overdraft
        """,
    ),
    (
        "nothing is consumed before it is effective or after it expired",
        """
        SELECT 'transaction:' || booked.key, format('booked at %s, grant:%s', booked.booked_at, one.public_id)
        FROM credits_ledgertransaction AS booked JOIN credits_creditgrant AS one ON one.id = booked.grant_id
        WHERE (booked.kind = 'consumed' OR booked.kind = 'adjustment' AND booked.amount < 0)
            AND (booked.booked_at < one.effective_at OR booked.booked_at >= one.expires_at)
        """,
    ),
    (
        "credit pays only for its currency, its customer and its features",
        """
        SELECT 'charge:' || charge.key, 'grant:' || one.public_id
        FROM credits_creditallocation AS paid
        JOIN credits_creditcharge AS charge ON charge.id = paid.charge_id
        JOIN credits_creditgrant AS one ON one.id = paid.grant_id
        WHERE charge.customer_id <> one.customer_id OR charge.currency <> one.currency
            OR cardinality(one.features) > 0 AND charge.feature_key <> ALL (one.features)
        """,
    ),
)


def check() -> Iterator[Finding]:
    """Every broken rule of the ledger and of what is projected from it; then each customer's chain, computed anew."""
    with connection.cursor() as cursor:
        for rule, statement in CHECKS:
            cursor.execute(statement)
            yield from _findings(rule, cursor.fetchall())
    yield from chains_are_intact()


def _findings(rule: str, rows: Sequence[Sequence[Any]]) -> Iterator[Finding]:
    for subject, detail in rows:
        yield Finding(rule, subject, detail)


def chains_are_intact() -> Iterator[Finding]:
    """Every customer's chain is unbroken and ends where its head says."""
    booked = LedgerTransaction.objects.order_by().values_list("customer_id", flat=True).distinct()
    for customer_id in booked.union(ChainHead.objects.values_list("customer_id", flat=True)):
        for fault in verify(chain_rows(customer_id), head=head(customer_id)).faults:
            yield Finding("chain is intact", f"customer:{customer_id} #{fault.sequence}", fault.problem)
