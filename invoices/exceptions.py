"""What invoices refuses, and why. Every error says it to people in `message`, to the log in `description`."""

from core.exceptions import RuleError
from core.language import gettext_noop


class InvoicesError(RuleError):
    """Base of every refusal of this room. `by_credit_note`: what was asked for is done by a credit note instead."""

    by_credit_note: bool = False


class SellerMissingError(InvoicesError):
    """Nobody issues documents yet."""

    message = gettext_noop("No seller is set up yet, so no invoice can be made.")


class CurrencyError(InvoicesError):
    """The draft's currency is unknown, or not the one this customer is billed in."""

    status = 422
    message = gettext_noop("This customer is billed in another currency.")


class LineBilledError(InvoicesError):
    """A line with this key stands on another document already."""

    message = gettext_noop("One of these charges has been billed already.")


class NotPayableError(InvoicesError):
    """Nothing is left to be paid, or the invoice is not issued."""

    message = gettext_noop("There is nothing to pay on this invoice.")


class NotDueError(InvoicesError):
    """An automatic collection was asked for, but none is due (another run was first)."""

    message = gettext_noop("This invoice is not due to be collected.")


class PaymentMethodMissingError(InvoicesError):
    """There is no card to charge."""

    message = gettext_noop("Add a payment method first.")


class ManagedByContractError(InvoicesError):
    """Enterprise customers pay as their contract says."""

    status = 403
    message = gettext_noop("Self-service payment management is not available for Enterprise accounts.")


class NotVoidableError(InvoicesError):
    """Something is paid on it, or it is no open invoice: a credit note corrects it instead."""

    message = gettext_noop("This invoice can't be voided.")


class StatementError(InvoicesError):
    """The period has not ended, or a later one is stated already."""

    message = gettext_noop("There can't be a credit statement for this period.")


class SaleAmountError(InvoicesError):
    """Less or more credit than is sold at a time."""

    status = 422
    message = gettext_noop("This amount of credits can't be bought.")


class SaleMovedError(InvoicesError):
    """Another purchase was made since the page was shown."""

    message = gettext_noop(
        "Another purchase was made since this page was shown. Look at your credits before you buy more."
    )


class TopUpRuleError(InvoicesError):
    """An automatic top-up that could never buy anything."""

    status = 422
    message = gettext_noop("Automatic top-up can't work like this.")


class NotCreditableError(InvoicesError):
    """Only issued invoices are given back: a draft is discarded, a void invoice is for nothing already."""

    message = gettext_noop("This invoice can't be credited.")


class OverCreditedError(InvoicesError):
    """More than is left of the invoice or of one of its lines, or nothing."""

    status = 422
    message = gettext_noop("That is more than is left to give back, or nothing.")


class AmountNotReachableError(InvoicesError):
    """No net amount and its tax sum to it."""

    status = 422
    message = gettext_noop("No net amount and tax sum to exactly this. Choose an amount a few cents higher or lower.")


class NotRefundableError(InvoicesError):
    """Only what a card paid goes back to it, and never more; a credit note pays out only what is left of it."""

    message = gettext_noop("This can't be refunded.")


class InvoiceMovedError(InvoicesError):
    """What somebody saw and confirmed is not what would come of it any more."""

    message = gettext_noop(
        "The figures have changed since they were shown. Nothing was done; check them and try again."
    )


class NotADraftError(InvoicesError):
    """Only a draft is issued; this one was discarded."""

    message = gettext_noop(
        "This draft was discarded, so it can't be issued. Its charges are billed again by another document."
    )


class PaymentPendingError(InvoicesError):
    """While a payment has no outcome the same money might come twice."""

    message = gettext_noop("A payment of this invoice has no outcome yet. Wait for it, then try again.")


class OverpaidError(InvoicesError):
    """More than is due on the invoice."""

    status = 422
    message = gettext_noop("This is more than is due on the invoice.")


class ReceivedLaterError(InvoicesError):
    """Money that is still to come is not recorded."""

    status = 422
    message = gettext_noop("Enter the day the money came: today or before.")


class NotWrittenOffError(InvoicesError):
    """Only an open invoice is given up."""

    message = gettext_noop("Only an open invoice can be written off.")


class ChargeBilledError(InvoicesError):
    """The charge stands on a document, and what was announced is charged."""

    message = gettext_noop(
        "This charge is on a document already. Issue that document and give the charge back by a credit note."
    )


class NotSendableError(InvoicesError):
    """There is no such message yet, or nobody to get it."""

    message = gettext_noop(
        "There is nothing to send: a draft is announced by itself, and a receipt comes with a payment."
    )


class NothingToArchiveError(InvoicesError):
    """None of the chosen documents is issued."""

    status = 422
    message = gettext_noop("There is nothing to download: none of these documents is issued yet.")


class ArchiveTooLargeError(InvoicesError):
    """More documents than one ZIP may hold."""

    status = 422
    message = gettext_noop(
        "One ZIP holds at most 10,000 documents, receipts included. Choose fewer, for example month by month."
    )


class ArchiveNotReadyError(InvoicesError):
    """The ZIP is still being made, failed, or was deleted after its week."""

    message = gettext_noop("This ZIP can't be downloaded: it isn't ready, or was deleted meanwhile.")


class TooEarlyToAskError(InvoicesError):
    """The payment was made less than a minute ago: its charge may be under way, and asking would cancel it."""

    message = gettext_noop("This payment was made less than a minute ago. Wait a minute, then ask.")


class NotRetryableError(InvoicesError):
    """An attempt has no outcome yet, the last one was not declined, or the invoice is not open."""

    message = gettext_noop("The card can’t be tried again now.")


class NotCorrectableError(InvoicesError):
    """Only an invoice that was issued, and not voided, is corrected."""

    status = 422
    message = gettext_noop("Only an issued invoice can be corrected.")


class CorrectionOpenError(InvoicesError):
    """A corrected invoice was asked for, and nobody has answered yet."""

    message = gettext_noop("You have asked for a correction of this invoice already. We answer by e-mail.")


class CorrectionAnsweredError(InvoicesError):
    """Somebody has answered this request, in other words."""

    message = gettext_noop("Somebody has answered this request meanwhile. Look at the answer below.")


class TooManyQuestionsError(InvoicesError):
    """More questions about charges in a day than people write."""

    status = 429
    message = gettext_noop("You have sent many questions today already. We have them all and will answer soon.")
