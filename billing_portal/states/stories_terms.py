"""Stories of other terms than those of Plus: no card is required, or a contract says what is."""

from accounts.models import PaymentPolicy
from billing_portal.states.stories import under_contract
from billing_portal.states.telling import BEGIN, BILLED, DAY, DECLINES, HOUR, Scene, story
from plans.models import OverdueConsequence, Plan, PriceModel, RateCard
from plans.services.open_contract import open_contract
from plans.services.publish_plan import publish_plan


@story
def no_card_needed(scene: Scene) -> None:
    """On a plan with a price and without a card, which it does not require."""
    scene.on_free()
    _on_a_plan_of_staff(scene, "partner", "Partner")
    scene.stand_at(BEGIN + DAY + HOUR)


@story
def on_hold(scene: Scene) -> None:
    """The card is declined, every warning has been sent, and the plan stops access until the invoice is paid."""
    scene.on_free()
    scene.add_card(DECLINES)
    _on_a_plan_of_staff(scene, "prompt", "Prompt", overdue_consequence=OverdueConsequence.HOLD)
    scene.move_to(BILLED + 30 * DAY)


def _on_a_plan_of_staff(scene: Scene, key: str, name: str, **more: str) -> None:
    terms = {"currency": "USD", "payment_policy": PaymentPolicy.OPTIONAL, "self_serve": False, "position": 9}
    plan = Plan.objects.create(key=key, name=name, **terms, **more)
    RateCard.objects.create(plan=plan, key="base-fee", name="Monthly fee", model=PriceModel.FLAT, amount=9_900)
    publish_plan(plan=plan, at=BEGIN, actor=None)
    open_contract(customer_id=scene.customer.pk, plan=plan, at=BEGIN, actor=None)


@story
def contract_past_due(scene: Scene) -> None:
    """Under a contract, with an invoice whose day has passed."""
    under_contract(scene, payment_terms=0)
    scene.move_to(BILLED + 2 * DAY)
