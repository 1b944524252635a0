"""One settings file, driven by the environment and safe by default.

| variable | meaning | default |
|---|---|---|
| DATABASE_URL, REDIS_URL | the servers to use | the embedded ones of `./portal run` |
| SECRET_KEY | Django's secret | required, unless DEBUG or DEMO |
| DEBUG, DEMO | development help; demo log-ins and sandbox cards offered | off |
| ALLOWED_HOSTS, PORTAL_URL | host names (comma separated); address used in e-mails | localhost |
| HTTPS | the portal stands behind TLS: secure cookies, HSTS, redirect | on unless DEBUG or DEMO |
| BEHIND_PROXY | the proxy in front sets X-Forwarded-Proto itself: believe it | off |
| EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_TLS | mail server | files in var/mail |
| DEFAULT_FROM_EMAIL, BILLING_EMAIL, SALES_EMAIL | addresses | …@example.com |
| TERMS_URL | your terms, named where a customer subscribes and in the mail about it | none: they are not named |
| STRIPE_API_KEY, STRIPE_WEBHOOK_SECRET | the account that charges the cards, and what signs its webhooks | – |
| STRIPE_API_BASE | Stripe's address | https://api.stripe.com |
| CARD_GATEWAY | where new cards are entered: stripe or sandbox | stripe where STRIPE_API_KEY is set, else sandbox |
| SANDBOX_URL, SANDBOX_WEBHOOK_SECRET | the sandbox processor (docs/adr/0008-gateways.md) | port 8010 of this machine |
| STAFF_MFA_REQUIRED | staff set up a second factor before they see anything | on unless DEBUG or DEMO |
| PRODUCT_NAME | the `{Product}` of every plan name | Meridian |
| LOG_FORMAT | `json`: one object a line; `plain`: for people | json unless DEBUG or DEMO |
| METRICS_TOKEN | bearer token of /metrics | none: only this machine may read it |
"""

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from billing_portal import embedded

BASE_DIR = Path(__file__).resolve().parent.parent


def flag(name: str, *, default: bool) -> bool:
    """An on/off variable of the environment."""
    value = os.environ.get(name, "").strip().lower()
    return default if not value else value in {"1", "true", "yes", "on"}


def words(name: str, default: str) -> list[str]:
    """A comma separated variable of the environment."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


DEBUG = flag("DEBUG", default=False)
DEMO = flag("DEMO", default=False)
HTTPS = flag("HTTPS", default=not (DEBUG or DEMO))

SECRET_KEY = os.environ.get("SECRET_KEY", "")
if not SECRET_KEY:
    if not (DEBUG or DEMO):
        raise ImproperlyConfigured("SECRET_KEY is not set")
    SECRET_KEY = "only-for-development-on-this-machine"  # noqa: S105 - refused above wherever it would matter

ALLOWED_HOSTS = words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
PORTAL_URL = os.environ.get("PORTAL_URL", "http://127.0.0.1:8000").rstrip("/")
CSRF_TRUSTED_ORIGINS = [PORTAL_URL]
CSRF_FAILURE_VIEW = "billing_portal.tokens.refused"

# --- what the portal is called and how it bills ------------------------------------------------------------------
PRODUCT_NAME = os.environ.get("PRODUCT_NAME", "Meridian")
SALES_EMAIL = os.environ.get("SALES_EMAIL", "sales@example.com")
BILLING_EMAIL = os.environ.get("BILLING_EMAIL", "billing@example.com")
TERMS_URL = os.environ.get("TERMS_URL", "")
CALCULATION_GRACE = timedelta(hours=1)  # so that ordinary lag of ingestion does not turn into late usage
LATE_USAGE_MINIMUM = Decimal("1.00")  # major units: after the last paid plan, less than this waits
QUOTE_LIFETIME = timedelta(minutes=15)
PAYMENT_TERMS = timedelta(days=14)  # due date of an invoice that is not collected automatically
DUNNING_RETRY_DAYS = (3, 5, 7)  # after the first decline: when a card is tried again
DUNNING_NOTICE_DAYS = (0, 3, 7, 14)  # of being overdue: messages; the last one names the consequence
DUNNING_PATIENCE = timedelta(days=7)  # from the delivery of that last one until the consequence, at the earliest
CATCH_UP_NOTICE = timedelta(hours=24)  # announced late (after downtime): collected no earlier than this
CREDIT_PRESETS = (5_000, 10_000, 25_000, 50_000)  # «Buy credits», minor units of any currency: $50.00, ¥5,000
CREDIT_SALE_MINIMUM = 1_000  # minor units at a time
CREDIT_SALE_MAXIMUM = 1_000_000
CREDIT_SALE_EXPIRES_AFTER: timedelta | None = None  # credit that customers buy; None: never
UNPAID_SALE_LIFETIME = timedelta(days=14)  # a purchase that is not paid by then is given up
TOP_UP_COOL_DOWN = timedelta(hours=1)  # between two automatic top-ups
EVENT_MAX_AHEAD = timedelta(minutes=5)
EVENT_BATCH_MAX = 1_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024  # bytes; a larger body is refused with 413

# --- who charges the cards ----------------------------------------------------------------------------------------
STRIPE_API_KEY = os.environ.get("STRIPE_API_KEY", "")
STRIPE_WEBHOOK_SECRET = os.environ.get("STRIPE_WEBHOOK_SECRET", "")
STRIPE_API_BASE = os.environ.get("STRIPE_API_BASE", "https://api.stripe.com")
SANDBOX_URL = os.environ.get("SANDBOX_URL", "http://127.0.0.1:8010").rstrip("/")
# Known to everybody, so it is taken for a secret only where nothing is at stake.
SANDBOX_WEBHOOK_SECRET = os.environ.get("SANDBOX_WEBHOOK_SECRET", "whsec_sandbox" if DEBUG or DEMO else "")
CARD_GATEWAY = os.environ.get("CARD_GATEWAY", "stripe" if STRIPE_API_KEY else "sandbox")
# Where a form of ours may lead to: browsers hold redirects after a form against the policy.
CARD_PAGES = [SANDBOX_URL] if DEBUG or DEMO or CARD_GATEWAY == "sandbox" else []
if STRIPE_API_KEY:
    CARD_PAGES += ["https://checkout.stripe.com", "https://hooks.stripe.com"]

# --- applications -------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "billing_portal.apps.BillingPortalConfig",
    "plans",
    "invoices",
    "credits",
    "usage",
    "accounts",
    "core",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "template_partials",
    "csp",
    "billing_portal.apps.StaffConfig",  # django.contrib.admin with the site of this portal
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",  # its widget templates, which TemplatesSetting looks up beside our own
]

MIDDLEWARE = [
    "billing_portal.logs.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "billing_portal.middleware.CompressionMiddleware",  # after WhiteNoise, whose files are compressed beforehand
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "billing_portal.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "billing_portal.viewing.ViewingMiddleware",
    "accounts.middleware.CurrentCustomerMiddleware",
    "billing_portal.middleware.PortalMiddleware",
    "billing_portal.entering.EnteringMiddleware",
]

ROOT_URLCONF = "billing_portal.urls"
WSGI_APPLICATION = "billing_portal.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["accounts.templatetags.form_token"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "billing_portal.context.portal",
            ],
        },
    }
]

# --- data ---------------------------------------------------------------------------------------------------------
DATABASE_URL = os.environ.get("DATABASE_URL") or embedded.urls().database
REDIS_URL = os.environ.get("REDIS_URL") or embedded.urls().redis
DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=60, conn_health_checks=True)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_DB_REUSE_MAX = 1_000  # tasks until a connection is closed for good; most do less than connecting takes
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000  # kB; WeasyPrint grows with long documents
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

# --- people -------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "accounts.backends.PersonBackend",
    "allauth.account.auth_backends.AuthenticationBackend",  # named by sessions from before there was another
    "accounts.roles.StaffRoleBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "billing_overview"
ACCOUNT_ADAPTER = "billing_portal.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "billing_portal.forms.SignupForm",
    "login": "billing_portal.forms.LoginForm",
    "add_email": "billing_portal.forms.AddEmailForm",
    "change_password": "billing_portal.forms.ChangePasswordForm",
    "set_password": "billing_portal.forms.SetPasswordForm",
    "reset_password": "billing_portal.forms.ResetPasswordForm",
    "reset_password_from_key": "billing_portal.forms.ResetPasswordKeyForm",
    "reauthenticate": "billing_portal.forms.ReauthenticateForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
ACCOUNT_PREVENT_ENUMERATION = True
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "billing_portal.forms.CodeForm",
    "reauthenticate": "billing_portal.forms.CodeAgainForm",
}
MFA_TOTP_TOLERANCE = 1  # digits of the half minute before and after: clocks and people are slow
STAFF_MFA_REQUIRED = flag("STAFF_MFA_REQUIRED", default=not (DEBUG or DEMO))

# --- pages --------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"  # of whoever asks for no other, of workers, and of everything that is kept
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # each by its own name; core/language.py says how they write figures
FORMAT_MODULE_PATH = ["billing_portal.locale_formats"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- mail ---------------------------------------------------------------------------------------------------------
EMAIL_HOST = os.environ.get("EMAIL_HOST", "")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "587"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = flag("EMAIL_USE_TLS", default=True)
EMAIL_TIMEOUT = 20
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased'}.EmailBackend"
EMAIL_FILE_PATH = BASE_DIR / "var" / "mail"  # one file a message, where no mail server is set
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", f"{PRODUCT_NAME} Billing <{BILLING_EMAIL}>")

# --- security -----------------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'", *CARD_PAGES],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^metrics$"]  # asked inside, past the proxy that brings TLS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if flag("BEHIND_PROXY", default=False) else None

# --- what is told to operators ------------------------------------------------------------------------------------
METRICS_TOKEN = os.environ.get("METRICS_TOKEN", "")
LOG_FORMAT = os.environ.get("LOG_FORMAT", "plain" if DEBUG or DEMO else "json")
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # workers log as below, too
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "billing_portal.logs.PlainFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
        "json": {"()": "billing_portal.logs.JsonFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {name: {"level": "WARNING"} for name in ("weasyprint", "fontTools", "stripe")}  # they tell every step
    | {"billing_portal.requests": {"level": "INFO" if LOG_FORMAT == "json" else "WARNING"}},
}
