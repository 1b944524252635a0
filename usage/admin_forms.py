"""What staff fill in on meters and features. The forms read people's words; the verbs check the rules."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.text import slugify
from django.utils.translation import gettext, gettext_lazy

from usage.models import Aggregation, Feature, Meter

KEY = RegexValidator(
    r"^[a-z0-9]+(-[a-z0-9]+)*$", gettext_lazy("Use small letters, digits and single hyphens, such as api-requests.")
)
Data = Mapping[str, Any] | None


class PairsField(forms.CharField):
    """`name = value`, one per line; a dictionary of texts."""

    widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})

    def to_python(self, value: Any) -> Any:
        if isinstance(value, dict):  # as it is kept, of a field that cannot be written
            return value
        pairs: dict[str, str] = {}
        for line in (super().to_python(value) or "").splitlines():
            name, equals, text = line.partition("=")
            if not line.strip():
                continue
            if not equals or not name.strip() or not text.strip():
                raise ValidationError(
                    gettext("Write name = value, one per line: “%(strip)s”.") % {"strip": line.strip()}
                )
            pairs[name.strip()] = text.strip()
        return pairs

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{name} = {text}" for name, text in value.items()) if isinstance(value, dict) else value


class NamedForm(forms.Form):
    """A name and the key that is made from it where it is left empty; what is defined stays."""

    fixed: tuple[str, ...] = ()

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=60,
        required=False,
        validators=[KEY],
        help_text=gettext_lazy("Empty: made from the name."),
    )

    def fix(self) -> None:
        """For what is defined already: only names can be written."""
        for name in self.fixed:
            self.fields[name].disabled = True

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        values["key"] = values.get("key") or slugify(values.get("name") or "")[:60]
        return values


class MeterForm(NamedForm):
    """A meter: which events it listens to, and what it makes of them."""

    fixed = ("key", "event_type", "aggregation", "value_path", "dimensions")

    event_type = forms.CharField(
        label=gettext_lazy("Event type"), max_length=120, help_text=gettext_lazy("The CloudEvents type: api.request")
    )
    aggregation = forms.ChoiceField(
        label=gettext_lazy("Aggregation"),
        choices=Aggregation.choices,
        widget=forms.RadioSelect,
        initial=Aggregation.COUNT,
    )
    value_path = forms.CharField(
        label=gettext_lazy("Value property"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("A path such as $.tokens; not for count."),
    )
    dimensions = PairsField(
        label=gettext_lazy("Dimensions"),
        required=False,
        help_text=gettext_lazy("What features may filter by, one per line: region = $.region"),
    )

    def __init__(self, data: Data, *, meter: Meter | None) -> None:
        names = ("name", *self.fixed)
        super().__init__(data, initial={name: getattr(meter, name) for name in names} if meter else None)
        if meter:
            self.fix()


class FeatureForm(NamedForm):
    """A feature: a meter with filters on its dimensions, or static without one."""

    fixed = ("key", "meter", "filters")

    unit = forms.CharField(
        label=gettext_lazy("Unit"), max_length=40, initial="unit", help_text=gettext_lazy("Singular: request")
    )
    unit_plural = forms.CharField(
        label=gettext_lazy("Units"), max_length=40, initial="units", help_text=gettext_lazy("Plural: requests")
    )
    meter = forms.ModelChoiceField(
        Meter.objects.order_by("name"),
        label=gettext_lazy("Meter"),
        required=False,
        empty_label=gettext_lazy("None: static, never used"),
    )
    filters = PairsField(
        label=gettext_lazy("Filters"),
        required=False,
        help_text=gettext_lazy("Which events count, one dimension per line: region = eu-west, eu-central"),
    )

    def __init__(self, data: Data, *, feature: Feature | None) -> None:
        super().__init__(data, initial=_feature_values(feature) if feature else None)
        if feature:
            self.fix()

    def clean_filters(self) -> dict[str, list[str]]:
        pairs: dict[str, str] = self.cleaned_data["filters"]
        return {name: [value.strip() for value in text.split(",") if value.strip()] for name, text in pairs.items()}


def _feature_values(feature: Feature) -> dict[str, Any]:
    filters = {name: ", ".join(values) for name, values in feature.filters.items()}
    names = ("name", "key", "unit", "unit_plural", "meter")
    return {**{name: getattr(feature, name) for name in names}, "filters": filters}
