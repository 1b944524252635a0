"""Stories of other terms than those of Plus: no card is required, or a contract says what is."""

from accounts.models import PaymentPolicy
from billing_portal.states.stories import under_contract
from billing_portal.states.telling import BEGIN, BILLED, DAY, HOUR, Scene, story
from plans.models import Plan, PriceModel, RateCard
from plans.services.open_contract import open_contract
from plans.services.publish_plan import publish_plan


@story
def no_card_needed(scene: Scene) -> None:
    """On a plan with a price and without a card, which it does not require."""
    scene.on_free()
    terms = {"currency": "USD", "payment_policy": PaymentPolicy.OPTIONAL, "self_serve": False, "position": 9}
    plan = Plan.objects.create(key="partner", name="Partner", **terms)
    RateCard.objects.create(plan=plan, key="base-fee", name="Monthly fee", model=PriceModel.FLAT, amount=9_900)
    publish_plan(plan=plan, at=BEGIN, actor=None)
    open_contract(customer_id=scene.customer.pk, plan=plan, at=BEGIN, actor=None)
    scene.stand_at(BEGIN + DAY + HOUR)


@story
def contract_past_due(scene: Scene) -> None:
    """Under a contract, with an invoice whose day has passed."""
    under_contract(scene, payment_terms=0)
    scene.move_to(BILLED + 2 * DAY)
