"""What both a page's config and the API say of an inbox. Chatwoot is not asked for it."""

from datetime import datetime
from typing import Any

from django.conf import settings

from chat import policy
from chat.feed import AVATAR
from chat.filetypes import EXTENSIONS
from chat.hours import Week
from chat.models import Inbox
from chat.wire import site
from chat.wire.text import MAX_FILES, MAX_TEXT

MOST_SHOWN = 3  # agents of an inbox
LONGEST_NAME = 60


def name(inbox: Inbox) -> str:
    """Ours, else what Chatwoot calls it."""
    return inbox.name or inbox.told.get("name") or inbox.slug


def openings(week: Week | None, *, now: datetime) -> list[tuple[int, int]] | None:
    """In ms; None: always open, or not known."""
    spans = week.openings(now) if week else None
    return None if spans is None else [(_ms(opens), _ms(closes)) for opens, closes in spans]


def for_page(inbox: Inbox, *, now: datetime) -> dict[str, Any]:
    """What the config of a page carries of it, so that nothing has to be asked for."""
    decided = policy.read(inbox.policy)
    return {
        "limits": limits().model_dump(),
        "openings": openings(Week.of(inbox.told), now=now),
        "ask": decided.ask.model_dump() if decided.ask else None,
        "suggestions": decided.suggestions,
        "resolved": decided.resolved,
        "articles": bool(inbox.portal),
        "transcript": transcript(inbox),
        "team": [each.model_dump() for each in team(inbox)],
    }


def team(inbox: Inbox) -> list[site.Colleague]:
    """As Chatwoot told it last. Nobody where it may not be told any more."""
    rows = inbox.team if shows_team(inbox) else []
    return [site.Colleague(name=row["name"], avatar=AVATAR + row["avatar"] if row["avatar"] else None) for row in rows]


def transcript(inbox: Inbox) -> site.Transcript:
    """Without an agent's token there is none, whatever was decided."""
    return policy.read(inbox.policy).transcript if inbox.agent_token else "never"


def shows_team(inbox: Inbox) -> bool:
    """Whether visitors may know who answers there."""
    return bool(inbox.agent_token) and policy.read(inbox.policy).team


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def limits() -> site.Limits:
    return site.Limits(
        text=MAX_TEXT, files=MAX_FILES, upload_bytes=settings.UPLOAD_MAX_BYTES, upload_types=sorted(EXTENSIONS)
    )
