"""What an agent would see, read from the file that the sandbox syncs before it answers: also while it is dead."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from chat.sandbox import entities
from chat.sandbox.entities import MessageType
from chat.sandbox.journal import Journal
from chat.sandbox.store import Store

SHOWN = (MessageType.INCOMING, MessageType.OUTGOING, MessageType.TEMPLATE)
LOST = "(lost)"
DELETED = "(deleted)"  # in place of a text, on both sides of a comparison


@dataclass(frozen=True)
class Said:
    """A message as a visitor may see it, or may not. `files`: digests of what opens, LOST for what does not."""

    id: int
    text: str
    incoming: bool
    shown: bool
    deleted: bool
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Talk:
    """A conversation. `id` is its display id; `messages` are in the order of their ids."""

    id: int
    contact_id: int
    inbox_id: int
    status: str
    source_id: str = field(repr=False)
    messages: list[Said] = field(repr=False)

    @property
    def incoming(self) -> list[Said]:
        return [said for said in self.messages if said.incoming]

    def visible(self, *, incoming: bool) -> list[str]:
        """Texts of one side, oldest first; a deleted one is DELETED."""
        rows = [said for said in self.messages if said.shown and said.incoming is incoming]
        return [DELETED if said.deleted else said.text for said in rows]


@dataclass(frozen=True)
class Ledger:
    talks: list[Talk]
    secrets: frozenset[str] = field(repr=False)
    """Bearer tokens, identifiers and private notes: none of them may reach a visitor or a log."""

    @property
    def texts(self) -> list[str]:
        """What came in, in the order of ids."""
        rows = sorted((said for talk in self.talks for said in talk.incoming), key=lambda said: said.id)
        return [said.text for said in rows]


def read(path: Path) -> Ledger:
    """What is on the disk now. A torn last line was never answered, and counts as absent."""
    store = Store(Journal(path))
    store.replay()
    talks = [_talk(store, row) for row in store.all(entities.Conversation)]
    return Ledger(talks, frozenset(_secrets(store)))


def _talk(store: Store, row: entities.Conversation) -> Talk:
    session = store.get(entities.ContactInbox, row.contact_inbox_id)
    return Talk(
        row.display_id,
        row.contact_id,
        row.inbox_id,
        str(row.status),
        session.source_id if session else "",
        [_said(store, each) for each in store.messages_of(row.id)],
    )


def _said(store: Store, row: entities.Message) -> Said:
    kind = MessageType(row.message_type)
    return Said(
        row.id,
        row.content or "",
        incoming=kind == MessageType.INCOMING,
        shown=kind in SHOWN and not row.private,
        deleted=bool(row.content_attributes.get("deleted")),
        files=tuple(
            LOST if each.is_lost else hashlib.sha256(each.content).hexdigest() for each in store.attachments_of(row.id)
        ),
    )


def _secrets(store: Store) -> set[str]:
    found = {row.content or "" for row in store.where(entities.Message, lambda row: row.private)}
    for user in store.all(entities.User):
        found |= {user.access_token, user.pubsub_token, user.email}
    for holder in (*store.all(entities.AgentBot), *store.all(entities.PlatformApp)):
        found.add(holder.access_token)
    for inbox in store.all(entities.Inbox):
        found |= {inbox.identifier, inbox.hmac_token}
    for row in store.all(entities.ContactInbox):
        found |= {row.source_id, row.pubsub_token}
    return found - {""}
