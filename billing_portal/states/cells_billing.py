"""States of the overview, of usage, and of the billing portal with cards, invoices and alerts."""

from django.urls import reverse

from accounts.models import CardSetup
from billing_portal.demo_data import SALES_DESK
from billing_portal.states.state import Address, State, confirming, nothing
from billing_portal.states.stories import payment_of
from billing_portal.states.telling import Scene, address_of
from plans.selectors import running, usage_to_date

OVERVIEW, USAGE, PORTAL = address_of("billing_overview"), address_of("billing_usage"), address_of("portal")
ADD_CARD, ALERTS = address_of("pm_add"), address_of("billing_notifications")
DETAILS = address_of("billing_details")
CONTACT = str(SALES_DESK)


def _usage(query: str) -> Address:
    return address_of("billing_usage", query=query)


def _explained(scene: Scene) -> str:
    [tokens] = [row for row in usage_to_date(running(scene.customer, scene.now)).rows if row.name == "AI tokens"]
    return reverse("billing_explain", args=[tokens.line_key])


def _explained_line(scene: Scene) -> str:
    [line] = scene.invoice().lines.filter(title__startswith="AI tokens")
    return reverse("billing_explain", args=[line.key])


def _ask(scene: Scene) -> str:
    return f"{_explained(scene)}ask/"


def _no_words(_scene: Scene) -> dict[str, str]:
    return {"key": "0" * 32}


def _invoice(number: int = 0) -> Address:
    return lambda scene: reverse("invoice", args=[scene.invoice(number).public_id])


INVOICE = _invoice()


def _invoice_pdf(scene: Scene) -> str:
    return reverse("invoice_pdf", args=[scene.invoice().public_id])


def _payment(scene: Scene) -> str:
    return reverse("payment_status", args=[scene.invoice().public_id, payment_of(scene).public_id])


def _pay(scene: Scene) -> str:
    return reverse("invoice_pay", args=[scene.invoice().public_id])


def _second_attempt(scene: Scene) -> dict[str, str]:
    return {"attempt": "2", "amount": str(scene.invoice().amount_due)}


def _another_amount(_scene: Scene) -> dict[str, str]:
    return {"attempt": "9", "amount": "1"}


def _back_from_card_page(scene: Scene) -> str:
    setup = CardSetup.objects.filter(customer=scene.customer).latest("pk")
    return f"{reverse('pm_add_return')}?setup={setup.key}"


def _card(ending: str) -> Address:
    return lambda scene: reverse("pm_delete", args=[scene.customer.payment_methods.get(last4=ending).key])


def _too_little(_scene: Scene) -> dict[str, str]:
    return {"amount": "-5", "language": "en"}


STATES = (
    # --- Billing and Usage ---
    State("overview/free", "free", "Nothing to pay, limits of the plan.", OVERVIEW, ("Nothing to pay on the Free plan.", "$130.56")),
    State("overview/active", "plus", "So far, projected, and when it is charged to which card.", OVERVIEW, ("Still counting", "From Visa ending 4242", "Projected", "So far $176.71")),
    State("overview/empty", "plus-new", "Nothing used yet.", OVERVIEW, ("No usage recorded",)),
    State("overview/too-little", "plus-thin", "Too early for a projection.", OVERVIEW, ("Not enough data to project",)),
    State("overview/calculated", "calculated", "Charges are final; the next window counts already.", OVERVIEW, ("Charges for this period are final", "Final $339.85")),
    State("overview/no-card", "no-card", "A payment that cannot work is said beforehand.", OVERVIEW, ("No payment method", "Add a payment method")),
    State("overview/card-expires", "card-expires", "The card will have expired.", OVERVIEW, ("Visa ending 4242 expires 10/2026",)),
    State("overview/past-due", "past-due", "Why, when it is tried again, and what to do.", OVERVIEW, ("Payment failed.", "Past due", "Cancel Plan", "$258.38")),
    State("overview/downgraded", "leaving", "Confirmed: on Free from this day on, with the final invoice.", address_of("plan_cancel"), ("Your plan is now Meridian Free.", "Final Meridian Plus invoice: $128.74.", "$138.89", "Why are you leaving?"), confirming),
    State("overview/enterprise", "enterprise", "Contract, dates and a contact; nothing to press.", OVERVIEW, ("Your plan is managed under a contract.", "Contract end", CONTACT)),
    State("overview/credit-only", "prepaid", "Credits used and left; no card is asked for.", OVERVIEW, ("Credits only", "of credits used", "$104.34")),
    State("overview/credits-low", "low", "Credit runs low, and whom to ask.", OVERVIEW, ("running low", "Ask for credits", "$0.75")),
    State("overview/credits-negative", "negative", "Below zero, and what the next grant does.", OVERVIEW, ("Overdrawn", "the next grant first covers this amount", "$6.90")),
    State("overview/credits-first", "credits-first", "Credits pay first, the card the rest; currencies side by side.", OVERVIEW, ("Paid with credits", "Available now in EUR", "$231.85", "$12.78 expire 27 Nov 2026")),
    State("overview/left-owing", "left-owing", "On Free, with what is overdue of the plan before.", OVERVIEW, ("Payment failed.", "Past due", "Overdue from INV-")),
    State("overview/on-hold", "on-hold", "Access is refused until everything overdue is paid.", OVERVIEW, ("On hold", "is refused until everything overdue is paid", "Payment failed.")),
    State("overview/contract-past-due", "contract-past-due", "Overdue under a contract, and whom to talk to.", OVERVIEW, ("Past due", "Overdue from INV-", f"View invoice {CONTACT}")),
    State("overview/confirm", "confirm", "The bank waits for the customer.", OVERVIEW, ("Action needed", "Your bank needs you to confirm $258.38. Confirm payment")),
    State("overview/processing", "processing", "A payment without an answer.", OVERVIEW, ("Payment of $258.38 is being processed. View payment",), looks_like="overview/confirm"),
    State("overview/delayed", "moved", "Usage stopped coming: no projection.", OVERVIEW, ("Usage is delayed (last update", "The total is not projected while usage is delayed")),
    State("overview/covered", "covered", "Credit has paid what is final: no card is asked for.", OVERVIEW, ("nothing will be charged on 20 Nov 2026", "Final $0.00", "Nothing to pay.")),
    State("overview/credits-returned", "credits-returned", "Usage that credit paid is taken back.", OVERVIEW, ("Still counting usage so far −$2.00", "Credits returned to your balance")),
    State("overview/late-usage", "late-usage", "On Free, with usage of the plan before that is not billed yet.", OVERVIEW, ("Usage of your plan before that reached us late", "at the earliest")),
    State("overview/late-usage-calculated", "late-usage-calculated", "On Free, with the invoice of that usage.", OVERVIEW, ("Charges for this period are final", "billed 20 Nov 2026.")),
    State("overview/changing", "changing", "Staff have scheduled another plan.", OVERVIEW, ("Your plan changes on 20 Nov 2026.",)),
    State("overview/no-card-needed", "no-card-needed", "A plan that requires no card.", OVERVIEW, ("Active", "By invoice. You don’t need a payment method.")),
    State("overview/credit-only-owing", "prepaid-owing", "What is overdue and what will be invoiced, beside the credits of two currencies.", OVERVIEW, ("Past due", "of credits used", "Available now in EUR", "Workshop", "Overdue from INV-")),
    State("overview/loading", "plus", "The page comes whole; a panel that is asked for again says that it is coming.", OVERVIEW, ("Current usage",), presses="Refresh usage", answer="held"),
    State("overview/error", "unpriceable", "What could not be worked out says so in its place; the rest stays.", OVERVIEW, ("We couldn't load the upcoming invoice. Your billing is not affected. Try again", "We couldn't work out your next payment just now.")),
    State("overview/no-answer", "plus", "A panel was asked for again, and the server failed: what was there stays.", OVERVIEW, ("This didn’t work. Reload and try again.",), presses="Refresh upcoming invoice", answer="fails"),
    State("overview/viewer", "plus", "Who may only read is told whom to ask.", OVERVIEW, ("to make changes",), who="viewer"),
    State("overview/member", "plus", "Who has no access is told who can give it.", OVERVIEW, ("Robin Harbour",), status=403, who="member"),
    # --- Usage and Explain ---
    State("usage/active", "plus", "Day by day, with the charge so far.", USAGE, ("Used so far", "Day by day")),
    State("usage/grouped", "plus", "By a dimension.", _usage("?meter=api-requests&group=route"), ("By route", "/v1/chat")),
    State("usage/empty", "plus-new", "Nothing matches.", USAGE, ("No usage matches.", "Clear filters")),
    State("usage/no-meters", "unmetered", "Nothing is metered, and nothing is wrong.", USAGE, ("No meters",)),
    State("usage/error", "plus", "A range that is none is named.", _usage("?period=custom&since=2026-11-09&until=2026-11-01"), ("There is a problem",), status=422),
    State("usage/loading", "plus", "Another question was asked, and the answer is to come.", USAGE, ("Used so far",), presses="Show", answer="held"),
    State("usage/no-answer", "plus", "Another question was asked, and the server failed: the last answer stays.", USAGE, ("This didn’t work. Reload and try again.", "Used so far"), presses="Show", answer="fails"),
    State("usage/delayed", "moved", "Nothing new for a while.", USAGE, ("Usage is delayed",)),
    State("usage/past-due", "past-due", "As active.", USAGE, ("Usage",), looks_like="usage/active"),
    State("usage/no-card", "no-card", "As active.", USAGE, ("Usage",), looks_like="usage/active"),
    State("usage/enterprise", "enterprise", "As active.", USAGE, ("Used so far",), looks_like="usage/active"),
    State("usage/credit-only", "prepaid", "What was used of credits.", USAGE, ("Credits used so far",)),
    State("usage/explained", "plus", "A running charge as an equation.", _explained, ("AI tokens", "$98.26")),
    State("usage/explained-invoiced", "paid", "A line of an issued invoice as an equation.", _explained_line, ("AI tokens", "INV-", "$166.32")),
    State("usage/explained-credits", "credits-first", "What credit paid of a line, by grant, and what it left.", _explained_line, ("Paid with credits", "Tokens only", "Left to the invoice", "$193.21")),
    State("usage/ask", "plus", "A question about a charge, which the form knows.", _ask, ("What would you like to know?", "AI tokens", "$98.26")),
    State("usage/ask-error", "plus", "What is missing is named.", _ask, ("There is a problem",), _no_words, 422),
    # --- Billing portal ---
    State("portal/active", "paid", "Two cards, nothing to pay, one invoice.", PORTAL, ("Mastercard ending 4444", "Default", "Paid")),
    State("portal/empty", "new", "No card, no invoice, and none needed.", PORTAL, ("You don’t need one on Free.", "Nothing to pay.", "No invoices yet.")),
    State("portal/past-due", "past-due", "What is to be paid stands on top, with the reason.", PORTAL, ("Past due", "$258.38", "The bank declined the card.", "We'll try again on 23 Nov 2026.")),
    State("portal/no-card", "no-card", "The plan needs a card.", PORTAL, ("Your plan has no payment method.",)),
    State("portal/first-invoice", "plus", "Nothing was billed yet, and the day on which it is.", PORTAL, ("Your first invoice will appear here on",)),
    State("portal/enterprise", "enterprise", "Read only, with a contact.", PORTAL, ("Self-service payment management is not available for Enterprise accounts.", CONTACT)),
    State("portal/credit-only", "prepaid", "No card needed; statements instead of invoices.", PORTAL, ("Credit statements", "Not needed: your plan is paid with credits.")),
    State("portal/expired-card", "card-expires", "An expired card is still listed.", PORTAL, ("10/2026", "Expired")),
    State("portal/viewer", "paid", "Read and download only.", PORTAL, ("Mastercard ending 4444",), who="viewer"),
    State("portal/details", "paid", "The customer as a party on documents.", DETAILS, ("Harbour Analytics Ltd",)),
    State("portal/details-error", "paid", "What is wrong is named.", DETAILS, ("There is a problem",), nothing, 422),
    # --- cards ---
    State("card/active", "new", "What will happen, before anybody leaves for the card page.", ADD_CARD, ("Continue to secure card page",)),
    State("card/another", "paid", "A second card, and which one is the default.", ADD_CARD, ("Your default is",)),
    State("card/loading", "new", "The way to the card page has begun.", ADD_CARD, ("Opening the card page…",), presses="Continue to secure card page", answer="held"),
    State("card/cancelled", "no-card", "Back without a card.", _back_from_card_page, ("No card was",), looks_like="portal/no-card"),
    State("card/duplicate", "paid", "The same card again.", _back_from_card_page, ("already",), looks_like="portal/active"),
    State("card/error", "provider-down", "The processor does not answer.", ADD_CARD, ("Nothing was saved and nothing was charged.",), nothing, 503),
    State("card/past-due", "past-due", "As ever; nothing is charged by adding a card.", ADD_CARD, ("Nothing is charged when you add a card.",), looks_like="card/another"),
    State("card/enterprise", "enterprise", "Not by self-service: a contact.", ADD_CARD, ("sales", CONTACT), status=403),
    State("card/credit-only", "prepaid", "Not needed, still possible.", ADD_CARD, ("Continue to secure card page",), looks_like="card/active"),
    State("card/delete", "paid", "Asked once more.", _card("4444"), ("Delete Mastercard ending 4444?",)),
    State("card/delete-refused", "paid", "The default of a paid plan stays.", _card("4242"), ("You can't delete the default payment method unless",)),
    # --- invoices ---
    State("invoice/draft", "calculated", "Calculated, not issued.", INVOICE, ("Draft invoice", "The charges are final.", "$339.85")),
    State("invoice/past-due", "past-due", "Why, what happens when, and Pay.", INVOICE, ("Past due", "What happens when", "Payment failed.", "$258.38")),
    State("invoice/error", "declined", "Pay was pressed, and the card declined.", _pay, ("Payment of", "$258.38"), _second_attempt),
    State("invoice/stale", "declined", "Pay was pressed, and another amount is due by now.", _pay, ("Nothing was done", "$258.38"), _another_amount, 409),
    State("invoice/loading", "processing", "The payment is on its way.", _payment, ("Processing $258.38",)),
    State("invoice/unknown", "unknown", "Nobody knows yet, and nothing is paid twice.", INVOICE, ("know yet whether",)),
    State("invoice/unknown-status", "unknown", "The same, after Pay.", _payment, ("know yet whether",)),
    State("invoice/confirm", "confirm", "The bank wants a confirmation.", INVOICE, ("Your bank needs you to confirm", "$258.38")),
    State("invoice/confirm-status", "confirm", "The same, after Pay.", _payment, ("Confirm with your bank",)),
    State("invoice/no-card", "no-card", "A card comes before Pay.", INVOICE, ("Open", "Add a payment method", "$258.38")),
    State("invoice/first-card", "first-card", "Pay is a choice of its own, not made by adding a card.", INVOICE, ("Due", "Pay with Visa ending 4242.", "$258.38")),
    State("invoice/paid", "paid", "Paid, with receipt.", INVOICE, ("Paid", "Download receipt", "$258.38")),
    State("invoice/empty", "zero", "Credit paid all of it.", INVOICE, ("$0.00",)),
    State("invoice/part-paid", "part-paid", "Half came from outside; the rest is to pay.", INVOICE, ("Partly paid", "$40.00 paid", "$218.38")),
    State("invoice/void", "void", "Void: nothing to pay.", INVOICE, ("Void since", "Nothing to pay")),
    State("invoice/written-off", "written-off", "Given up, still payable.", INVOICE, ("Uncollectible", "$258.38")),
    State("invoice/credited", "credited", "Paid, and credited afterwards.", INVOICE, ("Credited",)),
    State("invoice/credit-note", "credited", "The document that gives back.", _invoice(1), ("Credit note", "$258.38")),
    State("invoice/enterprise", "enterprise", "By transfer, as the contract says.", INVOICE, ("Please pay as your contract says", "$258.38", CONTACT)),
    State("invoice/no-document", "calculated", "A draft has no PDF yet.", _invoice_pdf, ("Not issued yet.", "which you can print"), status=404),
    State("invoice/viewer", "no-card", "Who may not pay is told so.", INVOICE, ("Only a billing admin can pay.",), who="viewer"),
    # --- recipients and alerts ---
    State("alerts/active", "plus", "A budget, and how far it is used.", ALERTS, ("your budget of $200.00", "Attach to e-mails")),
    State("alerts/viewer", "plus", "Who may only read sees what is chosen.", ALERTS, ("Attached to e-mails", "Only a billing admin can change it."), who="viewer"),
    State("alerts/error", "plus", "What is wrong is named.", ALERTS, ("There is a problem",), _too_little, 422),
)  # fmt: skip
