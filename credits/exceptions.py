"""What credits refuses, and why. Every error says it to people in `message`, to the log in `description`."""

from core.exceptions import RuleError


class CreditError(RuleError):
    """Base of every refusal of this room."""


class CorrectionError(CreditError):
    """More is to be given back than the charge still holds, or nothing."""

    message = "More can't be given back than was taken."
