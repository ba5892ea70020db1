"""The operator's pages: which Chatwoot and which inboxes, and what became of deliveries. Secrets go in, never out."""

from chat.admin import blocks, deliveries, inboxes, processes, servers, webhooks

__all__ = ["blocks", "deliveries", "inboxes", "processes", "servers", "webhooks"]
