"""Celery only wakes things up: the whole schedule on one screen. Every task finds what is due by itself."""

import os

from celery import Celery, Task
from celery.schedules import crontab
from celery.signals import task_prerun, worker_init
from django.db import close_old_connections

from core.garbage import look_seldom
from core.language import ENGLISH, override

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing_portal.settings")


class EnglishTask(Task):  # type: ignore[type-arg]
    """What nobody looks at is written in English; a message or document says for itself in which language it is."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        with override(ENGLISH):
            return super().__call__(*args, **kwargs)


app = Celery("billing_portal", task_cls=EnglishTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def start_tidy(**_told: object) -> None:
    """Before a worker forks: what it has loaded is nobody's garbage."""
    look_seldom()


@task_prerun.connect
def keep_good_connections(task: Task, **_told: object) -> None:  # type: ignore[type-arg]
    """A task goes on with the connection of the one before as a request does, unless it is old or broken."""
    if not task.request.is_eager:
        close_old_connections()


MINUTE = 60.0

app.conf.beat_schedule = {
    "run-billing": {"task": "billing_portal.tasks.run_billing", "schedule": crontab(minute="5")},
    "check-books": {"task": "billing_portal.tasks.check_books", "schedule": crontab(hour="3", minute="35")},
    "sum-days": {"task": "billing_portal.tasks.sum_days", "schedule": crontab(hour="0", minute="25")},
    "do-wanted": {"task": "billing_portal.tasks.do_wanted", "schedule": MINUTE},
    "move-clocks": {"task": "billing_portal.tasks.move_clocks", "schedule": MINUTE},
    "settle-credits": {"task": "billing_portal.tasks.settle_credits", "schedule": MINUTE},
    "change-plans": {"task": "billing_portal.tasks.change_plans", "schedule": MINUTE},
    "collect-due": {"task": "billing_portal.tasks.collect_due", "schedule": MINUTE},
    "tell-budgets": {"task": "billing_portal.tasks.tell_budgets", "schedule": MINUTE},
    "resolve-payments": {"task": "billing_portal.tasks.resolve_payments", "schedule": MINUTE},
    "deliver-documents": {"task": "billing_portal.tasks.deliver_documents", "schedule": MINUTE},
    "build-archives": {"task": "billing_portal.tasks.build_archives", "schedule": MINUTE},
    "tell-staff": {"task": "billing_portal.tasks.tell_staff", "schedule": crontab(minute="*/10")},
    "deliver-notices": {"task": "billing_portal.tasks.deliver_notices", "schedule": MINUTE},
}
