"""What customers choose to be told."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.details import ATTACHABLE, LABELS
from accounts.keeping import KeptForm
from accounts.models import Language, OptionalMail
from accounts.selectors import MailSettings
from billing_portal.pages.buying_forms import MoneyField
from core.money import to_major
from plans.budgets import BudgetTerms

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from plans.models import Plan

PERCENTS = [(percent, f"{percent} %") for percent in (50, 80, 100)]


def percent_field(label: "_StrOrPromise", help_text: "_StrOrPromise") -> forms.TypedMultipleChoiceField:
    return forms.TypedMultipleChoiceField(
        label=label,
        help_text=help_text,
        choices=PERCENTS,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


class AlertsForm(KeptForm, forms.Form):
    """A budget, alerts on what the plan includes, and which optional messages are sent."""

    spend_percents = percent_field(_("Notify me at"), _("Parts of the amount, each told once per usage window"))
    projected = forms.BooleanField(label=_("Notify me when the projection is above the amount"), required=False)
    included_percents = percent_field(
        _("Notify me at"), _("Parts of what your plan includes of each meter, each told once per usage window")
    )
    language = forms.ChoiceField(
        label=LABELS["language"],
        help_text=_("Of those that are made from now on; issued documents don’t change."),
        choices=Language.choices,
    )
    attach = forms.MultipleChoiceField(
        label=_("Attach to e-mails"),
        help_text=_(
            "Documents can be downloaded here, whichever you choose; recipients without a login have only what is "
            "attached. The XML holds an invoice’s data; a credit note’s PDF always comes with it."
        ),
        choices=list(ATTACHABLE.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    mail = forms.MultipleChoiceField(
        label=_("Send these messages"),
        help_text=_("All others, like invoices, receipts and failed payments, are required."),
        choices=OptionalMail.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, plan: "Plan", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency = plan.currency
        counted = gettext("In %(currency)s: what the next invoice comes to, with fees and tax. Empty: no budget.")
        if plan.terms().is_credit_only:
            counted = gettext("In %(currency)s: the credits that are used. Empty: no budget.")
        self.fields["amount"] = MoneyField(
            currency=currency,
            required=False,
            label=gettext("Amount per usage window"),
            help_text=counted % {"currency": currency},
        )

    def clean_amount(self) -> int | None:
        amount: int | None = self.cleaned_data["amount"]
        if amount == 0:
            raise forms.ValidationError(gettext("Enter an amount above zero, or leave it empty."))
        return amount

    def terms(self) -> BudgetTerms:
        values = self.cleaned_data
        return BudgetTerms(
            currency=self.currency,
            amount=values["amount"],
            spend_percents=values["spend_percents"],
            projected=values["projected"],
            included_percents=values["included_percents"],
        )

    def profile(self) -> dict[str, Any]:
        """The fields of the billing profile that are chosen here."""
        chosen = self.cleaned_data["attach"]
        return {"language": self.cleaned_data["language"], **{field: field in chosen for field in ATTACHABLE}}

    def muted(self) -> set[str]:
        """The kinds of optional mail that are not wanted."""
        return set(OptionalMail.values) - set(self.cleaned_data["mail"])


def initial(terms: BudgetTerms | None, mail: MailSettings) -> dict[str, Any]:
    """What the form shows before anybody fills it in: without a budget, all that one can tell about an amount."""
    terms = terms or BudgetTerms("", None, spend_percents=[50, 80, 100], projected=True)
    return {
        "amount": to_major(terms.amount, terms.currency) if terms.amount is not None else None,
        "spend_percents": terms.spend_percents,
        "projected": terms.projected,
        "included_percents": terms.included_percents,
        "mail": [kind for kind in OptionalMail.values if kind not in mail.muted],
        "language": mail.language,
        "attach": [field for field in ATTACHABLE if getattr(mail, field)],
    }
