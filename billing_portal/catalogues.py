"""The words of the house and their translations: one catalogue per room, `<room>/locale/<language>/LC_MESSAGES`.

Babel finds the words and writes both files, so no machine needs the programs of GNU gettext. English is what stands
in the code; it has no catalogue. See docs/languages.md.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

from core.language import FOR_DOCUMENTS, LOCALES

ROOMS = ("core", "accounts", "usage", "credits", "invoices", "plans", "billing_portal")
LANGUAGES = tuple(code for code in LOCALES if code != settings.LANGUAGE_CODE)
KEYWORDS: dict[str, Any] = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
    "sentence": None,  # accounts/figures.py
}
NOT_FOR_PEOPLE = {"tests", "migrations", "benchmarks", "simulation"}
TEMPLATES = settings.BASE_DIR / "templates"
# Where the words of invoices, receipts and statements stand: all that a language FOR_DOCUMENTS needs.
ON_DOCUMENTS = (
    *("core/formats.py", "accounts/models.py", "credits/words.py", "templates/pdf/"),
    *("invoices/paper.py", "invoices/statement_paper.py", "invoices/statements.py", "invoices/taxing.py"),
    *("invoices/pdfa.py", "invoices/models_payments.py"),
    *("plans/words.py", "plans/fees.py", "plans/capping.py", "plans/line_words.py"),
)
PAPER = {"emails", "pdf"}  # they are the words of invoices, except the messages that plans writes
MESSAGES_OF_PLANS = ("plan_", "sales_", "usage_")
NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)  # the same words give the same file


def po_path(room: str, language: str) -> Path:
    return Path(settings.BASE_DIR / room / "locale" / language / "LC_MESSAGES" / "django.po")


def room_of(template: Path) -> str:
    """Whose words a template below `templates/` has: those of the room its folder is named after, else the roof's."""
    folder = template.relative_to(TEMPLATES).parts[0]
    if folder == "emails" and template.name.startswith(MESSAGES_OF_PLANS):
        return "plans"
    if folder in PAPER:
        return "invoices"
    return folder if folder in ROOMS else "billing_portal"


def sources(room: str) -> Iterator[Path]:
    """Every file with words of a room."""
    folder = settings.BASE_DIR / room
    for path in sorted(folder.rglob("*.py")):
        if not NOT_FOR_PEOPLE.intersection(path.relative_to(folder).parts):
            yield path
    for path in sorted(TEMPLATES.rglob("*")):
        if path.is_file() and room_of(path) == room:
            yield path


def pairs() -> Iterator[tuple[str, str]]:
    """Every catalogue: (room, language). A room without words for documents has none in a language of documents."""
    for room in ROOMS:
        for language in LANGUAGES:
            if language not in FOR_DOCUMENTS or found(room, language):
                yield room, language


def found(room: str, language: str) -> Catalog:
    """The words that a room's files have now for that language, untranslated."""
    catalogue = Catalog()
    for path in sources(room):
        name = str(path.relative_to(settings.BASE_DIR))
        if language in FOR_DOCUMENTS and not name.startswith(ON_DOCUMENTS):
            continue
        place = (name, 1)
        for _, message, _, context in extract("python", BytesIO(_python(path)), keywords=KEYWORDS):
            catalogue.add(message, locations=[place], context=context)
    return catalogue


def _python(path: Path) -> bytes:
    text = path.read_text()
    if path.suffix != ".py":
        # Django writes a template as calls of gettext; those lines are no statements, so none is indented.
        text = "\n".join(line.strip() for line in templatize(text).splitlines())
    return text.encode()


def kept(room: str, language: str) -> Catalog:
    """The catalogue as its file has it; an empty one where there is none."""
    path = po_path(room, language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(room: str, language: str) -> Catalog:
    """The words of now with the translations of before; what is gone is left out, what is new has none yet."""
    before = kept(room, language)
    catalogue = Catalog(
        locale=language,
        header_comment=f"# {room}: see docs/languages.md",
        project="Billing portal",
        creation_date=NO_DATE,
        revision_date=NO_DATE,
        fuzzy=False,
    )
    for message in found(room, language):
        if not message.id:
            continue
        known = before.get(message.id, message.context)
        string = known.string if known and isinstance(known.string, str) == isinstance(message.id, str) else None
        catalogue.add(message.id, string, locations=message.locations, context=message.context)
    return catalogue


def write(room: str, language: str) -> int:
    """Bring both files of a room up to date; how many words have no translation yet."""
    catalogue, path = updated(room, language), po_path(room, language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, sort_output=True, include_lineno=False, include_previous=False)
    path.with_suffix(".mo").write_bytes(compiled(catalogue))
    return sum(not is_translated(message.string) for message in catalogue if message.id)


def compiled(catalogue: Catalog) -> bytes:
    """What Django reads."""
    file = BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def is_translated(string: str | tuple[str, ...] | list[str]) -> bool:
    """Whether it is there, in all its plural forms."""
    return bool(string) if isinstance(string, str) else bool(string) and all(string)
