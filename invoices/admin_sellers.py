"""Who issues documents, and the taxes: the one form of money that is a plain form. Issued documents keep their copy."""

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy
from stdnum import iban

from accounts.audit import record
from accounts.countries import country_choices, country_names
from accounts.forms import check_tax_id
from accounts.staff import staff_user
from accounts.staff_lists import StaffTable, TabularInline
from core.clock import now
from invoices.brand import LARGEST, UnfitLogoError, is_colour, is_readable, logo_address
from invoices.einvoice_codes import VATEX
from invoices.einvoice_needs import needs_of_seller
from invoices.models import Seller, TaxRate


class SellerForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """With the reason, which the audit trail keeps."""

    country = forms.ChoiceField(label=gettext_lazy("Country"), choices=country_choices)
    new_logo = forms.FileField(
        required=False,
        label=gettext_lazy("Logo"),
        help_text=gettext_lazy("PNG or SVG up to 64 KB, for the head of PDFs that are made from now on"),
    )
    remove_logo = forms.BooleanField(required=False, label=gettext_lazy("Remove the logo"))
    reason = forms.CharField(max_length=300, help_text=gettext_lazy("Kept in the audit trail: New registered office"))

    class Meta:
        model = Seller
        exclude = ("logo",)  # noqa: DJ006 - every other column is the seller's own

    def clean_accent(self) -> str:
        accent = str(self.cleaned_data["accent"]).lower()
        if accent and not is_colour(accent):
            raise forms.ValidationError(gettext("A colour is # and six hexadecimal digits, like #1f4b99."))
        if accent and not is_readable(accent):
            raise forms.ValidationError(
                gettext("On white paper this colour is too light to be read. Choose a darker one.")
            )
        return accent

    def clean_iban(self) -> str:
        typed = str(self.cleaned_data["iban"])
        if typed and not iban.is_valid(typed):
            raise forms.ValidationError(gettext("This is not a valid IBAN. Please check it."))
        return str(iban.format(typed))

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or self.cleaned_data
        check_tax_id(self, values)
        return values

    def clean_new_logo(self) -> str:
        file = self.cleaned_data["new_logo"]
        try:
            return logo_address(file.read(LARGEST + 1)) if file else ""
        except UnfitLogoError as error:
            raise forms.ValidationError(str(error)) from error

    def save(self, commit: bool = True) -> Seller:
        seller: Seller = self.instance
        new = self.cleaned_data["new_logo"]
        seller.logo = new or ("" if self.cleaned_data["remove_logo"] else seller.logo)
        return cast("Seller", super().save(commit))


def rate_countries() -> list[tuple[str, str]]:
    """Everybody else first: the row for every country that has none of its own."""
    return [("", gettext("Everybody else")), *country_names().items()]


def reason_codes() -> list[tuple[str, str]]:
    """What the data of documents can say: no other code is valid there."""
    return [("", gettext("No code")), *((code, code) for code in sorted(VATEX))]


class TaxRateForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    country = forms.ChoiceField(label=gettext_lazy("Country"), choices=rate_countries, required=False)
    reason_code = forms.ChoiceField(label=gettext_lazy("VATEX code"), choices=reason_codes, required=False)

    class Meta:
        model = TaxRate
        fields = ("country", "label", "percent", "category", "reason", "reason_code", "inclusive")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["label"].required = False  # what is not taxed at all has none

    def clean(self) -> dict[str, Any] | None:
        values = super().clean() or self.cleaned_data
        if values.get("percent") and not values.get("label"):
            self.add_error("label", gettext("Name the tax that is charged."))
        return values


class TaxRateInline(TabularInline):
    model = TaxRate
    form = TaxRateForm
    extra = 0


@admin.register(Seller)
class SellerAdmin(StaffTable):
    """Documents that are issued from now on say what is saved here; drafts are taxed anew when they are issued."""

    form = SellerForm
    list_display = ("legal_name", "key", "country", "tax_id", "number_prefix", "missing")
    csv_columns = ("key", "legal_name", "country", "tax_id", "number_prefix")
    inlines: ClassVar = [TaxRateInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("tax_rates")

    @admin.display(description=gettext_lazy("E-invoices (XML)"))
    def missing(self, seller: Seller) -> str:
        return needs_of_seller(seller) or gettext("Nothing is missing.")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        stored = Seller.objects.filter(pk=obj.pk).first()
        form.before = stored.facts() if stored else {}
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        after = form.instance.facts()
        moved = [name for name in after if form.before.get(name) != after[name]]
        record(
            at=now(),
            actor=staff_user(request),
            customer_id=None,
            action="save_seller",
            subject=f"seller:{form.instance.key}",
            before={name: form.before[name] for name in moved if name in form.before},
            after={name: after[name] for name in moved},
            reason=form.cleaned_data["reason"],
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
