"""The files of a message, as Chatwoot names them. Its URLs are bearer secrets: stored encrypted, never shown."""

import uuid

from chat.chatwoot import resources
from chat.models import Attachment


def keep(message_id: uuid.UUID, message: resources.Message) -> bool:
    """Make our attachments those of Chatwoot; True if that changed anything."""
    known = set(Attachment.objects.filter(message=message_id).values_list("chatwoot_id", flat=True))
    told = {} if message.deleted else {each.id: each for each in message.attachments}
    if known == told.keys():
        return False
    Attachment.objects.filter(message=message_id).exclude(chatwoot_id__in=told).delete()
    for each in (told[number] for number in told.keys() - known):
        Attachment.objects.create(
            message_id=message_id,
            chatwoot_id=each.id,
            name=each.name[:255],
            file_type=each.file_type[:20],
            size=each.file_size or 0,
            chatwoot_url=each.data_url,
        )
    return True
