"""Which inboxes there are. Secrets go in, never out."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import JSONField, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path

from chat import embedding
from chat.admin.looks import LookForm, embed_snippet, preview
from chat.admin.reading import ModelAdmin
from chat.admin.webhooks import renew_hook_address
from chat.identity import LEAST_SECRET
from chat.limits import BadLimit
from chat.models import IDENTIFIER, Inbox

SECRETS = ("inbox_identifier", "hmac_token", "bot_token", "agent_token", "identity_secret", "identity_secret_old")
IDENTITY = ("legacy_identity", "claims_once", "requires_identity", "trusts_claims")
SIGNS = (
    "with which the site signs who somebody is; never shown; empty: as it was. A new one takes the place of the "
    "present one, which then counts as the one before it"
)
POWER = (
    "of an agent bot of that account; never shown; empty: as it was. This token is power: whoever has it can write "
    "into any conversation of the account. With it, each message carries a mark by which it is recognised for certain; "
    "it is used for nothing else. A new one is tried even if the old one was switched off"
)
ORIGINS = (
    'sites that may embed the chat, such as ["https://www.example.com", "https://*.example.com"]; see docs/embedding.md'
)
WRITTEN = {
    "allowed_origins": 'Write a list such as ["https://shop.example"]: in brackets, with double quotes.',
    "limits": 'Write pairs such as {"messages": "40/min:20"}: in braces, with double quotes.',
    "attribute_keys": 'Write a list such as ["plan"]: in brackets, with double quotes.',
}
REACH = (
    "access token of an agent who is a member of the inbox; never shown; empty: as it was. Whoever has it can do in "
    "Chatwoot what that agent can, so take one who is in no other inbox. Without it the chat does all that it did"
)


class SecretField(forms.CharField):
    """Shows nothing of what is stored; empty means: as it was."""

    def __init__(self, **options: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=False)
        super().__init__(widget=widget, required=False, **options)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data)


class InboxForm(LookForm):
    inbox_identifier = SecretField(help_text="of the API inbox in Chatwoot; never shown; empty: as it was")
    hmac_token = SecretField(label="HMAC token", help_text="of that inbox, if any; never shown; empty: as it was")
    bot_token = SecretField(help_text=POWER)
    agent_token = SecretField(help_text=REACH)
    identity_secret = SecretField(help_text=SIGNS)
    identity_secret_old = SecretField(
        label="Identity secret before it", help_text="accepted as well, until it is forgotten; never shown"
    )
    forget_identity_secret = forms.BooleanField(label="Forget the identity secret", required=False)
    forget_identity_secret_old = forms.BooleanField(label="Forget the one before it", required=False)
    forget_hmac_token = forms.BooleanField(label="Forget the HMAC token", required=False)
    forget_bot_token = forms.BooleanField(label="Forget the bot token", required=False)
    forget_agent_token = forms.BooleanField(label="Forget the agent token", required=False)
    use_bot_token = forms.BooleanField(label="Use the bot token again, if it was switched off", required=False)

    class Meta:
        model = Inbox
        fields = (
            "slug",
            "name",
            "chatwoot",
            "account_id",
            *SECRETS,
            *IDENTITY,
            "portal",
            "portal_url",
            "allowed_origins",
            "limits",
            "look",
            "texts",
            "policy",
            "attribute_keys",
        )
        help_texts = LookForm.Meta.help_texts | {"allowed_origins": ORIGINS}
        error_messages = LookForm.Meta.error_messages | {name: {"invalid": words} for name, words in WRITTEN.items()}

    def clean_inbox_identifier(self) -> str:
        identifier: str = self.cleaned_data["inbox_identifier"] or self.instance.inbox_identifier
        if not identifier:
            raise ValidationError("Write the identifier that Chatwoot shows in the settings of the inbox.")
        return identifier

    def clean_hmac_token(self) -> str:
        token: str = self.cleaned_data["hmac_token"] or self.instance.hmac_token
        return token

    def clean_identity_secret(self) -> str:
        return self._clean_signing("identity_secret")

    def clean_identity_secret_old(self) -> str:
        return self._clean_signing("identity_secret_old")

    def _clean_signing(self, name: str) -> str:
        written: str = self.cleaned_data[name]
        if written and len(written) < LEAST_SECRET:
            raise ValidationError(f"Write {LEAST_SECRET} or more random characters.")
        kept: str = getattr(self.instance, name)
        return written or kept

    def clean_account_id(self) -> int | None:
        account_id: int | None = self.cleaned_data["account_id"]
        if account_id is not None and account_id < 1:
            raise ValidationError("Write the number that stands in Chatwoot's addresses after /accounts/.")
        return account_id

    def clean_bot_token(self) -> str:
        return self._clean_access("bot_token")

    def clean_agent_token(self) -> str:
        return self._clean_access("agent_token")

    def _clean_access(self, name: str) -> str:
        kept: str = getattr(self.instance, name)
        token: str = self.cleaned_data[name] or kept
        if token and not IDENTIFIER.fullmatch(token):
            raise ValidationError("A token of Chatwoot has letters, digits, _ and - only.")
        return token

    def clean_allowed_origins(self) -> list[str]:
        written = self.cleaned_data["allowed_origins"] or []
        if not isinstance(written, list) or not all(isinstance(text, str) for text in written):
            raise ValidationError(WRITTEN["allowed_origins"])
        try:
            return [embedding.parse(text) for text in written]
        except embedding.BadOrigin as bad:
            raise ValidationError(str(bad)) from None

    def clean_limits(self) -> dict[str, Any]:
        written = self.cleaned_data["limits"] or {}
        if not isinstance(written, dict):
            raise ValidationError(WRITTEN["limits"])
        try:
            settings.LIMITS.over(written)
        except BadLimit as bad:
            raise ValidationError(f"These limits cannot be read: {bad}.") from None
        return written

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        former: str = self.instance.identity_secret
        if former not in ("", cleaned.get("identity_secret")) and not self.data.get("identity_secret_old"):
            cleaned["identity_secret_old"] = former
        for token in SECRETS[1:]:
            if cleaned.get(f"forget_{token}"):
                cleaned[token] = ""
        for token in ("bot_token", "agent_token"):
            if cleaned.get(token) and not cleaned.get("account_id"):
                words = f"The {token.replace('_', ' ')} is of no use without the number of its account."
                self.add_error("account_id", words)
        if cleaned.get("use_bot_token") or cleaned.get("bot_token") != self.instance.bot_token:
            self.instance.marker_off = ""
        return cleaned


@admin.register(Inbox)
class InboxAdmin(ModelAdmin):
    form = InboxForm
    formfield_overrides = {JSONField: {"widget": AdminTextareaWidget(attrs={"rows": 4})}}
    actions = ("renew_hook_address",)
    list_display = ("slug", "name", "chatwoot", "allowed_origins", "bot_token_is", "cap_is")
    readonly_fields = ("bot_token_is", "cap_is")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("slug", "name", "allowed_origins", "limits", "cap_is"),
                    *("look", "texts", "policy", "attribute_keys"),
                )
            },
        ),
        ("Chatwoot", {"fields": ("chatwoot", "inbox_identifier", "hmac_token", "forget_hmac_token")}),
        ("Help centre", {"fields": ("portal", "portal_url")}),
        (
            "Identity",
            {
                "fields": (
                    ("identity_secret", "forget_identity_secret"),
                    ("identity_secret_old", "forget_identity_secret_old"),
                    *IDENTITY,
                )
            },
        ),
        ("Bot", {"fields": ("account_id", "bot_token", "bot_token_is", "use_bot_token", "forget_bot_token")}),
        ("Agent", {"fields": ("agent_token", "forget_agent_token")}),
    )
    fieldsets_to_look_at = (
        fieldsets[0],
        ("Chatwoot", {"fields": ("chatwoot",)}),
        ("Help centre", {"fields": ("portal", "portal_url")}),
        ("Identity", {"fields": IDENTITY}),
        ("Bot", {"fields": ("account_id", "bot_token_is")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Django shows in clear, past the form, what somebody may not change."""
        writes = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        return self.fieldsets if writes else self.fieldsets_to_look_at

    def get_urls(self) -> list[URLPattern]:
        shown = self.admin_site.admin_view(self.preview)
        urls: list[URLPattern] = super().get_urls()
        return [path("<int:inbox_id>/preview/", shown, name="chat_inbox_preview"), *urls]

    def preview(self, request: HttpRequest, inbox_id: int) -> HttpResponse:
        inbox = get_object_or_404(Inbox, pk=inbox_id)
        if not self.has_view_permission(request, inbox):
            raise PermissionDenied
        return preview(request, inbox)

    def render_change_form(self, request: HttpRequest, context: Any, *positional: Any, **named: Any) -> Any:
        if inbox := context["original"]:
            context["snippet"] = embed_snippet(request, inbox)
        return super().render_change_form(request, context, *positional, **named)

    @admin.action(description="New address for Chatwoot's webhook: a former one ends", permissions=["change"])
    def renew_hook_address(self, request: HttpRequest, queryset: QuerySet[Inbox]) -> HttpResponse:
        return renew_hook_address(self, request, queryset)

    @admin.display(description="bot token is")
    def bot_token_is(self, inbox: Inbox) -> str:
        if not inbox.bot_token:
            return "not given: messages are recognised by their echo and their text"
        return f"not used: {inbox.marker_off}" if inbox.marker_off else "used: every message carries a mark of ours"

    @admin.display(description="daily cap", ordering="capped_at")
    def cap_is(self, inbox: Inbox) -> str:
        if not inbox.capped:
            return "never reached"
        reached = datetime.fromtimestamp(inbox.capped_at / 1000, UTC)
        return f"{inbox.capped} was reached on {reached:%Y-%m-%d %H:%M} UTC"
