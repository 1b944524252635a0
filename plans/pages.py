"""What the pages of this room show, worked out as plain values: templates only print."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

from accounts.gateways import decline_message
from accounts.models import Customer, PaymentPolicy
from core import formats
from core.periods import Window, utc_day
from credits.words import grant_name
from invoices.taxing import row_label
from invoices.totals import row_from
from plans.line_words import detail, title
from plans.models import ChangeQuote, Plan, QuoteKind, SettlementMode, Subscription
from plans.pricing import PlanTerms
from plans.selectors.estimating import Compared, Estimate, has_prices
from plans.selectors.upcoming import running_window
from plans.words import card_price, included_units, monthly_fee, other_prices, unit_price

if TYPE_CHECKING:
    from invoices.models import Payment

Action = Literal["current", "upgrade", "cancel", "contact", "pay_first", "none"]
BY_CONTRACT = gettext_noop("By contract")


@dataclass(frozen=True, slots=True)
class Tile:
    """One plan on «Change Plan»."""

    plan: Plan
    price: str
    per_month: bool
    prices: tuple[tuple[str, str], ...]
    action: Action
    is_estimated: bool
    settles: str  # said where it would be paid otherwise than the current plan


def tiles(plans: Iterable[Plan], current: Subscription | None, *, managed: bool, past_due: bool) -> list[Tile]:
    """The plans in order; who is on an older version of a plan is on that plan, and one that was retired is shown to
    those who are on it.

    A credits-only plan that staff put customers on is shown to those who are on it, a contract to its customer, last
    and in place of what everybody may ask sales for.
    """
    offered = list(plans)
    if current and not any(_is_on(plan, current) for plan in offered):
        offered.append(current.plan)
    shown = [
        plan
        for plan in offered
        if _is_on(plan, current) or (_is_offered(plan) and not (managed and _is_by_contract(plan)))
    ]
    shown.sort(key=lambda plan: (_is_by_contract(plan), plan.position))
    return [_tile(plan, current, managed=managed, past_due=past_due) for plan in shown]


def estimated_plans(plans: Iterable[Plan], current: Subscription) -> list[Plan]:
    """Those of the tiles that say what the last thirty days would have cost."""
    return [tile.plan for tile in tiles(plans, current, managed=False, past_due=False) if tile.is_estimated]


def _is_offered(plan: Plan) -> bool:
    return plan.self_serve or not (plan.terms().is_credit_only or plan.customer_id)


def _is_on(plan: Plan, current: Subscription | None) -> bool:
    return current is not None and plan.key == current.plan.key


def _tile(plan: Plan, current: Subscription | None, *, managed: bool, past_due: bool) -> Tile:
    action = _action(plan, current, managed=managed, past_due=past_due)
    shown = current.plan if current and action == "current" else plan
    terms = shown.terms()
    fee = monthly_fee(terms)
    by_contract = _is_by_contract(shown)
    price = _(BY_CONTRACT) if by_contract else formats.money(fee, terms.currency)
    prices = other_prices(terms)
    settles = would_move_charges(current.plan, plan) if current and action != "current" and not by_contract else ""
    return Tile(shown, price, not by_contract, prices, action, current is not None and has_prices(shown), settles)


def _action(plan: Plan, current: Subscription | None, *, managed: bool, past_due: bool) -> Action:
    if _is_on(plan, current):
        return "current"
    if managed:
        return "none"
    if not plan.self_serve:
        return "contact"
    if plan.is_default:
        return "cancel"
    return "pay_first" if past_due else "upgrade"


def comparison(shown: Sequence[Tile]) -> list[tuple[str, list[str]]]:
    """Rows (name, one text per plan) in words, never in symbols only."""
    terms = [(tile.plan, tile.plan.terms()) for tile in shown]
    names = {card.key: card.name for _plan, one in terms for card in one.metered}
    rows = [(_("Monthly fee"), [_fee_text(plan, one) for plan, one in terms])]
    for key, name in names.items():
        units, price = _("%(name)s included") % {"name": name}, _("%(name)s price") % {"name": name}
        rows.append((units, [_card_text(plan, one, key, included=True) for plan, one in terms]))
        rows.append((price, [_card_text(plan, one, key, included=False) for plan, one in terms]))
    rows.append((_("Payment method"), [_policy_text(plan) for plan, _terms in terms]))
    by_yourself = [_("No") if _is_by_contract(plan) else _("Yes") for plan, _terms in terms]
    return [*rows, (_("Change or cancel by yourself"), by_yourself)]


def _fee_text(plan: Plan, terms: PlanTerms) -> str:
    return _(BY_CONTRACT) if _is_by_contract(plan) else formats.money(monthly_fee(terms), terms.currency)


def _is_by_contract(plan: Plan) -> bool:
    """Agreed with each customer, and left by agreement only. Other plans may be assigned by staff and still be left."""
    return plan.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT


def _card_text(plan: Plan, terms: PlanTerms, key: str, *, included: bool) -> str:
    card = next((card for card in terms.metered if card.key == key), None)
    if card is None:
        return _(BY_CONTRACT) if _is_by_contract(plan) else _("Not included")
    return included_units(card) if included else unit_price(card, terms.currency)


def _policy_text(plan: Plan) -> str:
    texts = {
        PaymentPolicy.OPTIONAL: pgettext("payment method", "Not needed"),
        PaymentPolicy.REQUIRED: pgettext("payment method", "Required"),
    }
    return texts.get(PaymentPolicy(plan.payment_policy), _(BY_CONTRACT))


def estimate_lines(found: Estimate) -> list[dict[str, Any]]:
    """The lines of an estimate as the table takes them; nothing in it is on a document, so nothing has an address."""
    return [
        {"title": title(line.title), "detail": detail(line.detail, line.explain), "amount": line.amount}
        for line in found.lines
    ]


def can_upgrade(found: Compared, customer: Customer) -> bool:
    """Whether «Upgrade» leads on from an estimate."""
    plan = found.estimate.plan
    managed = customer.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT
    return _action(plan, found.current, managed=managed, past_due=False) == "upgrade"


def change_done(quote: ChangeQuote) -> str:
    """What is said once the new plan has begun."""
    first = quote.opened and quote.opened.next_billing_on
    said = [_("You're on %(plan)s.") % {"plan": quote.plan.title}]
    if quote.amount_due:
        is_paid = quote.invoice is not None and quote.invoice.paid_at is not None
        due = _("%(amount)s was paid.") if is_paid else _("%(amount)s is due today.")
        said.append(due % {"amount": formats.money(quote.amount_due, quote.currency)})
    else:
        said.append(_("Nothing is due today."))
    if first and quote.plan.settlement_mode != SettlementMode.CREDIT_ONLY:
        bill = _("First bill: %(day)s.") if quote.kind == QuoteKind.SUBSCRIBE else _("Next bill: %(day)s.")
        said.append(bill % {"day": formats.day(first)})
    return " ".join(said)


def start_given_up(quote: ChangeQuote, payment: "Payment | None") -> str:
    """What is said where a plan does not begin after all."""
    if payment is not None and payment.status == "succeeded":
        given_back = _("Another plan has begun meanwhile. Your payment for %(plan)s is given back.")
        return given_back % {"plan": quote.plan.title}
    said = decline_message(payment.decline_code) if payment is not None else ""
    return f"{said} {nothing_charged(quote)}".strip()


def nothing_charged(quote: ChangeQuote) -> str:
    """After a change that did not come about."""
    said = _("Nothing was charged and you are still on %(plan)s.")
    return said % {"plan": quote.subscription.plan.title}


def price_changes(before: Plan, after: Plan) -> list[tuple[str, str, str]]:
    """Rows (name, before, now) of what differs between two versions of a plan."""
    old, new = ({card.name: card_price(card, plan.currency) for card in plan.terms().cards} for plan in (before, after))
    rows = [(name, old.get(name, "–"), new.get(name, "–")) for name in {**old, **new}]
    return [row for row in rows if row[1] != row[2]]


def quote_tables(quote: ChangeQuote) -> dict[str, list[Any]]:
    """All tables of a quote, as the pages that ask for a confirmation name them, and what it withdraws."""
    return {
        "lines": quote_lines(quote),
        "credit_lines": credit_lines(quote),
        "totals": quote_totals(quote),
        "credit": quote_credit(quote),
        "withdrawals": withdrawals(quote),
    }


def quote_lines(quote: ChangeQuote) -> list[dict[str, Any]]:
    """Its lines for people, those of the invoice: a title says which days or instants, because one price can have
    several windows."""
    return _titled(line for line in quote.lines if line.get("settlement") != "credit_only")


def credit_lines(quote: ChangeQuote) -> list[dict[str, Any]]:
    """What goes to credit alone, on no invoice."""
    return _titled(line for line in quote.lines if line.get("settlement") == "credit_only")


def _titled(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_for_people(line) for line in lines]


def _for_people(line: dict[str, Any]) -> dict[str, Any]:
    words = detail(line["detail"], line.get("explain", {}))
    standing = _("Counting until you confirm") if line["kind"] == "usage" else pgettext("line", "Final")
    return {**line, "title": f"{title(line['title'])}, {_line_window(line)}", "detail": words, "standing": standing}


def moves_charges(before: Plan, after: Plan) -> str:
    """Said where something else pays from now on: credits instead of the card, or the other way round."""
    old, new = before.terms(), after.terms()
    if new.is_credit_only and not old.is_credit_only:
        if after.blocks_at_zero:
            return _(
                "From now on charges are settled with credits. No invoices, no card. "
                "When credits run out, access is refused."
            )
        return _(
            "From now on charges are settled with credits. No invoices, no card. "
            "When credits run out, the balance goes negative."
        )
    if old.is_credit_only and not new.is_credit_only and new.is_priced:
        return _("From now on charges move from credits to your card: credits pay first, an invoice takes the rest.")
    return ""


def would_move_charges(before: Plan, after: Plan) -> str:
    """The same of a plan that nobody has chosen yet."""
    old, new = before.terms(), after.terms()
    if new.is_credit_only and not old.is_credit_only:
        return _("Charges would be settled with credits: no invoices, no card.")
    if old.is_credit_only and not new.is_credit_only and new.is_priced:
        return _("Charges would move from credits to invoices: credits pay first, an invoice takes the rest.")
    return ""


def _line_window(line: dict[str, Any]) -> str:
    start, end = (datetime.fromisoformat(line[name]) for name in ("starts_at", "ends_at"))
    return formats.window(Window(start, end))


def quote_totals(quote: ChangeQuote) -> list[dict[str, Any]]:
    """The rows between lines and total: what credit pays, net, and every tax that has a name, as on the invoice."""
    credits = [
        {"label": _("Credits: %(name)s") % {"name": grant_name(row["name"])}, "amount": -row["amount"]}
        for row in quote.credit_rows
    ]
    back = sum(row["amount"] for row in quote.credit_rows) - quote.credits
    if back:
        credits.append({"label": _("Credits returned to your balance"), "amount": back})
    return [*credits, *_tax_rows(quote)]


def balance_after(quote: ChangeQuote) -> str:
    """The settled balance once credit has paid what it pays of the final invoice and what is charged to it alone; empty
    where it pays neither, on a plan with invoices."""
    if not quote.credits and not quote.to_credits and not quote.subscription.plan.terms().is_credit_only:
        return ""
    return formats.money(quote.balance_after or 0, quote.currency)


GIVEN_BACK = gettext_noop(
    "You get %(amount)s back: it pays your open invoices first, then it goes back to the card that paid; what is left "
    "is kept for your next invoice."
)


def ended_text(done: ChangeQuote) -> str:
    """What is said after a downgrade; with the final invoice where there is one to pay or paid."""
    said = _("Your plan is now %(plan)s.") % {"plan": done.plan.title}
    if done.invoice is None:
        return said
    amount = formats.money(abs(done.invoice.total), done.invoice.currency)
    final, label = _("Final %(plan)s invoice: %(amount)s."), _("View invoice")
    if done.amount_back:
        final, label = _(GIVEN_BACK), _("View credit note")
    address = reverse("invoice", args=[done.invoice.public_id])
    text = final % {"plan": done.subscription.plan.title, "amount": amount}
    return format_html('{} {} <a href="{}">{}</a>', said, text, address, label)


def _tax_rows(quote: ChangeQuote) -> list[dict[str, Any]]:
    rows = [row for row in map(row_from, quote.taxes) if row.rule.label]
    taxes = [{"label": row_label(row, quote.currency), "amount": row.tax} for row in rows]
    return [{"label": _("Net"), "amount": quote.subtotal}, *taxes] if taxes else []


def quote_credit(quote: ChangeQuote) -> list[dict[str, Any]]:
    """The rows after the total, where a kept credit lowers what is collected."""
    if not quote.credit:
        return []
    return [
        {"label": _("Credit from earlier credit notes"), "amount": -quote.credit},
        {"label": _("Amount due"), "amount": quote.amount_due},
    ]


def withdrawals(quote: ChangeQuote) -> list[str]:
    """What is said of amounts that were announced and that the quote's document takes the place of."""
    charged = _("The %(amount)s announced for %(day)s will not be charged: this invoice takes its place.")
    credited = _("The %(amount)s announced for %(day)s will not be credited: this invoice takes its place.")
    return [
        (charged if draft["total"] > 0 else credited)
        % {
            "amount": formats.money(abs(draft["total"]), quote.currency),
            "day": formats.day(date.fromisoformat(draft["billing_on"])),
        }
        for draft in quote.discards
        if draft["total"]
    ]


class Losses(NamedTuple):
    """Rows (metered price, quantity, on the plan before, on the plan after); `used_since` says since when it was used,
    the beginning of the running window. Empty where the lines don't know: credit has paid for most hours already."""

    used_since: str
    rows: list[tuple[str, str, str, str]]


def losses(quote: ChangeQuote) -> Losses:
    """For «Cancel Plan»: what it changes, with the customer's own numbers."""
    before, after = quote.subscription.plan, quote.plan
    new = {card.key: card for card in after.terms().metered}
    since = running_window(quote.subscription, quote.effective_at).start
    used = _used(quote, since)
    rows = []
    for card in before.terms().metered:
        later, quantity = new.get(card.key), formats.quantity(used.get(card.key, Decimal(0)))
        becomes = card_price(later, after.currency) if later else _("Not included")
        rows.append((card.name, quantity, card_price(card, before.currency), becomes))
    said = "" if before.terms().is_credit_only else _("Used since %(day)s") % {"day": formats.day(utc_day(since))}
    return Losses(said, rows)


def _used(quote: ChangeQuote, since: datetime) -> dict[str, Decimal]:
    """By key of the price, as the lines of the window have it."""
    lines = [line for line in quote.lines if line["starts_at"] == since.isoformat()]
    return {
        line["explain"]["rate_card"]: Decimal(line["quantity"])
        for line in lines
        if line["explain"].get("line") == "usage"
    }
