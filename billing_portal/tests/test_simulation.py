"""The chaos run of every check of a change. SEED, CUSTOMERS, MONTHS and KILL_RATE make it another one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 1_800  # seconds


@pytest.mark.longest
def test_everything_is_killed_and_every_cent_is_where_it_belongs():
    wanted = {name: os.environ.get(name.upper().replace("-", "_"), default) for name, default in DEFAULTS.items()}
    arguments = [f"--{name}={value}" for name, value in wanted.items()]
    own = {"DJANGO_SETTINGS_MODULE": "billing_portal.settings", "SECRET_KEY": "of-a-simulation", "DEMO": "1"}
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "SANDBOX_URL")}
    command = [sys.executable, "manage.py", "simulate", *arguments]

    done = subprocess.run(  # noqa: S603 - our own program
        command, cwd=ROOT, env=inherited | own, capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "killed 0 times" not in done.stdout


# Three to four minutes of both cores.
DEFAULTS = {"customers": "50", "months": "6", "seed": "1", "kill-rate": "0.005"}
