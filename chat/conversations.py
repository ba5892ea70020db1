"""What a visitor can do, whichever way they came: the use cases behind the socket and the JSON API.

None of them waits for Chatwoot, but for a transcript, which only it can send. Whatever is refused raises
``wire.Refusal``, and nothing else has happened then.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, ParamSpec, TypeVar

from chat import acceptance, annotations, feed, overview, sql, trail, wire
from chat.acceptance import Accepted
from chat.audience import Listener, Row
from chat.avatars import Avatars
from chat.card_pictures import CardPictures
from chat.courier import Courier
from chat.devices import Devices
from chat.downloads import Downloads
from chat.feed import Cursor, Page, Pen
from chat.holding import Holding
from chat.inboxes import Inboxes
from chat.indicator import TypingIndicator
from chat.models import Message
from chat.overview import Glance
from chat.people import People
from chat.portals import Portals
from chat.reader import Reader
from chat.team import Team
from chat.transcripts import Transcripts
from chat.uploads import Source, Uploaded, Uploads
from chat.upstreams import Upstreams
from chat.wire.errors import Code, Refusal
from chat.writer import BUSY, Priority, Writer

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class History:
    """Messages in display order; ``more``: there are still older ones."""

    rows: tuple[Row, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class First:
    """The message with which a conversation begins."""

    echo_id: uuid.UUID
    text: str
    files: tuple[uuid.UUID, ...] = ()


class Begun(NamedTuple):
    glance: Glance
    message_id: uuid.UUID | None
    replayed: bool


class Conversations:
    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        holding: Holding,
        courier: Courier,
        upstreams: Upstreams,
        uploads: Uploads,
        downloads: Downloads,
        avatars: Avatars,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._holding = holding
        self._courier = courier
        self._uploads = uploads
        self.downloads = downloads
        self.avatars = avatars
        self.files_refused: Counter[str] = Counter()  # by code
        self.devices = Devices(writer, reader, courier, holding)
        self._indicator = TypingIndicator(upstreams, reader)
        self.inboxes = Inboxes(upstreams, reader)
        self.portals = Portals(upstreams, reader)
        self.team = Team(upstreams, reader, avatars)
        self.cards = CardPictures(upstreams, reader)
        self._transcripts = Transcripts(upstreams, reader)
        self.people = People(writer, reader, courier, holding)

    # Being here

    def arrive(self, listener: Listener, *, visible: bool) -> None:
        """A socket or long poll begins to listen."""
        self._holding.arrive(listener, visible=visible)

    def depart(self, listener: Listener) -> None:
        self._holding.depart(listener)

    def look(self, listener: Listener, visible: bool) -> None:
        """The page came into view, or left it: agents see that as online."""
        self._holding.look(listener, visible=visible)

    def polled(self, contact_id: uuid.UUID) -> None:
        """A sync was asked for."""
        self._holding.polled(contact_id)

    # Doing

    async def send(
        self,
        contact_id: uuid.UUID,
        *,
        echo_id: uuid.UUID,
        conversation_id: uuid.UUID | None,
        text: str,
        files: Sequence[uuid.UUID] = (),
        begins: uuid.UUID | None = None,
    ) -> Accepted:
        """Keep a message. When this returns it is committed, and will reach Chatwoot exactly once.

        ``begins``: as the ``key`` of ``begin``.
        """
        accept = partial(
            acceptance.accept,
            contact_id=contact_id,
            echo_id=echo_id,
            conversation_id=conversation_id,
            text=wire.validate_text(text, has_files=bool(files)),
            file_ids=wire.validate_files(files),
            new_id=_named(contact_id, begins) if begins else None,
        )
        return await self._accept(contact_id, echo_id, accept)

    async def _accept(self, contact_id: uuid.UUID, echo_id: uuid.UUID, accept: Callable[[Pen], Accepted]) -> Accepted:
        accepted = await self._write(contact_id, accept)
        trail.accepted(accepted.message_id, echo_id=echo_id)
        return accepted

    async def begin(self, contact_id: uuid.UUID, *, key: uuid.UUID, first: First | None = None) -> Begun:
        """A new conversation, lazily created at Chatwoot: with its first message. The same key: the same again."""
        new_id = _named(contact_id, key)
        if first is None:
            is_new = await self._write(contact_id, partial(acceptance.begin, contact_id=contact_id, new_id=new_id))
            return Begun(await self.glance(contact_id, conversation_id=new_id), None, not is_new)
        accept = partial(
            acceptance.accept,
            contact_id=contact_id,
            echo_id=first.echo_id,
            conversation_id=None,
            text=wire.validate_text(first.text, has_files=bool(first.files)),
            file_ids=wire.validate_files(first.files),
            new_id=new_id,
        )
        accepted = await self._accept(contact_id, first.echo_id, accept)
        glance = await self.glance(contact_id, conversation_id=accepted.conversation_id)
        return Begun(glance, accepted.message_id, accepted.replayed)

    async def upload(self, contact_id: uuid.UUID, *, name: str, source: Source, peer: str = "") -> Uploaded:
        """Keep a file that a later message may carry. ``peer`` is the client's address."""
        try:
            return await self._uploads.keep(contact_id, name=name, source=source, peer=peer)
        except Refusal as refusal:
            self.files_refused[refusal.code] += 1
            raise

    async def seen(self, contact_id: uuid.UUID, *, conversation_id: uuid.UUID, message_id: uuid.UUID) -> None:
        """The visitor has seen everything up to this message."""
        see = partial(acceptance.see, contact_id=contact_id, conversation_id=conversation_id, message_id=message_id)
        await self._write(contact_id, see)

    async def retry(self, contact_id: uuid.UUID, *, message_id: uuid.UUID) -> None:
        """Send a message again that failed or was never confirmed."""
        await self._write(contact_id, partial(acceptance.retry, contact_id=contact_id, message_id=message_id))

    async def discard(self, contact_id: uuid.UUID, *, message_id: uuid.UUID) -> None:
        """Delete a message that failed or was never confirmed."""
        await self._write(contact_id, partial(acceptance.discard, contact_id=contact_id, message_id=message_id))

    async def resolve(self, contact_id: uuid.UUID, *, conversation_id: uuid.UUID) -> None:
        """The visitor ends the conversation."""
        resolve = partial(acceptance.resolve, contact_id=contact_id, conversation_id=conversation_id)
        await self._write(contact_id, resolve)

    async def answer(self, contact_id: uuid.UUID, *, message_id: uuid.UUID, values: object) -> None:
        """Answer an agent's form, choice or survey; ``values`` come as the client sent them."""
        answer = partial(
            acceptance.answer,
            contact_id=contact_id,
            message_id=message_id,
            submitted_values=wire.validate_values(values),
        )
        await self._write(contact_id, answer)

    async def rate(self, contact_id: uuid.UUID, *, conversation_id: uuid.UUID, rating: int, feedback: str) -> None:
        """Answer the survey of a conversation; a later rating replaces it."""
        response = {"rating": rating, "feedback_message": feedback}
        values = wire.validate_values({"csat_survey_response": response})  # whether or not there is a survey
        asked = await self._run(overview.survey_of, contact_id, conversation_id)
        await self.answer(contact_id, message_id=asked, values=values)

    async def transcript(
        self, contact_id: uuid.UUID, *, conversation_id: uuid.UUID, email: str | None, count: Callable[[str], None]
    ) -> str:
        """Have it sent by e-mail; answers to whom. Waits for Chatwoot, but not long; see ``Transcripts.send``."""
        return await self._transcripts.send(contact_id, conversation_id=conversation_id, email=email, count=count)

    async def set_attributes(
        self, contact_id: uuid.UUID, *, conversation_id: uuid.UUID, wanted: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What the page says of the conversation; None forgets. All that it has said."""
        change = partial(
            annotations.set_attributes, contact_id=contact_id, conversation_id=conversation_id, wanted=wanted
        )
        return await self._write(contact_id, change)

    async def set_labels(
        self, contact_id: uuid.UUID, *, conversation_id: uuid.UUID, add: Sequence[str], remove: Sequence[str]
    ) -> list[str]:
        """Give it labels that the operator allows, take those away that were given from here. These, then."""
        change = partial(
            annotations.set_labels, contact_id=contact_id, conversation_id=conversation_id, add=add, remove=remove
        )
        return await self._write(contact_id, change)

    async def _write(self, contact_id: uuid.UUID, change: Callable[[Pen], T]) -> T:
        try:
            result = await self._writer.write(change, contacts=(contact_id,), priority=Priority.ACCEPT)
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error
        self._courier.wake()
        return result

    async def typing(self, contact_id: uuid.UUID, *, conversation_id: uuid.UUID, on: bool) -> None:
        """Tell the agents; best effort, and over before Chatwoot answers."""
        self._indicator.show(contact_id, conversation_id=conversation_id, on=on)

    # Reading

    async def read(self, contact_id: uuid.UUID, *, since: str | None) -> Page:
        """What changed after a cursor, one page; without a usable cursor the start state."""
        page = await self._run(feed.read, contact_id, Cursor.parse(since))
        if page is None:
            raise Refusal(Code.UNKNOWN_TOKEN)
        return page

    async def page(
        self, contact_id: uuid.UUID, *, before: uuid.UUID | None, limit: int = 20
    ) -> tuple[list[Glance], bool]:
        """Conversations, newest first; and whether there are older ones."""
        return await self._run(overview.page, contact_id, before=before, limit=limit)

    async def glance(self, contact_id: uuid.UUID, *, conversation_id: uuid.UUID) -> Glance:
        return await self._run(overview.one, contact_id, conversation_id)

    async def unread(self, contact_id: uuid.UUID) -> dict[uuid.UUID, int]:
        """Of each conversation that has some."""
        return await self._run(overview.unread, contact_id)

    async def history(
        self, contact_id: uuid.UUID, *, conversation_id: uuid.UUID, before: uuid.UUID | None, limit: int = 50
    ) -> History:
        """Messages older than ``before`` (the newest without it)."""
        return await self._run(_history, contact_id, conversation_id, before, limit)

    async def _run(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._reader.ask(read, *args, **kwargs)
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error

    async def close(self) -> None:
        for each in (self._indicator, self.inboxes, self.portals, self.team, self.cards):
            await each.close()


def _named(contact_id: uuid.UUID, key: uuid.UUID) -> uuid.UUID:
    """The conversation of this key: nobody else's keys lead here."""
    return uuid.uuid5(contact_id, str(key))


def _history(contact_id: uuid.UUID, conversation_id: uuid.UUID, before: uuid.UUID | None, limit: int) -> History:
    conversation = sql.conversation(conversation_id)
    if conversation is None or conversation.contact_id != contact_id or conversation.deleted:
        raise Refusal(Code.NO_SUCH_CONVERSATION)
    bound = None
    if before is not None:
        at = Message.objects.filter(id=before, conversation=conversation_id).values_list("at", flat=True).first()
        if at is None:
            raise Refusal(Code.NO_SUCH_MESSAGE)
        bound = (at, before)
    rows, more = feed.history(conversation_id, before=bound, limit=limit)
    return History(tuple(rows), more)
