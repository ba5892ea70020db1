"""Which Chatwoot there is, and what was found out about it."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest

from chat.admin.reading import ModelAdmin, utc
from chat.chatwoot.addresses import keeps_host
from chat.checks import clock_words, fence_words
from chat.clock import now_ms
from chat.models import Chatwoot

if TYPE_CHECKING:  # generic for the type checker only
    ModelForm = forms.ModelForm[Chatwoot]
else:
    ModelForm = forms.ModelForm

ELSEWHERE = (
    "Another host or port, or no TLS any more: that takes the right to change inboxes, and empties the HMAC, bot and "
    "agent tokens of all its inboxes: write them again there"
)


class ChatwootForm(ModelForm):
    may_change_inboxes = False

    class Meta:
        help_texts = {
            "url": f"{ELSEWHERE}.",
            "cable_url": f"ws:// or wss://, usually the URL with /cable. {ELSEWHERE}.",
        }

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        return url.rstrip("/")  # as CHATWOOT_URL

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.moves and not self.may_change_inboxes:
            raise ValidationError("It takes the right to change inboxes to say that their Chatwoot is somewhere else.")
        return cleaned

    @property
    def moves(self) -> bool:
        """What its inboxes keep for it would be sent to another server, or in clear."""
        written = {name: self.cleaned_data[name] for name in self.initial if name in self.cleaned_data}
        return any(not keeps_host(self.initial[name], text) for name, text in written.items())


@admin.register(Chatwoot)
class ChatwootAdmin(ModelAdmin):
    form = ChatwootForm
    list_display = ("url", "cable_url", "fence_verdict", "checked", "clock", "paused")
    fields = list_display
    readonly_fields = ("fence_verdict", "checked", "clock", "paused")
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}  # Django 6's default

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **options)
        form.may_change_inboxes = request.user.has_perm("chat.change_inbox")  # a class made for this request
        return form

    def save_model(self, request: HttpRequest, obj: Chatwoot, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and form.moves:
            emptied = [inbox.slug for inbox in obj.inboxes.order_by("slug") if inbox.forget_tokens()]
            if emptied:
                words = f"Its tokens were emptied at the inbox {', '.join(emptied)}: write them again there."
                messages.warning(request, words)

    @admin.display(description="fence")
    def fence_verdict(self, chatwoot: Chatwoot) -> str:
        words = fence_words(chatwoot)
        return f"{words}. X-Runtime does not reach us: see docs/operating.md" if chatwoot.hides_runtime else words

    @admin.display(description="checked (UTC)", ordering="fence_checked_at", empty_value="never")
    def checked(self, chatwoot: Chatwoot) -> datetime | None:
        return utc(chatwoot.fence_checked_at)

    @admin.display(description="its clock", ordering="skew_ms")
    def clock(self, chatwoot: Chatwoot) -> str:
        return clock_words(chatwoot.skew_ms, chatwoot.skew_error_ms)

    @admin.display(description="deliveries")
    def paused(self, chatwoot: Chatwoot) -> str:
        left_ms = chatwoot.paused_until - now_ms()
        return f"paused for {left_ms // 1000 + 1} s more: it asked us to slow down" if left_ms > 0 else "go out"
