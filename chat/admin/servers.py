"""Which Chatwoot there is, and what was found out about it."""

from datetime import datetime

from django.contrib import admin
from django.db import models

from chat.admin.reading import ModelAdmin, utc
from chat.checks import clock_words, fence_words
from chat.clock import now_ms
from chat.models import Chatwoot


@admin.register(Chatwoot)
class ChatwootAdmin(ModelAdmin):
    list_display = ("url", "cable_url", "fence_verdict", "checked", "clock", "paused")
    fields = list_display
    readonly_fields = ("fence_verdict", "checked", "clock", "paused")
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}  # Django 6's default

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
