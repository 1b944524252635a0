"""manage.py run_billing: the monthly run from the shell, exactly what beat does every hour."""

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing_portal.billing_run import RunReport, dry_run, run_billing
from billing_portal.management.arguments import instant
from billing_portal.models import RunKind, Trigger
from billing_portal.recording import recorded
from core import clock

WIDTH = 30


class Command(BaseCommand):
    help = "Calculate, finalize, collect and deliver what is due. Doing it twice changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--at", type=instant, help="the present to bill at; default: now")
        parser.add_argument("--dry-run", action="store_true", help="show what would be billed and write nothing")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        at = options["at"] or clock.now()
        report = dry_run(at=at) if options["dry_run"] else self.run(at)
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
        else:
            self.tell(report)
        if report.parked:
            raise CommandError(f"parked: {', '.join(report.parked)}", returncode=3)

    def run(self, at: datetime) -> RunReport:
        with recorded(RunKind.BILLING, at=at, trigger=Trigger.COMMAND) as (report, _run):
            return run_billing(at=at, progress=self.show, report=report)

    def show(self, step: str, done: int, total: int) -> None:
        """A bar on a terminal, which the next step leaves standing; else a line per batch."""
        full = done * WIDTH // total
        line = f"[{'#' * full}{'.' * (WIDTH - full)}] {step} {done:,} of {total:,}"
        self.stderr.write(line, ending="\r" if self.stderr.isatty() and done < total else "\n")

    def tell(self, report: RunReport) -> None:
        for name, value in report.as_dict().items():
            if not isinstance(value, list):
                self.stdout.write(f"{name:>12}  {value}")
