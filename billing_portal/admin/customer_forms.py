"""What staff fill in about a customer: «Create Customer», and a plan with its start."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy

from accounts.countries import country_choices
from accounts.models import Customer, Language, PaymentPolicy, SubjectKind
from accounts.selectors import PARTY_FIELDS
from billing_portal.admin.change_forms import ContactFields, contact_of
from core.ids import public_id
from plans.admin_forms import DayField, terms_field
from plans.plan_rules import CONTRACT_FIELDS
from plans.scheduling import When
from plans.selectors import catalogue, default_plan

if TYPE_CHECKING:
    from plans.models import Plan

WHEN = [
    ("now", gettext_lazy("Immediately")),
    ("date", gettext_lazy("On a date")),
    ("period_end", gettext_lazy("At the end of the billing period")),
]


class CustomerForm(forms.Form):
    """A new customer. `key` is made when the page is shown, so that sending the form twice opens one customer."""

    key = forms.RegexField(r"^cus_[A-Za-z0-9]{8,36}$", widget=forms.HiddenInput)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    subject_kind = forms.ChoiceField(
        label=gettext_lazy("Map to"),
        choices=SubjectKind.choices,
        widget=forms.RadioSelect,
        initial=SubjectKind.SUBJECT,
        help_text=gettext_lazy("What the usage events of this customer name."),
    )
    subject = forms.CharField(
        label=gettext_lazy("Value"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("The <code>subject</code> of its events. The customer’s key is always one, too."),
    )
    email = forms.EmailField(
        label=gettext_lazy("Billing e-mail"), help_text=gettext_lazy("Gets invoices and receipts.")
    )
    invite = forms.BooleanField(label=gettext_lazy("Invite this person as billing admin"), required=False)
    currency = forms.CharField(
        label=gettext_lazy("Currency"), required=False, min_length=3, max_length=3,
        help_text=gettext_lazy("ISO 4217, such as USD. Empty: that of the first invoice. It never changes afterwards."),
    )  # fmt: skip
    legal_name = forms.CharField(
        label=gettext_lazy("Legal name"), max_length=200, required=False, help_text=gettext_lazy("Empty: the name.")
    )
    line1 = forms.CharField(label=gettext_lazy("Address line 1"), max_length=200, required=False)
    line2 = forms.CharField(label=gettext_lazy("Address line 2"), max_length=200, required=False)
    postal_code = forms.CharField(label=gettext_lazy("Postal code"), max_length=20, required=False)
    city = forms.CharField(label=gettext_lazy("City"), max_length=100, required=False)
    region = forms.CharField(label=gettext_lazy("State or region"), max_length=100, required=False)
    country = forms.ChoiceField(label=gettext_lazy("Country"), choices=country_choices, required=False)
    tax_id = forms.CharField(
        label=gettext_lazy("Tax ID"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Decides how tax is charged."),
    )
    po_number = forms.CharField(label=gettext_lazy("PO number"), max_length=60, required=False)
    buyer_reference = forms.CharField(
        label=gettext_lazy("Buyer reference"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("Such as the Leitweg-ID of a public body."),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language of documents and e-mails"), choices=Language.choices, required=False
    )

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"key": public_id("cus")})

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def details(self) -> dict[str, Any]:
        """The billing profile, as `open_customer` takes it."""
        values = {name: self.cleaned_data[name] for name in PARTY_FIELDS}
        values["legal_name"] = values["legal_name"] or self.cleaned_data["name"]
        language = self.cleaned_data["language"] or Language.EN
        return {**values, "recipients": [self.cleaned_data["email"]], "language": language}


class ChangeForm(forms.Form):
    """Another plan for a customer. `seen` is what the preview said: saving something else is refused. `key` is made
    when the page is shown, so that sending the form twice decides once."""

    when = forms.ChoiceField(label=gettext_lazy("Start date"), choices=WHEN, widget=forms.RadioSelect, initial="now")
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        help_text=gettext_lazy("For the audit trail; the customer does not see it."),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    key = forms.RegexField(r"^chg_[0-9a-z]{20}$", required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None, **initial: Any) -> None:
        super().__init__(data, initial={"key": public_id("chg"), **initial})

    def next_plan(self) -> "Plan":
        """The one that begins, once the form is valid."""
        raise NotImplementedError

    @property
    def chosen_when(self) -> When:
        """As `schedule_change` takes it."""
        when: Any = self.cleaned_data["on"] if self.cleaned_data["when"] == "date" else self.cleaned_data["when"]
        return cast("When", when)


class SubscriptionForm(ChangeForm):
    """A plan and when it begins."""

    plan = forms.ChoiceField(label=gettext_lazy("Plan"))
    on = forms.DateField(
        label=gettext_lazy("Date"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("Ahead: it begins that day, 00:00 UTC. Past: a day of this month at most."),
    )
    field_order = ("plan", "when", "on", "reason")

    def __init__(self, data: Mapping[str, Any] | None, *, customer_id: int, plan_id: str = "") -> None:
        super().__init__(data, plan=plan_id)
        self.plans = {str(plan.pk): plan for plan in catalogue(customer_id)}
        choices = [
            (
                key,
                gettext("%(name)s, version %(version)s (%(currency)s)")
                % {"name": plan.name, "version": plan.version, "currency": plan.currency},
            )
            for key, plan in self.plans.items()
        ]
        cast("forms.ChoiceField", self.fields["plan"]).choices = [("", gettext("Choose a plan")), *choices]

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("when") == "date" and not self.cleaned_data.get("on") and "on" not in self.errors:
            self.add_error("on", ValidationError(gettext("Choose the day it begins.")))
        return self.cleaned_data

    def next_plan(self) -> "Plan":
        return self.plans[self.cleaned_data["plan"]]


class CancellationForm(ChangeForm):
    """«Cancel Plan» by staff: the default plan, now or at the end of the billing period."""

    def __init__(self, data: Mapping[str, Any] | None) -> None:
        super().__init__(data)
        when = cast("forms.ChoiceField", self.fields["when"])
        when.label, when.choices = gettext("When it ends"), [choice for choice in WHEN if choice[0] != "date"]

    def next_plan(self) -> "Plan":
        return default_plan()


class WithdrawalForm(forms.Form):
    """Why a scheduled change does not come."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        help_text=gettext_lazy("For the audit trail; the customer does not see it."),
    )


class ContractForm(ContactFields):
    """«New contract»: the plan it starts from, and what was agreed. Prices are changed on the draft afterwards."""

    plan = forms.ChoiceField(label=gettext_lazy("Start from"))
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=60,
        help_text=gettext_lazy("Without the product’s name. On invoices and on the customer’s pages."),
    )
    payment_terms = terms_field()
    contract_starts_on = DayField(
        label=gettext_lazy("Contract start"), help_text=gettext_lazy("As agreed; shown to the customer")
    )
    contract_ends_on = DayField(
        label=gettext_lazy("Contract end"), help_text=gettext_lazy("The last day. Nothing ends by itself")
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        help_text=gettext_lazy("For the audit trail, such as the order’s number."),
    )

    def __init__(self, data: Mapping[str, Any] | None, *, customer: Customer) -> None:
        plans = catalogue(customer.pk)
        first = next((plan for plan in plans if plan.payment_policy == PaymentPolicy.MANAGED_BY_CONTRACT), None)
        super().__init__(
            data,
            initial={
                "plan": first and first.pk,
                "name": f"Enterprise – {customer.name}"[:60],
                "payment_terms": 30,
                **contact_of(customer),
            },
        )
        choices = [
            (
                str(plan.pk),
                gettext("%(name)s, version %(version)s (%(currency)s)")
                % {"name": plan.name, "version": plan.version, "currency": plan.currency},
            )
            for plan in plans
        ]
        cast("forms.ChoiceField", self.fields["plan"]).choices = choices

    def terms(self) -> dict[str, Any]:
        """As `draft_contract` takes them."""
        return {name: self.cleaned_data[name] for name in CONTRACT_FIELDS}
