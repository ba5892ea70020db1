"""All routes of Chatwoot that the sandbox knows."""

from chat.sandbox import attachments, client_api, csat_api, help_centre, platform_api
from chat.sandbox.account_api import (
    agent_bots,
    agents,
    contacts,
    conversations,
    inboxes,
    messages,
    portals,
    profile,
)
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
        agent_bots,
        profile,
        portals,
        help_centre,
        platform_api,
        attachments,
    )
    for route in part.router.routes
] + profile.health.routes
