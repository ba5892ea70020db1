"""A visitor asks for a conversation by e-mail: Chatwoot writes and sends it, at the word of the inbox's agent.

That token reaches more than this visitor's conversations, and an e-mail cannot be taken back: so Chatwoot is asked each
time whose the conversation is, and to whom it goes is decided here. Who repeats within a minute gets no second one.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from django.db.models import Q
from django.utils.crypto import salted_hmac

from chat import sql
from chat.budget import Urgency
from chat.chatwoot.agent import AgentApi
from chat.chatwoot.errors import ChatwootError, Throttled
from chat.clock import now_ms
from chat.link import Unavailable
from chat.models import Contact, Conversation, Message
from chat.published import transcript
from chat.reader import Reader
from chat.upstreams import Upstream, Upstreams
from chat.wire.errors import Code, Refusal
from chat.wire.profile import recipient
from chat.writer import BUSY

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

REPEATED_MS = 60_000
PATIENCE_S = 10.0
AGAIN_S = 30.0
HOUR_S = 3_600  # Chatwoot counts transcripts by the clock hour, and does not say when the next one is (contract §8)
LONGEST_S = 900.0
NOT_YOURS = "It goes only to the e-mail address with which you signed in."
UNKNOWN = "No e-mail address is known to be yours. Sign in first."
UNANSWERED = "It can be sent once somebody has answered."
EMPTY = "Nothing was said in it yet."
ON_ITS_WAY = "What was said has not arrived yet. Please try again in a moment."


@dataclass(frozen=True, slots=True)
class _Wish:
    conversation_id: uuid.UUID
    inbox_id: int
    chatwoot_id: int
    source_id: str = field(repr=False)
    recipient: str = field(repr=False)

    @property
    def digest(self) -> str:
        return salted_hmac("chat.transcripts", self.recipient.lower(), algorithm="sha256").hexdigest()[:32]


class Transcripts:
    """All methods run on the loop."""

    def __init__(self, upstreams: Upstreams, reader: Reader, *, patience_s: float = PATIENCE_S) -> None:
        self._upstreams, self._reader = upstreams, reader
        self._patience_s = patience_s

    async def send(
        self, contact_id: uuid.UUID, *, conversation_id: uuid.UUID, email: str | None, count: Callable[[str], None]
    ) -> str:
        """To whom it is on its way. ``email`` None: to the address that the site signed.

        ``count`` is told the address before anything is asked, and raises Refusal where that is too much.
        Raises Refusal (no_transcript, no_such_conversation, bad_request, too_fast, unavailable).
        """
        if email is not None and recipient(email) is None:
            raise Refusal(Code.BAD_REQUEST, "This is no e-mail address.")
        wish = await self._run(_wish, contact_id, conversation_id, email)
        if await self._run(_is_repeated, wish):
            return wish.recipient
        count(wish.recipient)
        now = await self._run(sql.database_now)
        if await self._run(_is_claimed, wish, now):
            try:
                await self._ask(wish)
            except BaseException:
                await self._run(_release, wish, now)
                raise
        return wish.recipient

    async def _ask(self, wish: _Wish) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                upstream = await self._upstreams.of(wish.inbox_id)
                if upstream.agent is None:  # its row is read again within half a minute
                    raise Refusal(Code.UNAVAILABLE, retry_after_s=AGAIN_S)
                await self._check(wish, upstream, upstream.agent)
                await _send(wish, upstream, upstream.agent)
        except Throttled as throttled:
            log.warning("inbox %s: Chatwoot sends no more transcripts for now", wish.inbox_id)
            raise Refusal(Code.TOO_FAST, retry_after_s=throttled.retry_after_s) from None
        except Unavailable as unavailable:
            raise Refusal(Code.UNAVAILABLE, retry_after_s=unavailable.after_s) from None
        except (ChatwootError, TimeoutError) as error:
            words = "inbox %s: a transcript was not sent: %s"
            log.warning(words, wish.inbox_id, error or type(error).__name__)
            raise Refusal(Code.UNAVAILABLE, retry_after_s=AGAIN_S) from None

    async def _check(self, wish: _Wish, upstream: Upstream, agent: AgentApi) -> None:
        """Numbers of conversations count within an account: in a wrong one this is somebody else's."""
        async with upstream.turn(Urgency.REST):
            ours = await upstream.api.conversation(wish.source_id, wish.chatwoot_id)
        async with upstream.turn(Urgency.REST):
            found_in = await agent.inbox_of(wish.chatwoot_id)
        if found_in != ours.inbox_id:
            log.error("inbox %s: its agent token is of another account: no transcript is sent", wish.inbox_id)
            raise Refusal(Code.UNAVAILABLE)

    async def _run(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._reader.ask(read, *args, **kwargs)
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error


async def _send(wish: _Wish, upstream: Upstream, agent: AgentApi) -> None:
    """Raises ChatwootError. That there are too many transcripts is no reason to leave this Chatwoot alone."""
    too_many: Throttled | None = None
    async with upstream.turn(Urgency.REST):
        try:
            await agent.send_transcript(wish.chatwoot_id, wish.recipient)
        except Throttled as error:
            too_many = error
    if too_many:
        raise Throttled(retry_after_s=max(too_many.retry_after_s, min(HOUR_S - now_ms() / 1000 % HOUR_S, LONGEST_S)))


def _wish(contact_id: uuid.UUID, conversation_id: uuid.UUID, email: str | None) -> _Wish:
    found = Conversation.objects.select_related("inbox", "contact", "contact_inbox")
    conversation = found.filter(id=conversation_id, contact=contact_id, deleted=False).first()
    if conversation is None:
        raise Refusal(Code.NO_SUCH_CONVERSATION)
    to = _recipient(conversation, email)
    if conversation.chatwoot_id is None:
        if not Message.objects.filter(conversation=conversation).exists():
            raise Refusal(Code.NO_TRANSCRIPT, EMPTY)
        raise Refusal(Code.UNAVAILABLE, ON_ITS_WAY, retry_after_s=AGAIN_S)
    return _Wish(
        conversation.pk, conversation.inbox_id, conversation.chatwoot_id, conversation.contact_inbox.source_id, to
    )


def _recipient(conversation: Conversation, email: str | None) -> str:
    allowed, own = transcript(conversation.inbox), proven(conversation.contact)
    if allowed == "never":
        raise Refusal(Code.NO_TRANSCRIPT)
    if own is not None and (email is None or email.lower() == own.lower()):
        return own
    if email is None:
        raise Refusal(Code.NO_TRANSCRIPT, UNKNOWN)
    if allowed == "own":
        raise Refusal(Code.NO_TRANSCRIPT, NOT_YOURS)
    if not _is_answered(conversation):  # so that nobody writes to others what they like, in this site's name
        raise Refusal(Code.NO_TRANSCRIPT, UNANSWERED)
    return email


def proven(contact: Contact) -> str | None:
    """The e-mail address that the site signed; None, too, for one that is none."""
    return recipient(contact.signed.get("email", ""))


def _is_answered(conversation: Conversation) -> bool:
    said = Message.objects.filter(conversation=conversation, direction=Message.Direction.OUTGOING, deleted=False)
    return said.filter(sender_kind="agent").exists()


def _is_repeated(wish: _Wish) -> bool:
    return Conversation.objects.filter(_within(wish, sql.database_now()), pk=wish.conversation_id).exists()


def _is_claimed(wish: _Wish, now: int) -> bool:
    """False: another request has just done it. Safe to repeat."""
    row, claim = Conversation.objects.filter(pk=wish.conversation_id), _claim(wish, now)
    return bool(row.exclude(_within(wish, now)).update(**claim)) or row.filter(**claim).exists()


def _release(wish: _Wish, claimed_at: int) -> None:
    """It was not sent: whoever asks again is not repeating it."""
    Conversation.objects.filter(pk=wish.conversation_id, **_claim(wish, claimed_at)).update(transcript_at=0)


def _claim(wish: _Wish, now: int) -> dict[str, Any]:
    return {"transcript_at": now, "transcript_to": wish.digest}


def _within(wish: _Wish, now: int) -> Q:
    """A time in the future is a clock that was set back."""
    return Q(transcript_to=wish.digest, transcript_at__gt=now - REPEATED_MS, transcript_at__lte=now)
