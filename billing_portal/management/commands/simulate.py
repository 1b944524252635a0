"""manage.py simulate: the chaos run. Everything is killed at times, and afterwards every cent is where it belongs."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from billing_portal.simulation.driver import drive
from billing_portal.simulation.launching import Options, launch
from billing_portal.simulation.shared import FOLDER


class Command(BaseCommand):
    help = "Simulate months of many customers with real processes that are killed, and prove the books afterwards."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--customers", type=int, default=50)
        parser.add_argument("--months", type=int, default=6)
        parser.add_argument("--seed", default="1", help="decides customers, faults and kills")
        parser.add_argument("--kill-rate", type=float, default=0.02, help="share of places where a process ends itself")
        parser.add_argument("--fault-rate", type=float, default=0.2, help="share of requests the processor fails")
        parser.add_argument(
            "--pdf-rate", type=float, default=0.1, help="share of documents that are typeset, and opened"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = Options(**{name: options[name] for name in Options.__dataclass_fields__})
        if FOLDER not in os.environ:
            raise SystemExit(launch(wanted))
        differences = drive(wanted, self.stdout.write)
        if differences:
            raise SystemExit(1)
