"""The people, and the devices on which they are."""

import secrets
import uuid

from django.db import models

from chat.fields import EncryptedTextField
from chat.models.inboxes import Inbox


def new_epoch() -> str:
    """A feed's epoch: random, so that a cursor of another database or an earlier epoch is never taken for ours."""
    return secrets.token_hex(4)


class Contact(models.Model):
    """One person at one inbox, and the head of that person's feed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    inbox = models.ForeignKey(Inbox, models.PROTECT, related_name="contacts")
    identifier = models.CharField(max_length=255, null=True, blank=True, help_text="only when verified")
    name = models.CharField(max_length=255, blank=True, default="")
    attributes = models.JSONField(default=dict, blank=True)
    claims = models.JSONField(default=dict, blank=True, help_text="what they say and nobody has proven: email, phone")
    signed = models.JSONField(default=dict, blank=True, help_text="what the site signed: email, phone")
    epoch = models.CharField(max_length=8, default=new_epoch)
    head = models.BigIntegerField(default=0)
    floor = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "identifier"], name="one_contact_per_identifier")]
        indexes = [models.Index(fields=["created_at", "id"], name="contacts_by_age")]  # the admin's list

    def __str__(self) -> str:
        return f"contact {self.id}"


class ContactInbox(models.Model):
    """Chatwoot's session of a contact. ``source_id`` is a random UUID of ours, stored before Chatwoot hears of it."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="contact_inboxes")
    inbox = models.ForeignKey(Inbox, models.PROTECT, related_name="contact_inboxes")
    source_id = EncryptedTextField()
    pubsub_token = EncryptedTextField(blank=True, default="", help_text="empty until Chatwoot knows the contact")
    chatwoot_contact_id = models.BigIntegerField(null=True)
    identified = models.BooleanField(default=False, help_text="Chatwoot hears of it with the contact's identifier")
    resynced_at = models.BigIntegerField(default=0, help_text="start of the latest resync, ms")
    hinted_at = models.BigIntegerField(default=0, help_text="a webhook of Chatwoot's said that something is new, ms")
    walked_at = models.BigIntegerField(default=0, help_text="start of the latest walk over everything, ms")

    class Meta:
        indexes = [
            models.Index(fields=["inbox", "chatwoot_contact_id"]),  # asked for at every hook of Chatwoot
            models.Index(fields=["hinted_at"], condition=models.Q(hinted_at__gt=0), name="contact_inboxes_hinted"),
        ]

    def __str__(self) -> str:
        return f"contact inbox {self.pk}"


class Session(models.Model):
    """One signed-in device of a contact.

    Each use of its refresh token makes the next one and a new ``generation``, which is ``confirmed`` once somebody came
    with an access token of it: only then the token before it must have been given up.
    """

    class Kind(models.TextChoices):
        BROWSER = "browser"
        APP = "app"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="sessions")
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the refresh token, hex")
    previous_hash = models.CharField(max_length=64, blank=True, default="", db_index=True)
    generation = models.IntegerField(default=0)
    confirmed = models.IntegerField(default=0, help_text="the newest generation that was seen in use")
    rotated_at = models.DateTimeField(null=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    connected_at = models.BigIntegerField(default=0, help_text="when it was last seen to listen; chat.presence, ms")
    connected_until = models.BigIntegerField(default=0, help_text="it counts as listening until then, ms")
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"session {self.id}"


class UsedClaim(models.Model):
    """An identity token that was used, where each works only once; kept until it would have expired anyway."""

    inbox = models.ForeignKey(Inbox, models.CASCADE, related_name="used_claims")
    jti_hash = models.CharField(max_length=64, help_text="SHA-256 of its jti, hex")
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "jti_hash"], name="one_use_per_claim")]

    def __str__(self) -> str:
        return f"used claim {self.pk}"
