"""Who was erased here, and is still to be deleted at Chatwoot."""

from django.db import models

from chat.fields import EncryptedTextField
from chat.models.inboxes import Inbox


class Removal(models.Model):
    """One session of Chatwoot's, of somebody of whom nothing else is left here."""

    contact_id = models.UUIDField(editable=False, db_index=True, help_text="what they were here")
    inbox = models.ForeignKey(Inbox, models.CASCADE, related_name="removals")
    source_id = EncryptedTextField(editable=False)
    chatwoot_contact_id = models.BigIntegerField(null=True, editable=False)
    attempts = models.IntegerField(default=0, editable=False)
    reason = models.CharField(max_length=255, blank=True, default="", editable=False, help_text="why not yet")
    is_held = models.BooleanField(default=False, editable=False, help_text="somebody has to decide; docs/operating.md")
    due_at = models.BigIntegerField(editable=False)
    created_at = models.BigIntegerField(editable=False)

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="removals_due")]

    def __str__(self) -> str:
        return f"removal {self.pk}"
