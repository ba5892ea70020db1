#!/usr/bin/env python
"""Django's command line for chatproxy. `sandbox` alone needs neither our settings nor our database."""

import os
import secrets
import sys
from pathlib import Path

from chatproxy import tether

# What a terminal holds in which somebody sets up a chat of their own. The demo has its own of these, or none.
OF_A_REAL_ONE = (
    *("SECRET_KEY", "SECRET_KEY_FALLBACKS", "FIELD_KEYS", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"),
    *("CHATWOOT_URL", "CHATWOOT_CABLE_URL", "CHATWOOT_INBOX_IDENTIFIER", "CHATWOOT_HMAC_TOKEN"),
    *("CHATWOOT_PORTAL", "CHATWOOT_PORTAL_URL"),
    *("CHATWOOT_ADMIN_TOKEN", "CHATWOOT_PLATFORM_TOKEN", "CHATWOOT_AGENT_TOKEN"),
)


def main(argv: list[str]) -> None:
    command = argv[1] if len(argv) > 1 else ""
    os.environ["DJANGO_SETTINGS_MODULE"] = "chat.sandbox.settings" if command == "sandbox" else "chatproxy.settings"
    if command == "demo":
        for name in OF_A_REAL_ONE:
            os.environ.pop(name, None)
        os.environ["DEBUG"] = "True"
        # Apart from a real installation in the same folder: its conversations are the sandbox's.
        os.environ.setdefault("VAR_DIR", str(Path(__file__).resolve().parent / "var" / "demo"))
    if command == "help" or not {"-h", "--help"}.isdisjoint(argv):
        for name, value in (("SECRET_KEY", secrets.token_urlsafe(50)), ("ALLOWED_HOSTS", "localhost")):
            os.environ[name] = os.environ.get(name) or value
    tether.hold()
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as missing:
        sys.exit(f"{missing}. `make environment` puts everything into .venv; then .venv/bin/python manage.py …")
    try:
        execute_from_command_line(argv)
    except ImproperlyConfigured as refusal:
        sys.exit(f"chatproxy cannot start: {refusal}")


if __name__ == "__main__":
    main(sys.argv)
