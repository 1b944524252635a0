"""Decline codes in plain words: what happened, and what the person can do."""

_MESSAGES = {
    "card_declined": "The bank declined the card. Use another card or ask the bank.",
    "insufficient_funds": "There isn't enough money on the card. Use another card or try again later.",
    "expired_card": "The card has expired. Use another card.",
    "authentication_required": "The bank wants you to confirm this payment.",
    "processing_error": "The processor had a problem with this card. Try again later or use another card.",
    "lost_card": "The bank declined the card. Use another card or ask the bank.",
    "not_confirmed": (
        "Your bank asked you to confirm this payment and it wasn't confirmed in time. Nothing was charged."
    ),
    "stolen_card": "The bank declined the card. Use another card or ask the bank.",
    "try_again_later": "The bank couldn't decide just now. Try again later or use another card.",
    "incorrect_cvc": "The security code isn't right. Add the card again or use another one.",
    "card_velocity_exceeded": "The card's limit is reached. Use another card or ask the bank.",
    "withdrawal_count_limit_exceeded": "The card's limit is reached. Use another card or ask the bank.",
    "currency_not_supported": "The card can't pay in this currency. Use another card.",
    "payment_intent_authentication_failure": "The bank didn't get your confirmation. Try again or use another card.",
    "amount_not_chargeable": "This amount can't be charged to a card to its last digit. Ask us how to pay it.",
    # of money on its way back
    "charge_already_refunded": "Not so much of this charge is left to give back.",
    "expired_or_canceled_card": "The card has expired or was cancelled, so the money can't go back to it.",
    "lost_or_stolen_card": "The card was reported lost or stolen, so the money can't go back to it.",
    "refund_failed": "The bank didn't take the money back to this card.",
}


def decline_message(code: str) -> str:
    """A sentence for people; a code we don't know gets the general one."""
    return _MESSAGES.get(code, "The card was declined. Use another card or ask the bank.")
