"""Who may have a test clock: a customer whom no real card, and so no real money, belongs to.

With a clock of their own a customer is billed for days that have not been. At a processor that moves money that would
be a real charge for an invented month, so the rule looks at everything a processor was ever asked for this customer:
each card, deleted ones too, each visit to a card page, and the id the processor gave them. Payments are made of these.
"""

from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext

from accounts.exceptions import NotSandboxError
from accounts.models import CardSetup, Customer, GatewayName, PaymentMethod

FARTHEST = timedelta(days=400)  # of one move: a year and what belongs to it


def may_have_clock(customer: Customer) -> bool:
    """Whether its page is offered, by what is known without a question; `check_sandbox` decides, and the page says."""
    known = customer.gateway_customer.partition(":")[0]
    return customer.clock_at is not None or (known or settings.CARD_GATEWAY) == GatewayName.SANDBOX


def check_sandbox(customer: Customer) -> None:
    """Raises NotSandboxError: cards go to a real processor, here in general or for this customer."""
    cards = PaymentMethod.objects.filter(customer=customer)
    is_known = customer.gateway_customer and not customer.gateway_customer.startswith(f"{GatewayName.SANDBOX}:")
    visits = CardSetup.objects.filter(customer=customer).exclude(gateway=GatewayName.SANDBOX)
    if is_known or visits.exists() or cards.exclude(gateway=GatewayName.SANDBOX).exists():
        raise NotSandboxError(
            f"customer {customer.pk} is known to a real processor",
            message=gettext(
                "This customer’s cards are at a real card processor: a test clock would charge them for real."
            ),
        )
    if settings.CARD_GATEWAY != GatewayName.SANDBOX and not cards.exists():
        raise NotSandboxError(
            f"customer {customer.pk} has no sandbox card",
            message=gettext(
                "New cards go to a real card processor here. Only a customer with a sandbox card has a test clock."
            ),
        )
