"""What accounts refuses, by name. `message` is for people, `description` for logs."""

from collections.abc import Sequence

from django.conf import settings

from core.exceptions import RuleError


class AccountsError(RuleError):
    """Base of every refusal of this room."""


class RoleRequiredError(AccountsError):
    """The person belongs to the customer, but their role does not reach this page. Names who can."""

    status = 403

    def __init__(self, description: str = "", *, admins: Sequence[str] = (), write: bool = True) -> None:
        needed = "Only a billing admin can do this." if write else "Your role doesn't include billing."
        ask = f" Ask {', '.join(admins)}." if admins else ""
        super().__init__(description, message=needed + ask)


class ManagedByContractError(AccountsError):
    """An Enterprise customer's cards are arranged by contract."""

    status = 403

    def __init__(self, description: str = "") -> None:
        super().__init__(
            description,
            message=(
                "Self-service payment management is not available for Enterprise accounts. "
                f"Contact your sales representative at {settings.SALES_EMAIL}."
            ),
        )


class RequiredMailError(AccountsError):
    """Only optional messages can be switched off."""

    status = 422
    message = "This message is required: it can't be switched off."


class DefaultRequiredError(AccountsError):
    """With an active paid plan the default payment method has to stay."""

    message = (
        "If you have an active plan, you must have at least one payment method configured. "
        "You can't delete the default payment method unless you're using the Free tier."
    )


class PaymentMethodDeletedError(AccountsError):
    message = "This payment method has been deleted."


class DuplicateCardError(AccountsError):
    message = "This card is already saved."


class CardNotEnteredError(AccountsError):
    """The person came back from the card page without a card."""

    message = "No card was added: the card page was left before a card was saved."


class UnknownCardSetupError(AccountsError):
    status = 404
    message = "This card set-up doesn't exist."


class InvalidBillingDetailsError(AccountsError):
    """A value breaks a rule; `message` names field and rule."""

    status = 422


class AlreadyMemberError(AccountsError):
    message = "This person is already a member."


class UnknownRoleError(AccountsError):
    status = 422
    message = "Choose one of the roles: billing admin, billing viewer or member."


class StaffRoleRequiredError(AccountsError):
    """A member of staff without a role that reaches. Names the roles that do, and who has one of them."""

    status = 403

    def __init__(self, description: str = "", *, roles: Sequence[str], admins: Sequence[str] = ()) -> None:
        ask = f" Ask {', '.join(admins)}." if admins else ""
        super().__init__(description, message=f"This needs the role {' or '.join(roles)}.{ask}")


class StaffOnlyError(AccountsError):
    """Somebody who is logged in, and no member of staff."""

    status = 403
    message = "This is for staff. You are logged in as a customer."


class CustomerInvalidError(AccountsError):
    """A new customer's value breaks a rule; `message` names field and rule."""

    status = 422


class SubjectTakenError(AccountsError):
    """A usage subject belongs to one customer only; names whose it is."""


class SubjectKeptError(AccountsError):
    """The customer's own key always names it: programs and the demo rely on it."""

    message = "The customer’s own key always names its usage; it can’t be removed."


class LastBillingAdminError(AccountsError):
    """Nobody would be left who can change anything for the customer; has to be said."""

    message = "This is the last billing admin. Confirm that the customer is left without one."


class NotMemberError(AccountsError):
    message = "This person is no member any more."


class ViewingRefusedError(AccountsError):
    """Staff who look as a customer write nothing, and see nothing of accounts."""

    status = 403


class NotSandboxError(AccountsError):
    """A test clock is for customers whose cards are the sandbox's; `message` says what speaks against it."""

    message = "With a test clock only test cards can be added."


class ClockMissingError(AccountsError):
    message = "This customer has no test clock."


class ClockMovesError(AccountsError):
    """One move at a time: says where to the clock is on its way."""


class ClockMovedError(AccountsError):
    """The page is older than the clock; says what it shows by now."""


class ClockBackwardsError(AccountsError):
    """What has happened is written down, and is not undone."""

    status = 422
    message = "A test clock only goes forward: choose an instant later than the one it shows."


class ClockTooFarError(AccountsError):
    """Names the farthest instant of one move."""

    status = 422


class ClockAheadError(AccountsError):
    """A clock ends when real time has caught up with it; says when."""


class ClockParkedError(AccountsError):
    message = "A run failed for this customer. The clock stands still until staff have looked into it."
