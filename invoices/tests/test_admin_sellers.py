"""Who issues documents: changed by a form, with the reason, and never without it."""

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models import AuditEntry
from invoices.models import Seller

pytestmark = pytest.mark.django_db


def form_of(seller, **values):
    """The form as it is shown, with other values."""
    own = {
        field.name: getattr(seller, field.name)
        for field in Seller._meta.concrete_fields
        if field.name not in values and not field.primary_key
    }
    rates = list(seller.tax_rates.order_by("pk")) if seller.pk else []
    form = {"tax_rates-TOTAL_FORMS": len(rates), "tax_rates-INITIAL_FORMS": len(rates)}
    for number, rate in enumerate(rates):
        shown = {"id": rate.pk, "seller": seller.pk, "country": rate.country, "label": rate.label}
        shown |= {"percent": rate.percent, "category": rate.category}
        form |= {f"tax_rates-{number}-{name}": value for name, value in shown.items()}
    return own | form | values


def url_of(seller):
    return reverse("admin:invoices_seller_change", args=[seller.pk])


def test_it_says_who_changed_what_and_why(seller, as_clerk, clerk):
    form = form_of(seller, legal_name="Meridian Group SAS", reason="New registered office")
    assert as_clerk.post(url_of(seller), form | {"tax_rates-0-percent": "21"}).status_code == 302
    entry = AuditEntry.objects.get(action="save_seller")
    assert (entry.actor, entry.subject, entry.reason) == (clerk, "seller:main", "New registered office")
    assert entry.before["legal_name"] == "Meridian Cloud SAS"
    assert entry.after["legal_name"] == "Meridian Group SAS"
    assert "VAT 20 % FR" in str(entry.before["tax_rates"])
    assert "VAT 21 % FR" in str(entry.after["tax_rates"])
    assert "city" not in entry.after


def test_a_new_one_is_told_with_all_it_says(as_clerk):
    new = Seller(
        key="us", legal_name="Meridian Inc", line1="1 Main St", city="Reno", country="US", email="us@example.com",
        number_prefix="US",
    )  # fmt: skip
    answer = as_clerk.post(reverse("admin:invoices_seller_add"), form_of(new, reason="We begin in the United States"))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    entry = AuditEntry.objects.get(action="save_seller")
    assert (entry.subject, entry.before, entry.after["legal_name"]) == ("seller:us", {}, "Meridian Inc")


@pytest.mark.parametrize("reason", ["", "   "])
def test_nothing_is_saved_without_a_reason(seller, as_clerk, reason):
    form = form_of(seller, legal_name="Meridian Group SAS", reason=reason)
    page = as_clerk.post(url_of(seller), form | {"tax_rates-0-percent": "21"})
    assert "This field is required." in page.text
    seller.refresh_from_db()
    assert (seller.legal_name, seller.tax_rates.get(country="FR").percent) == ("Meridian Cloud SAS", 20)
    assert not AuditEntry.objects.filter(action="save_seller").exists()


def test_only_who_manages_changes_it(seller, auditor, supporter, cataloger, log_in):
    form = form_of(seller, legal_name="Another", reason="No")
    assert {log_in(one).post(url_of(seller), form).status_code for one in (auditor, supporter, cataloger)} == {403}
    seller.refresh_from_db()
    assert seller.legal_name == "Meridian Cloud SAS"


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("country", "uk", "Select a valid choice"),
        ("country", "ZZ", "Select a valid choice"),
        ("country", "", "This field is required."),
        ("iban", "FR00 NOT AN IBAN", "This is not a valid IBAN."),
        ("tax_id", "FR123", "This is not a valid VAT number of this country (France)."),
        ("tax_rates-0-country", "de", "Select a valid choice"),
        ("tax_rates-0-reason_code", "VATEX-EU-999", "Select a valid choice"),
    ],
)
def test_what_nobody_knows_is_refused_by_field_and_rule(seller, as_clerk, field, typed, said):
    before = seller.facts()
    page = as_clerk.post(url_of(seller), form_of(seller, reason="New register") | {field: typed})
    assert (page.status_code, said in page.text) == (200, True)
    assert Seller.objects.get(pk=seller.pk).facts() == before


def test_only_a_rate_that_charges_needs_a_name(seller, as_clerk):
    """A row without one is what is not taxed at all: a name would make it zero-rated."""
    form = form_of(seller, reason="A new rate")
    assert as_clerk.post(url_of(seller), form).status_code == 302
    others = seller.tax_rates.get(country="")
    assert (others.label, others.rule().label) == ("", "")
    page = as_clerk.post(url_of(seller), form | {"tax_rates-1-percent": "5"})
    assert (page.status_code, "Name the tax that is charged." in page.text) == (200, True)


def test_an_iban_is_kept_as_it_is_printed(seller, as_clerk):
    form = form_of(seller, reason="New bank", iban="FR76-30006000 0112345678901 89")
    assert as_clerk.post(url_of(seller), form).status_code == 302
    seller.refresh_from_db()
    assert seller.iban == "FR76 3000 6000 0112 3456 7890 189"


@pytest.mark.parametrize("country", ["fr", "F"])
def test_the_database_keeps_no_country_that_taxes_do_not_know(seller, country):
    with pytest.raises(IntegrityError), transaction.atomic():
        Seller.objects.update(country=country)
    with pytest.raises(IntegrityError), transaction.atomic():
        seller.tax_rates.update(country=country)


def test_the_list_says_what_the_data_of_documents_lack(seller, as_clerk):
    sellers = reverse("admin:invoices_seller_changelist")
    assert "Nothing is missing." in as_clerk.get(sellers).text
    Seller.objects.update(tax_id="")
    assert "The e-invoice needs the seller&#x27;s tax ID." in as_clerk.get(sellers).text
    seller.tax_rates.filter(country="FR").delete()
    assert "Nothing is missing." in as_clerk.get(sellers).text
