"""The only factur-x in the house: an issued invoice or credit note as EN 16931 data (CII XML, Factur-X profile).

Every figure is the stored one, so that the XML, the PDF, the page and the database say the same total. A credit note's
amounts are positive, under type 381. The XML is valid or there is none: `missing()` says what it would need.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import Any

from pypdf import PdfReader

from core import formats
from core.language import in_english
from core.money import exponent, quantize, to_major
from core.periods import Window
from invoices.einvoice_amounts import BilledLine, NetAmounts, NetLine, Vat, VatRow, net_amounts
from invoices.einvoice_codes import OTHER_COUNTRY_CODES
from invoices.einvoice_needs import MOST_DECIMALS, needs, smallest, vat_id
from invoices.models import Invoice, InvoiceLine
from invoices.paper import InvoicePaper, credits_at_issue, invoice_paper, is_charged
from invoices.selectors import issue_days
from invoices.totals import TaxCategory, TaxRow, row_from, rules_from

LEVEL = "en16931"
FILENAME = "factur-x.xml"  # the name that readers look for inside the PDF
PIECE = "C62"  # UNECE recommendation 20: one; our units have no code of their own
DISCOUNT = "95"  # UNTDID 5189
OTHER_SERVICE = "ABK"  # UNTDID 7161: miscellaneous
TO_CARD, TO_ACCOUNT, SEPA, NOT_DEFINED = "48", "30", "58", "1"  # UNTDID 4461
UNPRINTABLE = dict.fromkeys(code for code in range(32) if code not in (9, 10, 13))

Terms = dict[str, Any]  # business terms (BT-1) and groups (BG-4) of the standard


@in_english
def einvoice(invoice: Invoice) -> bytes | None:
    """The XML of an issued document; None where something it needs is missing."""
    amounts = net_amounts_of(invoice)
    if needs(invoice, amounts):
        return None
    return write(business_terms(invoice, amounts, invoice_paper(invoice)))


def write(terms: Terms) -> bytes:
    """Business terms → CII XML. Changes `terms`."""
    xml: bytes = _library().generate_cii_xml(terms, level=LEVEL, check_xsd=False, check_schematron=False)
    return xml


def missing(invoice: Invoice) -> str:
    """What a valid e-invoice would need and the document has not, as a sentence; empty where nothing is missing."""
    return needs(invoice, net_amounts_of(invoice))


def business_terms(invoice: Invoice, amounts: NetAmounts, paper: InvoicePaper) -> Terms:
    """The document in the terms of EN 16931; amounts are decimal texts in major units."""
    lines = list(zip(invoice.lines.all(), amounts.lines, strict=True))
    no_vat_ids = any(row.vat.category == TaxCategory.OUTSIDE_SCOPE for row in amounts.rows)
    terms: Terms = {
        "BT-1": invoice.number,
        "BT-2": invoice.issued_on,
        "BT-3": "381" if invoice.is_credit_note else "380",
        "BT-5": invoice.currency,
        "BT-9": invoice.due_on,
        "BT-10": _text(invoice.customer_party.get("buyer_reference", "")),
        "BT-13": _text(invoice.customer_party.get("po_number", "")),
        "BT-20": _text(paper.terms),
        "BG-1": [{"BT-22": _text(note)} for note in _notes(invoice, paper)],
        "BG-3": _corrected(invoice),
        "BG-4": _seller(invoice.seller_party, no_vat_ids),
        "BG-7": _buyer(invoice.customer_party, no_vat_ids),
        "BG-23": [_vat_row(row, invoice.currency) for row in amounts.rows],
        "BG-25": [_line(line, net, invoice) for line, net in lines],
    }
    more = _period(invoice) | _credit(invoice, amounts) | _sums(invoice, amounts) | _means(invoice, paper)
    filled: Terms = _filled(terms | more)
    return filled


def _filled(value: Any) -> Any:
    """Without the terms that have no value."""
    if isinstance(value, list):
        return [_filled(each) for each in value]
    if isinstance(value, dict):
        return {name: _filled(each) for name, each in value.items() if each not in ("", None, [], {})}
    return value


def net_amounts_of(invoice: Invoice) -> NetAmounts:
    """The stored lines and tax rows as the standard counts them, positive for a credit note; minor units."""
    sign, rule = _sign(invoice), rules_from(invoice.tax_rules)
    lines = [
        BilledLine(sign * line.amount, sign * line.credits, rules_from(line.tax_rules) if line.tax_rules else rule)
        for line in invoice.lines.all()
    ]
    stored = [row_from(values) for values in invoice.taxes]
    rows = [TaxRow(row.rule, sign * row.base, sign * row.tax) for row in stored]
    return net_amounts(lines, rows, sign * invoice.subtotal)


def _sign(invoice: Invoice) -> int:
    return -1 if invoice.is_credit_note else 1


# --- parties --------------------------------------------------------------------------------------------------------
def _seller(party: Terms, no_vat_ids: bool) -> Terms:
    """With BT-31 where the tax id is a VAT id, else BT-32; what is outside the scope forbids BT-31 (BR-O-02)."""
    number, tax_id = vat_id(party), party.get("tax_id", "")
    is_plain = no_vat_ids or not number
    email = _text(party.get("email", ""))
    return _party(party) | {
        "vat_identifier": "" if is_plain else number,
        "tax_identifier": tax_id if is_plain else "",
        "identifiers": {None: tax_id or party["legal_name"]} if is_plain else {},
        "legal_info": _text(party.get("registration", "")),
        "contacts": [{"name": _text(party["legal_name"]), "email": email}] if email else [],
        "einvoicing_addr": email,
        "einvoicing_addr_schemeid": "EM" if email else "",
    }


def _buyer(party: Terms, no_vat_ids: bool) -> Terms:
    """With BT-48 where the tax id is a VAT id; any other number identifies the customer (BT-46)."""
    number, tax_id = vat_id(party), party.get("tax_id", "")
    is_plain = bool(tax_id) and (no_vat_ids or not number)
    return _party(party) | {
        "vat_identifier": "" if no_vat_ids else number,
        "identifiers": {None: _text(tax_id)} if is_plain else {},
    }


def _party(party: Terms) -> Terms:
    return {
        "name": _text(party.get("legal_name") or party.get("name", "")),
        "addr_l1": _text(party.get("line1", "")),
        "addr_l2": _text(party.get("line2", "")),
        "postcode": _text(party.get("postal_code", "")),
        "city": _text(party.get("city", "")),
        "country_subdivision": _text(party.get("region", "")),
        "country_code": OTHER_COUNTRY_CODES.get(party["country"], party["country"]),
    }


# --- lines ----------------------------------------------------------------------------------------------------------
def _line(line: InvoiceLine, net: NetLine, invoice: Invoice) -> Terms:
    start, end = _days(line.starts_at, line.ends_at)
    window = formats.window(Window(line.starts_at, line.ends_at))
    return {
        "BT-126": str(line.position + 1),
        "BT-153": _text(line.title),
        "BT-154": _text("; ".join(filter(None, (window, line.detail)))),
        "BT-130": PIECE,
        "BT-131": _money(net.amount, invoice.currency),
        "BT-134": start,
        "BT-135": end,
        "BT-151": net.vat.category,
        "BT-152": _rate(net.vat),
        **_price(line, net, invoice),
    }


def _price(line: InvoiceLine, net: NetLine, invoice: Invoice) -> Terms:
    """Quantity and price, so that quantity × price − allowance is the line's amount, to the cent.

    With a price per unit what is included, tiers or discounts take off is an allowance. A line without one – fees,
    tiers, what is given back, prices with tax in them – has the price of its whole quantity.
    """
    quantity = abs(line.quantity)
    is_plain = net.inclusive or net.amount < 0 or smallest(invoice.currency) > 1
    if line.unit_amount is None or line.unit_amount < 0 or is_plain or not quantity:
        whole = quantity or Decimal(1)
        return {
            "BT-129": _decimal(-whole if net.amount < 0 else whole),
            "BT-146": _money(abs(net.amount), invoice.currency),
            "BT-149": _decimal(whole),
        }
    price, per = _per_quantity(line.unit_amount, line.per_units, invoice.currency)
    full = quantize(quantity * line.unit_amount / line.per_units, invoice.currency)
    return {
        "BT-129": _decimal(quantity),
        "BT-146": _decimal(price),
        "BT-149": _decimal(per),
        **_difference(net.amount - full, line, invoice.currency),
    }


def _difference(amount: int, line: InvoiceLine, currency: str) -> Terms:
    """What the line is less (or more) than quantity × price."""
    if not amount:
        return {}
    group, code = ("BG-27", DISCOUNT) if amount < 0 else ("BG-28", OTHER_SERVICE)
    reason = _text(line.detail or line.title)
    return {group: [{"amount": _money(abs(amount), currency), "reason": reason, "reason_code": code}]}


def _per_quantity(price: Decimal, per: int, currency: str) -> tuple[Decimal, int]:
    """The same price with no more decimals than the currency: 0.000012 per 1 → 12.00 per 1,000,000."""
    least = min(exponent(currency), MOST_DECIMALS)
    decimals = max(0, -int(price.normalize().as_tuple().exponent) - least)
    return price * 10**decimals, per * int(10**decimals)


def _days(start: datetime, end: datetime) -> tuple[date, date]:
    """First and last day of a half-open window."""
    first, last = start.astimezone(UTC), end.astimezone(UTC) - timedelta(microseconds=1)
    return first.date(), max(first, last).date()


# --- sums -----------------------------------------------------------------------------------------------------------
def _vat_row(row: VatRow, currency: str) -> Terms:
    return {
        "BT-116": _money(row.base, currency),
        "BT-117": _money(row.tax, currency),
        "BT-118": row.vat.category,
        "BT-119": _rate(row.vat),
        "BT-120": _text(row.vat.reason),
        "BT-121": row.vat.reason_code,
    }


def _credit(invoice: Invoice, amounts: NetAmounts) -> Terms:
    """What credit pays, before tax: an allowance per rate; what goes back to credit is a charge."""
    names = ", ".join(str(row["name"]) for row in invoice.credit_rows)
    used = _by_vat((line.vat, max(line.credits, 0)) for line in amounts.lines)
    back = _by_vat((line.vat, max(-line.credits, 0)) for line in amounts.lines)
    if invoice.is_credit_note:
        used_text, back_text = "Credits returned to your balance", "Credits used"
    else:
        used_text, back_text = f"Credits used: {names}", "Credits returned to your balance"
    return {
        "BG-20": [_allowance(vat, part, used_text, DISCOUNT, invoice.currency) for vat, part in used.items()],
        "BG-21": [_allowance(vat, part, back_text, OTHER_SERVICE, invoice.currency) for vat, part in back.items()],
    }


def _by_vat(parts: Iterable[tuple[Vat, int]]) -> dict[Vat, int]:
    sums: dict[Vat, int] = {}
    for vat, amount in parts:
        sums[vat] = sums.get(vat, 0) + amount
    return {vat: amount for vat, amount in sums.items() if amount}


def _allowance(vat: Vat, amount: int, reason: str, code: str, currency: str) -> Terms:
    return {
        "amount": _money(amount, currency),
        "reason": _text(reason),
        "reason_code": code,
        "vat_category_code": vat.category,
        "vat_rate": _rate(vat),
    }


def _sums(invoice: Invoice, amounts: NetAmounts) -> Terms:
    """The stored totals; what credit notes had paid when it was issued is paid already (BT-113)."""
    sign, currency = _sign(invoice), invoice.currency
    used = sum(max(line.credits, 0) for line in amounts.lines)
    back = sum(max(-line.credits, 0) for line in amounts.lines)
    prepaid = sum(credit.amount for credit in credits_at_issue(invoice))
    return {
        "BT-106": _money(sum(line.amount for line in amounts.lines), currency),
        "BT-107": _money(used, currency) if used else "",
        "BT-108": _money(back, currency) if back else "",
        "BT-109": _money(sign * invoice.subtotal, currency),
        "BT-110": _money(sign * invoice.tax, currency),
        "BT-112": _money(sign * invoice.total, currency),
        "BT-113": _money(prepaid, currency) if prepaid else "",
        "BT-115": _money(sign * invoice.total - prepaid, currency),
    }


def _means(invoice: Invoice, paper: InvoicePaper) -> Terms:
    """How it was to be paid when it was issued."""
    if invoice.is_credit_note or not invoice.total:
        return {}
    if is_charged(invoice):
        return {"BT-81": TO_CARD}
    if paper.iban:
        iban = paper.iban.replace(" ", "")
        return {"BT-81": SEPA if invoice.currency == "EUR" else TO_ACCOUNT, "BT-84": iban}
    return {"BT-81": NOT_DEFINED}


# --- the rest -------------------------------------------------------------------------------------------------------
def _notes(invoice: Invoice, paper: InvoicePaper) -> list[str]:
    """Several taxes on one amount by name, because the standard has one rate; why a credit note gives back; what law
    asks the seller to say, also of late payment; and where the credit ledger was."""
    is_several = len(invoice.taxes) > 1
    taxes = [f"{tax.label}: {tax.amount}" for tax in paper.taxes] if is_several else []
    return [*taxes, *filter(None, [paper.memo, paper.legal_note, paper.late_payment, paper.ledger])]


def _corrected(invoice: Invoice) -> list[Terms]:
    return [{"BT-25": number, "BT-26": day} for number, day in issue_days(invoice).items()]


def _period(invoice: Invoice) -> Terms:
    """From the first to the last day of the billing period and of the lines, which may lie before it. The last is the
    day of supply (BT-72), without which the XML has an empty element."""
    days = [_days(line.starts_at, line.ends_at) for line in invoice.lines.all()]
    last = max(invoice.period_start, invoice.period_end - timedelta(days=1))
    starts, ends = [invoice.period_start, *(day for day, _ in days)], [last, *(day for _, day in days)]
    return {"BT-72": max(ends), "BT-73": min(starts), "BT-74": max(ends)}


def _rate(vat: Vat) -> str:
    """What is outside the scope has no rate at all (BR-O-05)."""
    return "" if vat.category == TaxCategory.OUTSIDE_SCOPE else _decimal(vat.percent)


def _money(amount: int, currency: str) -> str:
    decimals = min(exponent(currency), MOST_DECIMALS)
    return f"{to_major(amount, currency):.{decimals}f}"


def _decimal(value: Decimal | int) -> str:
    text = f"{Decimal(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text(value: str) -> str:
    """Without the control characters that XML cannot have."""
    return value.translate(UNPRINTABLE).strip()


def data_of(invoice: Invoice, pdf: bytes | memoryview | None) -> bytes | None:
    """The data of an issued document: the very bytes inside its stored PDF, without one what would be inside.

    None where it cannot be valid (`missing`). Raises PyPdfError where the PDF cannot be read.
    """
    return (embedded(bytes(pdf)) if pdf else None) or einvoice(invoice)


def embedded(pdf: bytes) -> bytes | None:
    """The XML inside a stored PDF; None where it was made without."""
    reader = PdfReader(BytesIO(pdf))
    found: list[bytes] = reader.attachments.get(FILENAME, [])
    return found[0] if found else None


@cache
def _library() -> Any:
    """Imported on first use: it takes a second, and only documents need it."""
    return import_module("facturx")
