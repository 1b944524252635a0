import pytest
from django.db import IntegrityError, connection

from accounts.audit_words import Row
from accounts.countries import country_names
from accounts.exceptions import InvalidBillingDetailsError
from accounts.figures import written
from accounts.models import AuditEntry, BillingProfile, Notice
from accounts.services.update_billing_profile import update_billing_profile
from accounts.tests.test_mail_choices import at_once
from core.language import override

ADDRESS = {"legal_name": "Wonder Limited", "line1": "1 Rabbit Hole", "city": "Oxford", "country": "GB"}


def change(customer, alice, at, **values):
    return update_billing_profile(customer_id=customer.pk, values=values, at=at, actor=alice)


def test_it_changes_the_named_details_only(customer, alice, at):
    profile = change(customer, alice, at, **ADDRESS, po_number=" PO-7 ")

    profile.refresh_from_db()
    assert (profile.legal_name, profile.country, profile.po_number) == ("Wonder Limited", "GB", "PO-7")
    assert profile.recipients == ["alice@example.com"]
    assert profile.is_complete


def test_it_says_in_one_audit_entry_what_changed(customer, alice, at):
    change(customer, alice, at, legal_name="Wonder Ltd", city="Oxford")

    entry = AuditEntry.objects.get(action="update_billing_profile")
    assert (entry.actor, entry.before, entry.after) == (alice, {"city": ""}, {"city": "Oxford"})


def test_it_writes_nothing_when_nothing_changed(customer, alice, at):
    change(customer, alice, at, **ADDRESS)
    change(customer, alice, at, **ADDRESS)

    assert AuditEntry.objects.filter(action="update_billing_profile").count() == 1
    assert Notice.objects.filter(template="accounts_billing_details").count() == 1


def test_it_tells_old_and_new_recipients(customer, alice, at):
    change(customer, alice, at, recipients=["new@example.com", "new@example.com", ""])

    notice = Notice.objects.get(template="accounts_billing_details")
    assert notice.to == ["alice@example.com", "new@example.com"]
    assert written(notice.context)["changes"] == [
        {"field": "Invoice recipients", "before": "alice@example.com", "after": "new@example.com"}
    ]
    assert BillingProfile.objects.get(customer=customer).recipients == ["new@example.com"]


def test_what_goes_with_mail_is_chosen_audited_and_told_like_every_detail(customer, alice, at):
    for _twice in range(2):
        profile = change(customer, alice, at, attach_pdf=False, attach_xml=True)

    assert (profile.attach_pdf, profile.attach_xml) == (False, True)
    [entry] = AuditEntry.objects.filter(action="update_billing_profile")
    assert (entry.before, entry.after) == (
        {"attach_pdf": True, "attach_xml": False},
        {"attach_pdf": False, "attach_xml": True},
    )
    assert [(each.name, each.before, each.after) for each in Row(entry).changes] == [
        ("Attach pdf", "yes", "no"),
        ("Attach xml", "no", "yes"),
    ]
    notice = Notice.objects.get(template="accounts_billing_details")
    assert written(notice.context)["changes"] == [
        {"field": "PDF attached to e-mails", "before": "yes", "after": "no"},
        {"field": "XML attached to e-mails", "before": "no", "after": "yes"},
    ]
    with override("de"):
        assert {"field": "PDF an E-Mails angehängt", "before": "ja", "after": "nein"} in written(notice.context)[
            "changes"
        ]


@pytest.mark.django_db(transaction=True)
def test_two_who_choose_what_goes_with_mail_at_once_are_told_one_after_the_other(customer, alice, at):
    at_once(*[lambda: change(customer, alice, at, attach_xml=True)] * 2)
    assert BillingProfile.objects.get(customer=customer).attach_xml
    assert AuditEntry.objects.filter(action="update_billing_profile").count() == 1


def test_older_code_that_writes_a_profile_attaches_what_it_attached(customer, at):
    texts = "legal_name, line1, line2, postal_code, city, region, country, tax_id, po_number"
    BillingProfile.objects.filter(customer=customer).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO accounts_billingprofile (customer_id, recipients, updated_at, {texts})"  # noqa: S608 – columns
            " VALUES (%s, '[]', %s, '', '', '', '', '', '', '', '', '')",
            [customer.pk, at],
        )
    profile = BillingProfile.objects.get(customer=customer)
    assert (profile.attach_pdf, profile.attach_xml) == (True, False)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"country": "XX"}, "Country: use a two-letter ISO 3166-1 code, such as FR."),
        ({"country": "EU"}, "Country: use a two-letter ISO 3166-1 code, such as FR."),
        ({"recipients": ["nobody"]}, "Invoice recipients: nobody is not an e-mail address."),
        ({"po_number": "7" * 61}, "Purchase order number: use at most 60 characters."),
        ({"iban": "FR76"}, "iban: there is no such billing detail."),
    ],
)
def test_it_names_the_field_and_the_rule(values, message, customer, alice, at):
    with pytest.raises(InvalidBillingDetailsError) as refusal:
        change(customer, alice, at, legal_name="Else", **values)

    assert (refusal.value.status, refusal.value.message) == (422, message)
    assert BillingProfile.objects.get(customer=customer).legal_name == "Wonder Ltd"


def test_it_holds_a_country_code_even_for_sql(customer):
    with pytest.raises(IntegrityError, match="billing_profile_country_code"):
        BillingProfile.objects.filter(customer=customer).update(country="fr")


def test_it_offers_countries_by_name_and_no_unions():
    names = country_names()

    assert names["FR"] == "France"
    assert list(names.values())[:2] == ["Afghanistan", "Åland Islands"]
    assert not {"EU", "UN", "ZZ", "001"} & set(names)
    assert 240 < len(names) < 260


def test_it_offers_countries_in_the_language_of_the_page():
    with override("de"):
        names = list(country_names().values())

    assert names.index("Norwegen") < names.index("Österreich") < names.index("Pakistan")
    assert country_names()["AT"] == "Austria"
