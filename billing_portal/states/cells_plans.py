"""States of Change Plan, Subscribe, Contact Sales and Confirm Downgrade."""

from billing_portal.demo_data import SALES_DESK
from billing_portal.states.state import State, confirming, nothing
from billing_portal.states.stories import inquiry_of
from billing_portal.states.telling import ADDRESS, Scene, address_of
from plans.models import QuoteKind

PLANS, UPGRADE = address_of("plan_change"), address_of("plan_upgrade", "plus")
CONTACT = str(SALES_DESK)
SALES, CANCEL = address_of("contact_sales"), address_of("plan_cancel")


def _no_name(_scene: Scene) -> dict[str, str]:
    return {**ADDRESS, "legal_name": "", "recipients": "nobody"}


def _subscribing(scene: Scene) -> dict[str, str]:
    return {**ADDRESS, "recipients": scene.admin.email, "quote": scene.quote(QuoteKind.SUBSCRIBE)}


def _sent(scene: Scene) -> str:
    return address_of("contact_sales_sent", inquiry_of(scene))(scene)


STATES = (
    # --- Change Plan ---
    State("plans/free", "free", "Free is the current plan, Plus can be chosen.", PLANS, ("Current plan", "Upgrade")),
    State("plans/plus", "plus", "On Plus, Free means to cancel.", PLANS, ("Current plan", "Cancel Plan")),
    State(
        "plans/past-due",
        "left-owing",
        "What is overdue is paid first.",
        PLANS,
        ("An invoice is past due.", "Pay the overdue invoice first"),
    ),
    State("plans/no-card", "no-card", "A missing card changes nothing.", PLANS, ("Compare the plans",), looks_like="plans/plus"),
    State(
        "plans/enterprise",
        "enterprise",
        "A contract is left by talking to sales.",
        PLANS,
        ("There is no self-serve downgrade option for Enterprise plans.", CONTACT),
    ),
    State("plans/credit-only", "prepaid", "The plan by credits stands among the others.", PLANS, ("Prepaid", "Current plan", "Charges would move from credits to invoices")),
    State("plans/viewer", "plus", "Who may not change the plan is told who can.", PLANS, ("Only a billing admin can change the plan",), who="viewer"),
    State("plans/loading", "plus", "The tiles are there; what the last 30 days would have cost is to come.", PLANS, ("On your last 30 days: see the estimate",), answer="held"),
    State("plans/error", "unpriceable", "One estimate can't be told; its tile and the others stay.", PLANS, ("On your last 30 days: not available", "Try again", "Explain")),
    # --- Subscribe ---
    State("upgrade/loading", "free", "«Subscribe» was pressed, and the answer is to come.", UPGRADE, ("Subscribing…",), presses="Subscribe", answer="held"),
    State("upgrade/no-card", "free", "The card comes after Subscribe.", UPGRADE, ("Due today", "Card details are entered on our payment provider", "$58.80", "$156.67")),
    State("upgrade/cards", "two-cards", "Of several cards one is chosen; the region is asked for where there is one.", UPGRADE, ("Charged to", "Mastercard ending 4444", "The card you choose becomes your default.")),
    State("upgrade/error", "free", "What is missing is named, what was typed is kept.", UPGRADE, ("There is a problem",), _no_name, 422),
    State("upgrade/moved", "quoted", "The figures were held too long: they are shown again.", UPGRADE, ("The figures were held until",), _subscribing, 409),
    State("upgrade/past-due", "left-owing", "No new plan before the overdue invoice: back to the overview.", UPGRADE, ("Pay the overdue invoice first.",)),
    State("upgrade/enterprise", "enterprise", "A contract is not upgraded here: back to the overview.", UPGRADE, ("Contact your sales representative.",), looks_like="overview/enterprise"),
    State("upgrade/credit-only", "prepaid", "Charges move from credits to the card.", UPGRADE, ("charges move from credits to your card",)),
    State("upgrade/already", "plus", "Back after success: already there.", UPGRADE, ("You're already on Meridian Plus.",), looks_like="overview/active"),
    # --- Contact Sales ---
    State("sales/active", "free", "The form, with what is known filled in.", SALES, ("What do you need?",)),
    State("sales/loading", "free", "«Contact Sales» was pressed, and the answer is to come.", SALES, ("Sending…",), types=(("message", "Two million requests a month from March."),), presses="Contact Sales", answer="held"),
    State("sales/error", "free", "What is missing is named.", SALES, ("There is a problem",), nothing, 422),
    State("sales/sent", "free", "It has arrived, under a reference.", _sent, ("A sales representative will contact you",)),
    State("sales/past-due", "past-due", "Allowed.", SALES, ("What do you need?",), looks_like="sales/active"),
    State("sales/no-card", "no-card", "Allowed.", SALES, ("What do you need?",), looks_like="sales/active"),
    State("sales/credit-only", "prepaid", "Allowed.", SALES, ("What do you need?",), looks_like="sales/active"),
    State("sales/enterprise", "enterprise", "Already there: a contact instead of a form.", SALES, ("You are on an Enterprise plan already", CONTACT)),
    # --- Confirm Downgrade ---
    State("cancel/active", "plus", "The final invoice to the cent, before it is confirmed.", CANCEL, ("Final invoice total", "will be charged to Visa ending 4242", "$18.97", "$98.26", "$23.45", "$140.68")),
    State("cancel/empty", "plus-new", "Nothing is owed on the first day.", CANCEL, ("Nothing to pay.", "$0.00")),
    State("cancel/error", "moved", "Usage came between: the new total is confirmed first.", CANCEL, ("Not cancelled yet.", "The total changed from $118.74 to $123.54"), confirming, 409),
    State("cancel/past-due", "past-due", "What is overdue stays due, and the card is tried again.", CANCEL, ("which is still due", "We'll try again on")),
    State("cancel/no-card", "no-card", "Without a card the final invoice is payable by a day.", CANCEL, ("payable by",)),
    State("cancel/enterprise", "enterprise", "No form, but a contact.", CANCEL, ("There is no self-serve downgrade option for Enterprise plans.", CONTACT)),
    State("cancel/credit-only", "prepaid", "What goes to credit, and no invoice.", CANCEL, ("No invoice. Your balance after:",)),
    State("cancel/credits-cover", "zero", "Credit pays all of the final invoice.", CANCEL, ("Paid with credits. Your balance after:",)),
)  # fmt: skip
