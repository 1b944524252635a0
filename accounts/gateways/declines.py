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
}


def decline_message(code: str) -> str:
    """A sentence for people; a code we don't know gets the general one."""
    return _MESSAGES.get(code, "The card was declined. Use another card or ask the bank.")
