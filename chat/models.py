"""The truth: what visitors and agents said, and what is still on its way to Chatwoot.

Ids that leave the server are ours (UUIDs). Times are integer milliseconds since 1970 in UTC unless said otherwise;
``seq`` is the number of a row's latest change in its contact's feed (``chat.feed``). Secrets are encrypted columns.
"""

import re
import secrets
import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from chat.fields import EncryptedTextField

IDENTIFIER = re.compile(r"[A-Za-z0-9_-]+")  # it stands in a path; Chatwoot's are 24 letters and digits


def new_epoch() -> str:
    """A feed's epoch: random, so that a cursor of another database or an earlier epoch is never taken for ours."""
    return secrets.token_hex(4)


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
    skew_ms = models.BigIntegerField(default=0, editable=False, help_text="Chatwoot's clock minus ours")
    skew_error_ms = models.BigIntegerField(default=0, editable=False, help_text="how far from true that may be")

    def __str__(self) -> str:
        return self.url


class Inbox(models.Model):
    """One API inbox of a Chatwoot, and the site that embeds it."""

    slug = models.SlugField(unique=True, help_text="public name, part of the chat page's address")
    name = models.CharField(max_length=255, blank=True)
    chatwoot = models.ForeignKey(Chatwoot, models.PROTECT, related_name="inboxes")
    chatwoot_inbox_id = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="learnt from Chatwoot's answers"
    )
    account_id = models.BigIntegerField(null=True, blank=True, help_text="Chatwoot's number of the account")
    inbox_identifier = EncryptedTextField()
    hmac_token = EncryptedTextField(blank=True, default="")
    bot_token = EncryptedTextField(blank=True, default="", help_text="of an agent bot: may write into all its account")
    marker_off = models.CharField(max_length=255, blank=True, default="", help_text="why the bot token is not used")
    canary_source_id = EncryptedTextField(blank=True, default="", editable=False)
    canary_token = EncryptedTextField(blank=True, default="", editable=False)
    allowed_origins = models.JSONField(
        default=list, blank=True, help_text='origins that may embed the chat, ["https://…"]'
    )
    look = models.JSONField(default=dict, blank=True, help_text='{"accent": "#…"}')
    texts = models.JSONField(default=dict, blank=True, help_text='{"greeting": "…"}')
    locks_to_single = models.BooleanField(
        default=False, editable=False, help_text="learnt: one conversation per contact"
    )
    paused_until = models.BigIntegerField(default=0, editable=False, help_text="no delivery before this time, ms")

    class Meta:
        verbose_name_plural = "inboxes"

    def __str__(self) -> str:
        return self.name or self.slug

    def clean(self) -> None:
        """Raises ValidationError: a wrong identifier, or a move that would strand what was said so far."""
        if not IDENTIFIER.fullmatch(self.inbox_identifier):
            raise ValidationError(f"The identifier of inbox {self.slug} has other signs than letters, digits, _ and -")
        if self._moves() and self.conversations.exclude(chatwoot_id=None).exists():
            raise ValidationError(
                f"Inbox {self.slug} has conversations in another inbox of Chatwoot: they would get no more answers. "
                "Use another slug for the new one; a Chatwoot that only has a new address is changed in the admin"
            )

    def save(self, **options: Any) -> None:
        if self._moves():  # learnt from the other one
            self.chatwoot_inbox_id = None
        super().save(**options)

    def _moves(self) -> bool:
        before = Inbox.objects.filter(pk=self.pk).first()
        now = (self.chatwoot_id, self.inbox_identifier)
        return before is not None and (before.chatwoot_id, before.inbox_identifier) != now


class Contact(models.Model):
    """One person at one inbox, and the head of that person's feed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    inbox = models.ForeignKey(Inbox, models.PROTECT, related_name="contacts")
    identifier = models.CharField(max_length=255, null=True, blank=True, help_text="only when verified")
    name = models.CharField(max_length=255, blank=True, default="")
    attributes = models.JSONField(default=dict, blank=True)
    epoch = models.CharField(max_length=8, default=new_epoch)
    head = models.BigIntegerField(default=0)
    floor = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "identifier"], name="one_contact_per_identifier")]

    def __str__(self) -> str:
        return f"contact {self.id}"


class ContactInbox(models.Model):
    """Chatwoot's session of a contact. ``source_id`` is a random UUID of ours, stored before Chatwoot hears of it."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="contact_inboxes")
    inbox = models.ForeignKey(Inbox, models.PROTECT, related_name="contact_inboxes")
    source_id = EncryptedTextField()
    pubsub_token = EncryptedTextField(blank=True, default="", help_text="empty until Chatwoot knows the contact")
    chatwoot_contact_id = models.BigIntegerField(null=True)
    resynced_at = models.BigIntegerField(default=0, help_text="start of the latest resync, ms")
    walked_at = models.BigIntegerField(default=0, help_text="start of the latest walk over everything, ms")

    def __str__(self) -> str:
        return f"contact inbox {self.pk}"


class Session(models.Model):
    """One signed-in device of a contact."""

    class Kind(models.TextChoices):
        BROWSER = "browser"
        APP = "app"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="sessions")
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the refresh token, hex")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"session {self.id}"


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
    seq = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "chatwoot_id"], name="one_conversation_per_display_id")]
        indexes = [models.Index(fields=["contact", "seq"])]

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


class Delivery(models.Model):
    """Something of ours on its way to Chatwoot. Rows of one lane go one after another, by ``position``."""

    class Kind(models.TextChoices):
        CONTACT = "contact"
        CONVERSATION = "conversation"
        MESSAGE = "message"
        ANSWER = "answer"
        RESOLVE = "resolve"
        SEEN = "seen"

    State = Message.State
    OPEN = (State.ACCEPTED, State.SENDING, State.UNSURE, State.UNCONFIRMED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    contact_inbox = models.ForeignKey(ContactInbox, models.CASCADE, related_name="deliveries")
    conversation = models.ForeignKey(Conversation, models.CASCADE, null=True, related_name="deliveries")
    message = models.OneToOneField(Message, models.CASCADE, null=True, related_name="delivery")
    lane = models.CharField(max_length=40, help_text="the conversation's id, or contact_inbox:<id> before it exists")
    position = models.BigIntegerField()
    state = models.CharField(max_length=11, choices=State.choices, default=State.ACCEPTED)
    reason = models.CharField(max_length=255, blank=True, default="")
    attempt = models.IntegerField(default=0)
    baseline_id = models.BigIntegerField(null=True, help_text="largest message id of the account before attempt 1")
    started_at = models.BigIntegerField(default=0, help_text="start of the latest attempt, ms")
    fence_at = models.BigIntegerField(
        default=0, help_text="after this, by Chatwoot's clock, the attempt can no longer take effect, ms"
    )
    payload = models.JSONField(default=dict, help_text="of an answer: message_id, submitted_values")
    marked = models.BooleanField(default=False, help_text="every attempt so far carried the marker")
    finished = models.BooleanField(default=False, help_text="Rails answered: the attempt is over")
    permanent = models.BooleanField(default=False, help_text="if absent, sending again would fail again")
    looks = models.IntegerField(default=0, help_text="looks that found nothing, begun after the attempt was over")
    crashes = models.IntegerField(default=0, help_text="attempts that Chatwoot itself answered with 5xx")
    due_at = models.BigIntegerField(default=0)
    lease_until = models.BigIntegerField(default=0)
    lease_no = models.IntegerField(default=0, help_text="names the holder of the lease; older holders write nothing")
    created_at = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["lane", "position"], name="one_delivery_per_position")]
        indexes = [models.Index(fields=["state", "due_at"])]

    def __str__(self) -> str:
        return f"{self.kind} delivery {self.id}"


class Duplicate(models.Model):
    """A second message at Chatwoot that one delivery made. It is counted and shown to operators, not to visitors."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="duplicates")
    inbox = models.ForeignKey(Inbox, models.PROTECT, related_name="duplicates")
    chatwoot_id = models.BigIntegerField()
    found_at = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "chatwoot_id"], name="one_duplicate_per_chatwoot_id")]

    def __str__(self) -> str:
        return f"message {self.chatwoot_id} of {self.delivery_id}"


class Process(models.Model):
    """One running process. A Chatwoot's budget is divided by those that were seen lately."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    started_at = models.BigIntegerField()
    seen_at = models.BigIntegerField(help_text="by the clock of the database, ms")
    draining = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "processes"

    def __str__(self) -> str:
        return f"process {self.id}"


def upsert_inbox(*, slug: str, url: str, cable_url: str, **values: Any) -> Inbox:
    """The inbox that the environment describes, as a row. Called at start; an operator's other columns are kept.

    Raises ValidationError (``Inbox.clean``).
    """
    chatwoot, _ = Chatwoot.objects.update_or_create(url=url, defaults={"cable_url": cable_url})
    said = {"chatwoot": chatwoot, **values}
    inbox = Inbox.objects.filter(slug=slug).first() or Inbox(slug=slug)
    for name, value in said.items():
        setattr(inbox, name, value)
    inbox.clean()
    inbox.save()
    return inbox
