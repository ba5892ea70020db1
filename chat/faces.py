"""Agents' pictures, under names that tell nothing of Chatwoot: what the mirror keeps of them, and what was fetched.

A name is made of the picture's address and a secret of ours. Another picture has another name, so that a browser may
keep what it has; and whoever cannot guess one was shown it by a message, or by the header of the chat.
"""

from typing import NamedTuple

from django.utils.crypto import salted_hmac

from chat import sql
from chat.chatwoot.addresses import Uncheckable
from chat.chatwoot.resources import Sender
from chat.chatwoot.storage import own_path
from chat.fields import encrypted
from chat.models import Avatar

MOST_KEPT = 500  # pictures that are kept here, of 256 KB at most


class Face(NamedTuple):
    name: str
    inbox_id: int
    url: str
    content: bytes
    content_type: str
    fetched_at: int

    def __repr__(self) -> str:  # the URL is Chatwoot's
        return f"Face({self.name})"


def name_of(inbox_id: int, url: str | None) -> str:
    """Empty: there is no picture, or none that we would fetch."""
    try:
        own_path(url or "")
    except Uncheckable:
        return ""
    return salted_hmac("chat.faces", f"{inbox_id} {url}", algorithm="sha256").hexdigest()[:32]


def note(name: str, inbox_id: int, sender: Sender | None) -> None:
    """Inside the writer's transaction; telling it twice is nothing."""
    if name and sender and sender.avatar_url:
        sql.note_avatar(name, inbox_id, encrypted(sender.avatar_url))


def remember(inbox_id: int, url: str) -> str:
    """Its name, under which it may be asked for from now on; empty as ``name_of``."""
    if name := name_of(inbox_id, url):
        sql.note_avatar(name, inbox_id, encrypted(url))
    return name


def find(name: str) -> Face | None:
    row = Avatar.objects.filter(name=name).first()
    if row is None:
        return None
    return Face(row.name, row.inbox_id, row.url, bytes(row.content), row.content_type, row.fetched_at)


def keep(name: str, content: bytes, content_type: str, now: int) -> None:
    """What was fetched; empty, when it could not be."""
    Avatar.objects.filter(name=name).update(content=content, content_type=content_type, fetched_at=now)


def forget_most() -> int:
    """All but the newest pictures; they are fetched again when they are asked for. How many."""
    kept = Avatar.objects.exclude(content=b"").order_by("-fetched_at", "name").values_list("name", flat=True)
    old = list(kept[MOST_KEPT : MOST_KEPT + 1_000])
    return Avatar.objects.filter(name__in=old).update(content=b"", fetched_at=0)
