"""What every quote has in common: its figures as values, its rules, and how it is refused once things moved."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import Customer, PaymentPolicy
from accounts.selectors import default_payment_methods
from core import formats
from core.periods import utc_day
from invoices.lines import LineDraft
from invoices.selectors import Unsettled, unsettled
from invoices.totals import Totals, row_values
from plans.exceptions import (
    AlreadySubscribedError,
    CancelFirstError,
    CardRequiredError,
    CurrencyMismatchError,
    ManagedByContractError,
    NothingToCancelError,
    PastDueError,
    PlanNotFoundError,
    StartPendingError,
)
from plans.line_words import title
from plans.models import ChangeQuote, Plan, PlanStatus, QuoteKind, Subscription
from plans.selectors.closing import Closing

USAGE = gettext_noop("%(name)s: usage went from %(before)s to %(after)s.")
AMOUNT = gettext_noop("%(name)s went from %(before)s to %(after)s.")
CREDITS = gettext_noop("What credits pay went from %(before)s to %(after)s.")
TAX = gettext_noop("The tax went from %(before)s to %(after)s.")


class QuoteMovedError(Exception):
    """Inside a verb: the quote no longer holds. The verb answers with a fresh one.

    `english` says why, with %(name)s for each of the values; `reason` says it to whoever asked.
    """

    def __init__(self, english: str, **values: str) -> None:
        super().__init__(english % values)
        self.reason = _(english) % values


def check_self_serve(customer: Customer) -> None:
    """Raises ManagedByContractError: nothing of a contract changes by a click."""
    if customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT:
        raise ManagedByContractError(customer)


def check_upgrade(
    customer: Customer, current: Subscription, plan: Plan, at: datetime, documents: Unsettled | None = None
) -> None:
    """The rules of «Upgrade» from a plan without prices, for showing and for doing it."""
    check_change(customer, current, plan, at, documents)
    if current.plan.terms().is_priced:
        raise CancelFirstError(f"customer {customer.pk} is on {current.plan}")


def check_change(
    customer: Customer, current: Subscription, plan: Plan, at: datetime, documents: Unsettled | None = None
) -> None:
    """The rules of «Upgrade» from one paid plan to another. `documents`: where somebody has read them."""
    check_self_serve(customer)
    if plan.key == current.plan.key:
        said = _("You're already on %(plan)s.") % {"plan": plan.title}
        raise AlreadySubscribedError(f"customer {customer.pk} is on {plan} already", message=said)
    if not plan.self_serve or plan.is_default:
        raise PlanNotFoundError(f"{plan} is not chosen by upgrading")
    check_currency(customer, current, plan)
    if current.has_start_pending:
        raise StartPendingError(f"customer {customer.pk} has a first payment without an outcome")
    if (documents or unsettled(customer.pk)).has_past_due(utc_day(at)):
        raise PastDueError(f"customer {customer.pk} is past due")


def check_currency(customer: Customer, current: Subscription, plan: Plan) -> None:
    """One currency per customer once billed, and for both plans of one invoice; a plan without prices bills nothing,
    so its currency does not matter. Raises CurrencyMismatchError."""
    if not plan.terms().is_priced:
        return
    billed_in = customer.currency or (current.plan.currency if current.plan.terms().is_priced else "")
    if billed_in and billed_in != plan.currency:
        raise CurrencyMismatchError(f"customer {customer.pk} is billed in {billed_in}, not {plan.currency}")


def check_card(customer: Customer, plan: Plan) -> None:
    """Raises CardRequiredError where the plan needs a default card and there is none."""
    if plan.payment_policy == PaymentPolicy.REQUIRED and not default_payment_methods([customer.pk]):
        raise CardRequiredError(f"customer {customer.pk} has no payment method")


def upgrade_kind(current: Subscription) -> QuoteKind:
    """What choosing a paid plan means on the current one."""
    return QuoteKind.CHANGE if current.plan.terms().is_priced else QuoteKind.SUBSCRIBE


def check_cancellable(customer: Customer, current: Subscription) -> None:
    """The rules of «Cancel Plan»: being past due is no obstacle."""
    check_self_serve(customer)
    if current.plan.is_default:
        raise NothingToCancelError(f"customer {customer.pk} is on {current.plan}")


def check_holds(quote: ChangeQuote, current: Subscription, at: datetime) -> None:
    """Raises QuoteMovedError where plan, price list or time have gone on since the quote was made."""
    if quote.subscription_id != current.pk:
        raise QuoteMovedError(gettext_noop("Your plan has changed since."))
    if quote.plan.status != PlanStatus.PUBLISHED:
        raise QuoteMovedError(gettext_noop("The price list has changed since."))
    if at >= quote.expires_at:
        held = gettext_noop("The figures were held until %(instant)s.")
        raise QuoteMovedError(held, instant=formats.instant(quote.expires_at))


def check_figures(quote: ChangeQuote, now: Closing) -> None:
    """Raises QuoteMovedError where what is owed is not, to the cent and line by line, what was shown."""
    shown, standing = _held(quote.lines), _held(lines_values(now.all_lines))
    if shown != standing:
        raise _line_moved(shown, standing, quote.currency)
    if quote.credits != now.credits:
        raise _amount_moved(CREDITS, quote.credits, now.credits, quote.currency)
    if (quote.taxes, quote.total) != (taxes_values(now.totals), now.totals.total):
        if quote.tax == now.totals.tax:
            raise QuoteMovedError(gettext_noop("The tax is made up of other rates."))
        raise _amount_moved(TAX, quote.tax, now.totals.tax, quote.currency)
    if quote.credit != now.credit:
        raise QuoteMovedError(gettext_noop("Your credit has changed since."))
    if quote.effective_at < now.window_starts_at:
        raise QuoteMovedError(gettext_noop("Charges were calculated since."))


def _held(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines that must not move: usage of a credits-only plan settles by the hour, confirmed or not."""
    held = (line for line in lines if line["kind"] != "usage" or line.get("settlement") != "credit_only")
    return [{name: value for name, value in line.items() if name != "explain"} for line in held]


def _line_moved(shown: list[dict[str, Any]], standing: list[dict[str, Any]], currency: str) -> QuoteMovedError:
    """The first line that is not what was shown; usage by its quantity."""
    before, after = ({line["key"]: line for line in lines} for lines in (shown, standing))
    for key in {**after, **before}:
        was, now = before.get(key), after.get(key)
        either = now or was or {}
        name = title(either["title"])
        if either["kind"] == "usage":
            old, new = (formats.quantity(Decimal(line["quantity"] if line else 0)) for line in (was, now))
            if old != new:
                return QuoteMovedError(USAGE, name=name, before=old, after=new)
        old, new = (formats.money(line["amount"] if line else 0, currency) for line in (was, now))
        if old != new:
            return QuoteMovedError(AMOUNT, name=name, before=old, after=new)
    return QuoteMovedError(gettext_noop("The charges are calculated in another way."))


def _amount_moved(english: str, was: int, now: int, currency: str) -> QuoteMovedError:
    return QuoteMovedError(english, before=formats.money(was, currency), after=formats.money(now, currency))


def lines_values(lines: tuple[LineDraft, ...]) -> list[dict[str, Any]]:
    """Lines as JSON values, as a quote keeps and compares them; `explain` is for words in other languages."""
    return [
        {
            "key": line.key,
            "kind": line.kind,
            "title": line.title,
            "detail": line.detail,
            "starts_at": line.starts_at.isoformat(),
            "ends_at": line.ends_at.isoformat(),
            "quantity": str(line.quantity),
            "amount": line.amount,
            "settlement": line.settlement,
            "explain": line.explain,
        }
        for line in lines
    ]


def taxes_values(totals: Totals) -> list[dict[str, Any]]:
    """Tax rows as JSON values, as a quote keeps and compares them and as the invoice will have them."""
    return [row_values(row) for row in totals.taxes]


def moved_sentence(moved: QuoteMovedError, before: ChangeQuote, after: ChangeQuote) -> str:
    """For people: what changed, and that nothing was done."""
    total = total_sentence(before, after, was=before.amount_due, now=after.amount_due)
    if total:
        return " ".join((total, moved.reason, _("Nothing was done; please confirm the new total.")))
    return " ".join((moved.reason, _("Nothing was done; please check the figures and confirm again.")))


def total_sentence(before: ChangeQuote, after: ChangeQuote, *, was: int, now: int) -> str:
    """For people: that the totals of two quotes, in minor units, are not the same; else empty."""
    if was == now:
        return ""
    amounts = {"before": formats.money(was, before.currency), "after": formats.money(now, after.currency)}
    return _("The total changed from %(before)s to %(after)s.") % amounts
