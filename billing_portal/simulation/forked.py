"""A process of a simulation from its birth: kill points around the verbs, word of finished tasks, its program."""

import os
import runpy
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from celery.signals import task_postrun, task_prerun, worker_ready
from celery.states import SUCCESS
from django.conf import settings
from django.template import Engine
from django.template.loader import get_template
from django.urls import get_resolver
from django.utils.module_loading import import_string

from billing_portal.embedded import ROOT
from billing_portal.simulation.kill_points import LOST, Killer, install
from billing_portal.simulation.paper import sample_pdfs
from billing_portal.simulation.shared import Lines, folder
from core import formats
from core.language import override

TEMPLATES: Final = ROOT / "templates"
ON_FIRST_USE: Final = (
    "kombu.transport.redis.Transport",
    "celery.backends.base.DisabledBackend",
    "stripe._object_classes.get_object_class",
    "stripe.StripeClient",
    f"{settings.SESSION_ENGINE}.SessionStore",
)
ANSWERS: Final = (
    "checkout.Session",
    "Charge",
    "Customer",
    "Event",
    "PaymentIntent",
    "PaymentMethod",
    "Refund",
    "SetupIntent",
)


@dataclass(frozen=True)
class Born:
    """`command`: a module and its arguments. Only what belongs to the portal ends itself at times."""

    name: str
    command: list[str]
    log: Path
    is_portal: bool


def be(born: Born) -> None:
    """The whole life of a process that has just been forked, in a group of its own."""
    os.setsid()
    log = os.open(born.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    os.close(log)
    if born.is_portal:
        be_killable(born.name)
    sys.argv = list(born.command)
    runpy.run_module(born.command[0], run_name="__main__", alter_sys=True)


def be_killable(name: str) -> None:
    killer = Killer(folder(), seed=os.environ["SIMULATION_SEED"], rate=float(os.environ["SIMULATION_KILL_RATE"]))
    install(killer)
    sample_pdfs(share=float(os.environ["SIMULATION_PDF_RATE"]), seed=os.environ["SIMULATION_SEED"])
    task_prerun.connect(killer.begin_task, weak=False)
    task_postrun.connect(_note_finished, weak=False)
    worker_ready.connect(lambda **_values: (folder() / f"{name}.ready").touch(), weak=False)


def load_everything() -> None:
    """Every module that imports a verb, so that a wrapped one is replaced in all of them."""
    import_string("billing_portal.tasks.run_billing")
    import_string("invoices.pdf.available")()  # before the fork: the library of the PDFs takes seconds,
    import_string("invoices.pdf.write")("<p>–</p>")  # … its fonts and styles a quarter of one,
    import_string("invoices.glyphs.unprintable")("–")  # … and which characters they have another
    import_string("facturx.generate_cii_xml")
    for name in ANSWERS:  # … and that of the processor reads a module when the first of its kind is answered
        import_string(f"stripe.{name}")
    for name in (*settings.MIDDLEWARE, *ON_FIRST_USE):
        import_string(name)
    _ = Engine.get_default().template_context_processors
    _ = get_resolver().reverse_dict  # every address read and compiled, which each child would do for itself
    read_templates()
    for language, _name in settings.LANGUAGES:  # its catalogue, and how it writes amounts and days
        with override(language):
            formats.money(0, "USD")
            formats.instant(datetime(2026, 1, 1, tzinfo=UTC))


def read_templates() -> None:
    """Of customers, mail and documents, once for all children."""
    for path in (*TEMPLATES.rglob("*.html"), *TEMPLATES.rglob("*.txt")):
        if path.relative_to(TEMPLATES).parts[0] != "admin":
            get_template(str(path.relative_to(TEMPLATES)))


def _note_finished(task_id: str, state: str, **_values: Any) -> None:
    """A task that failed, because its database went away, has not come to its end."""
    Lines(folder() / "finished").append(task_id if state == SUCCESS else f"{LOST}{task_id}")
