#!/usr/bin/env python
"""Django's command line for chatproxy. `sandbox` alone needs neither our settings nor our database."""

import os
import sys
from pathlib import Path

from chatproxy import tether


def main(argv: list[str]) -> None:
    command = argv[1] if len(argv) > 1 else ""
    os.environ["DJANGO_SETTINGS_MODULE"] = "chat.sandbox.settings" if command == "sandbox" else "chatproxy.settings"
    if command == "demo":
        os.environ["DEBUG"] = "True"
        # Apart from a real installation in the same folder: its conversations are the sandbox's.
        os.environ.setdefault("VAR_DIR", str(Path(__file__).resolve().parent / "var" / "demo"))
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
