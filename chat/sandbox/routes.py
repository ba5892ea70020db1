"""All routes of Chatwoot that the sandbox knows."""

from chat.sandbox import attachments, client_api, csat_api, platform_api
from chat.sandbox.account_api import agents, contacts, conversations, inboxes, messages, profile
from chat.sandbox.http import Route

ROUTES: list[Route] = [
    route
    for part in (
        client_api,
        csat_api,
        conversations,
        messages,
        contacts,
        inboxes,
        agents,
        profile,
        platform_api,
        attachments,
    )
    for route in part.router.routes
] + profile.health.routes
