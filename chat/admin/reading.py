"""Pages that only show, and times as an operator reads them."""

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from chat.clock import now_ms

if TYPE_CHECKING:  # generic for the type checker only
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


class ModelAdmin(_Admin):
    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Its filters and ids alone: who may ask how something hidden begins, reads it letter by letter."""
        names = [getattr(each, "parameter_name", each) for each in self.list_filter]
        allowed = {"id", "id__exact", *names, *(f"{name}{end}" for name in names for end in ("__exact", "__id__exact"))}
        return lookup in allowed


class ReadOnlyAdmin(ModelAdmin):
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class FoundById(ModelAdmin):
    """Searched by whole ids: ours are UUIDs, Chatwoot's are numbers, a site's are any text."""

    uuids: tuple[str, ...] = ("id",)  # of which fields
    numbers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return self.uuids  # that there are any makes Django show the field

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not (term := search_term.strip()):
            return queryset, False
        wanted: dict[str, Any] = dict.fromkeys(self.names, term)
        if term.isascii() and term.isdecimal() and len(term) < 19:  # as the column's numbers are
            wanted |= dict.fromkeys(self.numbers, int(term))
        elif is_uuid(term):
            wanted |= dict.fromkeys(self.uuids, term)
        found = Q(pk__in=[])
        for field, value in wanted.items():
            found |= Q(**{field: value})
        return queryset.filter(found), False


def is_uuid(term: str) -> bool:
    try:
        uuid.UUID(term)
    except ValueError:
        return False
    return True


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
