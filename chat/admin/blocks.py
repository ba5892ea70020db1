"""Whom operators turn away. A contact is blocked from the page of one of its deliveries."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.forms import TextInput
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat.admin.reading import ModelAdmin
from chat.clock import moment
from chat.models import Block, Contact


def blocking_link(contact: Contact) -> SafeString:
    """To a form that is filled in already."""
    block = contact.blocks.order_by("-id").first()
    if block is not None:
        return format_html('<a href="{}">{}</a>', reverse("admin:chat_block_change", args=[block.pk]), block)
    query = urlencode({"contact": str(contact.pk), "inbox": contact.inbox_id})
    return format_html('<a href="{}?{}">Block this contact …</a>', reverse("admin:chat_block_add"), query)


@admin.register(Block)
class BlockAdmin(ModelAdmin):
    list_display = ("__str__", "inbox", "reason", "until", "holds", "created_at")
    list_filter = ("inbox",)
    list_select_related = ("inbox", "contact")
    search_fields = ("network", "reason", "contact__id")
    fields = ("contact", "network", "inbox", "until", "reason")
    ordering = ("-id",)

    @admin.display(description="holds", boolean=True)
    def holds(self, block: Block) -> bool:
        return block.until is None or block.until > moment()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Of contacts there are too many for a list; inboxes are few."""
        if db_field.name == "contact":
            return db_field.formfield(widget=TextInput(attrs={"size": 40}), help_text="its id")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
