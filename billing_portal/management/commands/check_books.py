"""manage.py check_books: the proof that the books are right. Exits 1 and names the rows where they are not."""

import json
from argparse import ArgumentParser
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

    def handle(self, *args: Any, **options: Any) -> None:
        findings = check_books(at=clock.now(), trigger=Trigger.COMMAND)
        if options["json"]:
            rows = [{"rule": row.rule, "subject": row.subject, "detail": row.detail} for row in findings]
            self.stdout.write(json.dumps(rows))
        else:
            for finding in findings:
                self.stdout.write(str(finding))
            self.stdout.write(f"{len(findings)} findings" if findings else "The books agree.")
        if findings:
            raise SystemExit(1)
