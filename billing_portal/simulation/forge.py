"""A process that forks a child for each line it reads, and says how it ended (tests of kill points).

The child does one thing as a worker or the web server would, and ends itself at the place the line names. What it is
forked from has loaded everything, and done every job once when nothing was due, because much is made ready on first
use only; it holds nothing open. So a child is a fresh process that costs little.
"""

import json
import os
import sys
import traceback
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import connections
from django.test import Client

from accounts.models import User
from billing_portal import tasks
from billing_portal.simulation.browser import Page
from billing_portal.simulation.kill_points import Killer, install
from billing_portal.simulation.shared import folder
from core.garbage import look_seldom

WEBHOOK = "/webhooks/sandbox/"
JOBS = (
    tasks.run_billing,
    tasks.resolve_payments,
    tasks.collect_due,
    tasks.deliver_documents,
    tasks.deliver_notices,
)


def main() -> None:
    killer = Killer(folder(), seed="", rate=0)
    install(killer)
    do_jobs()
    look_seldom()
    for line in sys.stdin:
        connections.close_all()
        child = os.fork()
        if not child:
            told = json.loads(line)
            killer.only = told["places"]
            be(told)
        _pid, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def be(told: dict[str, Any]) -> None:
    """The child's whole life."""
    try:
        if told["do"] == "tick":
            do_jobs()
        elif told["do"] == "receive":
            receive(told)
        else:
            visit(told)
    except BaseException:  # noqa: BLE001 - whatever it is, the child ends here
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def do_jobs() -> None:
    for job in JOBS:
        job()


def receive(told: dict[str, Any]) -> None:
    """An event of the processor as it arrives."""
    headers = {"Stripe-Signature": told["signature"]}
    answer = Client(SERVER_NAME="localhost").post(
        WEBHOOK, told["payload"], content_type="application/json", headers=headers
    )
    if answer.status_code != HTTPStatus.OK:
        raise RuntimeError(f"the webhook answers {answer.status_code}: {answer.content.decode()}")


def visit(told: dict[str, Any]) -> None:
    """A person's page, and its form sent as filled in; a page without that form was got to its end before."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(pk=told["user"]), backend=settings.AUTHENTICATION_BACKENDS[0])
    got = client.get(told["path"])
    form = Page(told["path"], got.status_code, got.content.decode()).form(has=told["has"], to=told["to"])
    if form is not None:
        answer = client.post(form.action, form.fields)
        if answer.status_code != HTTPStatus.SEE_OTHER:
            raise RuntimeError(f"{told['path']} answers {answer.status_code}: {answer.content.decode()[:2_000]}")
