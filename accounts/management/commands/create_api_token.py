"""`manage.py create_api_token NAME [--customer KEY]`: prints the token, once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Customer
from accounts.services.create_api_token import create_api_token
from core.clock import now


class Command(BaseCommand):
    help = "Create an API token and print it once: an operator's, or with --customer a customer's."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what will use it")
        parser.add_argument("--customer", metavar="KEY", help="key of the customer whose usage it may write")

    def handle(self, *args: Any, **options: Any) -> None:
        customer = None
        if options["customer"]:
            customer = Customer.objects.filter(key=options["customer"]).first()
            if customer is None:
                raise CommandError(f"There is no customer {options['customer']}.")
        _, raw = create_api_token(customer=customer, name=options["name"], at=now(), actor=None)
        self.stdout.write(raw)
