"""Whom we tell that somebody has unread messages and no device open."""

import secrets
import uuid

from django.db import models

from chat.clock import now_ms
from chat.fields import EncryptedTextField
from chat.models.contacts import Contact
from chat.models.conversations import Message
from chat.models.inboxes import Inbox

PREFIX = "cpw_"  # so that scanners for leaked secrets recognise one


def new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


class Webhook(models.Model):
    """An address of an app's own server. While a secret is replaced, both sign."""

    inbox = models.ForeignKey(Inbox, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    secret = EncryptedTextField(default=new_secret, editable=False)
    former_secret = EncryptedTextField(blank=True, default="", editable=False)
    is_on = models.BooleanField(default=True)
    with_text = models.BooleanField(default=False, help_text="tell what was written, too; else only that there is news")
    created_at = models.BigIntegerField(default=now_ms, editable=False)
    sent_at = models.BigIntegerField(default=0, editable=False, help_text="when it last took a notice, ms")
    gave_up_at = models.BigIntegerField(default=0, editable=False, help_text="nothing is sent since then, ms")
    last_error = models.CharField(max_length=255, blank=True, default="", editable=False)

    def __str__(self) -> str:  # its address may hold a secret
        return f"webhook {self.pk} of {self.inbox.slug}"

    def renew_secret(self) -> str:
        """Both sign from now on, until ``forget_former_secret``."""
        self.former_secret, self.secret = self.secret, new_secret()
        self.save(update_fields=["former_secret", "secret"])
        return self.secret

    def forget_former_secret(self) -> None:
        self.former_secret = ""
        self.save(update_fields=["former_secret"])

    def try_again(self) -> None:
        """It is sent what comes from now on."""
        self.gave_up_at, self.last_error, self.is_on = 0, "", True
        self.save(update_fields=["gave_up_at", "last_error", "is_on"])


class Notice(models.Model):
    """What one webhook is to be told of one contact; gone once it was told. ``lease_no``: who sends it just now."""

    class State(models.TextChoices):
        OPEN = "open"
        GIVEN_UP = "given_up"

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="notices")
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="notices")
    message = models.ForeignKey(Message, models.CASCADE, related_name="notices", help_text="the newest it is about")
    event_id = models.UUIDField(default=uuid.uuid4, help_text="by which a receiver knows that it was told before")
    since = models.BigIntegerField(help_text="`at` of the first message it is about")
    unread = models.IntegerField(default=0, help_text="at the latest attempt")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    reason = models.CharField(max_length=255, blank=True, default="")
    attempt = models.IntegerField(default=0)
    created_at = models.BigIntegerField()
    changed_at = models.BigIntegerField(help_text="when the newest message came, or it was given up, ms")
    due_at = models.BigIntegerField()
    lease_until = models.BigIntegerField(default=0)
    lease_no = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "contact"], condition=models.Q(state="open"), name="one_open_notice_per_contact"
            )
        ]
        indexes = [models.Index(fields=["state", "due_at"])]

    def __str__(self) -> str:
        return f"notice {self.pk}"
