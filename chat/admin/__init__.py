"""The operator's pages: which Chatwoot and which inboxes, what was said, and what became of deliveries.

Secrets go in, never out.
"""

from chat.admin import blocks, conversations, deliveries, inboxes, processes, removals, servers, webhooks

__all__ = ["blocks", "conversations", "deliveries", "inboxes", "processes", "removals", "servers", "webhooks"]
