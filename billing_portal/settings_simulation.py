"""Settings of the chaos run (docs/simulation.md): the real portal, on a simulated clock, killed at chosen places.

Every process of a simulation – web, workers, driver – runs with these and shares the folder SIMULATION_FOLDER.
"""

import os

os.environ.setdefault("SECRET_KEY", "only-for-simulations")
os.environ.setdefault("HTTPS", "0")
os.environ.setdefault("DEMO", "1")

from billing_portal.settings import *  # noqa: F403 - the real settings, the lines below excepted
from billing_portal.simulation.shared import Clock, folder
from core import clock

clock.use(Clock(folder()).now)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "billing_portal.simulation.mail.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1  # a killed worker takes few messages with it
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
