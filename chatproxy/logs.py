"""Logging: to standard error, in UTC, and where no person develops, one line per record."""

import logging
import time
from typing import Any

LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class UtcFormatter(logging.Formatter):
    converter = staticmethod(time.gmtime)


class OneLineFormatter(UtcFormatter):
    """Tracebacks stay whole, but a line is a record: nothing a visitor writes can look like another one."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")


class WithoutTraceback(logging.Filter):
    """What anybody can cause from outside is a warning of one line, and no error of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return logging.getLogger(record.name).isEnabledFor(record.levelno)


def logging_config(*, level: str, one_line: bool) -> dict[str, Any]:
    """Django's LOGGING. httpx and httpcore log addresses that hold secrets, at INFO and below."""
    formatter = OneLineFormatter if one_line else UtcFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter, "format": LINE}},
        "filters": {"without traceback": {"()": WithoutTraceback}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.db.backends": {"level": "INFO"},
            "django.security.DisallowedHost": {"filters": ["without traceback"]},
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "websockets": {"level": "WARNING"},
            "daphne": {"level": "WARNING"},
            "asyncio": {"level": "WARNING"},
        },
    }
