"""What was said."""

import uuid

from django.db import models

from chat.fields import EncryptedTextField
from chat.models.contacts import Contact, ContactInbox
from chat.models.inboxes import Inbox


class Conversation(models.Model):
    """``chatwoot_id`` is Chatwoot's display id, null until the conversation exists there."""

    class Status(models.TextChoices):
        OPEN = "open"
        RESOLVED = "resolved"
        PENDING = "pending"
        SNOOZED = "snoozed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="conversations")
    contact_inbox = models.ForeignKey(ContactInbox, models.CASCADE, related_name="conversations")
    inbox = models.ForeignKey(Inbox, models.PROTECT, related_name="conversations")
    chatwoot_id = models.BigIntegerField(null=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    contact_seen = models.BigIntegerField(default=0, help_text="`at` of the newest message the visitor has seen")
    agent_seen = models.BigIntegerField(default=0, help_text="when an agent last looked, ms")
    chatwoot_updated_at = models.FloatField(default=0, help_text="Chatwoot's updated_at, seconds")
    applied_at = models.BigIntegerField(default=0)
    verified_id = models.BigIntegerField(default=0, help_text="messages up to this one were compared with Chatwoot")
    confirmed_at = models.BigIntegerField(default=0, help_text="when Chatwoot last listed it under our source_id, ms")
    created_at = models.BigIntegerField()
    deleted = models.BooleanField(default=False, help_text="emptied: its messages moved to another conversation")
    transcript_at = models.BigIntegerField(
        default=0, db_default=0, help_text="when it was last sent by e-mail at the visitor's wish, ms"
    )
    transcript_to = models.CharField(
        max_length=32, default="", db_default="", blank=True, help_text="by which that address is known again"
    )
    forgotten_id = models.BigIntegerField(
        default=0, help_text="Chatwoot's messages up to this one were too old to keep"
    )
    attributes = models.JSONField(
        default=dict, db_default={}, help_text="what the page around the chat said of it; chat.annotations"
    )
    placed = models.JSONField(
        default=list, db_default=[], help_text="keys of attributes that Chatwoot has from here, and not from agents"
    )
    labels = models.JSONField(default=dict, db_default={}, help_text="those that were set from here; chat.labelling")
    seq = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "chatwoot_id"], name="one_conversation_per_display_id")]
        indexes = [
            models.Index(fields=["contact", "seq"]),
            models.Index(fields=["created_at", "id"], name="conversations_by_age"),  # the admin's list
        ]

    def __str__(self) -> str:
        return f"conversation {self.id}"


class Message(models.Model):
    """What was said. ``incoming`` is from the visitor, ``outgoing`` from an agent or Chatwoot, as in Chatwoot."""

    class Direction(models.TextChoices):
        INCOMING = "incoming"
        OUTGOING = "outgoing"

    class State(models.TextChoices):
        ACCEPTED = "accepted"
        SENDING = "sending"
        UNSURE = "unsure"
        SENT = "sent"
        FAILED = "failed"
        UNCONFIRMED = "unconfirmed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="messages")
    inbox = models.ForeignKey(Inbox, models.PROTECT, related_name="messages")
    chatwoot_id = models.BigIntegerField(null=True)
    echo_id = models.UUIDField(null=True)
    direction = models.CharField(max_length=8, choices=Direction.choices)
    content = models.TextField(blank=True)
    content_type = models.CharField(max_length=20, default="text")
    content_attributes = models.JSONField(default=dict)
    sender_kind = models.CharField(max_length=8, blank=True, default="")
    sender_name = models.CharField(max_length=255, blank=True, default="")
    sender_avatar = models.CharField(max_length=32, blank=True, default="", help_text="name of an Avatar")
    has_files = models.BooleanField(default=False)
    at = models.BigIntegerField(help_text="display order, written once; see chat.place")
    state = models.CharField(max_length=11, choices=State.choices, default=State.SENT)
    reason = models.CharField(max_length=255, blank=True, default="")
    chatwoot_updated_at = models.BigIntegerField(default=0)
    applied_at = models.BigIntegerField(default=0, help_text="when Chatwoot's version was last applied, ms")
    deleted = models.BooleanField(default=False)
    seq = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["inbox", "chatwoot_id"], name="one_message_per_chatwoot_id"),
            models.UniqueConstraint(fields=["contact", "echo_id"], name="one_message_per_echo_id"),
        ]
        indexes = [
            models.Index(fields=["contact", "seq"]),
            models.Index(fields=["conversation", "at", "id"]),
            models.Index(fields=["conversation", "chatwoot_id"]),
            models.Index(fields=["at"]),
            models.Index(fields=["at"], condition=models.Q(deleted=True), name="removed_messages"),
        ]

    def __str__(self) -> str:
        return f"message {self.id}"


class Attachment(models.Model):
    """A file of a message, or one that a visitor uploaded and has not sent yet.

    Chatwoot's URL is a bearer secret and never leaves the server. ``path`` is the name of a visitor's file under
    VAR_DIR/uploads, empty once Chatwoot has it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.ForeignKey(Message, models.CASCADE, null=True, related_name="attachments")
    contact = models.ForeignKey(Contact, models.CASCADE, null=True, related_name="uploads", help_text="who uploaded it")
    chatwoot_id = models.BigIntegerField(null=True)
    name = models.CharField(max_length=255)
    file_type = models.CharField(max_length=20)
    content_type = models.CharField(max_length=100, blank=True, default="", help_text="of an upload: decided by us")
    size = models.BigIntegerField(default=0)
    width = models.PositiveIntegerField(default=0, help_text="of a picture, in pixels; 0: not known")
    height = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    path = models.CharField(max_length=64, blank=True, default="")
    position = models.SmallIntegerField(default=0, help_text="of an upload: its place in the message")
    chatwoot_url = EncryptedTextField(blank=True, default="")
    created_at = models.BigIntegerField(default=0, help_text="of an upload, ms")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "chatwoot_id"], name="one_row_per_attachment")]
        indexes = [
            # Few rows have a file of ours, and the watch asks for them every minute.
            models.Index(fields=["path"], condition=~models.Q(path=""), name="attachments_with_a_file"),
        ]

    def __str__(self) -> str:
        return f"attachment {self.id}"


class Avatar(models.Model):
    """An agent's picture. ``name`` is ours and says nothing; ``content`` is empty until somebody has asked for it."""

    name = models.CharField(primary_key=True, max_length=32)
    inbox = models.ForeignKey(Inbox, models.CASCADE, related_name="avatars")
    url = EncryptedTextField()
    content = models.BinaryField(default=b"")
    content_type = models.CharField(max_length=100, blank=True, default="", help_text="decided by us")
    fetched_at = models.BigIntegerField(default=0, help_text="when it was last fetched, ms")

    def __str__(self) -> str:
        return f"avatar {self.name}"
