"""What is on its way to Chatwoot."""

import uuid

from django.db import models

from chat.models.contacts import ContactInbox
from chat.models.conversations import Conversation, Message
from chat.models.inboxes import Inbox

_IS_OPEN = models.Q(state__in=["accepted", "sending", "unsure", "unconfirmed"])  # in the words of chat.queues


class Delivery(models.Model):
    """Something of ours on its way to Chatwoot. Rows of one lane go one after another, by ``position``."""

    class Kind(models.TextChoices):
        CONTACT = "contact"
        CONVERSATION = "conversation"
        MESSAGE = "message"
        ANSWER = "answer"
        RESOLVE = "resolve"
        SEEN = "seen"
        PROFILE = "profile"
        ATTRIBUTES = "attributes"
        LABELS = "labels"

    State = Message.State
    OPEN = (State.ACCEPTED, State.SENDING, State.UNSURE, State.UNCONFIRMED)
    IN_DOUBT = (State.SENDING, State.UNSURE, State.UNCONFIRMED)

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
    payload = models.JSONField(
        default=dict,
        help_text="of an answer: message_id, submitted_values; of a profile: the body; of attributes, labels: wanted",
    )
    marked = models.BooleanField(default=False, help_text="every attempt so far carried the marker")
    finished = models.BooleanField(default=False, help_text="Rails answered: the attempt is over")
    permanent = models.BooleanField(default=False, help_text="if absent, sending again would fail again")
    # below zero: slow ones (chat.outcome)
    looks = models.IntegerField(default=0, help_text="looks that found nothing, begun after the attempt was over")
    crashes = models.IntegerField(default=0, help_text="attempts that Chatwoot itself answered with 5xx")
    due_at = models.BigIntegerField(default=0)
    lease_until = models.BigIntegerField(default=0)
    lease_no = models.IntegerField(default=0, help_text="names the holder of the lease; older holders write nothing")
    created_at = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["lane", "position"], name="one_delivery_per_position")]
        indexes = [
            models.Index(fields=["state", "due_at"]),
            # Few rows are open, and what waits is asked for at every message.
            models.Index(fields=["lane", "position"], condition=_IS_OPEN, name="open_deliveries_of_lane"),
            models.Index(fields=["contact_inbox"], condition=_IS_OPEN, name="open_deliveries_of_person"),
            models.Index(fields=["due_at", "created_at"], condition=_IS_OPEN, name="open_deliveries_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} delivery {self.id}"


class Duplicate(models.Model):
    """A second message or conversation at Chatwoot that one delivery made, counted and shown to operators."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="duplicates")
    inbox = models.ForeignKey(Inbox, models.PROTECT, related_name="duplicates")
    chatwoot_id = models.BigIntegerField()
    found_at = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "chatwoot_id"], name="one_duplicate_per_number")]
        indexes = [models.Index(fields=["inbox", "chatwoot_id"])]

    def __str__(self) -> str:
        return f"{self.chatwoot_id} of {self.delivery_id}"
