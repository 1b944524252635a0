"""The pages people see: the card page and the page of the bank. Plain HTML, no JavaScript, nothing echoed."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from processor import charges, setups
from processor.cards import CARDS, read_entry
from processor.errors import ApiError
from processor.web import Response

if TYPE_CHECKING:
    from processor.storage import Body, Store
    from processor.web import Request

HERE: Final = Path(__file__).parent
FIELDS: Final = {
    "number": ("Card number", ""),
    "expiry": ("Expiry date", "MM / YY"),
    "cvc": ("Security code (CVC)", "Any 3 digits"),
}
FILES: Final = {"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
PLAIN: Final = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
THOUSANDTHS: Final = {"bhd", "jod", "kwd", "omr", "tnd"}


def answer(store: Store, request: Request) -> Response:
    """The page of an address that people are sent to; 404 for any other."""
    page, _, name = request.path.strip("/").partition("/")
    try:
        if page == "c":
            return _card(store, request, store.get("checkout.session", name))
        if page == "bank":
            return _bank(store, request, store.get("payment_intent", name))
    except ApiError:
        return _notice("Page not found", "Nothing is known under this address. Go back and start again.", status=404)
    if page == "pages" and name in FILES:
        return Response(200, (HERE / name).read_bytes(), FILES[name], {"Cache-Control": "max-age=3600"})
    return _notice("Page not found", "This is the sandbox of a card processor. It has nothing here.", status=404)


def _card(store: Store, request: Request, session: Body) -> Response:
    """A card that was taken already leads back, so that a second submit has the first one's result."""
    if session["status"] == "complete":
        return Response.see(session["success_url"])
    if setups.has_expired(store, session):
        return _notice("This page has expired", "No card was saved.", back=session["cancel_url"])
    errors: dict[str, str] = {}
    if request.method == "POST":
        typed = {name: value for name, value in request.params.items() if name in FIELDS and isinstance(value, str)}
        entry, errors = read_entry(typed, setups.today_of(store).date())
        if entry:
            setups.keep_card(store, session["id"], entry)
            return Response.see(session["success_url"])
    parts = {name: _field(name, errors.get(name, "")) for name in FIELDS}
    body = _fill(
        "card.html", summary=_summary(errors), cancel=_back(session["cancel_url"]), cards=_test_cards(), **parts
    )
    title = "Error: Card entry" if errors else "Card entry"
    return _page(title, body, status=422 if errors else 200, leads_to=session["success_url"])


def _bank(store: Store, request: Request, intent: Body) -> Response:
    """Asked once; whatever was decided, and whoever comes back, is led on to where the payment is shown."""
    redirect = (intent["next_action"] or {}).get("redirect_to_url", {})
    if intent["status"] != "requires_action":
        return _notice("Nothing to confirm", "This payment doesn’t wait for you any more.")
    if request.method == "POST":
        confirmed = request.params.get("answer") == "confirm"
        settled = charges.settle_at_bank(store, intent["id"], confirmed=confirmed)
        result = "succeeded" if settled["status"] == "succeeded" else "failed"
        return Response.see(_with(redirect["return_url"], payment_intent=intent["id"], redirect_status=result))
    card = store.get("payment_method", intent["payment_method"])["card"]
    body = _fill("bank.html", amount=escape(_money(intent)), card=escape(f"{card['brand'].title()} {card['last4']}"))
    return _page("Confirm this payment", body, leads_to=redirect["return_url"])


def _money(intent: Body) -> str:
    currency = intent["currency"]
    decimals = 0 if currency in PLAIN else 3 if currency in THOUSANDTHS else 2
    return f"{Decimal(intent['amount']).scaleb(-decimals):,} {currency.upper()}"


def _with(url: str, **values: str) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(values)}"


def _field(name: str, error: str) -> str:
    """Whatever was typed is never sent back."""
    label, hint = FIELDS[name]
    told = [part for part, there in ((f"{name}_hint", hint), (f"{name}_error", error)) if there]
    described = f' aria-describedby="{" ".join(told)}"' if told else ""
    invalid = ' aria-invalid="true"' if error else ""
    return (
        f'<div class="field"><label for="{name}">{label}</label>'
        + (f'<div class="hint" id="{name}_hint">{hint}</div>' if hint else "")
        + (f'<div class="error" id="{name}_error">{escape(error)}</div>' if error else "")
        + f'<input id="{name}" name="{name}" inputmode="numeric" autocomplete="off" spellcheck="false" maxlength="40"'
        f" required{described}{invalid}></div>"
    )


def _summary(errors: dict[str, str]) -> str:
    if not errors:
        return ""
    links = [f'<li><a href="#{name}">{FIELDS[name][0]} – {escape(error)}</a></li>' for name, error in errors.items()]
    return (
        '<div class="summary" role="alert" tabindex="-1" autofocus>'
        f"<h2>There is a problem</h2><ul>{''.join(links)}</ul></div>"
    )


def _test_cards() -> str:
    return "".join(
        f'<tr><th scope="row"><code>{number[:4]} {number[4:8]} {number[8:12]} {number[12:]}</code></th>'
        f"<td>{escape(card.meaning)}</td></tr>"
        for number, card in CARDS.items()
    )


def _back(url: str | None) -> str:
    return f'<a href="{escape(url)}">Cancel and go back</a>' if url else ""


def _notice(title: str, text: str, *, back: str | None = None, status: int = 200) -> Response:
    link = f'<a href="{escape(back)}">Go back</a>' if back else ""
    return _page(title, _fill("notice.html", title=title, text=text, back=link), status=status)


def _fill(name: str, **values: str) -> str:
    return Template((HERE / name).read_text()).substitute(values)


def _page(title: str, body: str, *, status: int = 200, leads_to: str = "") -> Response:
    """`leads_to` is where a form's answer redirects to, which browsers hold against the policy too."""
    where = urlsplit(leads_to)
    allowed = f"'self' {where.scheme}://{where.netloc}" if where.netloc else "'self'"
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        f"form-action {allowed}; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return Response(status, _fill("frame.html", title=title, body=body).encode(), headers=headers)
