"""Who issues documents, at which rates of tax, and the numbers given so far."""

from hashlib import sha256
from typing import Any

from django.db import models
from django.db.models import Q

from invoices.totals import TaxCategory, TaxRule


class Seller(models.Model):
    """The legal entity that issues documents. Issued documents keep their own copy of it."""

    key = models.SlugField(max_length=40, unique=True)
    legal_name = models.CharField(max_length=200)
    line1 = models.CharField(max_length=200)
    line2 = models.CharField(max_length=200, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=100)
    country = models.CharField(max_length=2)
    tax_id = models.CharField(max_length=40, blank=True)
    registration = models.CharField(max_length=200, blank=True, help_text="Register, number, capital – as law asks")
    late_payment = models.TextField(
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text="Below the terms of invoices, as law asks: interest and charges for late payment, discounts",
    )
    legal_note = models.TextField(
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text="On invoices and credit notes, where law asks for a sentence of its own: cash accounting",
    )
    email = models.EmailField()
    iban = models.CharField(max_length=40, blank=True)
    number_prefix = models.CharField(
        max_length=10, blank=True, unique=True, help_text="Before INV and RCP, so that two sellers never share a number"
    )
    accent = models.CharField(
        "colour",
        max_length=7,
        blank=True,
        default="",
        db_default="",
        help_text="Of titles and sums on PDFs: #1f4b99. Else black",
    )
    logo = models.TextField(blank=True, default="", db_default="", help_text="A data: address, of the head of PDFs")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(country__regex="^[A-Z]{2}$"), name="seller_country_code"),
            models.CheckConstraint(condition=Q(accent__regex="^(#[0-9a-f]{6})?$"), name="seller_accent_is_a_colour"),
            models.CheckConstraint(
                condition=Q(logo="") | Q(logo__startswith="data:image/"), name="seller_logo_is_an_image"
            ),
        )

    def __str__(self) -> str:
        return self.legal_name

    def facts(self) -> dict[str, Any]:
        """Every column and the rates, as JSON values for the audit trail; of the logo its SHA-256."""
        own = {field.name: getattr(self, field.name) for field in self._meta.concrete_fields if not field.primary_key}
        logo = sha256(self.logo.encode()).hexdigest() if self.logo else ""
        return {**own, "logo": logo, "tax_rates": [rate.in_words() for rate in self.tax_rates.order_by("pk")]}


CATEGORIES = [
    (str(TaxCategory.STANDARD), "standard rate"),
    (str(TaxCategory.ZERO_RATED), "zero-rated"),
    (str(TaxCategory.EXEMPT), "exempt"),
    (str(TaxCategory.REVERSE_CHARGE), "reverse charge"),
    (str(TaxCategory.EXPORT), "export"),
    (str(TaxCategory.OUTSIDE_SCOPE), "outside scope"),
]


class TaxRate(models.Model):
    """The seller's table: which rates customers of a country pay. An empty country is everybody else.

    Several rows of a country are several taxes on the same amount, each rounded by itself.
    """

    seller = models.ForeignKey(Seller, on_delete=models.CASCADE, related_name="tax_rates")
    country = models.CharField(max_length=2, blank=True)
    label = models.CharField(max_length=40, help_text="As printed: VAT, Sales tax")
    percent = models.DecimalField(max_digits=7, decimal_places=4)
    category = models.CharField(max_length=2, choices=CATEGORIES, default="S", db_default="S")
    reason = models.CharField(
        max_length=200, blank=True, db_default="", help_text="Why nothing is charged, as printed on documents"
    )
    reason_code = models.CharField(max_length=40, blank=True, db_default="", help_text="VATEX code, if there is one")
    inclusive = models.BooleanField(default=False, db_default=False, help_text="Prices contain this tax already")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("seller", "country", "label"), name="tax_rate_once"),
            models.CheckConstraint(condition=Q(country__regex="^([A-Z]{2})?$"), name="tax_rate_country_code"),
            models.CheckConstraint(condition=Q(percent__gte=0, percent__lt=100), name="tax_rate_percent_valid"),
            models.CheckConstraint(
                condition=Q(category__in=[code for code, _ in CATEGORIES]), name="tax_rate_category_known"
            ),
            models.CheckConstraint(condition=Q(category="S") | Q(percent=0), name="tax_rate_only_standard_is_charged"),
            models.CheckConstraint(condition=~Q(category="E") | ~Q(reason=""), name="tax_rate_exempt_has_reason"),
        )

    def __str__(self) -> str:
        return f"{self.label} {self.percent.normalize():f} % {self.country or '(others)'}"

    def in_words(self) -> str:
        """`VAT 20 % FR, standard rate`, with whatever else the row says."""
        notes = [self.get_category_display(), self.reason, self.reason_code, "included" if self.inclusive else ""]
        return ", ".join([str(self), *(note for note in notes if note)])

    def rule(self) -> TaxRule:
        """The row as a pure value."""
        return TaxRule(self.label, self.percent, self.category, self.reason, self.reason_code, self.inclusive)


class InvoiceSequence(models.Model):
    """The last number given per seller, series and year. Locked last, after the customers."""

    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="+")
    series = models.CharField(max_length=20, help_text="INV, RCP – with the seller's prefix")
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("seller", "series", "year"), name="invoice_sequence_once"),)

    def __str__(self) -> str:
        return f"{self.series}-{self.year}-{self.last:06d}"
