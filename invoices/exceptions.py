"""What invoices refuses, and why. Every error says it to people in `message`, to the log in `description`."""

from core.exceptions import RuleError


class InvoicesError(RuleError):
    """Base of every refusal of this room."""


class SellerMissingError(InvoicesError):
    """Nobody issues documents yet."""

    message = "No seller is set up yet, so no invoice can be made."


class CurrencyError(InvoicesError):
    """The draft's currency is unknown, or not the one this customer is billed in."""

    status = 422
    message = "This customer is billed in another currency."


class LineBilledError(InvoicesError):
    """A line with this key stands on another document already."""

    message = "One of these charges has been billed already."


class NotPayableError(InvoicesError):
    """Nothing is left to be paid, or the invoice is not issued."""

    message = "There is nothing to pay on this invoice."


class NotDueError(InvoicesError):
    """An automatic collection was asked for, but none is due (another run was first)."""

    message = "This invoice is not due to be collected."


class PaymentMethodMissingError(InvoicesError):
    """There is no card to charge."""

    message = "Add a payment method first."


class ManagedByContractError(InvoicesError):
    """Enterprise customers pay as their contract says."""

    status = 403
    message = "Self-service payment management is not available for Enterprise accounts."


class NotVoidableError(InvoicesError):
    """Something is paid on it, or it is no open invoice: a credit note corrects it instead."""

    message = "This invoice can't be voided."


class StatementError(InvoicesError):
    """The period has not ended, or a later one is stated already."""

    message = "There can't be a credit statement for this period."


class NotCreditableError(InvoicesError):
    """Only issued invoices are given back: a draft is discarded, a void invoice is for nothing already."""

    message = "This invoice can't be credited."


class TooEarlyToAskError(InvoicesError):
    """The payment was made less than a minute ago: its charge may be under way, and asking would cancel it."""

    message = "This payment was made less than a minute ago. Wait a minute, then ask."


class NotRetryableError(InvoicesError):
    """An attempt has no outcome yet, the last one was not declined, or the invoice is not open."""

    message = "The card can’t be tried again now."


class AmountMovedError(InvoicesError):
    """What is due on the invoice is not what the person was shown."""

    message = "What is due on this invoice has changed. Check the amount and decide again."
