"""`manage.py verify_ledger`: every customer's credit ledger, computed anew."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Customer
from credits import selectors
from credits.verifying import verify_customer


class Command(BaseCommand):
    help = "Check the hash chain of credit ledgers: hashes, order, sums of zero. Exits with 1 where one is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--customer", metavar="KEY", help="only this customer's ledger (cus_…)")

    def handle(self, *args: Any, **options: Any) -> None:
        broken = checked = 0
        for customer in self._customers(options["customer"]):
            verified = verify_customer(customer.pk)
            checked += 1
            for problem in verified.problems:
                self.stderr.write(f"{customer.key} {problem}")
            broken += bool(verified.problems)
            if options["customer"] or verified.problems:
                state = "BROKEN" if verified.problems else "intact"
                self.stdout.write(f"{customer.key} {state}: #{verified.sequence} {verified.head}")
        if broken:
            raise CommandError(f"{broken} of {checked} ledgers do not verify.")
        self.stdout.write(f"{checked} ledgers verified, all intact.")

    def _customers(self, key: str | None) -> Any:
        if key is None:
            return Customer.objects.filter(pk__in=selectors.customers_with_ledger()).order_by("pk").iterator()
        found = list(Customer.objects.filter(key=key))
        if not found:
            raise CommandError(f"There is no customer {key}.")
        return found
