"""Outgoing webhooks, and the address of Chatwoot's own. A secret is shown once, on the page that made it."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from chat import posting
from chat.admin.reading import ModelAdmin, ReadOnlyAdmin, age, utc
from chat.models import Inbox, Notice, Webhook


def shown_once(model_admin: Any, request: HttpRequest, *, title: str, shown: list[tuple[str, str]]) -> HttpResponse:
    """A page that is stored nowhere: a message of Django's would travel in a cookie."""
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "shown": shown,
    }
    return TemplateResponse(request, "admin/chat/shown_once.html", context)


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Webhook
        fields = ("inbox", "url", "with_text", "is_on")

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"].strip()
        try:
            posting.check_url(url, inside=settings.WEBHOOKS_INSIDE)
        except posting.BadUrl as bad:
            raise ValidationError(str(bad)) from None
        return url


@admin.register(Webhook)
class WebhookAdmin(ModelAdmin):
    form = WebhookForm
    list_display = ("__str__", "host", "state", "taken", "waiting", "with_text")
    list_filter = ("inbox",)
    list_select_related = ("inbox",)
    readonly_fields = ("state", "taken", "secrets")
    fields = ("inbox", "url", "with_text", "is_on", "state", "taken", "secrets")
    fields_to_look_at = ("inbox", "host", *fields[2:])
    actions = ("renew_secret", "forget_former_secret", "try_again")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The address may hold a secret: it is shown to those alone who may write it."""
        writes = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        return self.fields if writes else self.fields_to_look_at

    @admin.display(description="host")
    def host(self, webhook: Webhook) -> str:
        return urlsplit(webhook.url).hostname or "none"

    @admin.display(description="state")
    def state(self, webhook: Webhook) -> str:
        if not webhook.is_on:
            return "off"
        if webhook.gave_up_at:
            return f"given up {age(webhook.gave_up_at)} ago: {webhook.last_error}"
        return f"in trouble: {webhook.last_error}" if webhook.last_error else "on"

    @admin.display(description="last took a notice (UTC)", ordering="sent_at", empty_value="never")
    def taken(self, webhook: Webhook) -> datetime | None:
        return utc(webhook.sent_at)

    @admin.display(description="waiting")
    def waiting(self, webhook: Webhook) -> int:
        return webhook.notices.filter(state=Notice.State.OPEN).count()

    @admin.display(description="signed with")
    def secrets(self, webhook: Webhook) -> str:
        return "two secrets: the present one and the former" if webhook.former_secret else "one secret"

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return shown_once(self, request, title="Its secret, shown this once", shown=[(str(obj), obj.secret)])

    @admin.action(description="New secret: both sign until the former is forgotten", permissions=["change"])
    def renew_secret(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> HttpResponse:
        shown = []
        for webhook in queryset.select_related("inbox"):
            shown.append((str(webhook), webhook.renew_secret()))
            self.log_change(request, webhook, "New secret")
        return shown_once(self, request, title="New secrets, shown this once", shown=shown)

    @admin.action(description="Forget the former secret", permissions=["change"])
    def forget_former_secret(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        for webhook in queryset:
            webhook.forget_former_secret()
            self.log_change(request, webhook, "Former secret forgotten")

    @admin.action(description="Try again what was given up", permissions=["change"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        for webhook in queryset:
            webhook.try_again()
            self.log_change(request, webhook, "Tried again")


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """What waits to be told, and what was given up in the last seven days."""

    list_display = ("event_id", "webhook", "state", "reason", "attempt", "unread", "waiting", "next_attempt")
    fields = list_display
    list_filter = ("state", "webhook")
    list_select_related = ("webhook__inbox",)
    ordering = ("-created_at",)

    @admin.display(description="age", ordering="-created_at")
    def waiting(self, notice: Notice) -> str:
        return age(notice.created_at)

    @admin.display(description="next attempt (UTC)", empty_value="none")
    def next_attempt(self, notice: Notice) -> datetime | None:
        return utc(notice.due_at) if notice.state == Notice.State.OPEN else None


def renew_hook_address(model_admin: Any, request: HttpRequest, queryset: QuerySet[Inbox]) -> HttpResponse:
    """The action of the inboxes' page."""
    shown = []
    for inbox in queryset.order_by("slug"):
        shown.append((inbox.slug, request.build_absolute_uri(inbox.renew_hook_secret())))
        model_admin.log_change(request, inbox, "New address for Chatwoot's webhook")
    return shown_once(model_admin, request, title="For Chatwoot's webhook, shown this once", shown=shown)
