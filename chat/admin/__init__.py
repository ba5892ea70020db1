"""The operator's pages: which Chatwoot and which inboxes, what was said, and what became of deliveries.

Secrets go in, never out.
"""

from django.contrib import admin

from chat.admin import blocks, conversations, deliveries, inboxes, processes, removals, servers, webhooks

__all__ = ["blocks", "conversations", "deliveries", "inboxes", "processes", "removals", "servers", "webhooks"]

admin.site.site_header = admin.site.site_title = "chatproxy"
admin.site.index_title = "What is here"
