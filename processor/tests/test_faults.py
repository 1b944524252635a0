"""The fault plan: the same seed gives the same faults, whoever asks first – and what each fault leaves behind."""

import json
from collections import Counter

import pytest

from processor.errors import Dropped
from processor.faults import KINDS, Plan
from processor.tests.conftest import VISA

CONFIRM = "payment_intents.confirm"
SAMPLE = [("refunds.create", f"invoice:{number}:payment:1", attempt) for number in range(2000) for attempt in (1, 2)]


def test_the_same_seed_gives_the_same_faults_in_any_order():
    plan, shuffled = Plan(seed="7", share=0.2), sorted(SAMPLE, key=hash)
    decided = {ask: plan.decide(*ask) for ask in SAMPLE}

    assert {ask: plan.decide(*ask) for ask in shuffled} == decided
    assert {ask: Plan(seed="8", share=0.2).decide(*ask) for ask in SAMPLE} != decided


def test_it_spreads_its_share_over_the_kinds():
    drawn = Counter(Plan(seed="7", share=0.2).decide(*ask) for ask in SAMPLE)

    assert drawn[""] / len(SAMPLE) == pytest.approx(0.8, abs=0.03)
    assert set(drawn) - {""} == set(KINDS)
    assert all(drawn[kind] / len(SAMPLE) == pytest.approx(0.2 / len(KINDS), abs=0.01) for kind in KINDS)


def test_a_rule_hits_the_first_times_that_what_it_names_is_asked():
    plan = Plan.read({"rules": [{"fault": "drop_after", "operation": "refunds.*", "key": "invoice:7:*", "times": 2}]})

    assert [plan.decide("refunds.create", "invoice:7:refund:1", attempt) for attempt in (1, 2, 3)] == [
        "drop_after", "drop_after", "",
    ]  # fmt: skip
    assert plan.decide("refunds.create", "invoice:8:refund:1", 1) == plan.decide(CONFIRM, "invoice:7:p", 1) == ""


@pytest.mark.parametrize("wrong", [{"colour": "red"}, {"kinds": ["explode"]}, {"rules": [{"fault": "explode"}]}])
def test_it_knows_what_can_go_wrong(wrong):
    with pytest.raises(ValueError, match="no "):
        Plan.read(wrong)


@pytest.mark.parametrize(
    ("fault", "answered", "charged"),
    [
        *[("drop_before", None, 0), ("drop_after", None, 1), ("error_before", 500, 0), ("error_after", 500, 1)],
        *[("rate_limit", 429, 0), ("decline", 402, 0), ("slow", 200, 1), ("twice", 400, 1)],
    ],
)
def test_each_fault_does_what_its_name_says(fault, answered, charged, api, processor):
    intent = api.intent()
    processor.plan_faults(rules=[{"fault": fault, "operation": CONFIRM}], slow_seconds=0.01)
    path, status = f"/v1/payment_intents/{intent['id']}/confirm", None
    try:
        status = api.post(path, "off_session=true")[0]
    except Dropped:
        assert answered is None

    assert status == answered
    assert len(processor.store.movements()) == charged


def test_a_request_handled_twice_is_answered_with_the_repeat(api, processor):
    processor.plan_faults(rules=[{"fault": "twice"}])
    answer = api.ask("POST", "/v1/customers", "metadata[key]=a", idempotency_key="k")

    assert answer.headers["Idempotent-Replayed"] == "true"
    assert len(processor.objects("customer")) == 1


def test_webhooks_come_late_twice_or_never(api, processor):
    for kind, count in (("never", 0), ("twice", 2), ("late", 1)):
        processor.plan_faults(webhook_share=1, webhook_kinds=[kind], late_seconds=1000)
        before = len(processor.store.rows("SELECT seq FROM delivery"))
        processor.enter_card(api.session()["id"], VISA)
        assert len(processor.store.rows("SELECT seq FROM delivery")) - before == count
    waiting = processor.store.rows("SELECT due - unixepoch() AS wait FROM delivery ORDER BY seq")
    assert [row["wait"] > 1 for row in waiting] == [False, True, True]


def test_the_control_sets_and_shows_the_plan(api, processor):
    plan = json.dumps({"seed": "7", "share": 0.2, "kinds": ["slow"]})

    assert api.post("/_sandbox/faults", f"plan={plan}")[1]["share"] == 0.2
    assert api.get("/_sandbox/faults")[1]["kinds"] == ["slow"]
    assert api.post("/_sandbox/faults", 'plan={"colour":1}')[0] == 400
    assert api.post("/_sandbox/faults")[1]["share"] == 0


def test_a_rule_more_leaves_the_plan_as_it_is(api):
    api.post("/_sandbox/faults", f"plan={json.dumps({'seed': '7', 'share': 0.2, 'rules': [{'fault': 'slow'}]})}")
    outage = json.dumps({"fault": "error_before", "operation": "customers.create", "key": "cus_away", "times": 9})
    for _twice in range(2):
        plan = api.post("/_sandbox/faults/add", f"rule={outage}")[1]
    assert [(rule["fault"], rule["key"]) for rule in plan["rules"]] == [("error_before", "cus_away"), ("slow", "*")]
    assert (plan["seed"], plan["share"]) == ("7", 0.2)
    assert api.post("/_sandbox/faults/add", 'rule={"fault":"colour"}')[0] == 400
