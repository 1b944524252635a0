"""States of «Credits», of buying them, and of staff who grant them."""

from django.urls import reverse

from billing_portal.states.state import State, nothing
from billing_portal.states.stories_credits import proposal_of
from billing_portal.states.telling import Scene, address_of
from credits.verifying import verify_customer

CREDITS = address_of("credits")


def _grant(scene: Scene) -> str:
    return reverse("admin:customer_credits_grant", args=[scene.customer.key])


def _summary(scene: Scene) -> str:
    return reverse("admin:customer_credits_summary", args=[scene.customer.key, proposal_of(scene)])


def _verified(scene: Scene) -> str:
    seal = verify_customer(scene.customer.pk)
    return f"{reverse('credits_verify')}?sequence={seal.sequence}&hash={seal.head}"


STATES = (
    State("credits/empty", "new", "There never was any.", CREDITS, ("No credits yet.", "No movements yet.")),
    State("credits/active", "credits-first", "Of every kind, in two currencies, some expiring soon.", CREDITS, ("Balance in EUR", "Pending grants", "expires within 14 days", "Sorry for the outage", "€25.00", "$12.78")),
    State("credits/loading", "credits-first", "The history was filtered, and the answer is to come.", CREDITS, ("Transaction History",), presses="Filter", answer="held"),
    State("credits/error", "credits-first", "The history was filtered, and the server failed.", CREDITS, ("This didn’t work. Reload and try again.", "Transaction History"), presses="Filter", answer="fails"),
    State("credits/filtered", "credits-first", "No movement matches.", address_of("credit_tx", query="?type=voided"), ("No movement matches these filters.",)),
    State("credits/past-due", "past-due", "As active.", CREDITS, ("No credits yet.",), looks_like="credits/empty"),
    State("credits/no-card", "no-card", "As active.", CREDITS, ("No credits yet.",), looks_like="credits/empty"),
    State("credits/enterprise", "enterprise", "Bought through sales.", CREDITS, ("No credits yet.",), looks_like="credits/empty"),
    State("credits/credit-only", "prepaid", "Hour by hour.", CREDITS, ("Starting credits", "Consumed")),
    State("credits/low", "low", "Little is left, and for how long it lasts.", CREDITS, ("$0.75", "Less than a day left at this rate")),
    State("credits/negative", "negative", "Below zero, in words.", CREDITS, ("Overdrawn", "$6.90")),
    State("credits/verify", "credits-first", "How to check the ledger oneself.", _verified, ("The ledger is intact", "They match")),
    State("credits/buy", "plus", "How much.", address_of("credits_buy"), ("Amount of credits",)),
    State("credits/buy-error", "plus", "An amount that is none.", address_of("credits_review", query="?amount=-5"), ("There is a problem",), status=422),
    State("credits/review", "plus", "What it costs, with tax, before it is charged.", address_of("credits_review", query="?amount=100"), ("Buy credits", "$120.00")),
    State("credits/top-up", "plus", "Automatic top-up, off.", address_of("credits_top_up"), ("Switch on",)),
    State("grant/credit-only", "prepaid", "The wizard's first step.", _grant, ("Credit amount", "Policies"), who="staff"),
    State("grant/summary", "prepaid", "What will be granted, and the balance before and after.", _summary, ("Grant Summary", "$100.00", "$104.34", "$204.34"), who="staff"),
    State("grant/loading", "prepaid", "«Grant credits» was pressed, and the answer is to come.", _summary, ("Granting…",), who="staff", presses="Grant credits", answer="held"),
    State("grant/error", "prepaid", "What is missing is named.", _grant, ("There is a problem",), nothing, 422, who="staff"),
    State("grant/past-due", "past-due", "Allowed.", _grant, ("Credit amount",), who="staff", looks_like="grant/credit-only"),
    State("grant/no-card", "no-card", "Allowed.", _grant, ("Credit amount",), who="staff", looks_like="grant/credit-only"),
    State("grant/enterprise", "enterprise", "Allowed.", _grant, ("Credit amount",), who="staff", looks_like="grant/credit-only"),
)  # fmt: skip
