"""manage.py import_usage: bring a file of usage in. The same file again brings only what is missing."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing_portal.management.arguments import day, instant
from core import clock
from core.exceptions import RuleError
from usage.importers import FORMATS
from usage.progress import Bar
from usage.selectors import subject_of
from usage.services.import_usage import import_usage
from usage.summary import ImportSummary


class Command(BaseCommand):
    help = "Import a file of usage, line by line. Interrupted or run again, it brings only what is missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the file to read")
        parser.add_argument("--format", required=True, choices=sorted(FORMATS), dest="file_format")
        parser.add_argument("--customer", required=True, help="key, usage subject, or e-mail address")
        parser.add_argument("--shift-to", type=day, help="move the file in time: its first event falls on this day")
        parser.add_argument("--until", type=instant, help="leave events from this instant on for another time")
        parser.add_argument("--at", type=instant, help="the present to import at; default: now")
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            summary = self.bring(path, options)
        except RuleError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{path} can't be read: {error.strerror}") from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. What was read is kept; run it again to go on.", returncode=130) from None
        self.stdout.write(json.dumps(summary.as_dict()) if options["json"] else summary.as_text())
        if summary.rejected and not (summary.accepted or summary.duplicates):
            raise CommandError("Nothing of this file could be imported.")

    def bring(self, path: Path, options: dict[str, Any]) -> ImportSummary:
        owner = subject_of(options["customer"])
        with path.open("rb") as file, Bar(self.stderr, path.stat().st_size) as bar:
            return import_usage(
                file=file,
                file_format=options["file_format"],
                subject=owner.subject,
                token_customer_id=owner.customer_id,
                shift_to=options["shift_to"],
                until=options["until"],
                at=options["at"] or clock.now(),
                progress=lambda summary: bar.show(summary.bytes_read, summary.kept),
            )
