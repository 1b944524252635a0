"""The house rules that no tool checks: sizes, imports in annotations, names of services, clean templates."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import Final, NamedTuple

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
    Path("invoices/pdfa.py"),  # the same
    Path("invoices/einvoice.py"),  # factur-x takes a second, and only who writes documents needs it
    Path("invoices/tests/schematron.py"),  # a processor of its own for the rules, loaded by the one test that asks
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


Function = ast.FunctionDef | ast.AsyncFunctionDef


def source(file: Path) -> str:
    return (ROOT / file).read_text()


class Facts(NamedTuple):
    """What a module says of itself; it is parsed once for all rules, and its tree is not kept."""

    functions: list[tuple[str, int]]  # name, lines
    at_top: list[str]  # functions
    imported: set[str]  # packages
    hidden: list[int]  # lines of imports within functions


@functools.cache
def facts(module: Path) -> Facts:
    tree = ast.parse(source(module))
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    return Facts(
        functions=[(function.name, length(function)) for function in functions],
        at_top=[node.name for node in tree.body if isinstance(node, Function)],
        imported={name.split(".")[0] for node in ast.walk(tree) for name in names(node)},
        hidden=[
            node.lineno
            for function in functions
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        ],
    )


def names(node: ast.AST) -> list[str]:
    """The modules that it imports."""
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def longest_allowed(module: Path) -> int:
    is_view = (
        module.stem.startswith("views") or "views" in module.parts or module.parts[:2] == ("billing_portal", "pages")
    )
    if "tests" in module.parts:
        return FUNCTION_LINES
    return TASK_LINES if module.stem == "tasks" else VIEW_LINES if is_view else FUNCTION_LINES


def test_it_keeps_modules_short():
    lines = {module: len(source(module).splitlines()) for module in MODULES}

    assert {module: number for module, number in lines.items() if number > MODULE_LINES} == {}


def test_it_keeps_functions_short():
    long = [
        f"{module}: {name} has {lines} lines"
        for module in MODULES
        for name, lines in facts(module).functions
        if lines > longest_allowed(module)
    ]

    assert long == []


def test_it_names_only_lower_rooms_even_in_annotations():
    """import-linter leaves imports for annotations out, because they use no table; the order holds for them too."""
    # The cast is built from the highest rooms, so tests may look up.
    modules = [module for module in MODULES if module.parts[0] in ROOMS and "tests" not in module.parts]
    higher = {module: set(ROOMS[: ROOMS.index(module.parts[0])]) & facts(module).imported for module in modules}

    assert len(modules) > 100
    assert {module: rooms for module, rooms in higher.items() if rooms} == {}


def test_it_hides_no_imports():
    """Neither in functions nor behind importlib: what a module needs stands at its top."""
    hidden = [f"{module}:{line}" for module in MODULES for line in facts(module).hidden]

    assert hidden == []
    assert {module for module in MODULES if "import_module" in source(module)} <= MAY_IMPORT_LATE


def test_it_has_one_public_function_per_service_named_like_its_file():
    found = {service: [name for name in facts(service).at_top if not name.startswith("_")] for service in SERVICES}

    assert len(found) > 50
    assert {service: names for service, names in found.items() if names != [service.stem]} == {}


def test_it_writes_no_script_or_style_into_templates():
    assert len(TEMPLATES) > 100
    assert {template: wrong for template in TEMPLATES if (wrong := written_into(template))} == {}


def written_into(template: Path) -> list[str]:
    text = re.sub(r"\{#.*?#\}|\{% comment.*?endcomment %\}", "", source(template), flags=re.DOTALL)
    styles_allowed = {"emails", "pdf"} & set(template.parts)  # mail programs and WeasyPrint know no other way
    patterns = INLINE if styles_allowed else INLINE | STYLED
    return [what for what, pattern in patterns.items() if re.search(pattern, text, re.IGNORECASE)]
