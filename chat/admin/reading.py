"""Pages that only show, and times as an operator reads them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from chat.clock import now_ms

if TYPE_CHECKING:  # generic for the type checker only
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


class ReadOnlyAdmin(ModelAdmin):
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def utc(ms: int) -> datetime | None:
    """None for a time that never was."""
    return datetime.fromtimestamp(ms / 1000, UTC) if ms else None


def age(ms: int) -> str:
    """How long ago, in its largest unit: 3 min."""
    if not ms:
        return "never"
    seconds = max(0, now_ms() - ms) // 1000
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{seconds // size} {unit}"
