"""Python that hands a text to a page has it translated, as far as places tell that take nothing but such texts."""

import ast
import re
from pathlib import Path

from billing_portal.catalogues import ROOMS

ROOT = Path(__file__).resolve().parents[2]
# Commands, demo data, the price list that is seeded, and pages of developers speak English.
FOLDERS = r"/(tests|migrations|simulation|management|states|benchmarks)/"
ENGLISH_ONLY = re.compile(FOLDERS + r"|/(demo|seed|pytest|import_usage|styleguide)")
NAMES = {"label", "title", "text", "message", "short_description"}
TELLERS = {"Badge", "Coming", "Event", "Place", "TaxText"}
MESSAGES = {"messages.success", "messages.info", "messages.warning", "messages.error", "form.add_error"}
SAID = re.compile(r"^\W*[A-Z][a-z]")

MODULES = [
    path
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*.py"))
    if not ENGLISH_ONLY.search(str(path.relative_to(ROOT)))
]


def words(node):
    """What a literal says; nothing for a call, so for what gettext returns."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)]
    return [*words(node.body), *words(node.orelse)] if isinstance(node, ast.IfExp) else []


def for_people(node):
    """The texts that a piece of code hands to people."""
    if isinstance(node, ast.ClassDef):
        return [each.value for each in node.body if isinstance(each, ast.Assign) and named(each) == "message"]
    if isinstance(node, ast.keyword):
        return [node.value] if node.arg in NAMES else []
    if isinstance(node, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        return [value for key, value in zip(keys, node.values, strict=True) if key in NAMES]
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        return node.args if called in TELLERS else node.args[1:] if called in MESSAGES else []
    return []


def named(assignment):
    return getattr(assignment.targets[0], "id", "")


def bare_words(source):
    found = [text for node in ast.walk(ast.parse(source)) for each in for_people(node) for text in words(each)]
    return [text for text in found if SAID.search(text)]


def test_what_code_says_to_people_can_be_translated():
    found = {str(path.relative_to(ROOT)): bare_words(path.read_text()) for path in MODULES}
    assert {path: texts for path, texts in found.items() if texts} == {}


def test_it_finds_words_that_nobody_can_translate():
    source = """
class RefusedError(RuleError):
    message = "It can't be done."

fine = [Badge(gettext("Paid"), "success"), {"label": gettext("Net")}, Column("key", title=lazy("Key"))]
rows = [{"label": "Net"}, Place(f"Back to {card}", 1), Page(title="Refund" if paid else gettext("Fine"))]
messages.success(request, "Done.")
"""
    found = {"It can't be done.", "Net", "Back to …", "Refund", "Done."}
    assert set(bare_words(source)) == found
