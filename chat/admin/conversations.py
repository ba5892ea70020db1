"""Who wrote, and what was said: to read only, without what was deleted and without Chatwoot's tokens."""

import uuid
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chat import labelling
from chat.admin.blocks import blocking_link
from chat.admin.reading import FoundById, ReadOnlyAdmin, is_uuid, utc
from chat.models import Contact, Conversation, Message

PAGE = 50
MOST_LINKS = 20


class Said(NamedTuple):
    """A page of messages, each with its time, in the order of the thread. ``older``: before which id there are more."""

    lines: list[tuple[Message, datetime | None]]
    older: uuid.UUID | None


@admin.register(Contact)
class ContactAdmin(FoundById, ReadOnlyAdmin):
    numbers = ("contact_inboxes__chatwoot_contact_id",)
    names = ("identifier",)
    search_help_text = "a contact's id, identifier, or number in Chatwoot"
    list_display = ("id", "name", "identifier", "inbox", "created_at")
    list_filter = ("inbox",)
    list_select_related = ("inbox",)
    ordering = ("-created_at", "-id")
    fields = (
        *("id", "inbox", "name", "identifier", "attributes", "claims", "signed", "created_at"),
        *("in_chatwoot", "talks", "blocked"),
    )

    @admin.display(description="numbers in Chatwoot")
    def in_chatwoot(self, contact: Contact) -> str:
        numbers = contact.contact_inboxes.exclude(chatwoot_contact_id=None).order_by("pk")
        return ", ".join(map(str, numbers.values_list("chatwoot_contact_id", flat=True))) or "not there yet"

    @admin.display(description="conversations")
    def talks(self, contact: Contact) -> SafeString | str:
        newest = contact.conversations.filter(deleted=False).order_by("-created_at")[:MOST_LINKS]
        links = [(_address(each), each.pk, each.status) for each in newest]
        return format_html_join(SafeString("<br>"), '<a href="{}">{}</a>, {}', links) if links else "none"

    @admin.display(description="blocked")
    def blocked(self, contact: Contact) -> SafeString:
        return blocking_link(contact)


@admin.register(Conversation)
class ConversationAdmin(FoundById, ReadOnlyAdmin):
    uuids = ("id", "contact", "messages")
    numbers = ("chatwoot_id",)
    search_help_text = "id of a conversation, contact or message, or a conversation's number in Chatwoot"
    list_display = ("id", "inbox", "chatwoot_id", "status", "created")
    list_filter = ("status", "inbox")
    list_select_related = ("inbox",)
    ordering = ("-created_at", "-id")
    fields = (
        *("id", "inbox", "who", "chatwoot_id", "status", "created", "seen_by_contact", "seen_by_agent"),
        *("attributes", "labels_from_here"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        return super().get_queryset(request).filter(deleted=False)

    def render_change_form(self, request: HttpRequest, context: Any, *positional: Any, **named: Any) -> Any:
        if request.user.has_perm("chat.view_message"):
            context["said"] = said(context["original"], before=request.GET.get("before", ""))
        return super().render_change_form(request, context, *positional, **named)

    @admin.display(description="contact")
    def who(self, conversation: Conversation) -> SafeString:
        contact = conversation.contact
        address = reverse("admin:chat_contact_change", args=[contact.pk])
        return format_html('<a href="{}">{}</a>', address, contact.name or contact.pk)

    @admin.display(description="labels")
    def labels_from_here(self, conversation: Conversation) -> str:
        return ", ".join(labelling.shown(conversation.labels)) or "none"

    @admin.display(description="created (UTC)", ordering="created_at")
    def created(self, conversation: Conversation) -> str:
        return _moment(conversation.created_at)

    @admin.display(description="read by the visitor up to (UTC)")
    def seen_by_contact(self, conversation: Conversation) -> str:
        return _moment(conversation.contact_seen)

    @admin.display(description="read by agents up to (UTC)")
    def seen_by_agent(self, conversation: Conversation) -> str:
        return _moment(conversation.agent_seen)


def said(conversation: Conversation, *, before: str) -> Said:
    """The newest page, or the one before a message; an unknown one is as none."""
    messages = conversation.messages.all()
    edge = messages.filter(pk=before).first() if is_uuid(before) else None
    if edge is not None:
        messages = messages.filter(Q(at__lt=edge.at) | Q(at=edge.at, id__lt=edge.id))
    found = list(messages.order_by("-at", "-id").prefetch_related("attachments").select_related("delivery")[: PAGE + 1])
    page = found[:PAGE][::-1]
    return Said([(each, utc(each.at)) for each in page], page[0].pk if len(found) > PAGE else None)


def _moment(ms: int) -> str:
    moment = utc(ms)
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "nothing yet"


def _address(conversation: Conversation) -> str:
    return reverse("admin:chat_conversation_change", args=[conversation.pk])
