"""What became of deliveries, what needs a look, and the way to send again what was given up."""

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from chat import operating, runtime
from chat.admin.blocks import blocking_link
from chat.admin.reading import FoundById, ReadOnlyAdmin, age, utc
from chat.clock import now_ms
from chat.models import Delivery, Duplicate

State = Delivery.State

LOST = (State.FAILED, State.UNCONFIRMED)
LONG_UNSURE_MS = 600_000  # well above what an unfenced look waits for
MOST_AT_ONCE = 200


def needing_a_look(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Failed, unconfirmed, or long in doubt; without what the visitor deleted meanwhile."""
    old = Q(state=State.UNSURE, created_at__lt=now_ms() - LONG_UNSURE_MS)
    return deliveries.filter(Q(state__in=LOST) | old).exclude(message__deleted=True)


class Look(admin.SimpleListFilter):
    """Without a choice it shows what needs a look, not all."""

    title = "what became of it"
    parameter_name = "show"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        lost = [(state.value, state.label) for state in LOST]
        return [*lost, ("open", "Under way"), ("twice", "Arrived twice"), ("all", "All deliveries")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        default, *others = super().choices(changelist)
        yield {**default, "display": "Needs a look"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        match self.value():
            case "all":
                return queryset
            case "open":
                return queryset.filter(state__in=Delivery.OPEN)
            case "twice":
                return queryset.filter(duplicates__isnull=False).distinct()
            case State.FAILED | State.UNCONFIRMED as state:
                return queryset.filter(state=state)
        if request.GET.get("q"):  # an id finds its delivery, whatever became of it
            return queryset
        return needing_a_look(queryset)


@admin.register(Delivery)
class DeliveryAdmin(FoundById, ReadOnlyAdmin):
    uuids = ("id", "message", "conversation", "contact_inbox__contact")
    search_help_text = "id of a delivery, message, conversation or contact"
    list_display = ("short_id", "state", "reason", "waiting", "attempt", "kind", "inbox", "conversation_at_chatwoot")
    list_filter = (Look, "kind", "contact_inbox__inbox")
    list_select_related = ("contact_inbox__inbox", "conversation")
    ordering = ("-created_at",)
    actions = ("requeue",)
    fields = (
        *("id", "inbox", "kind", "state", "reason", "attempt", "waiting", "created", "last_attempt", "next_look"),
        *("conversation_at_chatwoot", "twice", "contact"),
    )

    @admin.display(description="delivery")
    def short_id(self, delivery: Delivery) -> str:
        return str(delivery.pk)[:8]

    @admin.display(description="inbox")
    def inbox(self, delivery: Delivery) -> str:
        return delivery.contact_inbox.inbox.slug

    @admin.display(description="age", ordering="-created_at")
    def waiting(self, delivery: Delivery) -> str:
        return age(delivery.created_at)

    @admin.display(description="created (UTC)")
    def created(self, delivery: Delivery) -> datetime | None:
        return utc(delivery.created_at)

    @admin.display(description="last attempt (UTC)", empty_value="none")
    def last_attempt(self, delivery: Delivery) -> datetime | None:
        return utc(delivery.started_at)

    @admin.display(description="next attempt or look (UTC)", empty_value="none")
    def next_look(self, delivery: Delivery) -> datetime | None:
        return utc(delivery.due_at) if delivery.state in Delivery.OPEN else None

    @admin.display(description="conversation", empty_value="not there yet")
    def conversation_at_chatwoot(self, delivery: Delivery) -> int | None:
        return delivery.conversation.chatwoot_id if delivery.conversation else None

    @admin.display(description="second messages in Chatwoot", empty_value="none")
    def twice(self, delivery: Delivery) -> SafeString | None:
        found = delivery.duplicates.order_by("chatwoot_id").values_list("chatwoot_id")
        return format_html_join(", ", "{}", found) if found else None

    @admin.display(description="contact")
    def contact(self, delivery: Delivery) -> SafeString:
        return blocking_link(delivery.contact_inbox.contact)

    # Requeue

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("chat.change_delivery")

    @admin.action(description="Requeue: send again …", permissions=["requeue"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> HttpResponse | None:
        """First a page that says what would happen; confirmed, each is sent again and entered in the admin's log."""
        chosen = list(queryset.select_related("contact_inbox")[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            self.message_user(request, f"Choose at most {MOST_AT_ONCE} at once.", messages.ERROR)
            return None
        if request.POST.get("confirmed") != "yes":
            return self._ask(request, chosen)
        done = sum(self._requeue_one(request, delivery) for delivery in chosen)
        words = f"{done} of {len(chosen)} will be sent again."
        self.message_user(request, words, messages.SUCCESS if done == len(chosen) else messages.WARNING)
        return None

    def _requeue_one(self, request: HttpRequest, delivery: Delivery) -> bool:
        was = f"{delivery.state}: {delivery.reason}" if delivery.reason else delivery.state
        try:
            requeued = operating.requeue(delivery, running=runtime.running())
        except operating.TROUBLE as trouble:
            self.message_user(request, f"{delivery}: {type(trouble).__name__}. Look again, then retry.", messages.ERROR)
            return False
        if requeued:
            self.log_change(request, delivery, f"Requeued; was {was}")
        return requeued

    def _ask(self, request: HttpRequest, chosen: list[Delivery]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Send again?",
            "opts": self.opts,
            "chosen": chosen,
            "failed": sum(each.state == State.FAILED for each in chosen),
            "unconfirmed": sum(each.state == State.UNCONFIRMED for each in chosen),
            "others": sum(each.state not in LOST for each in chosen),
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/chat/delivery/requeue.html", context)


@admin.register(Duplicate)
class DuplicateAdmin(ReadOnlyAdmin):
    """Second messages or conversations that one delivery made at Chatwoot. Agents see both, visitors one."""

    list_display = ("chatwoot_id", "what", "inbox", "conversation_at_chatwoot", "delivery_id_here", "found")
    fields = list_display
    list_select_related = ("inbox", "delivery__conversation")
    ordering = ("-found_at",)

    @admin.display(description="what", ordering="delivery__kind")
    def what(self, duplicate: Duplicate) -> str:
        return duplicate.delivery.kind

    @admin.display(description="conversation in Chatwoot")
    def conversation_at_chatwoot(self, duplicate: Duplicate) -> int | None:
        conversation = duplicate.delivery.conversation
        return conversation.chatwoot_id if conversation else None

    @admin.display(description="delivery")
    def delivery_id_here(self, duplicate: Duplicate) -> uuid.UUID:
        return duplicate.delivery_id

    @admin.display(description="found (UTC)", ordering="found_at")
    def found(self, duplicate: Duplicate) -> datetime | None:
        return utc(duplicate.found_at)
