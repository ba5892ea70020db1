"""The Chatwoots that we talk to, and our own processes that do."""

import uuid

from django.core.exceptions import ValidationError
from django.db import models

from chat.chatwoot.addresses import is_plain_url


class Chatwoot(models.Model):
    """One Chatwoot server."""

    class Fence(models.TextChoices):
        """Whether a request that we gave up on can still take effect after its deadline (PROBES: rack-timeout)."""

        UNKNOWN = "unknown"
        FENCED = "fenced"
        UNFENCED = "unfenced"

    url = models.URLField(unique=True)
    cable_url = models.CharField(max_length=200, help_text="ws:// or wss://, usually the URL with /cable")
    paused_until = models.BigIntegerField(default=0, help_text="no delivery before this time (after a 429), ms")
    fence = models.CharField(max_length=8, choices=Fence.choices, default=Fence.UNKNOWN, editable=False)
    fence_window_ms = models.BigIntegerField(
        default=0, editable=False, help_text="age at which Chatwoot refuses a request with a body; 0: unknown"
    )
    fence_checked_at = models.BigIntegerField(default=0, editable=False, help_text="when that was last probed, ms")
    hides_runtime = models.BooleanField(
        default=False, editable=False, help_text="X-Runtime, by which we know Rails' own answers, does not reach us"
    )
    skew_ms = models.BigIntegerField(default=0, editable=False, help_text="Chatwoot's clock minus ours")
    skew_error_ms = models.BigIntegerField(default=0, editable=False, help_text="how far from true that may be")

    def __str__(self) -> str:
        return self.url

    def clean(self) -> None:
        """Raises ValidationError: not where a Chatwoot can be."""
        wrong = {}
        if not is_plain_url(self.url, ("http", "https")):
            wrong["url"] = "Write an address such as https://chatwoot.example.com."
        if not is_plain_url(self.cable_url, ("ws", "wss")):
            wrong["cable_url"] = "Write an address such as wss://chatwoot.example.com/cable."
        if wrong:
            raise ValidationError(wrong)


class Process(models.Model):
    """One running process. A Chatwoot's budget is divided by those that were seen lately."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    started_at = models.BigIntegerField()
    seen_at = models.BigIntegerField(help_text="by the clock of the database, ms")
    draining = models.BooleanField(default=False)
    figures = models.JSONField(
        default=dict, db_default={}, help_text="what it says of itself with each heartbeat; chat.vitals"
    )

    class Meta:
        verbose_name_plural = "processes"

    def __str__(self) -> str:
        return f"process {self.id}"


class Minute(models.Model):
    """What all processes together were in one minute of the last hour; chat.minutes."""

    at = models.BigIntegerField(primary_key=True, help_text="minutes since 1970")
    figures = models.JSONField()

    def __str__(self) -> str:
        return f"minute {self.at}"
