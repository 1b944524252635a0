"""What staff fill in on plans and rate cards. The forms read and write people's units; the verbs check the rules."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.text import format_lazy, slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.keeping import KeptForm
from accounts.models import PaymentPolicy
from core.language import inside
from core.money import quantize, to_major
from plans.models import FeeCadence, FeeTiming, Plan, PriceModel, RateCard, SettlementMode
from plans.models_credits import CreditExhaustion
from plans.models_overdue import OverdueConsequence
from plans.plan_rules import CONTRACT_FIELDS, LONGEST_TERMS
from plans.pricing import Tier
from usage.selectors import all_features, features_by_key

KEY = RegexValidator(
    r"^[a-z0-9]+(-[a-z0-9]+)*$", _("Use small letters, digits and single hyphens, such as api-requests.")
)
POLICIES = [
    (PaymentPolicy.OPTIONAL, _("Not needed")),
    (PaymentPolicy.REQUIRED, _("Required: customers must have a card")),
    (
        PaymentPolicy.MANAGED_BY_CONTRACT,
        _("Managed by contract: invoices are sent, nothing is charged by itself"),
    ),
]
Data = Mapping[str, Any] | None
# Not asked of a contract.
OF_CATALOGUE = ("tagline", "facts", "position", "self_serve", "payment_policy", "overdue_consequence")
TIER_ROWS = 3  # empty ones offered beside those that are filled in


class LinesField(forms.CharField):
    """Short texts, one per line; a list of them."""

    widget = forms.Textarea(attrs={"rows": 4})

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value


class DayField(forms.DateField):
    """An optional day, as the browser picks it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **kwargs)


def terms_field() -> forms.IntegerField:
    """Days until an invoice is due, for the form of a plan and of a contract."""
    standard = settings.PAYMENT_TERMS.days
    return forms.IntegerField(
        label=_("Payment terms, days"),
        required=False,
        min_value=0,
        max_value=LONGEST_TERMS,
        help_text=format_lazy(
            _("From the issue of an invoice until it is due: 14, 30, 60. Empty: {standard}, as for everybody."),
            standard=standard,
        ),
    )


class PlanForm(KeptForm, forms.Form):
    """A plan's draft without its rate cards; a contract's says its terms instead of what stands on a tile."""

    name = forms.CharField(label=_("Name"), max_length=60, help_text=_("Without the product’s name: Plus"))
    key = forms.CharField(
        label=_("Key"),
        max_length=40,
        required=False,
        validators=[KEY],
        help_text=_("The same for all versions. Empty: made from the name."),
    )
    tagline = forms.CharField(
        label=_("Tagline"),
        max_length=200,
        required=False,
        help_text=_("One sentence on the tile"),
    )
    facts = LinesField(label=_("Facts"), required=False, help_text=_("Up to five short lines on the tile"))
    position = forms.IntegerField(
        label=_("Place"),
        min_value=0,
        max_value=999,
        initial=10,
        help_text=_("Order of the tiles"),
    )
    self_serve = forms.BooleanField(label=_("Customers may choose it by themselves"), required=False, initial=True)
    currency = forms.CharField(
        label=_("Currency"), min_length=3, max_length=3, initial="USD",
        help_text=_("ISO 4217, such as USD. It never changes after the first save."),
    )  # fmt: skip
    settlement_mode = forms.ChoiceField(
        label=_("Settlement mode"),
        choices=[
            (SettlementMode.CREDIT_THEN_INVOICE, _("Credits then invoice")),
            (SettlementMode.CREDIT_ONLY, _("Credits only")),
        ],
        widget=forms.RadioSelect,
        initial=SettlementMode.CREDIT_THEN_INVOICE,
    )
    when_credits_run_out = forms.ChoiceField(
        label=_("When credits run out"),
        choices=CreditExhaustion.choices,
        widget=forms.RadioSelect,
        initial=CreditExhaustion.NEGATIVE,
        required=False,
        help_text=_("Usage that arrives all the same still settles."),
    )
    payment_policy = forms.ChoiceField(
        label=_("Payment method"), choices=POLICIES, widget=forms.RadioSelect, initial=PaymentPolicy.OPTIONAL
    )
    overdue_consequence = forms.ChoiceField(
        label=_("When it is not paid"),
        choices=OverdueConsequence.choices,
        widget=forms.RadioSelect,
        initial=OverdueConsequence.NONE,
        required=False,
        help_text=_("At the earliest 7 days after a delivered final warning that names it."),
    )
    payment_terms = terms_field()
    contract_starts_on = DayField(label=_("Contract start"), help_text=_("As agreed; shown to the customer"))
    contract_ends_on = DayField(label=_("Contract end"), help_text=_("The last day. Nothing ends by itself"))

    def __init__(self, data: Data, *, plan: Plan | None) -> None:
        super().__init__(data, initial=_plan_values(plan) if plan else None)
        self.plan = plan
        is_contract = plan is not None and plan.customer_id is not None
        for name in OF_CATALOGUE if is_contract else CONTRACT_FIELDS:
            del self.fields[name]
        if plan:
            for name in ("key", "currency"):
                self.fields[name].disabled = True
        else:
            self.fields["key"].widget.attrs["placeholder"] = gettext("made from the name")

    def clean_facts(self) -> list[str]:
        facts: list[str] = self.cleaned_data["facts"]
        if len(facts) > 5:
            raise ValidationError(gettext("Use at most five lines."))
        return facts

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def clean_when_credits_run_out(self) -> str:
        return self.cleaned_data["when_credits_run_out"] or CreditExhaustion.NEGATIVE

    def clean_overdue_consequence(self) -> str:
        return self.cleaned_data["overdue_consequence"] or OverdueConsequence.NONE

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        self._check_consequence(values.get("overdue_consequence", OverdueConsequence.NONE))
        if not values.get("key") and values.get("name"):
            values["key"] = slugify(values["name"])[:40]
        if values.get("settlement_mode") == SettlementMode.CREDIT_THEN_INVOICE:
            values["when_credits_run_out"] = CreditExhaustion.NEGATIVE
        elif values.get("payment_policy") == PaymentPolicy.REQUIRED:
            self.add_error(
                "payment_policy", gettext("Credits only: nothing is charged to a card, so none can be required.")
            )
        return values

    def _check_consequence(self, wanted: str) -> None:
        """Contracts are a matter of talking; from the default plan there is nothing to move down to."""
        if wanted == OverdueConsequence.NONE:
            return
        if self.cleaned_data.get("payment_policy") == PaymentPolicy.MANAGED_BY_CONTRACT:
            self.add_error("overdue_consequence", gettext("Managed by contract: reminders only."))
        elif wanted == OverdueConsequence.DOWNGRADE and self.plan is not None and self.plan.is_default:
            self.add_error(
                "overdue_consequence", gettext("This is the default plan: there is no plan to move down to.")
            )


def _plan_values(plan: Plan) -> dict[str, Any]:
    return {name: getattr(plan, name) for name in PlanForm.base_fields}


class AmountField(forms.DecimalField):
    """Money in major units, as people write it; minor units as a value. The currency is set by the form."""

    currency = "USD"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, min_value=0, max_digits=15, **kwargs)
        self.widget.attrs["inputmode"] = "decimal"

    def prepare_value(self, value: Any) -> Any:
        return to_major(value, self.currency) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        exact = super().clean(value)
        if exact is None:
            return None
        amount = quantize(exact, self.currency)
        if to_major(amount, self.currency) != exact:
            raise ValidationError(
                gettext("%(currency)s has no such fraction: %(exact)s.") % {"currency": self.currency, "exact": exact}
            )
        return amount


class FeatureField(forms.CharField):
    """A feature by key or name, with suggestions that need no script; its id as a value."""

    def clean(self, value: Any) -> Any:
        text = str(super().clean(value)).strip()
        if not text:
            return None
        found = features_by_key([text]).get(text)
        if found is not None:
            return found.pk
        named = [feature for feature in all_features() if feature.name.lower() == text.lower()]
        if len(named) != 1:
            raise ValidationError(gettext("There is no feature “%(text)s”.") % {"text": text})
        return named[0].pk


def _exact(**kwargs: Any) -> forms.DecimalField:
    field = forms.DecimalField(required=False, min_value=0, max_digits=30, decimal_places=12, **kwargs)
    field.widget.attrs["inputmode"] = "decimal"
    field.widget.input_type = "text"  # no spinner, no rounding by the browser
    return field


class RateCardForm(KeptForm, forms.Form):
    """«Add Rate Card»: what is priced, how, and within which limits. Amounts come out in minor units."""

    model = forms.ChoiceField(
        label=_("Pricing model"),
        choices=PriceModel.choices,
        widget=forms.RadioSelect,
        initial=PriceModel.UNIT,
    )
    feature = FeatureField(
        label=_("Feature"),
        required=False,
        help_text=_("What is measured. Type its key or name."),
        widget=forms.TextInput(attrs={"list": "features", "autocomplete": "off"}),
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        required=False,
        help_text=_("As on the invoice: API requests"),
    )
    key = forms.CharField(
        label=_("Key"),
        max_length=60,
        required=False,
        validators=[KEY],
        help_text=_("The same over versions. Empty: made from the name."),
    )
    unit_amount = _exact(label=_("Price per unit"), help_text=_("Or the price of one package"))
    per_units = forms.IntegerField(
        label=_("Per N units"), min_value=1, max_value=2_000_000_000, initial=1, required=False,
        help_text=_("1.00 per 1,000 keeps small prices readable. Of a package: how many are in it."),
    )  # fmt: skip
    amount = AmountField(label=_("Amount"), help_text=_("The flat fee"))
    timing = forms.ChoiceField(
        label=_("Timing"), choices=FeeTiming.choices, initial=FeeTiming.IN_ARREARS, required=False
    )
    cadence = forms.ChoiceField(
        label=_("Billing cadence"), choices=FeeCadence.choices, initial=FeeCadence.MONTHLY, required=False
    )
    free_units = _exact(label=_("Free units"), help_text=_("Included in every usage window"))
    discount_percent = _exact(label=_("Discount, percent"), help_text=_("Off the price of usage: 0 to 100"))
    minimum_amount = AmountField(label=_("Minimum"), help_text=_("Least charge of a usage window"))
    maximum_amount = AmountField(label=_("Maximum"), help_text=_("Highest charge of a usage window"))

    def __init__(self, data: Data, *, currency: str, card: RateCard | None) -> None:
        super().__init__(data, initial=_card_values(card) if card else None)
        self.beside = _tier_values(card) if card else None
        for field in self.fields.values():
            if isinstance(field, AmountField):
                field.currency = currency

    def clean(self) -> dict[str, Any]:
        """Values as `save_rate_card` takes them; what was left empty has its default."""
        values = self.cleaned_data
        values["feature_id"] = values.pop("feature", None)
        if not values.get("name") and values["feature_id"] and "feature" not in self.errors:
            values["name"] = next(each.name for each in all_features() if each.pk == values["feature_id"])
        if not values.get("name") and "name" not in self.errors:
            self.add_error("name", gettext("Say what stands on the invoice."))
        values["key"] = values.get("key") or slugify(values.get("name") or "")[:60]
        for name, default in (("per_units", 1), ("free_units", Decimal(0)), ("discount_percent", Decimal(0))):
            values[name] = default if values.get(name) is None else values[name]
        values["timing"] = values.get("timing") or FeeTiming.IN_ARREARS
        values["cadence"] = values.get("cadence") or FeeCadence.MONTHLY
        return values


def _card_values(card: RateCard) -> dict[str, Any]:
    names = [name for name in RateCardForm.base_fields if name != "feature"]
    return {**{name: _tidy(getattr(card, name)) for name in names}, "feature": card.feature.key if card.feature else ""}


def _tidy(value: Any) -> Any:
    """A decimal as people write it: without the zeros of its column."""
    if not isinstance(value, Decimal):
        return value
    return f"{value.normalize():f}" if value else ""


class TierForm(forms.Form):
    """One tier; a row that is wholly empty is none."""

    up_to = _exact(label=_("Up to"))
    unit_amount = _exact(label=_("Price per unit"))
    flat_amount = AmountField(label=_("Flat price"))

    @property
    def is_empty(self) -> bool:
        return all(self.cleaned_data.get(name) is None for name in self.fields)


class BaseTierFormSet(forms.BaseFormSet):  # type: ignore[type-arg]  # not generic at run time
    """The tiers of a graduated or volume price, in the order they are written."""

    def __init__(self, data: Data, *, currency: str, card: RateCard | None) -> None:
        self.currency = currency
        super().__init__(data, initial=_tier_values(card) if card else None, prefix="tiers")

    def add_fields(self, form: forms.Form, index: int | None) -> None:
        super().add_fields(form, index)
        form.empty_permitted = True
        for name, field in form.fields.items():
            field.widget.attrs["aria-label"] = gettext("Tier %(number)s: %(label)s") % {
                "number": (index or 0) + 1,
                "label": inside(field.label),
            }
            if isinstance(field, AmountField):
                field.currency = self.currency
            if name == "up_to":
                field.widget.attrs["placeholder"] = gettext("no limit")

    def tiers(self) -> list[Tier]:
        """Those that are filled in; flat prices in major units, as `plans.pricing` has them."""
        rows = [form.cleaned_data for form in self.forms if not form.is_empty]
        return [
            Tier(
                up_to=row.get("up_to"),
                unit_amount=row.get("unit_amount") or Decimal(0),
                flat_amount=to_major(row.get("flat_amount") or 0, self.currency),
            )
            for row in rows
        ]

    def sentences(self) -> list[str]:
        """What is wrong, by the number of the tier."""
        return [
            gettext("Tier %(number)s, %(label)s: %(error)s")
            % {"number": number, "label": form.fields[name].label, "error": error}
            for number, form in enumerate(self.forms, 1)
            for name, errors in form.errors.items()
            for error in errors
        ]


def _tier_values(card: RateCard) -> Sequence[dict[str, Any]]:
    return [
        {
            "up_to": _tidy(tier.up_to),
            "unit_amount": f"{tier.unit_amount.normalize():f}",
            "flat_amount": tier.flat_amount or None,
        }
        for tier in card.tiers.all()
    ]


TierFormSet = forms.formset_factory(
    TierForm, formset=BaseTierFormSet, extra=TIER_ROWS, max_num=100, absolute_max=100, validate_max=True
)


def tier_formset(data: Data, *, currency: str, card: RateCard | None) -> BaseTierFormSet:
    """The formset of a card's tiers, with empty rows to fill in."""
    return cast("BaseTierFormSet", TierFormSet(data, currency=currency, card=card))  # type: ignore[call-arg]
