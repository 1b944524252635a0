"""The house rules that no tool checks: sizes, imports in annotations, names of services, clean templates."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
ROOMS: Final = ("billing_portal", "plans", "invoices", "credits", "usage", "accounts", "core")  # top to bottom
FOLDERS: Final = (*ROOMS, "tools", "processor")

MODULE_LINES: Final = 400
FUNCTION_LINES: Final = 50
VIEW_LINES: Final = 25
TASK_LINES: Final = 10

MODULES: Final = sorted(
    path.relative_to(ROOT)
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
)
TEMPLATES: Final = sorted(path.relative_to(ROOT) for path in (ROOT / "templates").rglob("*.*") if path.suffix != ".md")
SERVICES: Final = [path for path in MODULES if path.parent.name == "services" and path.stem != "__init__"]

MAY_IMPORT_LATE: Final = {
    Path("invoices/pdf.py"),  # WeasyPrint fails to import where its system libraries are missing
    Path("billing_portal/tests/test_house.py"),  # names what it looks for
}

# What the Content-Security-Policy would block, so nobody would notice in a test without a browser.
INLINE: Final = {
    "an event handler": r"<[^>]*\son[a-z]+\s*=",
    "hx-on": r"\shx-on[:\-=]",
    "a javascript: address": r"javascript:",
    "an inline script": r"<script(?![^>]*\bsrc=)[^>]*>",
}
STYLED: Final = {"a style attribute": r"<[^>]*\sstyle\s*=", "a style element": r"<style\b"}


def tree(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text())


def functions(module: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def longest_allowed(module: Path) -> int:
    is_view = (
        module.stem.startswith("views") or "views" in module.parts or module.parts[:2] == ("billing_portal", "pages")
    )
    if "tests" in module.parts:
        return FUNCTION_LINES
    return TASK_LINES if module.stem == "tasks" else VIEW_LINES if is_view else FUNCTION_LINES


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_it_keeps_modules_and_functions_short(module):
    lines = len((ROOT / module).read_text().splitlines())
    allowed = longest_allowed(module)
    long = {function.name: length(function) for function in functions(module) if length(function) > allowed}

    assert lines <= MODULE_LINES
    assert not long, f"longer than {allowed} lines"


@pytest.mark.parametrize("module", [path for path in MODULES if path.parts[0] in ROOMS], ids=str)
def test_it_names_only_lower_rooms_even_in_annotations(module):
    """import-linter leaves imports for annotations out, because they use no table; the order holds for them too."""
    higher = set(ROOMS[: ROOMS.index(module.parts[0])])
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree(module))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else names(node))
    }

    # The cast is built from the highest rooms, so tests may look up.
    assert "tests" in module.parts or not imported & higher


def names(node: ast.AST) -> list[str]:
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_it_hides_no_imports(module):
    """Neither in functions nor behind importlib: what a module needs stands at its top."""
    hidden = [
        node.lineno
        for function in functions(module)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert not hidden
    assert "import_module" not in (ROOT / module).read_text() or module in MAY_IMPORT_LATE


@pytest.mark.parametrize("service", SERVICES, ids=str)
def test_it_has_one_public_function_per_service_named_like_its_file(service):
    top = [node.name for node in tree(service).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    assert [name for name in top if not name.startswith("_")] == [service.stem]


@pytest.mark.parametrize("template", TEMPLATES, ids=str)
def test_it_writes_no_script_or_style_into_templates(template):
    text = re.sub(r"\{#.*?#\}|\{% comment.*?endcomment %\}", "", (ROOT / template).read_text(), flags=re.DOTALL)
    styles_allowed = {"emails", "pdf"} & set(template.parts)  # mail programs and WeasyPrint know no other way
    patterns = INLINE if styles_allowed else INLINE | STYLED

    assert [what for what, pattern in patterns.items() if re.search(pattern, text, re.IGNORECASE)] == []
