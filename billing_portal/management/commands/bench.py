"""manage.py bench: what the house does per second, beside a floor measured in the same run.

It works in a database of its own on the configured server, made for the run and dropped after it.
"""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from billing_portal.benchmarks.billing import measure_billing
from billing_portal.benchmarks.credits import measure_credit_reads, measure_draw_downs
from billing_portal.benchmarks.documents import measure_documents
from billing_portal.benchmarks.grouping import measure_grouping
from billing_portal.benchmarks.ingestion import measure_ingestion
from billing_portal.benchmarks.measure import Measurement
from billing_portal.benchmarks.staff import measure_staff
from billing_portal.demo_data import seed_seller
from invoices.models import Seller


class Command(BaseCommand):
    help = (
        "Measure billing run, ingestion, grouping, PDFs, credits and staff pages beside a floor. "
        "Touches no data of the portal."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--customers", type=int, default=10_000, help="customers of the billing run")
        parser.add_argument("--batches", type=int, default=50, help="batches of 1,000 events")
        parser.add_argument("--grouped-events", type=int, default=200_000, help="events of the month that is grouped")
        parser.add_argument("--documents", type=int, default=20, help="invoices of 20 lines to render")
        parser.add_argument("--draw-downs", type=int, default=10_000, help="customers whose credit pays a charge")
        parser.add_argument("--ledger-entries", type=int, default=100_000, help="entries of the ledger that is read")
        parser.add_argument("--staff-customers", type=int, default=100_000, help="customers in the lists of staff")
        parser.add_argument("--staff-invoices", type=int, default=1_000_000, help="invoices in the lists of staff")
        parser.add_argument("--staff-only", action="store_true", help="measure nothing but the pages of staff")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["staff_only"]:
            with scratch_database():
                self.measure_work(seed_seller(), options)
        with scratch_database():  # of their own: what was measured before would fill their tables
            pages = measure_staff(
                customers=options["staff_customers"], invoices=options["staff_invoices"], seller_id=seed_seller().pk
            )
            for measurement in pages:
                self.stdout.write(str(measurement))

    def measure_work(self, seller: Seller, options: dict[str, Any]) -> None:
        self.show(lambda: measure_billing(customers=options["customers"], seller_id=seller.pk))
        self.show(lambda: measure_ingestion(batches=options["batches"]))
        for measurement in measure_grouping(events=options["grouped_events"]):
            self.stdout.write(str(measurement))
        self.show(lambda: measure_documents(count=options["documents"], seller=seller))
        self.show(lambda: measure_draw_downs(customers=options["draw_downs"]))
        for measurement in measure_credit_reads(entries=options["ledger_entries"]):
            self.stdout.write(str(measurement))

    def show(self, measure: Callable[[], Measurement]) -> None:
        self.stdout.write(str(measure()))


@contextmanager
def scratch_database() -> Iterator[None]:
    """A fresh, migrated database beside the real one; the connection points to it until the block ends."""
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
