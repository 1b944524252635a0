"""What accounts refuses, by name. `message` is for people, `description` for logs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext, gettext_noop

from accounts.sales import sales_contact
from core.exceptions import RuleError

if TYPE_CHECKING:
    from accounts.models import Customer


def _ask(people: Sequence[str]) -> str:
    return " " + gettext("Ask %(people)s.") % {"people": ", ".join(people)} if people else ""


class AccountsError(RuleError):
    """Base of every refusal of this room."""


class RoleRequiredError(AccountsError):
    """The person belongs to the customer, but their role does not reach this page. Names who can."""

    status = 403

    def __init__(self, description: str = "", *, admins: Sequence[str] = (), write: bool = True) -> None:
        needed = (
            gettext("Only a billing admin can do this.") if write else gettext("Your role doesn't include billing.")
        )
        super().__init__(description, message=needed + _ask(admins))


class CustomerSwitchedError(AccountsError):
    """The form was shown for another customer than the one whose pages are looked at by now."""

    def __init__(self, customer: "Customer") -> None:
        said = gettext("You have changed to %(customer)s in another tab, and this form was for another customer.")
        super().__init__(f"now it is customer {customer.pk}", message=said % {"customer": customer.name})


class ConfirmationRequiredError(AccountsError):
    """The log-in is too long ago for this; who confirms by password or code may do it."""

    status = 403
    message = gettext_noop("Confirm first that it is you.")


class ManagedByContractError(AccountsError):
    """An Enterprise customer's cards are arranged by contract."""

    status = 403

    def __init__(self, customer: "Customer", did: str) -> None:
        super().__init__(
            f"customer {customer.pk} {did}",
            message=gettext(
                "Self-service payment management is not available for Enterprise accounts. "
                "Contact your sales representative at %(email)s."
            )
            % {"email": sales_contact(customer)},
        )


class RequiredMailError(AccountsError):
    """Only optional messages can be switched off."""

    status = 422
    message = gettext_noop("This message is required: it can't be switched off.")


class DefaultRequiredError(AccountsError):
    """With an active paid plan the default payment method has to stay."""

    message = gettext_noop(
        "If you have an active plan, you must have at least one payment method configured. "
        "You can't delete the default payment method unless you're using the Free tier."
    )


class PaymentMethodDeletedError(AccountsError):
    message = gettext_noop("This payment method has been deleted.")


class DuplicateCardError(AccountsError):
    message = gettext_noop("This card is already saved.")


class CardNotEnteredError(AccountsError):
    """The person came back from the card page without a card."""

    message = gettext_noop("No card was added: the card page was left before a card was saved.")


class UnknownCardSetupError(AccountsError):
    status = 404
    message = gettext_noop("This card set-up doesn't exist.")


class InvalidBillingDetailsError(AccountsError):
    """A value breaks a rule; `message` names field and rule."""

    status = 422


class AlreadyMemberError(AccountsError):
    message = gettext_noop("This person is already a member.")


class UnknownRoleError(AccountsError):
    status = 422
    message = gettext_noop("Choose one of the roles: billing admin, billing viewer or member.")


class StaffRoleRequiredError(AccountsError):
    """A member of staff without a role that reaches. Names the roles that do, and who has one of them."""

    status = 403

    def __init__(self, description: str = "", *, roles: Sequence[str], admins: Sequence[str] = ()) -> None:
        needed = gettext("This needs the role %(roles)s.") % {"roles": gettext(" or ").join(roles)}
        super().__init__(description, message=needed + _ask(admins))


class StaffOnlyError(AccountsError):
    """Somebody who is logged in, and no member of staff."""

    status = 403
    message = gettext_noop("This is for staff. You are logged in as a customer.")


class CustomerInvalidError(AccountsError):
    """A new customer's value breaks a rule; `message` names field and rule."""

    status = 422


class SalesContactInvalidError(AccountsError):
    """A name without an address, or an address without a name; else `message` says what is wrong."""

    status = 422
    message = gettext_noop("Sales contact: enter both a name and an e-mail address, or neither.")


class SubjectTakenError(AccountsError):
    """A usage subject belongs to one customer only; names whose it is."""


class SubjectKeptError(AccountsError):
    """The customer's own key always names it: programs and the demo rely on it."""

    message = gettext_noop("The customer’s own key always names its usage; it can’t be removed.")


class LastBillingAdminError(AccountsError):
    """Nobody would be left who can change anything for the customer; has to be said."""

    message = gettext_noop("This is the last billing admin. Confirm that the customer is left without one.")


class NotMemberError(AccountsError):
    message = gettext_noop("This person is no member any more.")


class ViewingRefusedError(AccountsError):
    """Staff who look as a customer write nothing, and see nothing of accounts."""

    status = 403


class NotSandboxError(AccountsError):
    """A test clock is for customers whose cards are the sandbox's; `message` says what speaks against it."""

    message = gettext_noop("With a test clock only test cards can be added.")


class ClockMissingError(AccountsError):
    message = gettext_noop("This customer has no test clock.")


class ClockMovesError(AccountsError):
    """One move at a time: says where to the clock is on its way."""


class ClockMovedError(AccountsError):
    """The page is older than the clock; says what it shows by now."""


class ClockBackwardsError(AccountsError):
    """What has happened is written down, and is not undone."""

    status = 422
    message = gettext_noop("A test clock only goes forward: choose an instant later than the one it shows.")


class ClockTooFarError(AccountsError):
    """Names the farthest instant of one move."""

    status = 422


class ClockAheadError(AccountsError):
    """A clock ends when real time has caught up with it; says when."""


class ClockParkedError(AccountsError):
    message = gettext_noop("A run failed for this customer. The clock stands still until staff have looked into it.")
