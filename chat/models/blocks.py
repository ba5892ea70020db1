"""Who may not use the chat."""

from django.core.exceptions import ValidationError
from django.db import models

from chat.models.contacts import Contact
from chat.models.inboxes import Inbox
from chat.networks import BadNetwork, parse_network


class Block(models.Model):
    """Turns away a contact, or everybody from a network. What they had written before stays."""

    inbox = models.ForeignKey(
        Inbox, models.CASCADE, null=True, blank=True, related_name="blocks", help_text="none: all inboxes"
    )
    contact = models.ForeignKey(Contact, models.CASCADE, null=True, blank=True, related_name="blocks")
    network = models.CharField(
        max_length=43, blank=True, default="", help_text="203.0.113.7, 203.0.113.0/24 or 2001:db8:1:2::/64"
    )
    until = models.DateTimeField(null=True, blank=True, help_text="none: for good")
    reason = models.CharField(max_length=255, blank=True, default="", help_text="for operators; nobody else sees it")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(contact=None) ^ models.Q(network=""),
                name="block_of_a_contact_or_a_network",
                violation_error_message="Name a contact or a network, and not both.",
            )
        ]

    def __str__(self) -> str:
        return f"block of {self.network or self.contact}"

    def clean(self) -> None:
        """Spells the network as it is compared. Raises ValidationError."""
        if self.network:
            try:
                self.network = str(parse_network(self.network))
            except BadNetwork as bad:
                raise ValidationError({"network": str(bad)}) from None
        if self.contact and self.inbox and self.contact.inbox_id != self.inbox_id:
            raise ValidationError({"inbox": "This contact is of another inbox."})
