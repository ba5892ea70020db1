"""The truth: what visitors and agents said, and what is still on its way to Chatwoot.

Ids that leave the server are ours (UUIDs). Times are integer milliseconds since 1970 in UTC unless said otherwise;
``seq`` is the number of a row's latest change in its contact's feed (``chat.feed``). Secrets are encrypted columns.
"""

from chat.models.blocks import Block as Block
from chat.models.contacts import Contact as Contact
from chat.models.contacts import ContactInbox as ContactInbox
from chat.models.contacts import Session as Session
from chat.models.contacts import UsedClaim as UsedClaim
from chat.models.contacts import new_epoch as new_epoch
from chat.models.conversations import Attachment as Attachment
from chat.models.conversations import Avatar as Avatar
from chat.models.conversations import Conversation as Conversation
from chat.models.conversations import Message as Message
from chat.models.deliveries import Delivery as Delivery
from chat.models.deliveries import Duplicate as Duplicate
from chat.models.inboxes import IDENTIFIER as IDENTIFIER
from chat.models.inboxes import Inbox as Inbox
from chat.models.inboxes import upsert_inbox as upsert_inbox
from chat.models.removals import Removal as Removal
from chat.models.servers import Chatwoot as Chatwoot
from chat.models.servers import Minute as Minute
from chat.models.servers import Process as Process
from chat.models.webhooks import Notice as Notice
from chat.models.webhooks import Webhook as Webhook
