"""A plan's prices on another draft: what «New version» and «New contract» have in common."""

from plans.models import Plan, PriceTier


def copy_cards(source: Plan, to: Plan) -> int:
    """Rate cards with their tiers; how many cards. The caller's transaction."""
    cards = list(source.rate_cards.prefetch_related("tiers"))
    for card in cards:
        tiers = list(card.tiers.all())
        card.pk, card.plan = None, to
        card.save(force_insert=True)
        PriceTier.objects.bulk_create(
            [
                PriceTier(rate_card=card, up_to=tier.up_to, unit_amount=tier.unit_amount, flat_amount=tier.flat_amount)
                for tier in tiers
            ]
        )
    return len(cards)
