"""The rules of this room that can say no."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext, gettext_noop

from accounts.sales import sales_contact
from core.exceptions import RuleError

if TYPE_CHECKING:
    from accounts.models import Customer
    from plans.models import ChangeQuote


class PlansError(RuleError):
    """Base of every refusal of this room."""

    message = gettext_noop("This plan change can't be done.")


class PlanNotPublishableError(PlansError):
    """The draft of a plan breaks a rule of the price list; `message` names the field."""

    status = 422


class PlanNotFoundError(PlansError):
    """There is no published plan of that name that customers may choose by themselves."""

    status = 404
    message = gettext_noop("There is no such plan.")


class PlanRetiredError(PlansError):
    """The plan was taken from the price list between the quote and its confirmation."""

    def __init__(self, plan: str, stays_on: str) -> None:
        said = gettext("%(plan)s is not offered any more. Nothing was done and you are still on %(current)s.")
        super().__init__(f"{plan} is published no more", message=said % {"plan": plan, "current": stays_on})


class ManagedByContractError(PlansError):
    """The plan was agreed with sales: nothing about it changes by self-service."""

    status = 403

    def __init__(self, customer: "Customer") -> None:
        message = gettext(
            "There is no self-serve downgrade option for Enterprise plans. Contact your sales representative if you"
            " want to change your plan or downgrade to a lower tier: %(email)s"
        )
        description = f"customer {customer.pk} is managed by contract"
        super().__init__(description, message=message % {"email": sales_contact(customer)})


class PastDueError(PlansError):
    """An invoice is past due: no upgrade before it is paid."""

    message = gettext_noop("Pay the overdue invoice first. Then you can change your plan.")


class AlreadySubscribedError(PlansError):
    """The customer is on this plan already."""

    message = gettext_noop("You're already on this plan.")


class NotCancelledError(PlansError):
    """A reason for leaving was given where nobody has left."""

    message = gettext_noop("This plan was not cancelled.")


class NothingToCancelError(PlansError):
    """The customer is on the default plan, which cannot be cancelled."""

    message = gettext_noop("There is no paid plan to cancel.")


class NoSubscriptionError(PlansError):
    """The customer has no open subscription."""

    message = gettext_noop("This customer has no plan yet.")


class CardRequiredError(PlansError):
    """The plan needs a payment method and there is none."""

    message = gettext_noop("Add a payment method first.")


class QuoteStaleError(PlansError):
    """The figures shown no longer hold. Nothing was done; `after` is a fresh quote, `before` the one refused."""

    def __init__(self, description: str, *, message: str, before: "ChangeQuote", after: "ChangeQuote") -> None:
        super().__init__(description, message=message)
        self.before = before
        self.after = after


class CancelFirstError(PlansError):
    """From one paid plan to another there is no direct way yet."""

    message = gettext_noop("Cancel your current plan first. Then you can choose another one.")


class ChangeTooEarlyError(PlansError):
    """A plan cannot begin before the current month, before the current plan, or in time that is billed already."""

    status = 422
    message = gettext_noop("Start: this day is billed already, or before the current month.")


class NothingDueError(PlansError):
    """The plan charges nothing when it begins: there is no first payment."""

    message = gettext_noop("Nothing is due today.")


class PaidFirstError(PlansError):
    """The plan charges in advance: it begins once that is paid."""

    message = gettext_noop("This plan starts once its first payment has succeeded.")


class StartPendingError(PlansError):
    """The first payment of a plan has no outcome yet: no second one is made meanwhile."""

    message = gettext_noop("Your payment is being processed. The plan starts as soon as it has succeeded.")


class CurrencyMismatchError(PlansError):
    """The customer is billed in another currency than the plan's."""

    status = 422
    message = gettext_noop("This plan is billed in another currency than your invoices.")


class TooManyInquiriesError(PlansError):
    """More requests to sales in a day than people write."""

    status = 429
    message = gettext_noop("You have sent several requests today already. We have them all and will answer soon.")


class PlanInvalidError(PlansError):
    """A plan's draft breaks a rule; `message` names the field."""

    status = 422


class PlanFrozenError(PlansError):
    """A published or archived version never changes."""

    message = gettext_noop("This version is published and never changes. Make a new version.")


class PlanMovedError(PlansError):
    """The draft, or the version it comes after, is not what was shown any more."""

    message = gettext_noop("This changed meanwhile. Please check it and confirm again.")


class NobodyToMoveError(PlansError):
    """No open subscription of another version can move to this one."""

    message = gettext_noop("Nobody can move to this version.")


class ChangeSettledError(PlansError):
    """A scheduled change that is carried out or superseded can't be withdrawn."""

    message = gettext_noop("This change waits no longer: it is carried out, or another one took its place.")


class DefaultPlanError(PlansError):
    """Customers begin on the default plan and go back to it: it can't be taken away."""

    message = gettext_noop("Customers begin on this plan, and «Cancel Plan» leads to it. It can't be archived.")


class BudgetInvalidError(PlansError):
    """A budget breaks a rule; `message` says which."""

    status = 422


class RateCardInvalidError(PlansError):
    """A rate card breaks a rule of the price list; `message` names the field or the tier."""

    status = 422


class InquiryMovedError(PlansError):
    """Somebody else has worked on the request since the form was shown."""

    message = gettext_noop(
        "Somebody has worked on this request since you opened it. Nothing was saved. Look again, then save."
    )


class LostWithoutNoteError(PlansError):
    """A request is given up, and nobody says why."""

    status = 422
    message = gettext_noop("Say in a note why it is lost.")
