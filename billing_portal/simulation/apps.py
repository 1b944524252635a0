"""What a process of a simulation does when it starts: kill points around the verbs, and word of every finished task."""

import os
from typing import Any, Final

from celery.signals import task_postrun, task_prerun, worker_ready
from celery.states import SUCCESS
from django.apps import AppConfig
from django.conf import settings
from django.urls import get_resolver
from django.utils.module_loading import import_string

from billing_portal.simulation.kill_points import LOST, Killer, install
from billing_portal.simulation.paper import sample_pdfs
from billing_portal.simulation.shared import Lines, folder

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


class SimulationConfig(AppConfig):
    name = "billing_portal.simulation"
    label = "simulation"

    def ready(self) -> None:
        """The driver itself is never killed."""
        if "SIMULATION_ROLE" not in os.environ:
            return
        load_everything()
        killer = Killer(folder(), seed=os.environ["SIMULATION_SEED"], rate=float(os.environ["SIMULATION_KILL_RATE"]))
        install(killer)
        sample_pdfs(share=float(os.environ["SIMULATION_PDF_RATE"]), seed=os.environ["SIMULATION_SEED"])
        task_prerun.connect(killer.begin_task, weak=False)
        task_postrun.connect(_note_finished, weak=False)
        worker_ready.connect(_note_ready, weak=False)


def load_everything() -> None:
    """Every module that imports a verb, so that a wrapped one is replaced in all of them."""
    import_string("billing_portal.tasks.run_billing")
    import_string("invoices.pdf.available")()  # before the fork: the library of the PDFs takes seconds
    import_string("facturx.generate_cii_xml")
    for name in ANSWERS:  # … and that of the processor reads a module when the first of its kind is answered
        import_string(f"stripe.{name}")
    for name in (*settings.MIDDLEWARE, "kombu.transport.redis.Transport"):
        import_string(name)
    _ = get_resolver().reverse_dict  # every address read and compiled, which each child would do for itself


def _note_finished(task_id: str, state: str, **_values: Any) -> None:
    """A task that failed, because its database went away, has not come to its end."""
    Lines(folder() / "finished").append(task_id if state == SUCCESS else f"{LOST}{task_id}")


def _note_ready(**_values: Any) -> None:
    (folder() / f"{os.environ['SIMULATION_NAME']}.ready").touch()
