"""A simulation begins: servers, addresses and folder, and then the driver as a process of its own on them."""

import os
import subprocess
import sys
from dataclasses import dataclass

from billing_portal.embedded import ROOT
from billing_portal.simulation.processes import HOST, free_port
from billing_portal.simulation.servers import Servers, servers


@dataclass(frozen=True)
class Options:
    """Shares are probabilities. `pdf_rate`: of the documents, how many are typeset and opened."""

    customers: int
    months: int
    seed: str
    kill_rate: float
    fault_rate: float
    pdf_rate: float

    def arguments(self) -> list[str]:
        return [f"--{name.replace('_', '-')}={value}" for name, value in vars(self).items()]


def launch(options: Options) -> int:
    """Run it to its end; the exit code of its driver."""
    with servers() as running:
        command = [sys.executable, "manage.py", "simulate", *options.arguments()]
        return subprocess.run(command, cwd=ROOT, env=environment(running, options), check=False).returncode


def environment(running: Servers, options: Options) -> dict[str, str]:
    """What every process of the simulation gets; a folder for what they share."""
    shared = running.folder / "shared"
    shared.mkdir()
    own = {
        "DJANGO_SETTINGS_MODULE": "billing_portal.settings_simulation",
        "PORTAL_URL": f"http://{HOST}:{free_port()}",
        "SANDBOX_URL": f"http://{HOST}:{free_port()}",
        "SIMULATION_FOLDER": str(shared),
        "SIMULATION_SEED": options.seed,
        "SIMULATION_KILL_RATE": str(options.kill_rate),
        "SIMULATION_PDF_RATE": str(options.pdf_rate),
    }
    return os.environ | running.environment | own
