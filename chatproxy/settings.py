"""Every setting comes from the environment; docs/settings.md lists them all, and a test compares."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from chat.identity import LEAST_SECRET
from chatproxy import keys
from chatproxy.env import Env
from chatproxy.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env(os.environ)

DEBUG = env.flag("DEBUG")
VAR_DIR = env.folder("VAR_DIR", default=BASE_DIR / "var")

SECRET_KEY = env.text("SECRET_KEY")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured("SECRET_KEY is not set; write 50 or more random characters, and keep them secret")
    try:
        SECRET_KEY = keys.kept_in(VAR_DIR / "secret_key")
    except OSError as error:
        raise ImproperlyConfigured(f"The secret key cannot be kept in VAR_DIR: {error}") from None
if len(SECRET_KEY) < 50 and not DEBUG:
    raise ImproperlyConfigured("SECRET_KEY is too short; write 50 or more random characters, and keep them secret")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
if not DEBUG and any(len(key) < 50 for key in SECRET_KEY_FALLBACKS):
    raise ImproperlyConfigured(
        "SECRET_KEY_FALLBACKS holds a key that is too short; write former SECRET_KEYs as they were, without blanks or "
        "commas in them"
    )
FIELD_KEYS = env.fernet_keys("FIELD_KEYS") or list(map(keys.fernet_key_from, [SECRET_KEY, *SECRET_KEY_FALLBACKS]))

ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", default=("localhost", "127.0.0.1", "[::1]") if DEBUG else ())
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is not set; write the host names of this site, such as chat.example.com")

# --- Chatwoot: one inbox may be given here; more are rows in the admin -------------------------------------------

CHATWOOT_URL = env.url("CHATWOOT_URL", schemes=("http", "https"), example="https://chatwoot.example.com").rstrip("/")
CHATWOOT_CABLE_URL = env.url(
    "CHATWOOT_CABLE_URL",
    schemes=("ws", "wss"),
    example="wss://chatwoot.example.com/cable",
    default=CHATWOOT_URL and f"ws{CHATWOOT_URL.removeprefix('http')}/cable",
)
CHATWOOT_INBOX_IDENTIFIER = env.text("CHATWOOT_INBOX_IDENTIFIER")
CHATWOOT_HMAC_TOKEN = env.text("CHATWOOT_HMAC_TOKEN")
CHATWOOT_INBOX_SLUG = env.slug("CHATWOOT_INBOX_SLUG", default="main")
CHATWOOT_INBOX_NAME = env.text("CHATWOOT_INBOX_NAME", most=255)
CHATWOOT_PORTAL = env.slug("CHATWOOT_PORTAL")
CHATWOOT_PORTAL_URL = env.url("CHATWOOT_PORTAL_URL", schemes=("http", "https"), example="https://help.example.com")
CHATWOOT_ADMIN_TOKEN = env.text("CHATWOOT_ADMIN_TOKEN")  # these three for commands; `serve` may need the first
CHATWOOT_PLATFORM_TOKEN = env.text("CHATWOOT_PLATFORM_TOKEN")
CHATWOOT_AGENT_TOKEN = env.text("CHATWOOT_AGENT_TOKEN")
ALLOWED_ORIGINS = env.origins("ALLOWED_ORIGINS")
IDENTITY_SECRET = env.secret("IDENTITY_SECRET", least=LEAST_SECRET)
IDENTITY_SECRET_OLD = env.secret("IDENTITY_SECRET_OLD", least=LEAST_SECRET)
IDENTITY_LEGACY = env.flag_if_said("IDENTITY_LEGACY")
IDENTITY_ONCE = env.flag_if_said("IDENTITY_ONCE")
IDENTITY_REQUIRED = env.flag_if_said("IDENTITY_REQUIRED")
IDENTITY_TRUSTED = env.flag_if_said("IDENTITY_TRUSTED")
if CHATWOOT_INBOX_IDENTIFIER and not CHATWOOT_URL:
    raise ImproperlyConfigured(
        "CHATWOOT_INBOX_IDENTIFIER is set, and CHATWOOT_URL is not; write the address of the Chatwoot with that inbox, "
        "such as https://chatwoot.example.com"
    )

CABLE_CONTACTS_PER_SOCKET = env.integer("CABLE_CONTACTS_PER_SOCKET", default=500, least=1, most=5000)
CABLE_LINGER_S = env.seconds("CABLE_LINGER_S", default=60, least=0, most=3600)
CABLE_STALE_S = env.seconds("CABLE_STALE_S", default=9)
CABLE_CONFIRM_S = env.seconds("CABLE_CONFIRM_S", default=5)
CABLE_RETRY_S = env.seconds("CABLE_RETRY_S", default=30)
CABLE_CANARY_S = env.seconds("CABLE_CANARY_S", default=15)
CABLE_ECHO_S = env.seconds("CABLE_ECHO_S", default=10)
CABLE_REDIAL_S = env.seconds("CABLE_REDIAL_S", default=30)
POLL_S = env.seconds("POLL_S", default=10)
AUDIT_S = env.seconds("AUDIT_S", default=300)
RESYNC_PAUSE_S = env.seconds("RESYNC_PAUSE_S", default=10)

CHATWOOT_RATE_PER_S = env.integer("CHATWOOT_RATE_PER_S", default=40, least=1, most=10_000)
DELIVERY_BUDGET_S = env.seconds("DELIVERY_BUDGET_S", default=20, least=1, most=80)
DELIVERY_MARGIN_S = env.seconds("DELIVERY_MARGIN_S", default=5)
DELIVERY_UNFENCED_S = env.seconds("DELIVERY_UNFENCED_S", default=120)
DELIVERY_LEASE_S = env.seconds("DELIVERY_LEASE_S", default=60)
DELIVERY_PAUSE_S = env.seconds("DELIVERY_PAUSE_S", default=60)
DELIVERY_BACKOFF_S = env.seconds("DELIVERY_BACKOFF_S", default=60)
DELIVERY_GIVE_UP_S = env.seconds("DELIVERY_GIVE_UP_S", default=86_400, most=604_800)

NOTICE_DELAY_S = env.seconds("NOTICE_DELAY_S", default=10, least=0, most=3600)
NOTICE_GIVE_UP_S = env.seconds("NOTICE_GIVE_UP_S", default=86_400, most=604_800)
WEBHOOKS_INSIDE = env.flag("WEBHOOKS_INSIDE")

# --- Serving -----------------------------------------------------------------------------------------------------

BIND = env.text("BIND", default="127.0.0.1")
PORT = env.integer("PORT", default=8000, least=1, most=65535)
SANDBOX_PORT = env.integer("SANDBOX_PORT", default=3000, least=1, most=65535)
DESK_URL = env.url("DESK_URL", schemes=("http", "https"), example="http://127.0.0.1:3000/desk/")
DRAIN_S = env.seconds("DRAIN_S", default=25, most=600)
RECONNECT_JITTER_S = env.seconds("RECONNECT_JITTER_S", default=10, most=600)
REDIS_URL = env.url_with_password("REDIS_URL", schemes=("redis", "rediss", "unix"), example="redis://127.0.0.1:6379/0")
LIMITS = env.limits("LIMITS")
SESSION_CHALLENGE = env.text("SESSION_CHALLENGE")
SESSION_CHALLENGE_AFTER = env.integer("SESSION_CHALLENGE_AFTER", default=3, least=0, most=1_000_000)
UPLOAD_MAX_BYTES = env.integer("UPLOAD_MAX_BYTES", default=40_000_000, least=1, most=100 * 1024 * 1024)
UPLOAD_BYTES_PER_DAY = env.integer("UPLOAD_BYTES_PER_DAY", default=200_000_000, least=1, most=100_000_000_000)
DOWNLOAD_MAX_BYTES = env.integer("DOWNLOAD_MAX_BYTES", default=100 * 1024 * 1024, least=1, most=10_000_000_000)
ATTACHMENT_HOSTS = env.storage_hosts("ATTACHMENT_HOSTS")
RETENTION_DAYS = env.integer("RETENTION_DAYS", default=0, least=0, most=36_500)
FAILPOINTS = env.text("FAILPOINTS")
CLOCK_OFFSET_FILE = env.text("CLOCK_OFFSET_FILE")
LOG_LEVEL = env.choice("LOG_LEVEL", default="INFO", among=("DEBUG", "INFO", "WARNING", "ERROR"))
DATABASES = {"default": env.database("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'chatproxy.sqlite3'}")}
LOG_FORMAT = env.choice("LOG_FORMAT", default="text", among=("text", "json"))
METRICS_TOKEN = env.secret("METRICS_TOKEN", least=LEAST_SECRET)
SECRETS = [SECRET_KEY, *SECRET_KEY_FALLBACKS, *FIELD_KEYS, CHATWOOT_INBOX_IDENTIFIER, CHATWOOT_HMAC_TOKEN]
SECRETS += [CHATWOOT_ADMIN_TOKEN, CHATWOOT_PLATFORM_TOKEN, CHATWOOT_AGENT_TOKEN, METRICS_TOKEN]
SECRETS += [IDENTITY_SECRET, IDENTITY_SECRET_OLD]
SECRETS += [DATABASES["default"].get("PASSWORD", ""), urlsplit(REDIS_URL).password or ""]
LOGGING = logging_config(level=LOG_LEVEL, one_line=not DEBUG, secrets=SECRETS, as_json=LOG_FORMAT == "json")
DEFAULT_EXCEPTION_REPORTER = "chatproxy.reporting.Reporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "chatproxy.reporting.NamesOnly"

# --- Django ------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "chat.apps.ChatConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "chatproxy.middleware.Unframed",
    "chatproxy.middleware.Security",
    "chatproxy.middleware.StaticFiles",
    "chatproxy.middleware.Common",
    "chatproxy.middleware.AdminCookies",
    "chatproxy.middleware.AdminSession",
    "chatproxy.middleware.AdminCsrf",
    "chatproxy.middleware.AdminAuthentication",
    "chatproxy.middleware.AdminMessages",
    "chatproxy.middleware.AdminXFrameOptions",
    "chatproxy.middleware.AdminDatabase",
]
ROOT_URLCONF = "chatproxy.urls"
ASGI_APPLICATION = "chatproxy.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # The sources are served as they lie; nothing has to be collected first.
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/build/[\w-]+-[0-9A-Z]{8}\.(js|css)$"
STATIC_BUILD = env.flag("STATIC_BUILD", default=not DEBUG)

# --- Security ----------------------------------------------------------------------------------------------------

# What a proxy says is believed of these alone (`chatproxy.client_address`); X-Forwarded-Proto only if it is said, too,
# that the proxy sets it. Without TRUSTED_PROXIES that one is believed of everybody, as there is no other to ask.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("TRUST_FORWARDED_PROTO") else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"  # the admin's alone; visitors have none of Django's
SECURE_REFERRER_POLICY = "strict-origin"
# Browsers heed it of whole windows alone: the frame goes on with its page, also in a window that this page has opened.
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024  # bytes; 10,000 characters may take 120,000 as JSON escapes
