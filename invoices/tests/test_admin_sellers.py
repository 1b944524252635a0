"""Who issues documents: changed by a form, with the reason, and never without it."""

import pytest
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
        shown = {"id": rate.pk, "seller": seller.pk, "country": rate.country, "label": rate.label or "Tax"}
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
