"""The operator's pages: which Chatwoot and which inboxes, and what could not be delivered. Secrets go in, never out."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from chat import embedding
from chat.models import Chatwoot, Delivery, Inbox

if TYPE_CHECKING:  # generic for the type checker only
    ModelForm = forms.ModelForm[Any]
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelForm = forms.ModelForm
    ModelAdmin = admin.ModelAdmin

SECRETS = ("inbox_identifier", "hmac_token")


class SecretField(forms.CharField):
    """Shows nothing of what is stored; empty means: as it was."""

    def __init__(self, **options: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=False)
        super().__init__(widget=widget, required=False, **options)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data)


class InboxForm(ModelForm):
    inbox_identifier = SecretField(help_text="of the API inbox in Chatwoot; never shown; empty: as it was")
    hmac_token = SecretField(label="HMAC token", help_text="of that inbox, if any; never shown; empty: as it was")
    forget_hmac_token = forms.BooleanField(label="Forget the HMAC token", required=False)

    class Meta:
        model = Inbox
        fields = ("slug", "name", "chatwoot", *SECRETS, "allowed_origins", "look", "texts")

    def clean_inbox_identifier(self) -> str:
        identifier: str = self.cleaned_data["inbox_identifier"] or self.instance.inbox_identifier
        if not identifier:
            raise ValidationError("Write the identifier that Chatwoot shows in the settings of the inbox.")
        return identifier

    def clean_hmac_token(self) -> str:
        token: str = self.cleaned_data["hmac_token"] or self.instance.hmac_token
        return token

    def clean_allowed_origins(self) -> list[str]:
        written = self.cleaned_data["allowed_origins"] or []
        if not isinstance(written, list) or not all(isinstance(text, str) for text in written):
            raise ValidationError('Write a list such as ["https://shop.example"].')
        try:
            return [embedding.parse(text) for text in written]
        except embedding.BadOrigin as bad:
            raise ValidationError(str(bad)) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("forget_hmac_token"):
            cleaned["hmac_token"] = ""
        return cleaned


@admin.register(Chatwoot)
class ChatwootAdmin(ModelAdmin):
    fields = ("url", "cable_url")
    list_display = ("url", "cable_url")


@admin.register(Inbox)
class InboxAdmin(ModelAdmin):
    form = InboxForm
    list_display = ("slug", "name", "chatwoot", "allowed_origins")


@admin.register(Delivery)
class UndeliveredAdmin(ModelAdmin):
    """What Chatwoot refused, or never confirmed. To look at; only the courier changes a delivery."""

    list_display = ("id", "inbox", "kind", "state", "reason", "attempt", "created")
    list_filter = ("state", "kind")
    list_select_related = ("contact_inbox__inbox",)
    ordering = ("-created_at",)
    fields = ("id", "inbox", "kind", "state", "reason", "attempt", "created", "conversation")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        lost = (Delivery.State.FAILED, Delivery.State.UNCONFIRMED)
        return super().get_queryset(request).filter(state__in=lost)

    @admin.display(description="inbox")
    def inbox(self, delivery: Delivery) -> str:
        return delivery.contact_inbox.inbox.slug

    @admin.display(description="created (UTC)", ordering="created_at")
    def created(self, delivery: Delivery) -> datetime:
        return datetime.fromtimestamp(delivery.created_at / 1000, UTC)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
