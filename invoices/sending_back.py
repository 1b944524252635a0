"""Money of a surplus payment goes back to its card: a refund that no credit note stands for.

No document ever counted the payment, so none has to be corrected: the payment and its refund are the whole story.
"""

from datetime import datetime

from invoices.models import Payment, Refund


def send_back(payment: Payment, at: datetime) -> Refund:
    """The whole of it, a row waiting for `reconcile_refunds`; in the caller's transaction, under the customer's lock.

    A second one is made after the first has failed; the database refuses more than the payment took.
    """
    number = payment.refunds.count() + 1
    return Refund.objects.create(
        key=f"payment:{payment.pk}:refund:{number}",
        payment=payment,
        customer_id=payment.customer_id,
        amount=payment.amount,
        currency=payment.currency,
        created_at=at,
        check_at=at,
    )
