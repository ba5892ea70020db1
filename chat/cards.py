"""Pictures of agents' cards, under names of ours: the address that a bot put there stays here.

A name is made of the message, the picture's address and a secret. Whoever cannot guess one was shown the message; the
picture goes with it, and another one has another name, so that a browser may keep what it has.
"""

import uuid
from typing import NamedTuple

from django.utils.crypto import constant_time_compare, salted_hmac

from chat import sql

PICTURES = "/api/v1/cards/"  # relative to this site, wherever the page that shows them is


class CardPicture(NamedTuple):
    inbox_id: int
    url: str

    def __repr__(self) -> str:  # the URL is a bot's
        return f"CardPicture(inbox={self.inbox_id})"


def address(message_id: uuid.UUID, url: str) -> str:
    return PICTURES + _name(message_id, url)


def find(name: str) -> CardPicture | None:
    """None: nobody was told that name, or the message has gone."""
    try:
        message = sql.message(uuid.UUID(name.partition("-")[0]))
    except ValueError:
        return None
    if message is None or message.deleted:
        return None
    for url in _urls(message.content_attributes.get("items")):
        if constant_time_compare(name, _name(message.id, url)):
            return CardPicture(message.inbox_id, url)
    return None


def _name(message_id: uuid.UUID, url: str) -> str:
    mark = salted_hmac("chat.cards", f"{message_id.hex} {url}", algorithm="sha256").hexdigest()[:32]
    return f"{message_id.hex}-{mark}"


def _urls(items: object) -> list[str]:
    found = [item.get("media_url") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return [url for url in found if isinstance(url, str)]
