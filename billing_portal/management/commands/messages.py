"""`manage.py messages`: the catalogues of all rooms, brought up to date with the code and compiled."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from billing_portal.catalogues import ROOMS, pairs, po_path, write


class Command(BaseCommand):
    help = "Bring the translations up to date: new words come in, old ones go, and what Django reads is compiled."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("rooms", nargs="*", help=f"only these rooms ({', '.join(ROOMS)})")

    def handle(self, *args: Any, **options: Any) -> None:
        for room, language in pairs():
            if room in (options["rooms"] or ROOMS):
                missing = write(room, language)
                self.stdout.write(f"{po_path(room, language)}: {missing} without a translation")
