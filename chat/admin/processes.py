"""Which processes run. They share the budget of each Chatwoot."""

from django.contrib import admin

from chat.admin.reading import ReadOnlyAdmin, age
from chat.models import Process


@admin.register(Process)
class ProcessAdmin(ReadOnlyAdmin):
    list_display = ("id", "running_for", "seen", "draining")
    fields = list_display
    ordering = ("started_at",)

    @admin.display(description="running for", ordering="-started_at")
    def running_for(self, process: Process) -> str:
        return age(process.started_at)

    @admin.display(description="seen … ago", ordering="-seen_at")
    def seen(self, process: Process) -> str:
        return age(process.seen_at)
