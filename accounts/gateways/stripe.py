"""Stripe through its official library. The one adapter: the sandbox processor speaks the same protocol.

An intent is created unconfirmed and confirmed once; whatever answer is lost is retrieved. The library never repeats
a request by itself, because whoever repeats one decides what a payment is.

The token of a card names the processor's customer too (`cus_…/pm_…`): a charge needs both, and a customer whose id
we keep may be another one by then.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any, Final

import stripe
from django.conf import settings

from accounts.gateways.answers import asking, outcome_of_intent, outcome_of_refund, read_event, refused_refund
from accounts.gateways.base import (
    CardDetails,
    GatewayConflictError,
    GatewayTimeoutError,
    JournalEntry,
    Outcome,
    ProcessorEvent,
    SetupStart,
    SignatureError,
    Status,
)
from accounts.gateways.currencies import from_stripe, to_stripe

API_VERSION: Final = "2026-10-28.endive"  # what this was written against; Stripe keeps answering in it
TIMEOUT: Final = (4, 20)  # seconds to connect, and to answer
SIGNATURE_LIFE: Final = 300  # seconds
UNEXPECTED: Final = "payment_intent_unexpected_state"
BRANDS: Final = {
    "amex": "American Express",
    "diners": "Diners Club",
    "jcb": "JCB",
    "unionpay": "UnionPay",
    "cartes_bancaires": "Cartes Bancaires",
    "eftpos_au": "Eftpos",
}


@dataclass(frozen=True, slots=True)
class Account:
    """Where the processor is, and what we prove ourselves with."""

    api_key: str = field(repr=False)
    api_base: str
    webhook_secret: str = field(repr=False)


@lru_cache(maxsize=8)
def _client(api_key: str, api_base: str) -> stripe.StripeClient:
    """One client a process and account: its connections stay open, one for each thread."""
    return stripe.StripeClient(
        api_key,
        stripe_version=API_VERSION,
        base_addresses={"api": api_base.rstrip("/")},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=TIMEOUT),
    )


class StripeGateway:
    """The port, on Stripe's API."""

    name: str = "stripe"
    charges_every_digit: bool = False  # of dinars and rials, whose last digit has to be 0 at Stripe

    def account(self) -> Account:
        return Account(settings.STRIPE_API_KEY, settings.STRIPE_API_BASE, settings.STRIPE_WEBHOOK_SECRET)

    @property
    def api(self) -> Any:
        """The library's services; its types cover each parameter of each call, and add nothing here."""
        account = self.account()
        return _client(account.api_key, account.api_base).v1

    # --- cards --------------------------------------------------------------------------------------------------------

    def start_setup(
        self, *, customer_key: str, return_url: str, cancel_url: str, gateway_customer: str = ""
    ) -> SetupStart:
        known = gateway_customer or self._make_customer(customer_key)
        asked = {"success_url": return_url, "cancel_url": cancel_url, "metadata": {"key": customer_key}}
        try:
            with asking("open a card page"):
                session = self._open_session(known, asked)
        except GatewayConflictError as error:
            if not (gateway_customer and _is_missing(error, "customer")):
                raise
            known = self._make_customer(customer_key, instead_of=gateway_customer)
            with asking("open a card page"):
                session = self._open_session(known, asked)
        return SetupStart(session.id, session.url, known)

    def _make_customer(self, customer_key: str, instead_of: str = "") -> str:
        """Two tabs at once get the same one: the key is the customer's own. Its id is then kept by the caller."""
        made_for = f"customer:{customer_key}{instead_of and ':instead-of:'}{instead_of}"
        with asking("make a customer"):
            made = self.api.customers.create({"metadata": {"key": customer_key}}, {"idempotency_key": made_for})
        return str(made.id)

    def _open_session(self, customer: str, asked: Mapping[str, Any]) -> Any:
        fixed = {"mode": "setup", "customer": customer, "payment_method_types": ["card"]}
        return self.api.checkout.sessions.create({**fixed, **asked})

    def retrieve_setup(self, gateway_id: str) -> CardDetails | None:
        with asking(f"retrieve card page {gateway_id}"):
            found = self.api.checkout.sessions.retrieve(gateway_id, {"expand": ["setup_intent.payment_method"]})
        session = found.to_dict()
        method = (session.get("setup_intent") or {}).get("payment_method")
        if session["status"] != "complete" or not method:
            return None
        card = method["card"]
        return CardDetails(
            token=f"{method['customer']}/{method['id']}",
            fingerprint=card.get("fingerprint") or "",
            brand=BRANDS.get(card["brand"], card["brand"].title()),
            last4=card["last4"],
            exp_month=card["exp_month"],
            exp_year=card["exp_year"],
        )

    # --- charges ------------------------------------------------------------------------------------------------------

    def create_intent(self, *, key: str, amount: int, currency: str, token: str) -> str:
        customer, _, method = token.partition("/")
        asked = {
            "amount": to_stripe(amount, currency, every_digit=self.charges_every_digit),
            "currency": currency.lower(),
            "customer": customer,
            "payment_method": method,
            "payment_method_types": ["card"],
            "metadata": {"key": key},
        }
        with asking(f"create the intent of {key}"):
            return str(self.api.payment_intents.create(asked, {"idempotency_key": key}).id)

    def confirm_intent(self, intent_id: str) -> Outcome:
        asked = {"off_session": True}
        return self._decided(intent_id, "confirm", asked, {"idempotency_key": f"confirm:{intent_id}"})

    def cancel_intent(self, intent_id: str) -> Outcome:
        return self._decided(intent_id, "cancel", {}, {})

    def _decided(self, intent_id: str, verb: str, asked: Mapping[str, Any], options: Mapping[str, Any]) -> Outcome:
        """An intent that was decided before answers with what became of it; so does a declined one."""
        try:
            with asking(f"{verb} {intent_id}"):
                answer = getattr(self.api.payment_intents, verb)(intent_id, asked, options)
        except GatewayConflictError as error:
            if not _is_about(error, UNEXPECTED):
                raise
            return self.retrieve_intent(intent_id)
        except stripe.CardError:  # the intent has more to say than the error, which may also be an old answer repeated
            return self.retrieve_intent(intent_id)
        return outcome_of_intent(answer.to_dict())

    def retrieve_intent(self, intent_id: str) -> Outcome:
        return outcome_of_intent(self._intent(intent_id))

    def _intent(self, intent_id: str) -> dict[str, Any]:
        with asking(f"retrieve {intent_id}"):
            intent: dict[str, Any] = self.api.payment_intents.retrieve(intent_id).to_dict()
        return intent

    def find_intent(self, key: str, *, token: str = "") -> str | None:
        """By listing, which is never behind, where Stripe's search is up to a minute."""
        customer = token.partition("/")[0]
        with asking(f"find the intent of {key}"):
            listed = self.api.payment_intents.list({"limit": 100} | ({"customer": customer} if customer else {}))
            return next((str(intent.id) for intent in listed.auto_paging_iter() if _key(intent) == key), None)

    def confirmation_url(self, intent_id: str, *, return_url: str) -> str | None:
        intent = self._intent(intent_id)
        if intent["status"] == "requires_payment_method" and outcome_of_intent(intent).status == "needs_confirmation":
            method = intent["last_payment_error"]["payment_method"]["id"]
            try:
                with asking(f"confirm {intent_id} with the person present"):
                    asked = {"payment_method": method, "return_url": return_url}
                    intent = self.api.payment_intents.confirm(intent_id, asked).to_dict()
            except stripe.CardError:
                return None
        redirect = (intent.get("next_action") or {}).get("redirect_to_url") or {}
        return redirect.get("url")

    # --- giving back --------------------------------------------------------------------------------------------------

    def refund(self, *, key: str, intent_id: str, amount: int) -> Outcome:
        currency = self._intent(intent_id)["currency"].upper()
        asked = {
            "payment_intent": intent_id,
            "amount": to_stripe(amount, currency, every_digit=self.charges_every_digit),
            "metadata": {"key": key},
        }
        try:
            with asking(f"refund {key}"):
                made = self.api.refunds.create(asked, {"idempotency_key": key})
        except GatewayConflictError as error:
            if refused := refused_refund(error):
                return refused
            raise
        return outcome_of_refund(made.to_dict())

    def find_refund(self, key: str, *, intent_id: str = "") -> Outcome | None:
        with asking(f"find refund {key}"):
            listed = self.api.refunds.list({"limit": 100} | ({"payment_intent": intent_id} if intent_id else {}))
            found = next((refund for refund in listed.auto_paging_iter() if _key(refund) == key), None)
        return outcome_of_refund(found.to_dict()) if found else None

    # --- the second set of books, and what the processor tells --------------------------------------------------------

    def journal(self, *, since: datetime, until: datetime) -> Iterator[JournalEntry]:
        """Stripe lists newest first, so that a window is read to its end before its first line is known."""
        asked = {"created": {"gte": _seconds(since), "lt": _seconds(until)}, "limit": 100}
        with asking("read the journal"):
            intents = list(self.api.payment_intents.list(asked).auto_paging_iter())
            refunds = list(self.api.refunds.list(asked).auto_paging_iter())
        lines = chain(map(_charged, reversed(intents)), map(_given_back, reversed(refunds)))
        return iter(sorted(lines, key=lambda line: line.at))

    def read_event(self, payload: bytes, signature: str) -> ProcessorEvent:
        secret = self.account().webhook_secret
        if not secret:  # an empty one is a secret that everybody knows
            raise SignatureError(f"{self.name}: no webhook secret is set")
        try:
            event = stripe.Webhook.construct_event(payload, signature, secret, SIGNATURE_LIFE)
        except (stripe.SignatureVerificationError, ValueError) as error:
            raise SignatureError(f"{self.name}: {type(error).__name__}") from error
        return read_event(event.to_dict())


def _is_about(error: GatewayConflictError, code: str) -> bool:
    return getattr(error.__cause__, "code", "") == code


def _is_missing(error: GatewayConflictError, param: str) -> bool:
    return _is_about(error, "resource_missing") and getattr(error.__cause__, "param", "") == param


def _key(found: Any) -> str:
    return str((found.to_dict().get("metadata") or {}).get("key", ""))


def _seconds(at: datetime) -> int:
    """Stripe counts whole seconds; a bound within one belongs to the next."""
    return -int(-at.timestamp() // 1)


def _charged(intent: Any) -> JournalEntry:
    body = intent.to_dict()
    try:
        status: Status = outcome_of_intent(body).status
    except GatewayTimeoutError:
        status = "unconfirmed"
    return _line("charge", body, status)


def _given_back(refund: Any) -> JournalEntry:
    body = refund.to_dict()
    return _line("refund", body, outcome_of_refund(body).status)


def _line(kind: Any, body: dict[str, Any], status: Status) -> JournalEntry:
    currency = body["currency"].upper()
    return JournalEntry(
        kind=kind,
        gateway_id=body["id"],
        key=(body.get("metadata") or {}).get("key", ""),
        amount=from_stripe(body["amount"], currency),
        currency=currency,
        status=status,
        at=datetime.fromtimestamp(body["created"], UTC),
    )
