"""«Change Plan», «Subscribe» and «Confirm Downgrade»: full pages, each with its own URL."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from accounts.access import PortalRequest, billing_page, can_write, customer_now, describe, enter_customer
from accounts.drafts import refill
from accounts.forms import BillingDetailsForm
from accounts.models import PaymentMethod, PaymentPolicy
from accounts.recent import check_recent
from accounts.selectors import billing_admins, billing_profile, default_payment_methods, payment_methods
from accounts.services.make_default import make_default
from accounts.services.update_billing_profile import update_billing_profile
from core.nudge import nudge
from core.periods import utc_day
from invoices.selectors import default_seller, read_payments, unsettled
from invoices.services.submit_payment import submit_payment
from invoices.showing_overdue import declined_sentences
from invoices.taxing import tax_notes
from invoices.totals import rules_from
from plans import pages, selectors
from plans.costs import tax_id_hint, upgrade_summary
from plans.exceptions import (
    AlreadySubscribedError,
    CancelFirstError,
    CardRequiredError,
    CurrencyMismatchError,
    NothingToCancelError,
    PastDueError,
    PlanRetiredError,
    QuoteStaleError,
    StartPendingError,
)
from plans.forms import CardChoiceForm
from plans.models import ChangeQuote, Plan, QuoteKind, Subscription
from plans.quotes import check_self_serve
from plans.refreshing import held_quote, is_another_change, is_refresh, refresh
from plans.services.accept_quote import accept_quote
from plans.services.bill_start import bill_start
from plans.services.cancel_subscription import cancel_subscription
from plans.services.change_plan import change_plan
from plans.services.make_quote import make_quote
from plans.services.settle_start import settle_start
from plans.services.subscribe import subscribe

if TYPE_CHECKING:
    from invoices.models import Invoice

MANAGED = PaymentPolicy.MANAGED_BY_CONTRACT
REFUSALS = (
    *(AlreadySubscribedError, PastDueError, CancelFirstError, CurrencyMismatchError, StartPendingError),
    PlanRetiredError,
)


def see_other(url: str) -> HttpResponse:
    """303: what was posted is done, look there."""
    return HttpResponseRedirect(url, status=303)


@require_GET
@billing_page()
def plan_change(request: PortalRequest) -> HttpResponse:
    customer = request.customer
    current = selectors.current_subscription(customer.pk)
    managed = customer.payment_policy == MANAGED
    past_due = [] if managed else unsettled(customer.pk).past_due(utc_day(customer_now(customer)))
    tiles = pages.tiles(selectors.catalogue(customer.pk), current, managed=managed, past_due=bool(past_due))
    writes = can_write(request.membership)
    context = {
        "tiles": tiles,
        "is_estimated": any(tile.is_estimated for tile in tiles),
        "rows": pages.comparison(tiles),
        "managed": managed,
        "overdue": next(iter(past_due), None),
        "can_write": writes,
        "admin_names": "" if writes else ", ".join(describe(admin) for admin in billing_admins(customer)),
    }
    return render(request, "plans/plan_change.html", context)


# --- «Upgrade» → «Subscribe» ------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@billing_page(write=True)
def plan_upgrade(request: PortalRequest, slug: str) -> HttpResponse:
    if request.method == "POST":
        check_self_serve(request.customer)
    elif request.customer.payment_policy == MANAGED:
        managed = _("Your plan is managed under a contract. Contact your sales representative.")
        return _turned_away(request, managed)
    plan = _upgradable(slug)
    try:
        return _upgrade_posted(request, plan) if request.method == "POST" else _upgrade_page(request, plan)
    except REFUSALS as refusal:
        return _turned_away(request, refusal.message)
    except QuoteStaleError as stale:
        return _upgrade_page(request, stale.after.plan, stale=stale)


@require_GET
@billing_page()
def plan_upgrade_return(request: PortalRequest, slug: str) -> HttpResponse:
    """Back from the card page. Finishes what was confirmed before, and nothing else; again: the same result.

    It is about the quote's customer, whichever one another tab has switched to meanwhile.
    """
    quote = selectors.quote_by_id(request.GET.get("quote", ""))
    if quote is None:
        raise Http404
    enter_customer(request, quote.customer_id, write=True)
    if quote.accepted_at is None or quote.kind == QuoteKind.CANCEL or quote.plan.key != slug:
        raise Http404
    try:
        return _subscribed(request, quote)
    except CardRequiredError:
        messages.warning(request, " ".join((_("No card was added."), pages.nothing_charged(quote))))
        return redirect("plan_upgrade", slug)
    except REFUSALS as refusal:
        return _turned_away(request, refusal.message)
    except QuoteStaleError as stale:
        return _upgrade_page(request, stale.after.plan, stale=stale)


@require_GET
@login_required
def plan_started(request: HttpRequest, public_id: str) -> HttpResponse:
    """Where the page of a plan's first payment ends: the plan begins now, or does not, and the person is told."""
    quote = selectors.quote_of_invoice(public_id)
    if quote is None:
        raise Http404
    enter_customer(request, quote.customer_id, write=True)
    back = reverse("plan_upgrade_return", args=[quote.plan.key])
    return see_other(f"{back}?{urlencode({'quote': quote.public_id})}")


def _upgradable(slug: str) -> Plan:
    plan = selectors.published_plan(slug)
    if plan is None or plan.is_default or not plan.self_serve:
        raise Http404
    return plan


def _turned_away(request: PortalRequest, reason: str) -> HttpResponse:
    """Also where a page only asks for new figures: there is nothing to confirm on it any more."""
    messages.info(request, reason)
    overview = reverse("billing_overview")
    return HttpResponseClientRedirect(overview) if is_refresh(request) else see_other(overview)


def _upgrade_posted(request: PortalRequest, plan: Plan) -> HttpResponse:
    """Details first, then the quote is accepted; without a card the card page comes between, and we go on after it."""
    check_recent(request)
    form = BillingDetailsForm(request.POST, instance=billing_profile(request.customer))
    cards = payment_methods(request.customer)
    choice = _card_choice(cards, request)
    if choice and not choice.is_valid():
        form.add_error(None, _("Choose one of your cards."))
    if not form.is_valid():
        return _upgrade_page(request, plan, form=form)
    at = customer_now(request.customer)
    seen = _quote_seen(request, plan, _("Nothing was done; please check the figures and confirm again."))
    update_billing_profile(customer_id=request.customer.pk, values=form.cleaned_data, at=at, actor=request.user)
    accepted = accept_quote(quote=seen, at=at, actor=request.user)
    if choice:
        make_default(payment_method=choice.chosen, at=at, actor=request.user)
    elif plan.payment_policy == PaymentPolicy.REQUIRED and not cards:
        back = f"{reverse('plan_upgrade_return', args=[plan.key])}?{urlencode({'quote': accepted.public_id})}"
        return see_other(f"{reverse('pm_add')}?{urlencode({'next': back})}")
    return _subscribed(request, accepted)


def _card_choice(cards: list[PaymentMethod], request: PortalRequest) -> CardChoiceForm | None:
    """Where there are several; a page of before that had one names none, and the default stays."""
    if len(cards) < 2 or (request.method == "POST" and "payment_method" not in request.POST):
        return None
    return CardChoiceForm(cards, utc_day(customer_now(request.customer)), request.POST or None)


def _subscribed(request: PortalRequest, quote: ChangeQuote) -> HttpResponse:
    if quote.kind == QuoteKind.SUBSCRIBE and quote.total > 0:
        return _paid_first(request, quote)
    carry_out = change_plan if quote.kind == QuoteKind.CHANGE else subscribe
    done = carry_out(quote=quote, at=customer_now(request.customer), actor=request.user)
    _say(request, done.opened, pages.change_done(done))
    nudge("billing_portal.tasks.collect_due")
    nudge("billing_portal.tasks.deliver_notices")
    return see_other(reverse("billing_overview"))


def _say(request: PortalRequest, spell: Subscription | None, said: str, level: int = messages.SUCCESS) -> None:
    """What came of a confirmation, as long as that `spell` is the open one: the form may be an old one sent again."""
    current = selectors.current_subscription(request.customer.pk)
    if current == spell:
        messages.add_message(request, level, said)
    elif current is not None:
        now = _("This was sent before, and your plan has changed since. You're on %(plan)s.")
        messages.info(request, now % {"plan": current.plan.title})


def _paid_first(request: PortalRequest, quote: ChangeQuote) -> HttpResponse:
    """Fees in advance are collected before the plan begins; declined, it does not; unknown, it waits."""
    at = customer_now(request.customer)
    payment = bill_start(quote=quote, at=at, actor=request.user)
    if payment is not None:
        payment = submit_payment(payment_id=payment.pk, at=at)
    done = settle_start(quote=quote, at=at, actor=request.user)
    nudge("billing_portal.tasks.deliver_notices")
    if done.completed_at:
        _say(request, done.opened, pages.change_done(done))
        return see_other(reverse("billing_overview"))
    if done.given_up_at:
        is_given_back = payment is not None and payment.status == "succeeded"
        stays_on = selectors.current_subscription(request.customer.pk) if is_given_back else done.subscription
        _say(request, stays_on, pages.start_given_up(done, payment), messages.ERROR)
        return see_other(reverse("plan_upgrade", args=[quote.plan.key]))
    if payment is not None and payment.status == "needs_confirmation":
        return see_other(reverse("payment_status", args=[payment.invoice.public_id, payment.public_id]))
    waits = _("Your payment is being processed. %(plan)s starts as soon as it has succeeded.")
    messages.info(request, waits % {"plan": quote.plan.title})
    return see_other(reverse("billing_overview"))


def _quote(request: PortalRequest, plan: Plan | None) -> ChangeQuote:
    """Of a change to that plan; None: of a cancellation."""
    kind = None if plan else QuoteKind.CANCEL
    at = customer_now(request.customer)
    return make_quote(customer=request.customer, kind=kind, plan=plan, at=at, actor=request.user)


def _quote_seen(request: PortalRequest, plan: Plan | None, unseen: str) -> ChangeQuote:
    """What the page has shown. Where it names no such quote nobody has seen what a fresh one comes to: `unseen` says
    so."""
    seen = selectors.quote_of(request.customer.pk, request.POST.get("quote", ""))
    if seen is None or (seen.kind == QuoteKind.CANCEL) != (plan is None) or (plan and seen.plan.key != plan.key):
        fresh = _quote(request, plan)
        raise QuoteStaleError("no quote of this change", message=unseen, before=fresh, after=fresh)
    return seen


def _upgrade_page(
    request: PortalRequest, plan: Plan, *, form: BillingDetailsForm | None = None, stale: QuoteStaleError | None = None
) -> HttpResponse:
    quote = stale.after if stale else _quote(request, plan)
    profile, cards = quote.customer.billing_profile, payment_methods(request.customer)
    typed = BillingDetailsForm(request.POST or None, instance=profile)  # kept, whether it was saved or not
    choice, refused = _card_choice(cards, request), bool(form and "tax_id" in form.errors)
    context = {
        "plan": plan,
        "form": refill(request, form or typed, *([choice] if choice else [])),
        "quote": quote,
        "changes_plan": quote.kind == QuoteKind.CHANGE,
        **pages.quote_tables(quote),
        "moves_charges": pages.moves_charges(quote.subscription.plan, quote.plan),
        "tax_notes": tax_notes(quote),
        "summary": upgrade_summary(quote, customer_now(request.customer)),
        "hint": "" if refused else tax_id_hint(profile.country, profile.tax_id, rules_from(quote.tax_rules)),
        "card": next((card for card in cards if card.is_default), None),
        "card_form": choice,
        "on": utc_day(quote.effective_at),
        "seller": default_seller(),
        "stale": stale,
        "changes": pages.price_changes(stale.before.plan, stale.after.plan) if stale else [],
    }
    return render(request, "plans/plan_upgrade.html", context, status=409 if stale else 422 if form else 200)


# --- «Cancel Plan» → «Confirm Downgrade» ------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@billing_page(write=True)
def plan_cancel(request: PortalRequest) -> HttpResponse:
    if request.method == "POST":
        check_self_serve(request.customer)
    elif request.customer.payment_policy == MANAGED:
        if is_refresh(request):
            return HttpResponseClientRedirect(request.path)
        return render(request, "plans/plan_cancel_managed.html")
    try:
        return _cancel_posted(request) if request.method == "POST" else _cancel_asked(request)
    except NothingToCancelError as refusal:
        return _turned_away(request, refusal.message)
    except QuoteStaleError as stale:
        return _cancel_page(request, stale.after, unsettled(request.customer.pk).owed, stale.message)


def _cancel_posted(request: PortalRequest) -> HttpResponse:
    quote = _quote_seen(request, None, _("Please check the figures and confirm again."))
    done = cancel_subscription(quote=quote, at=customer_now(request.customer), actor=request.user)
    _say(request, done.opened, pages.ended_text(done))
    nudge("billing_portal.tasks.collect_due")
    nudge("billing_portal.tasks.deliver_notices")
    return see_other(f"{reverse('billing_overview')}?{urlencode({'left': done.public_id})}")


def _cancel_asked(request: PortalRequest) -> HttpResponse:
    documents = unsettled(request.customer.pk)
    quote = make_quote(
        customer=request.customer,
        kind=QuoteKind.CANCEL,
        at=customer_now(request.customer),
        actor=request.user,
        documents=documents,
    )
    return _cancel_page(request, quote, documents.owed)


def _cancel_page(request: PortalRequest, quote: ChangeQuote, owed: "list[Invoice]", stale: str = "") -> HttpResponse:
    at, held = customer_now(request.customer), held_quote(request)
    read_payments(owed)
    if is_another_change(held, quote):
        return HttpResponseClientRedirect(request.path)
    context: dict[str, Any] = {
        "quote": quote,
        **pages.quote_tables(quote),
        "tax_notes": tax_notes(quote),
        "balance_after": pages.balance_after(quote),
        "losses": pages.losses(quote),
        "card": default_payment_methods([request.customer.pk]).get(request.customer.pk) if quote.amount_due else None,
        "payable_by": utc_day(at) + settings.PAYMENT_TERMS,
        "owed": [(invoice, declined_sentences(invoice)) for invoice in owed],
        "on": utc_day(at),
        "stale": stale,
        **refresh(request, quote, held),
    }
    template = "plans/plan_cancel.html#figures" if is_refresh(request) else "plans/plan_cancel.html"
    return render(request, template, context, status=409 if stale else 200)
