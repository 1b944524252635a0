"""What gateways ask: a customer's credit balance, and whether a feature may be used now (docs/api.md)."""

from collections.abc import Callable
from decimal import Decimal
from functools import wraps

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control

from accounts.access import customer_now
from accounts.api import ApiError, bearer_token, refuse
from accounts.models import Customer
from core.money import to_major
from credits import selectors as credits
from plans.selectors.access import access_of
from usage.selectors import features_by_key

ApiView = Callable[[HttpRequest, Customer], HttpResponse]
NOBODY = ApiError(404, "unknown_customer", "There is no customer of this key that the token may read.")


def customer_api(view: ApiView) -> Callable[..., HttpResponse]:
    """For reads about one customer: the token may read that customer, everything else is answered here."""

    @wraps(view)
    @cache_control(no_store=True)
    def answer(request: HttpRequest, key: str) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return refuse(ApiError(405, "method_not_allowed", "Ask by GET."), Allow="GET, HEAD")
        try:
            return view(request, _readable(request, key))
        except ApiError as error:
            return refuse(error)

    return answer


def _readable(request: HttpRequest, key: str) -> Customer:
    """A token of a customer reads that customer alone, an operator's token everybody."""
    token = bearer_token(request)
    if token.customer is not None:
        if token.customer.key != key:
            raise NOBODY
        return token.customer
    customer = Customer.objects.filter(key=key).first()
    if customer is None:
        raise NOBODY
    return customer


@customer_api
def api_balance(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Per currency: what is settled, open, available now and pending."""
    at = customer_now(customer)
    balances = [
        {
            "currency": balance.currency,
            "settled": amount(balance.settled, balance.currency),
            "open_charges": amount(balance.open_charges, balance.currency),
            "available": amount(balance.available, balance.currency),
            "pending": amount(balance.pending, balance.currency),
            "overdraft": amount(balance.overdraft, balance.currency),
        }
        for balance in credits.balances(customer.pk, at)
    ]
    return JsonResponse({"customer": customer.key, "as_of": at.isoformat(), "balances": balances})


@customer_api
def api_access(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Whether the customer may use a feature now, and why not."""
    feature_key = request.GET.get("feature", "")
    if not feature_key:
        raise ApiError(422, "feature_missing", "Say which feature: ?feature=<key>.")
    if feature_key not in features_by_key([feature_key]):
        raise ApiError(404, "unknown_feature", f"There is no feature {feature_key}.")
    at = customer_now(customer)
    access = access_of(customer.pk, feature_key, at)
    body = {
        "customer": customer.key,
        "feature": feature_key,
        "as_of": at.isoformat(),
        "has_access": access.has_access,
        "reason": access.reason,
        "currency": access.currency,
        "available": None if access.available is None else amount(access.available, access.currency),
        "included": quantity(access.included),
        "used": quantity(access.used),
    }
    return JsonResponse(body)


def amount(minor: int, currency: str) -> dict[str, object]:
    """Minor units as stored, and the same as a decimal text in major units."""
    return {"amount": f"{to_major(minor, currency):f}", "minor_units": minor}


def quantity(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"
