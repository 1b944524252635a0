"""Computing a customer's chain anew, for the verify page and the command."""

from dataclasses import dataclass

from credits import selectors
from credits.chain import verify


@dataclass(frozen=True, slots=True)
class Verified:
    """Where the chain ends, what is wrong with it."""

    customer_id: int
    sequence: int
    head: str
    problems: tuple[str, ...]

    def compare(self, sequence: int, digest: str) -> bool:
        """Whether the chain had exactly this hash at that number: then so was everything before it."""
        return selectors.hash_at(self.customer_id, sequence) == digest


def verify_customer(customer_id: int) -> Verified:
    """All of a customer's transactions, streamed; the chain must end where its head says."""
    verdict = verify(selectors.chain_rows(customer_id), head=selectors.head(customer_id))
    problems = tuple(f"#{fault.sequence}: {fault.problem}" for fault in verdict.faults)
    return Verified(customer_id, verdict.sequence, verdict.hash, problems)
