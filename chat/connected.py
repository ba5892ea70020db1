"""Our row of an inbox that is connected to one of Chatwoot's: what it says before, and what is written afterwards."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from django.conf import settings
from django.db import transaction

from chat.advice import Stopped
from chat.models import Chatwoot, Inbox, upsert_inbox


@dataclass(frozen=True, slots=True)
class Known:
    """`bound`: why the inbox may not become another one of Chatwoot's, if so. `others`: slugs by identifier."""

    account_id: int | None = None
    identifier: str = field(default="", repr=False)
    bot_token: str = field(default="", repr=False)
    bound: str = ""
    others: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Connected:
    """As the columns of `Inbox` are called. None is not told, and leaves what is stored; an empty token forgets it.

    `name`: what Chatwoot calls the inbox, for a row that is new; later it is the operator's, who may have emptied it.
    """

    account_id: int
    chatwoot_inbox_id: int
    inbox_identifier: str = field(repr=False)
    hmac_token: str | None = field(default=None, repr=False)
    bot_token: str | None = field(default=None, repr=False)
    agent_token: str | None = field(default=None, repr=False)
    name: str | None = None


def known(slug: str, url: str) -> Known:
    """What is stored of that inbox at that Chatwoot. Raises Stopped where it may not be connected there."""
    row = _stored(slug)
    others = {each.inbox_identifier: each.slug for each in Inbox.objects.filter(chatwoot__url=url).exclude(slug=slug)}
    is_spoken_in = row is not None and row.conversations.exclude(chatwoot_id=None).exists()
    if settings.CHATWOOT_INBOX_IDENTIFIER and slug == settings.CHATWOOT_INBOX_SLUG:
        identifier, bound = settings.CHATWOOT_INBOX_IDENTIFIER, f"CHATWOOT_INBOX_IDENTIFIER says what {slug!r} is"
        if url != settings.CHATWOOT_URL:
            raise Stopped(f"CHATWOOT_URL says that {slug!r} is at {settings.CHATWOOT_URL}. Unset it, or give --slug")
    elif row is not None and row.chatwoot.url == url:
        identifier, bound = row.inbox_identifier, f"{slug!r} has conversations in its inbox" if is_spoken_in else ""
    elif row is not None and is_spoken_in:
        raise Stopped(f"{slug!r} has conversations at {row.chatwoot.url}. Give --slug to make another inbox")
    else:
        return Known(others=others)
    if row is None or row.inbox_identifier != identifier:
        return Known(identifier=identifier, bound=bound, others=others)
    return Known(row.account_id, identifier, row.bot_token, bound, others)


@transaction.atomic
def write(slug: str, url: str, connected: Connected, *, cable_url: str = "") -> bool:
    """Whether anything changed. Raises ValidationError (``Inbox.clean``)."""
    row, chatwoot = _stored(slug), Chatwoot.objects.filter(url=url).first()
    cable_url = cable_url or (chatwoot.cable_url if chatwoot else f"ws{url.removeprefix('http')}/cable")
    values = {name: value for name, value in asdict(connected).items() if value is not None}
    if row is not None:
        values.pop("name", None)
    changed = {name: value for name, value in values.items() if row is None or getattr(row, name) != value}
    if not changed and row and (row.chatwoot.url, row.chatwoot.cable_url) == (url, cable_url):
        return False
    if "bot_token" in changed:  # what was switched off was the other one
        values["marker_off"] = ""
    upsert_inbox(slug=slug, url=url, cable_url=cable_url, **values)
    return True


def _stored(slug: str) -> Inbox | None:
    return Inbox.objects.select_related("chatwoot").filter(slug=slug).first()
