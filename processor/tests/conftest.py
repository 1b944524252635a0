"""The processor asked as its clients ask it, by requests, on the one that the tests of the portal use too."""

import json
from dataclasses import dataclass

import pytest

from billing_portal.pytest_processor import TestProcessor
from processor.web import Request, nested

VISA = "4242424242424242"
KEY = {"authorization": "Bearer sk_test_anything"}


@dataclass
class Api:
    """`post` and `get` give (status, JSON); parameters are written as a form would."""

    processor: TestProcessor

    def ask(self, method: str, path: str, form: str = "", **headers: str):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.processor.handle(Request(method, path, nested(form), KEY | named, self.processor.url))

    def post(self, path: str, form: str = "", **headers: str):
        answer = self.ask("POST", path, form, **headers)
        return answer.status, json.loads(answer.body)

    def get(self, path: str, form: str = "", **headers: str):
        answer = self.ask("GET", path, form, **headers)
        return answer.status, json.loads(answer.body)

    def customer(self):
        return self.post("/v1/customers", "metadata[key]=cus_1")[1]["id"]

    def session(self, customer: str = "", cancel: str = "https://portal.example/cancel"):
        where = f"success_url=https://portal.example/back?setup=1&cancel_url={cancel}"
        return self.post("/v1/checkout/sessions", f"mode=setup&customer={customer or self.customer()}&{where}")[1]

    def method(self, number: str = VISA):
        session = self.session()
        self.processor.enter_card(session["id"], number)
        expanded = self.get(f"/v1/checkout/sessions/{session['id']}", "expand[]=setup_intent.payment_method")[1]
        return expanded["setup_intent"]["payment_method"]

    def intent(self, number: str = VISA, key: str = "invoice:7:payment:1", **headers: str):
        method = self.method(number)
        form = f"amount=4900&currency=usd&customer={method['customer']}&payment_method={method['id']}"
        return self.post("/v1/payment_intents", f"{form}&metadata[key]={key}", **headers)[1]

    def charged(self, number: str = VISA):
        intent = self.intent(number)
        self.post(f"/v1/payment_intents/{intent['id']}/confirm", "off_session=true")
        return intent["id"]


@pytest.fixture
def api(processor):
    return Api(processor)
