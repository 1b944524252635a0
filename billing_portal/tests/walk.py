"""One person's walk through the whole house, click by click, by the labels people see."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from django.core import mail
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Locator, Page, expect
from pypdf import PdfReader

from accounts.models import BillingProfile, Customer, User
from accounts.services.open_customer import open_customer
from billing_portal.billing_run import RunReport, run_billing
from billing_portal.tests.admin.test_staff_browser import enter
from billing_portal.tests.people import on_plus
from core import clock
from plans.seed import Catalogue

EMAIL = "walker@example.com"
PASSWORD = "a-long-walk-in-the-park"
MONEY = re.compile(r"[−-]?\$[\d,]+\.\d{2}(?!\d)")

SUBSCRIBED_AT = datetime(2026, 10, 20, 10, 0, tzinfo=UTC)
CALCULATED_AT = datetime(2026, 11, 17, 1, 5, tzinfo=UTC)
BILLED_AT = datetime(2026, 11, 20, 0, 5, tzinfo=UTC)


@dataclass
class Walk:
    page: Page
    catalogue: Catalogue

    def begin_on_plus(self, card: str = "4242424242424242") -> None:
        """What signing up and upgrading by hand come to, which one walk does; the others begin here."""
        user = User.objects.create_user(EMAIL, PASSWORD)
        customer = open_customer(name="Walker & Daughters", user=user, at=SUBSCRIBED_AT, actor=user)
        lives = {"country": "FR", "line1": "2 quai de la Promenade", "postal_code": "69001", "city": "Lyon"}
        BillingProfile.objects.update_or_create(customer=customer, defaults=lives)
        on_plus(customer, user, self.catalogue, SUBSCRIBED_AT, card=card)
        client = Client()
        client.force_login(user)
        enter(self.page, client)

    def sign_up(self) -> None:
        page = self.page
        page.goto("/accounts/signup/")
        page.get_by_label("Company name").fill("Walker & Daughters")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign up").click()
        link = re.search(r"http://\S+/confirm-email/\S+", str(mail.outbox[-1].body))
        assert link, mail.outbox[-1].body
        page.goto(link[0])
        page.get_by_role("button", name="Confirm").click()
        page.get_by_role("link", name="Settings", exact=True).first.click()
        page.get_by_role("main").get_by_role("link", name="Billing and Usage").first.click()
        expect(page.get_by_role("heading", name="Billing and Usage", level=1)).to_be_visible()

    def upgrade(self, card: str = "4242 4242 4242 4242") -> None:
        page = self.page
        page.get_by_role("main").get_by_role("link", name="Change Plan").first.click()
        page.get_by_role("link", name=re.compile("^Upgrade")).click()
        page.get_by_label("Legal or company name").fill("Walker & Daughters SARL")
        page.get_by_label("Country").select_option("FR")
        page.get_by_label("Address line 1").fill("2 quai de la Promenade")
        page.get_by_label("Postal code").fill("69001")
        page.get_by_label("City").fill("Lyon")
        page.get_by_role("button", name="Subscribe").click()
        self.enter_card(card)
        expect(page.get_by_role("heading", name="Billing and Usage", level=1)).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("Meridian Plus")

    def enter_card(self, number: str) -> None:
        page = self.page
        page.get_by_role("button", name="Continue to secure card page").click()
        page.get_by_label("Card number").fill(number)
        page.get_by_label(re.compile("^Expir")).fill("12/30")
        page.get_by_label(re.compile("^CVC|^Security code")).fill("123")
        page.get_by_role("button", name=re.compile("^Save card")).click()

    def use(self, access_log: Path, token_trace: Path, *, on: str = "2026-10-25") -> None:
        """Real traffic, shifted into the usage window that is running."""
        key = Customer.objects.get(memberships__user__email=EMAIL).key
        for path, form in ((access_log, "access-log"), (token_trace, "llm-trace")):
            arguments = ("--format", form, "--customer", key, "--shift-to", on, "--at", "2026-10-31")
            call_command("import_usage", str(path), *arguments)

    def run(self, at: datetime) -> RunReport:
        with clock.travel_to(at):
            return run_billing(at=at)

    def overview(self) -> Locator:
        self.page.goto("/settings/billing/")
        return self.page.get_by_role("main")

    def billing_portal(self) -> Locator:
        self.overview().get_by_role("link", name="Go to billing portal").first.click()
        return self.page.get_by_role("main")

    def open_latest_invoice(self) -> Page:
        """The icon beside the billing period opens the invoice in a new tab."""
        self.billing_portal()
        icon = self.page.get_by_role("link", name=re.compile(r"^View invoice .* \(opens in new tab\)$")).first
        with self.page.expect_popup() as opened:
            icon.click()
        return opened.value

    def download(self, page: Page, label: str) -> tuple[str, str]:
        """File name and text of a PDF saved by its button."""
        with page.expect_download() as download:
            page.get_by_role("link", name=re.compile(f"^{label}")).first.click()
        content = Path(download.value.path()).read_bytes()
        assert content.startswith(b"%PDF-")
        return download.value.suggested_filename, pdf_text(content)


def pdf_text(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)


def figures(text: str) -> list[str]:
    """Every amount of money in a text, in its order."""
    return MONEY.findall(text)
