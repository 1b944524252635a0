"""What credits refuses, and why. Every error says it to people in `message`, to the log in `description`."""

from core.exceptions import RuleError
from core.language import gettext_noop


class CreditError(RuleError):
    """Base of every refusal of this room."""


class GrantError(CreditError):
    """The grant is not one: an amount, a date, a restriction that cannot be."""

    status = 422
    message = gettext_noop("This credit can't be granted.")


class ProposalMovedError(CreditError):
    """What was proposed, or what it would do, is not what the summary showed any more."""

    message = gettext_noop("This changed meanwhile. Please check it and confirm again.")


class CreditCurrencyError(CreditError):
    """The currency is unknown."""

    status = 422
    message = gettext_noop("Credit can't be held in this currency.")


class NotVoidableError(CreditError):
    """Nothing of the grant is there to be forfeited: it is pending, used up or expired."""

    message = gettext_noop("This credit can't be voided.")


class TakeBackError(CreditError):
    """Only what is unused of a grant is taken back when its price is given back."""

    message = gettext_noop("More of these credits is used than that leaves.")


class CorrectionError(CreditError):
    """More is to be given back than the charge still holds, or nothing."""

    message = gettext_noop("More can't be given back than was taken.")


class AdjustmentError(CreditError):
    """An adjustment needs an amount that is not zero, and a reason."""

    status = 422
    message = gettext_noop("Give an amount and a reason.")


class ChargeError(CreditError):
    """A charge that cannot be: nothing to pay, or another charge has its key."""

    status = 422
    message = gettext_noop("This can't be charged.")
