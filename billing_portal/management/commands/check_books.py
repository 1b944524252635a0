"""manage.py check_books: the proof that the books are right. Exits 1 and names the rows where they are not.

Notes – a processor that could not be reached, a payment without an outcome – are named too and exit 0, for no money
differs.
"""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from billing_portal.books import check_books
from billing_portal.models import Trigger
from core import clock


class Command(BaseCommand):
    help = (
        "Recompute what must agree – totals, numbers, payments, the credit ledger, roll-ups, pushed-down facts – and "
        "name what does not."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")
        parser.add_argument("--full", action="store_true", help="compare the processors' journals of all time")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = check_books(at=clock.now(), trigger=Trigger.COMMAND, full=options["full"])
        findings = [row for row in rows if not row.is_note]
        if options["json"]:
            self.stdout.write(json.dumps([asdict(row) for row in rows]))
        else:
            for row in rows:
                self.stdout.write(f"note: {row}" if row.is_note else str(row))
            self.stdout.write(f"{len(findings)} findings" if findings else "The books agree.")
        if findings:
            raise SystemExit(1)
