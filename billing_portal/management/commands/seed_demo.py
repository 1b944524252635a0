"""manage.py seed_demo: the demo's customers, catalogue and history."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from billing_portal.demo import DEMO_LOGINS
from billing_portal.demo_data import seed
from core import clock


class Command(BaseCommand):
    help = "Fill an empty database with demo data made by the real verbs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="do nothing where there are people already")
        parser.add_argument("--print-logins", action="store_true", help="only print the demo log-ins")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["print_logins"]:
            self.print_logins()
        elif not User.objects.exists():
            seed(clock.now())
            self.print_logins()
        elif not options["if_empty"]:
            raise CommandError("there are people in this database; demo data is for empty ones")

    def print_logins(self) -> None:
        for login in DEMO_LOGINS:
            self.stdout.write(f"{login['email']:<26} {login['password']}   {login['label']}")
