"""Plans as staff make them: drafts, rate cards, new versions, what publishing changes – by verbs and by pages."""

import re
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from core.language import override
from plans.exceptions import PlanFrozenError, PlanInvalidError, RateCardInvalidError
from plans.models import Plan, PlanStatus, RateCard, Subscription
from plans.plan_rules import TAKEN
from plans.pricing import Tier
from plans.selectors.comparing import comparison
from plans.services.copy_plan import copy_plan
from plans.services.publish_plan import publish_plan
from plans.services.remove_rate_card import remove_rate_card
from plans.services.save_plan import save_plan
from plans.services.save_rate_card import save_rate_card
from plans.tests.conftest import go_plus
from plans.urls import PLAN, urlpatterns

VALUES = {"key": "credits", "name": "Credits", "currency": "USD", "settlement_mode": "credit_only"}
TOKENS = {"key": "tokens", "name": "Tokens", "model": "unit", "unit_amount": Decimal("0.002"), "per_units": 1000}
NO_TIERS = {"tiers-TOTAL_FORMS": "3", "tiers-INITIAL_FORMS": "0"}


@pytest.fixture
def draft(catalogue, staff, at):
    return save_plan(plan_id=None, values=VALUES, at=at, actor=staff)


@pytest.fixture
def tokens(catalogue):
    return catalogue.plus.rate_cards.get(key="ai-tokens").feature


@pytest.fixture
def as_staff(staff, log_in):
    return log_in(staff)


def audits(action):
    return list(AuditEntry.objects.filter(action=action).order_by("pk"))


# --- verbs ---------------------------------------------------------------------------------------------------------
def test_it_saves_a_draft_and_remembers_who(draft, staff):
    [entry] = audits("save_plan")
    assert (draft.status, draft.version, entry.actor, entry.after["settlement_mode"]) == (
        PlanStatus.DRAFT,
        1,
        staff,
        "credit_only",
    )


def test_it_writes_only_what_changes(draft, staff, at):
    for _ in range(2):
        save_plan(plan_id=draft.pk, values={"tagline": "Prepaid"}, at=at, actor=staff)
    assert [entry.after for entry in audits("save_plan")[1:]] == [{"tagline": "Prepaid"}]


@pytest.mark.parametrize("values", [{"currency": "EUR"}, {"key": "other"}])
def test_it_keeps_key_and_currency(draft, staff, at, values):
    with pytest.raises(PlanInvalidError, match=r"EUR|other"):
        save_plan(plan_id=draft.pk, values=values, at=at, actor=staff)


@pytest.mark.parametrize("values", [{"key": "plus"}, {"currency": "XYZ"}])
def test_it_begins_no_plan_with_a_key_in_use_or_an_unknown_currency(catalogue, staff, at, values):
    with pytest.raises(PlanInvalidError):
        save_plan(plan_id=None, values={**VALUES, **values}, at=at, actor=staff)
    assert not Plan.objects.filter(name="Credits").exists()


@pytest.mark.parametrize("key", ["cancel", "enterprise"])
def test_it_gives_no_plan_that_is_chosen_the_address_of_another_page(db, staff, at, key):
    refused = f"Key: “{key}” is the address of another page."
    with pytest.raises(PlanInvalidError, match=key) as refusal:
        save_plan(plan_id=None, values={**VALUES, "key": key}, at=at, actor=staff)
    assert refusal.value.message.startswith(refused)
    plan = save_plan(plan_id=None, values={**VALUES, "key": key, "self_serve": False}, at=at, actor=staff)
    with pytest.raises(PlanInvalidError, match=key):
        save_plan(plan_id=plan.pk, values={"self_serve": True}, at=at, actor=staff)


def test_every_page_beside_those_of_plans_is_known():
    beside = {str(each.pattern).removeprefix(PLAN).split("/")[0] for each in urlpatterns if PLAN in str(each.pattern)}
    assert beside - {"", "<slug:slug>"} == set(TAKEN)


def test_it_changes_nothing_that_is_published(catalogue, staff, at):
    plus = catalogue.plus
    card = plus.rate_cards.first()
    with pytest.raises(PlanFrozenError):
        save_plan(plan_id=plus.pk, values={"tagline": "New"}, at=at, actor=staff)
    with pytest.raises(PlanFrozenError):
        save_rate_card(plan_id=plus.pk, card_id=card.pk, values=TOKENS, tiers=[], at=at, actor=staff)
    with pytest.raises(PlanFrozenError):
        remove_rate_card(plan_id=plus.pk, card_id=card.pk, at=at, actor=staff)


def test_it_adds_and_changes_a_rate_card(draft, tokens, staff, at):
    values = {**TOKENS, "feature_id": tokens.pk}
    card = save_rate_card(plan_id=draft.pk, card_id=None, values=values, tiers=[], at=at, actor=staff)
    changed = {**values, "model": "graduated"}
    tiers = [Tier(Decimal(1000), Decimal(1)), Tier(None, Decimal("0.5"), Decimal("3.00"))]
    save_rate_card(plan_id=draft.pk, card_id=card.pk, values=changed, tiers=tiers, at=at, actor=staff)

    card = draft.rate_cards.with_terms().get()
    assert card.unit_amount is None, "a tiered price has no price of its own"
    assert card.terms("USD").tiers == tuple(tiers)
    before = audits("save_rate_card")[1].before
    assert (before["model"], before["unit_amount"]) == ("unit", "0.002000000000")


@pytest.mark.parametrize(
    ("values", "tiers", "said"),
    [
        ({"model": "unit", "unit_amount": None}, [], "Price:"),
        ({"model": "flat", "amount": None}, [], "Amount:"),
        ({"feature_id": None}, [], "Feature:"),
        ({"model": "volume"}, [], "a volume price needs at least one"),
        (
            {"model": "graduated"},
            [Tier(Decimal(10)), Tier(Decimal(5)), Tier(None)],
            "tier 2: its upper bound 5 must be",
        ),
        ({"model": "graduated"}, [Tier(Decimal(10))], "tier 1: the last tier must be open"),
        ({"minimum_amount": 500, "maximum_amount": 100}, [], "minimum: not above the maximum"),
    ],
)
def test_it_refuses_a_price_that_is_none(draft, tokens, staff, at, values, tiers, said):
    values = {**TOKENS, "feature_id": tokens.pk, **values}
    with pytest.raises(RateCardInvalidError) as refused:
        save_rate_card(plan_id=draft.pk, card_id=None, values=values, tiers=tiers, at=at, actor=staff)
    assert said in refused.value.message
    assert not draft.rate_cards.exists()


def test_it_prices_a_feature_once(draft, tokens, staff, at):
    values = {**TOKENS, "feature_id": tokens.pk}
    save_rate_card(plan_id=draft.pk, card_id=None, values=values, tiers=[], at=at, actor=staff)
    for again in ({**values, "key": "more"}, {**values, "feature_id": None, "model": "flat", "amount": 1}):
        with pytest.raises(RateCardInvalidError):
            save_rate_card(plan_id=draft.pk, card_id=None, values=again, tiers=[], at=at, actor=staff)


def test_it_removes_a_rate_card_once(draft, tokens, staff, at):
    values = {**TOKENS, "feature_id": tokens.pk}
    card = save_rate_card(plan_id=draft.pk, card_id=None, values=values, tiers=[], at=at, actor=staff)
    for _ in range(2):
        remove_rate_card(plan_id=draft.pk, card_id=card.pk, at=at, actor=staff)
    assert not draft.rate_cards.exists()
    assert len(audits("remove_rate_card")) == 1


def test_it_copies_a_version_to_one_draft(catalogue, staff, at):
    first = copy_plan(plan_id=catalogue.plus.pk, at=at, actor=staff)
    again = copy_plan(plan_id=catalogue.plus.pk, at=at, actor=staff)

    assert (first.pk, first.version, first.status, first.published_at) == (again.pk, 2, PlanStatus.DRAFT, None)
    old, new = (Plan.objects.with_cards().get(pk=pk).terms() for pk in (catalogue.plus.pk, first.pk))
    assert [(card.key, card.unit_amount, card.amount) for card in new.cards] == [
        (card.key, card.unit_amount, card.amount) for card in old.cards
    ]
    assert len(audits("copy_plan")) == 1
    assert publish_plan(plan=first, at=at, actor=staff).status == PlanStatus.PUBLISHED


def test_it_says_what_publishing_changes_and_for_whom(customer, catalogue, seller, staff, at):
    go_plus(customer, catalogue, at)
    draft = copy_plan(plan_id=catalogue.plus.pk, at=at, actor=staff)
    fee = draft.rate_cards.get(key="base-fee")
    values = {"key": fee.key, "name": fee.name, "model": "flat", "amount": 5_900, "timing": "in_arrears"}
    save_rate_card(plan_id=draft.pk, card_id=fee.pk, values=values, tiers=[], at=at, actor=staff)

    shown = comparison(Plan.objects.with_cards().get(pk=draft.pk), at)

    assert shown.can_publish
    assert shown.subscriptions == 1
    assert [(row.what, row.before, row.after) for row in shown.differences] == [
        ("Plus monthly fee", "$49.00 per month", "$59.00 per month")
    ]
    assert [(row.customer.name, row.before, row.after) for row in shown.samples] == [("Wonder Ltd", 4_900, 5_900)]


@pytest.mark.parametrize(("language", "said"), [("en", ("Yes", "No")), ("de", ("Ja", "Nein"))])
def test_it_says_yes_and_no_in_the_readers_language(catalogue, seller, staff, at, language, said):
    draft = copy_plan(plan_id=catalogue.plus.pk, at=at, actor=staff)
    Plan.objects.filter(pk=draft.pk).update(self_serve=False)
    with override(language):
        [row] = comparison(Plan.objects.with_cards().get(pk=draft.pk), at).differences
    assert (row.before, row.after) == said


# --- pages ---------------------------------------------------------------------------------------------------------
def form(**values):
    return {
        "name": "Credits", "currency": "usd", "settlement_mode": "credit_only", "when_credits_run_out": "negative",
        "payment_policy": "optional", "position": "5", "self_serve": "on", "_save": "1", **values,
    }  # fmt: skip


def test_it_makes_a_plan_and_goes_on_with_its_first_rate_card(as_staff, catalogue):
    response = as_staff.post(reverse("admin:plans_plan_add"), form(_add_rate_card="1"))
    plan = Plan.objects.get(key="credits")
    assert response.headers["Location"] == reverse("admin:plans_plan_card_add", args=[plan.pk])
    assert (plan.currency, plan.settlement_mode) == ("USD", "credit_only")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "Name – This field is required."),
        ({"currency": "XYZ"}, "Currency: “XYZ” is not an ISO 4217 code."),
        ({"key": "plus"}, "Key: there is a plan “plus” already."),
        ({"payment_policy": "required"}, "Credits only: nothing is charged to a card"),
        ({"facts": "1\n2\n3\n4\n5\n6"}, "Use at most five lines."),
    ],
)
def test_it_says_what_is_wrong_with_a_plan(as_staff, catalogue, values, said):
    response = as_staff.post(reverse("admin:plans_plan_add"), form(**values))
    assert response.status_code == 422
    assert said in response.text
    assert Plan.objects.filter(status=PlanStatus.DRAFT).count() == 0


def test_it_does_not_offer_another_currency_after_the_first_save(as_staff, draft):
    url = reverse("admin:plans_plan_change", args=[draft.pk])
    assert as_staff.post(url, form(currency="EUR", tagline="Prepaid")).status_code == 302
    draft.refresh_from_db()
    assert (draft.currency, draft.tagline) == ("USD", "Prepaid")


def card_form(**values):
    return {
        "model": "unit", "feature": "ai-tokens", "unit_amount": "1.00", "per_units": "1000", **NO_TIERS, **values
    }  # fmt: skip


def test_it_adds_a_rate_card_named_after_its_feature(as_staff, draft):
    response = as_staff.post(reverse("admin:plans_plan_card_add", args=[draft.pk]), card_form(feature="AI tokens"))
    assert response.status_code == 302
    card = draft.rate_cards.get()
    assert (card.name, card.key, card.unit_amount, card.per_units) == ("AI tokens", "ai-tokens", Decimal(1), 1000)
    page = as_staff.get(reverse("admin:plans_plan_card_change", args=[draft.pk, card.pk]))
    assert 'value="1.00"' not in page.text
    assert 'value="1"' in page.text


def test_it_takes_amounts_in_major_units(as_staff, draft):
    fee = card_form(model="flat", feature="", name="Base fee", amount="49.00", timing="in_advance", cadence="yearly")
    assert as_staff.post(reverse("admin:plans_plan_card_add", args=[draft.pk]), fee).status_code == 302
    card = draft.rate_cards.get()
    assert (card.amount, card.timing, card.cadence, card.unit_amount) == (4_900, "in_advance", "yearly", None)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"feature": "nothing"}, "There is no feature “nothing”."),
        ({"unit_amount": ""}, "Price: say what it costs"),
        ({"unit_amount": "-1"}, "Ensure this value is greater than or equal to 0."),
        ({"minimum_amount": "1.005"}, "USD has no such fraction: 1.005."),
        ({"model": "graduated", "tiers-0-up_to": "x"}, "Tier 1, Up to: Enter a number."),
        (
            {"model": "graduated", "tiers-0-up_to": "10", "tiers-1-up_to": "5", "tiers-2-unit_amount": "1"},
            "tier 2: its upper bound 5 must be above 10.",
        ),
    ],
)
def test_it_says_what_is_wrong_with_a_rate_card(as_staff, draft, values, said):
    response = as_staff.post(reverse("admin:plans_plan_card_add", args=[draft.pk]), card_form(**values))
    assert response.status_code == 422
    assert said in response.text
    assert not draft.rate_cards.exists()


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_it_shows_what_a_price_comes_to_before_it_is_saved(as_staff, draft, headers):
    fragment = as_staff.post(reverse("admin:plans_plan_card_preview", args=[draft.pk]), card_form(), headers=headers)
    assert fragment.status_code == 200
    assert re.findall(r"<li>(.*?)</li>", fragment.text) == [
        "10,000 tokens = $10.00",
        "1,000,000 tokens = $1,000.00",
    ]
    assert "$1.00 per 1,000 tokens" in fragment.text
    assert "<html" not in fragment.text


def test_it_shows_examples_without_a_script(as_staff, draft):
    page = as_staff.post(reverse("admin:plans_plan_card_add", args=[draft.pk]), card_form(_preview="1"))
    assert page.status_code == 200
    assert "tokens = $" in page.text
    assert not draft.rate_cards.exists()


def test_it_gives_more_rows_for_tiers_without_a_script(as_staff, draft):
    page = as_staff.post(reverse("admin:plans_plan_card_add", args=[draft.pk]), card_form(_more_tiers="1"))
    assert 'name="tiers-5-up_to"' in page.text


def test_it_publishes_a_plan(as_staff, draft, tokens, staff, at):
    values = {**TOKENS, "feature_id": tokens.pk}
    save_rate_card(plan_id=draft.pk, card_id=None, values=values, tiers=[], at=at, actor=staff)
    url = reverse("admin:plans_plan_publish", args=[draft.pk])

    page = as_staff.get(url)
    assert "Publish Plan" in page.text
    for _ in range(2):
        sent = {"seen": page.context["comparison"].seen, "reason": "Agreed on Monday"}
        assert as_staff.post(url, sent).status_code == 302

    draft.refresh_from_db()
    assert draft.status == PlanStatus.PUBLISHED
    assert [entry.reason for entry in audits("publish_plan") if entry.actor == staff] == ["Agreed on Monday"]


def test_it_shows_how_many_stay_on_the_version_before(as_staff, customer, catalogue, seller, at, staff):
    go_plus(customer, catalogue, at)
    draft = copy_plan(plan_id=catalogue.plus.pk, at=at, actor=staff)
    assert "1 subscription stays on v1" in as_staff.get(reverse("admin:plans_plan_publish", args=[draft.pk])).text


def test_it_makes_a_new_version_and_moves_subscriptions_to_it(as_staff, customer, catalogue, seller, at, staff):
    go_plus(customer, catalogue, at)
    response = as_staff.post(reverse("admin:plans_plan_copy", args=[catalogue.plus.pk]))
    draft = Plan.objects.get(key="plus", version=2)
    assert response.headers["Location"] == reverse("admin:plans_plan_change", args=[draft.pk])
    publish_plan(plan=draft, at=at, actor=staff)

    page = as_staff.get(reverse("admin:plans_plan_change", args=[draft.pk]))
    values = {"key": "mig_12345678901234567890", "seen": "1", "when": "period_end", "reason": "New prices"}
    moved = as_staff.post(reverse("admin:plans_plan_migrate", args=[draft.pk]), values)

    assert "Move subscriptions" in page.text
    assert moved.status_code == 302
    assert len(audits("migrate_subscriptions")) == 1
    assert Subscription.objects.open().get().plan == catalogue.plus


def test_it_removes_a_rate_card_after_asking(as_staff, draft, tokens, staff, at):
    values = {**TOKENS, "feature_id": tokens.pk}
    card = save_rate_card(plan_id=draft.pk, card_id=None, values=values, tiers=[], at=at, actor=staff)
    url = reverse("admin:plans_plan_card_remove", args=[draft.pk, card.pk])
    assert "Take “Tokens” off this draft?" in as_staff.get(url).text
    assert as_staff.post(url).status_code == 302
    assert not RateCard.objects.filter(plan=draft).exists()


PAGES = ["plans_plan_add", "plans_plan_change", "plans_plan_publish", "plans_plan_card_add", "plans_plan_archive"]


@pytest.mark.parametrize("page", [*PAGES, "plans_plan_changelist"])
def test_it_asks_few_questions_and_only_of_the_role(
    page, as_staff, alice, client, log_in, draft, django_assert_max_num_queries
):
    url = reverse(f"admin:{page}", args=[draft.pk] if page not in ("plans_plan_add", "plans_plan_changelist") else [])
    with django_assert_max_num_queries(15):
        assert as_staff.get(url).status_code == 200
    assert client.get(url).status_code == 302
    assert log_in(alice).get(url).status_code == 302


@pytest.mark.parametrize("page", PAGES[1:])
def test_it_does_not_know_plans_that_are_not_there(page, as_staff):
    for plan_id in ("0", "nothing"):
        assert as_staff.get(reverse(f"admin:{page}", args=[plan_id])).status_code == 404
