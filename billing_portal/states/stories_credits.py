"""Stories of credit, and of a processor that is away."""

from accounts.gateways.sandbox import add_sandbox_fault
from billing_portal.states.stories import owe
from billing_portal.states.telling import BEGIN, BILLED, CALCULATED, DAY, HOUR, Scene, story
from core.periods import Period
from credits.models import GrantProposal
from credits.proposals import save_proposal
from invoices.hand_charges import HandCharge
from invoices.services.add_charge import add_charge
from plans.seed import prepaid_plan
from plans.services.open_contract import open_contract


def _prepaid(scene: Scene, amount: int, days: float) -> None:
    scene.on_free()
    open_contract(customer_id=scene.customer.pk, plan=prepaid_plan(BEGIN), at=BEGIN, actor=None)
    if amount:
        scene.give(amount, "Starting credits")
    scene.use(BEGIN, days, tokens=400_000)


@story
def prepaid(scene: Scene) -> None:
    """Credits only, with more than half of them left, and a statement of the first month."""
    _prepaid(scene, 20_000, 20)
    scene.give(2_000, "Thank you", priority=5, expires_at=BILLED + 20 * DAY)
    scene.use(BILLED, 1, tokens=400_000)
    scene.stand_at(BILLED - HOUR)
    scene.move_to(BILLED + DAY + 2 * HOUR)
    values = {
        "amount": "100.00",
        "currency": "USD",
        "name": "Sorry for the delay",
        "reason": "Sample",
        "priority": "10",
    }
    choices = {"charge": "promotional", "availability": "now", "features": []}
    save_proposal(customer=scene.customer, values=values | choices, at=scene.now, actor=None, proposal=None)


def proposal_of(scene: Scene) -> str:
    """The grant that was begun for them and is not granted."""
    return GrantProposal.objects.filter(customer=scene.customer).earliest("pk").public_id


@story
def low(scene: Scene) -> None:
    """Credits only, with little left."""
    _prepaid(scene, 3_000, 6.5)
    scene.stand_at(BEGIN + 6.5 * DAY)
    scene.move_to(BEGIN + 6.5 * DAY + 2 * HOUR)


@story
def negative(scene: Scene) -> None:
    """Credits only, with more used than there was."""
    _prepaid(scene, 1_500, 5)
    scene.stand_at(BEGIN + 5 * DAY)
    scene.move_to(BEGIN + 5 * DAY + 2 * HOUR)


@story
def credits_first(scene: Scene) -> None:
    """On Plus with credits that pay a part of the invoice: of every kind, one grant of them in euros."""
    scene.give(500, "Trial", at=BEGIN - 40 * DAY, expires_at=BEGIN - 10 * DAY)
    scene.give(4_000, "Welcome", priority=1)
    scene.give(2_000, "Sorry for the outage", expires_at=CALCULATED + 9 * DAY)
    scene.give(3_000, "Tokens only", features=("ai-tokens",))
    scene.give(5_000, "Next season", effective_at=CALCULATED + 10 * DAY)
    scene.give(2_500, "Beta in Europe", currency="EUR")
    scene.on_plus()
    scene.use(BEGIN, 28)
    scene.move_to(CALCULATED + 8 * HOUR)
    scene.give(1_500, "Thank you", at=scene.now, expires_at=scene.now + 10 * DAY)


@story
def credits_returned(scene: Scene) -> None:
    """Credits paid all of the first invoice; then usage on it is taken back."""
    scene.give(90_000, "Welcome credits")
    scene.on_plus()
    scene.use(BEGIN, 5)
    scene.move_to(BILLED + HOUR)
    scene.take_back(BEGIN + HOUR, 1_000_000)


@story
def prepaid_owing(scene: Scene) -> None:
    """Credits only, in two currencies, with an invoice of the plan before past due and a charge that staff added."""
    owe(scene)
    open_contract(customer_id=scene.customer.pk, plan=prepaid_plan(BEGIN), at=scene.now, actor=None)
    scene.give(20_000, "Starting credits", at=scene.now, features=("ai-tokens",))
    scene.give(2_500, "Beta in Europe", at=scene.now, currency="EUR")
    day = scene.now.date()
    charge = HandCharge("states", scene.customer.pk, "Workshop", "USD", 5_000, Period(day, day + DAY))
    add_charge(charge=charge, at=scene.now, reason="Sample")
    scene.use(scene.now - HOUR, 0.5, tokens=400_000)
    scene.move_to(scene.now + 3 * HOUR)


@story
def provider_down(scene: Scene) -> None:
    """The card processor does not answer this customer."""
    scene.on_free()
    scene.stand_at(BEGIN)
    theirs = {"operation": "customers.create", "key": scene.customer.key}  # nobody else's: the processor serves others
    add_sandbox_fault({"fault": "error_before", "times": 1_000_000, **theirs})
