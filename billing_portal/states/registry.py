"""The grid of pages and situations, in which every cell has a state or a reason why it has none."""

from collections.abc import Mapping
from inspect import getdoc
from itertools import chain

from billing_portal.states import cells_billing, cells_credits, cells_plans, stories, stories_credits, stories_terms
from billing_portal.states.state import State
from billing_portal.states.telling import STORIES

PAGES: Mapping[str, str] = {
    "overview": "Billing and Usage",
    "usage": "Usage and Explain",
    "plans": "Change Plan",
    "upgrade": "Subscribe",
    "sales": "Contact Sales",
    "cancel": "Confirm Downgrade",
    "portal": "Billing portal",
    "card": "Add a payment method",
    "invoice": "Invoice and Pay",
    "credits": "Credits",
    "grant": "Grant Credits (staff)",
}
BESIDE: Mapping[str, str] = {"alerts": "Recipients and alerts"}  # pages that the grid does not ask about
SITUATIONS = ("empty", "loading", "error", "past-due", "no-card", "enterprise", "credit-only")

# Cells of the grid that no state shows, with the reason. The list only shrinks.
MISSING: Mapping[str, str] = {
    "plans/empty": "The catalogue always has its default plan: its archiving is refused.",
    "portal/error": "The page never asks the processor, so that its absence changes nothing here.",
    "invoice/credit-only": "There is no invoice; statements are PDFs, listed in the portal (portal/credit-only).",
    "grant/empty": "The currency is always asked for, whoever the customer is (grant/credit-only).",
}
# Cells in which the specification itself has nothing to see.
NEVER = frozenset(
    {
        "upgrade/empty",
        "sales/empty",
        "card/empty",
        "card/no-card",
        "cancel/loading",
        "portal/loading",
    }
)

STATES: Mapping[str, State] = {
    state.name: state for state in chain(cells_billing.STATES, cells_plans.STATES, cells_credits.STATES)
}
TOLD_IN = (stories, stories_credits, stories_terms)  # reading them fills STORIES


def story_of(state: State) -> str:
    """The story in a sentence."""
    return getdoc(STORIES[state.story]) or ""


def by_page() -> list[tuple[str, list[State]]]:
    """(title, states) of every page, in the order in which they are listed."""
    pages = {**PAGES, **BESIDE}
    return [(title, [state for state in STATES.values() if state.page == page]) for page, title in pages.items()]


def without(page: str) -> list[tuple[str, str]]:
    """(situation, why) of the page's cells that no state shows."""
    return [(name.partition("/")[2], why) for name, why in MISSING.items() if name.startswith(f"{page}/")]
