"""Decline codes in plain words: what happened, and what the person can do."""

from django.utils.translation import gettext, gettext_noop

_DECLINED = gettext_noop("The card was declined. Use another card or ask the bank.")
_MESSAGES = {
    "card_declined": gettext_noop("The bank declined the card. Use another card or ask the bank."),
    "insufficient_funds": gettext_noop("There isn't enough money on the card. Use another card or try again later."),
    "expired_card": gettext_noop("The card has expired. Use another card."),
    "authentication_required": gettext_noop("The bank wants you to confirm this payment."),
    "processing_error": gettext_noop(
        "The processor had a problem with this card. Try again later or use another card."
    ),
    "lost_card": gettext_noop("The bank declined the card. Use another card or ask the bank."),
    "not_confirmed": gettext_noop(
        "Your bank asked you to confirm this payment and it wasn't confirmed in time. Nothing was charged."
    ),
    "stolen_card": gettext_noop("The bank declined the card. Use another card or ask the bank."),
    "try_again_later": gettext_noop("The bank couldn't decide just now. Try again later or use another card."),
    "incorrect_cvc": gettext_noop("The security code isn't right. Add the card again or use another one."),
    "card_velocity_exceeded": gettext_noop("The card's limit is reached. Use another card or ask the bank."),
    "withdrawal_count_limit_exceeded": gettext_noop("The card's limit is reached. Use another card or ask the bank."),
    "currency_not_supported": gettext_noop("The card can't pay in this currency. Use another card."),
    "payment_intent_authentication_failure": gettext_noop(
        "The bank didn't get your confirmation. Try again or use another card."
    ),
    "amount_not_chargeable": gettext_noop(
        "This amount can't be charged to a card to its last digit. Ask us how to pay it."
    ),
    # of money on its way back
    "charge_already_refunded": gettext_noop("Not so much of this charge is left to give back."),
    "expired_or_canceled_card": gettext_noop(
        "The card has expired or was cancelled, so the money can't go back to it."
    ),
    "lost_or_stolen_card": gettext_noop("The card was reported lost or stolen, so the money can't go back to it."),
    "refund_failed": gettext_noop("The bank didn't take the money back to this card."),
}


def decline_message(code: str) -> str:
    """A sentence for people; a code we don't know gets the general one."""
    return gettext(_MESSAGES.get(code, _DECLINED))
