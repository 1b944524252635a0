"""The roof: settings, URLs, the schedule, and the pages and commands that show several rooms."""

from billing_portal.celery import app as celery_app

__all__ = ["celery_app"]
