#!/usr/bin/env python
"""Django's command line for chatproxy. `sandbox` alone needs neither our settings nor our database."""

import os
import sys


def main(argv: list[str]) -> None:
    is_sandbox = len(argv) > 1 and argv[1] == "sandbox"
    os.environ["DJANGO_SETTINGS_MODULE"] = "chat.sandbox.settings" if is_sandbox else "chatproxy.settings"
    try:
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as missing:
        sys.exit(f"{missing}. The environment is in .venv: run `make .venv`, then .venv/bin/python manage.py …")
    execute_from_command_line(argv)


if __name__ == "__main__":
    main(sys.argv)
