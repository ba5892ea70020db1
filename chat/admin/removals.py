"""Who was erased here, and is still to be deleted at Chatwoot."""

from django.contrib import admin

from chat.admin.reading import FoundById, ReadOnlyAdmin, age
from chat.models import Removal


@admin.register(Removal)
class RemovalAdmin(FoundById, ReadOnlyAdmin):
    uuids = ("contact_id",)
    search_help_text = "id of a contact"
    list_display = ("contact_id", "inbox", "asked", "attempts", "reason", "is_held")
    fields = list_display
    list_filter = ("is_held", "inbox")
    list_select_related = ("inbox",)
    ordering = ("created_at",)

    @admin.display(description="asked … ago", ordering="created_at")
    def asked(self, removal: Removal) -> str:
        return age(removal.created_at)
