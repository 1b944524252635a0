"""What staff fill in to change a customer and its people: each asks why."""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy

from accounts.details import check_sales_contact
from accounts.exceptions import SalesContactInvalidError
from accounts.forms import BillingDetailsForm, InvitationForm
from accounts.models import BillingProfile, Customer, Membership, Role, SubjectKind
from accounts.sales import SalesContact

Data = Mapping[str, Any] | None
REASON_HINT = gettext_lazy("For the audit trail; the customer does not see it.")


def reason_field() -> forms.CharField:
    return forms.CharField(label=gettext_lazy("Reason"), max_length=300, help_text=REASON_HINT)


class WhyForm(forms.Form):
    """Nothing but the reason."""

    reason = reason_field()


class OnceForm(WhyForm):
    """`key` is made when the page is shown, so that sending the form twice does it once."""

    key = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)

    def __init__(self, data: Data = None) -> None:
        super().__init__(data, initial={"key": token_hex(16)})


class ViewForm(OnceForm):
    """«Log in as viewer»."""


class RenameForm(WhyForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    field_order = ("name", "reason")


class ContactFields(forms.Form):
    """Whom in sales a customer talks to."""

    contact_name = forms.CharField(
        label=gettext_lazy("Name of the sales contact"),
        max_length=100,
        required=False,
        help_text=gettext_lazy("Shown to the customer. Both empty: the general address of sales."),
    )
    contact_email = forms.EmailField(label=gettext_lazy("E-mail of the sales contact"), required=False)

    def clean(self) -> dict[str, Any]:
        if not self.errors.keys() & {"contact_name", "contact_email"}:
            contact = self.contact()
            try:
                check_sales_contact(contact.name, contact.email)
            except SalesContactInvalidError as error:
                self.add_error("contact_email" if contact.name else "contact_name", error.message)
        return self.cleaned_data

    def contact(self) -> SalesContact:
        return SalesContact(self.cleaned_data["contact_name"], self.cleaned_data["contact_email"])


def contact_of(customer: Customer) -> dict[str, str]:
    """What the fields begin with."""
    return {"contact_name": customer.sales_contact_name, "contact_email": customer.sales_contact_email}


class ContactForm(ContactFields, WhyForm):
    field_order = ("contact_name", "contact_email", "reason")


class DetailsForm(BillingDetailsForm):
    """The customer's own form, and why staff fill it in."""

    reason = reason_field()

    def __init__(self, data: Data, profile: BillingProfile) -> None:
        super().__init__(data, instance=profile)

    @property
    def values(self) -> dict[str, Any]:
        """As `update_billing_profile` takes them."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reason"}


class SubjectForm(WhyForm):
    """One more way in which events name the customer."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Map to"), choices=SubjectKind.choices, widget=forms.RadioSelect, initial=SubjectKind.SUBJECT
    )
    subject = forms.CharField(
        label=gettext_lazy("Value"),
        max_length=200,
        help_text=gettext_lazy("The <code>subject</code> of its events, letter by letter."),
    )
    field_order = ("kind", "subject", "reason")


class InviteForm(InvitationForm):
    reason = reason_field()


class _PersonForm(WhyForm):
    """About one member: where nobody would be left who can change anything, that has to be ticked."""

    leaves_no_admin = forms.BooleanField(required=False)

    def __init__(self, data: Data, customer: Customer, *, is_last_admin: bool, initial: Data = None) -> None:
        super().__init__(data, initial=dict(initial or {}))
        if is_last_admin:
            self.fields["leaves_no_admin"].label = gettext("Leave %(customer)s without a billing admin") % {
                "customer": customer
            }
        else:
            del self.fields["leaves_no_admin"]

    @property
    def is_said(self) -> bool:
        """Whether it was said that no billing admin is left."""
        return bool(self.cleaned_data.get("leaves_no_admin"))


class RoleForm(_PersonForm):
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role.choices, widget=forms.RadioSelect)
    field_order = ("role", "leaves_no_admin", "reason")

    def __init__(self, data: Data, member: Membership, *, is_last_admin: bool) -> None:
        super().__init__(data, member.customer, is_last_admin=is_last_admin, initial={"role": member.role})


class RemoveMemberForm(_PersonForm):
    field_order = ("leaves_no_admin", "reason")

    def __init__(self, data: Data, member: Membership, *, is_last_admin: bool) -> None:
        super().__init__(data, member.customer, is_last_admin=is_last_admin)
