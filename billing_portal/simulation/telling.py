"""The report of a chaos run."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from accounts.models import Notice
from billing_portal.simulation.control import webhooks
from billing_portal.simulation.messages import kills
from invoices.models import Document, Invoice, Payment, Refund

if TYPE_CHECKING:
    from billing_portal.simulation.driver import Simulation


def tell(simulation: "Simulation", differences: list[str], seconds: float, say: Callable[[str], Any]) -> None:
    options, ticker = simulation.options, simulation.ticker
    say(f"{options.customers} customers × {options.months} months, seed {options.seed}: {seconds:.0f} s")
    rows("played", ticker.counted, say)
    rows("done by customers", simulation.persons[0].done, say)
    rows("requests", simulation.persons[0].browser.counted, say)
    killed = kills(simulation)
    say(f"killed {killed.total()} times, started again {simulation.processes.restarted.total()} times")
    rows("killed at", killed, say)
    payments = {f"payments {status}": Payment.objects.filter(status=status).count() for status in states()}
    made = {
        "documents": Invoice.objects.filter(number__isnull=False).count(),
        "refunds": Refund.objects.filter(status="succeeded").count(),
        "PDFs": Document.objects.count(),
        "notices": Notice.objects.count(),
    }
    rows("books", made | payments, say)
    rows("webhooks", webhooks(), say)
    for difference in differences:
        say(difference)
    say(f"{len(differences)} differences" if differences else "The books, the journal and the plain ledger agree.")


def states() -> list[str]:
    return sorted(Payment.objects.values_list("status", flat=True).distinct())


def rows(title: str, counted: Mapping[str, int], say: Callable[[str], Any]) -> None:
    say(f"{title}: " + ", ".join(f"{name} {number:,}" for name, number in sorted(counted.items()) if number))
