"""What somebody was about to do when they were asked to log in: said by the address alone.

Nothing is looked up, so that a stranger learns nothing: not whether there is such an invoice, and no number.
"""

from typing import Final

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.access import local_path

# Names of addresses (their common beginning) → what one does there; the first that fits.
PURPOSES: Final[tuple[tuple[str, str | Promise], ...]] = (
    ("admin:", _("Log in to open the staff site.")),
    ("invoice_copy", _("Log in to view the invoice.")),
    ("invoice_", _("Log in to download the document.")),
    ("receipt_", _("Log in to download the document.")),
    ("statement_", _("Log in to download the document.")),
    ("export", _("Log in to download your documents.")),
    ("invoice", _("Log in to view the invoice.")),
    ("payment_status", _("Log in to see what became of the payment.")),
    ("correction", _("Log in to ask for a corrected invoice.")),
    ("billing_usage", _("Log in to see your usage.")),
    ("billing_explain", _("Log in to see how a charge was calculated.")),
    ("charge_", _("Log in to ask about a charge.")),
    ("billing_details", _("Log in to change the billing details.")),
    ("billing_notifications", _("Log in to choose who gets messages, and which.")),
    ("plan_cancel_reason", _("Log in to say why you left.")),
    ("plan_cancel", _("Log in to cancel your plan.")),
    ("plan_", _("Log in to change your plan.")),
    ("contact_sales", _("Log in to contact sales.")),
    ("portal", _("Log in to open the billing portal.")),
    ("pm_delete", _("Log in to delete a payment method.")),
    ("pm_", _("Log in to add a payment method.")),
    ("credits_buy", _("Log in to buy credits.")),
    ("credits_review", _("Log in to buy credits.")),
    ("credit", _("Log in to see your credits.")),
    ("members", _("Log in to see who belongs to your company.")),
    ("api_token", _("Log in to see the API tokens.")),
)


def purpose(request: HttpRequest) -> str:
    """The sentence for the page that follows the log-in; empty where there is none or it is not ours."""
    page = local_path(request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME))
    try:
        name = resolve(page.partition("?")[0]).view_name if page else ""
    except Resolver404:
        return ""
    return next((str(said) for begins, said in PURPOSES if name.startswith(begins)), "")
