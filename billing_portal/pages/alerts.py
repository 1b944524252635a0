"""Recipients and alerts: who gets mail, which mail, and at which spending and usage."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from accounts.access import PortalRequest, billing_page, can_write, check_role, customer_now
from accounts.details import attached_words
from accounts.drafts import refill
from accounts.models import Language, OptionalMail
from accounts.selectors import MailSettings, mail_settings
from accounts.services.choose_mail import choose_mail
from accounts.services.update_billing_profile import update_billing_profile
from billing_portal.pages.alerts_forms import AlertsForm, initial
from billing_portal.pages.attempting import attempt
from core import formats
from core.clock import now
from invoices.views_paying import see_other
from plans.budgets import BudgetTerms, share
from plans.selectors.spending import Spending, budget_of, spending
from plans.selectors.upcoming import open_subscription
from plans.services.set_budget import set_budget

if TYPE_CHECKING:
    from plans.models import Budget


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget beside what was spent."""

    now: Spending

    @property
    def amount(self) -> int | None:
        return self.now.budget

    @property
    def percent(self) -> int:
        return share(self.now.so_far, self.amount) if self.amount else 0

    @property
    def text(self) -> str:
        """`58 % of your budget of $100.00`; empty without one."""
        if not self.amount:
            return ""
        values = {"percent": self.percent, "amount": formats.money(self.amount, self.now.currency)}
        return gettext("%(percent)s %% of your budget of %(amount)s") % values

    @property
    def bar(self) -> int:
        """Of 200."""
        return min(2 * self.percent, 200)

    @property
    def is_over(self) -> bool:
        return bool(self.amount and self.now.so_far >= self.amount)


def terms_of(budget: "Budget | None", currency: str) -> BudgetTerms | None:
    """What was chosen; an amount of another currency than the plan's is not, any more."""
    if budget is None:
        return None
    amount = budget.amount if budget.currency == currency else None
    return BudgetTerms(currency, amount, budget.spend_percents, budget.projected, budget.included_percents)


@require_http_methods(["GET", "HEAD", "POST"])
@billing_page()
def billing_notifications(request: PortalRequest) -> HttpResponse:
    """Viewers read it; billing admins change it."""
    if request.method == "POST":
        check_role(request.membership, write=True)
    customer_id = request.customer.pk
    own, budget, mail = open_subscription(request.customer), budget_of(customer_id), mail_settings(customer_id)
    spent = attempt(spending, request.customer, customer_now(request.customer), own)
    terms = terms_of(budget, own.plan.currency)
    form = AlertsForm(request.POST if request.method == "POST" else None, plan=own.plan, initial=initial(terms, mail))
    if form.is_valid():
        save(request, form)
        messages.success(request, gettext("Saved. Alerts are sent by e-mail; they do not stop usage."))
        return see_other(reverse("billing_notifications"))
    context = {
        "form": refill(request, form),
        "standing": Standing(spent) if spent else None,
        "terms": terms,
        "budget": budget,
        **mail_in_words(mail),
        "can_write": can_write(request.membership),
    }
    return render(request, "billing_portal/notifications.html", context, status=form.status)


def save(request: PortalRequest, form: AlertsForm) -> None:
    customer_id, at = request.customer.pk, now()
    with transaction.atomic():
        set_budget(customer_id=customer_id, terms=form.terms(), at=at, actor=request.user)
        choose_mail(customer_id=customer_id, muted=form.muted(), at=at, actor=request.user)
        update_billing_profile(customer_id=customer_id, values=form.profile(), at=at, actor=request.user)


def mail_in_words(mail: MailSettings) -> dict[str, Any]:
    """Who gets it, in which language, with which files, and which kinds are switched off."""
    muted = [str(label) for kind, label in OptionalMail.choices if kind in mail.muted]
    return {"to": mail.to, "muted": muted, "language": Language(mail.language).label, "attached": attached_words(mail)}
