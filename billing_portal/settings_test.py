"""Settings of the tests: the same portal, with fast hashing, mail kept in memory and tasks run at once."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-the-tests")
os.environ.setdefault("HTTPS", "0")
os.environ.setdefault("SANDBOX_WEBHOOK_SECRET", "whsec_sandbox")

from billing_portal.settings import *  # noqa: F403 - the tests run the real settings, the few lines below excepted

DEMO = True
STAFF_MFA_REQUIRED = False  # as in the demo; its own tests switch it on
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["TEST"] = {"TEMPLATE": os.environ.get("TEMPLATE_DATABASE")}  # noqa: F405
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
MIDDLEWARE = ["billing_portal.tests.counting.count_queries", *MIDDLEWARE]  # noqa: F405
