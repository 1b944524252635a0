from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.services.lock_customers import lock_customers
from credits.ledger import write
from credits.models import CreditCharge
from credits.storage import Purses


@transaction.atomic
def recognize_charges(*, keys: Sequence[str], at: datetime) -> int:
    """Earn what these charges accrued, now that their document is issued; how many became final.

    Keys without a charge, and charges that are final already, are passed over.
    """
    rows = CreditCharge.objects.filter(key__in=keys, is_final=False)
    customers = lock_customers(rows.values_list("customer_id", flat=True))
    purses = Purses()
    charges = purses.load_charges(rows)
    for charge in charges:
        purses.of(charge.customer_id, charge.currency).recognize(charge, at)
    write(purses, customers, at)
    return len(charges)
