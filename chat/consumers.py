"""The socket at /ws/v1: reads a frame, calls one use case, answers. No channel layer; nothing here awaits Chatwoot."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from chat import embedding, runtime, sessions, trail, wire
from chat.conversations import Conversations
from chat.draining import Drain
from chat.gate import Gate
from chat.sessions import Admission
from chat.socket import Limits, Socket
from chat.window import Pace
from chat.wire import frames
from chat.writer import BUSY

logger = logging.getLogger(__name__)
USUAL = (1000, 1001, 1005, 1006, 1009)  # with what browsers and lines end a socket (RFC 6455 §7.4.1)


def _conversations() -> Conversations:
    return runtime.current().conversations


async def _authenticate(token: str) -> Admission:
    return await runtime.current().reader.ask(sessions.admit, token)


class _Unacceptable(Exception):
    """The socket is closed for this frame."""

    def __init__(self, close: wire.Close, code: wire.Code, words: str | None = None) -> None:
        self.close = close
        self.refusal = wire.Refusal(code, words)


class ChatConsumer:
    """Frames are handled one after another, which keeps several messages of a visitor in order.

    Shaped like a consumer of Channels, without its base class: that one makes a task for each frame and goes to the
    database thread and back before handling it.
    """

    def __init__(
        self,
        *,
        conversations: Callable[[], Conversations] = _conversations,
        authenticate: Callable[[str], Awaitable[Admission]] = _authenticate,
        drain: Callable[[], Drain] = runtime.drain,
        gate: Callable[[], Gate] = runtime.gate,
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.pace = Pace()
        self._conversations = conversations
        self._authenticate = authenticate
        self._drain = drain
        self._gate = gate
        self._slug, self._frames = "", 0

    @classmethod
    def as_asgi(cls, **initkwargs: Any) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await cls(**initkwargs)(scope, receive, send)

        return app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self._request_id = scope, trail.request_id.get()
        self.socket, drain, self.gate = Socket(send, limits=self.limits), self._drain(), self._gate()
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                if message["type"] != "websocket.connect":
                    await self._receive(message.get("text"))
                elif drain.enter(self.socket):
                    await send({"type": "websocket.accept"})
                    await self._enter()
                else:  # `chatproxy.websocket` makes a 503 of it: another process may take this visitor
                    await send({"type": "websocket.close", "code": int(wire.Close.RESTART)})
                    return
            drain.closed[_number(self.socket.code or message.get("code"))] += 1
        finally:
            self.socket.leave()
            self.gate.leave(self.socket)
            drain.leave(self.socket)

    async def _enter(self) -> None:
        """Whoever may not is accepted all the same, or could not be told why."""
        await self.gate.ready()
        try:
            self.gate.enter(self.socket, (self.scope.get("client") or ("",))[0])
        except wire.Refusal as refusal:
            self.socket.turn_away(refusal)

    async def _receive(self, text: str | None) -> None:
        if self.socket.closed:
            return
        now = self.socket.heard()
        self._frames += 1
        if self._request_id:  # each is a request of its own
            trail.request_id.set(f"{self._request_id}.{self._frames}")
        try:
            frame = self._read(text, now)
            await _HANDLERS[type(frame)](self, frame)
        except _Unacceptable as unacceptable:
            self.socket.refuse(unacceptable.close, unacceptable.refusal)
        except wire.Refusal as refusal:
            self.socket.transmit(wire.encode_error(refusal))
        except Exception:
            logger.exception("session %s: a frame could not be handled", getattr(self.socket, "session_id", None))
            self.socket.fail(wire.Close.FAULT)

    def _read(self, text: str | None, now: float) -> wire.ClientFrame:
        if not self.pace.take(now=now):
            raise _Unacceptable(wire.Close.TOO_FAST, wire.Code.TOO_FAST)
        if text is None:
            raise _bad("frames are text, not binary")
        if len(text) > wire.MAX_FRAME_BYTES or len(text.encode(errors="replace")) > wire.MAX_FRAME_BYTES:
            raise _Unacceptable(wire.Close.TOO_BIG, wire.Code.TOO_BIG)
        try:
            frame = wire.parse(text)
        except wire.BadFrame as exc:
            raise _bad(str(exc)) from None
        if isinstance(frame, frames.Hello) == self.socket.arrived:
            raise _bad("hello comes first, and once")
        return frame

    async def hello(self, frame: frames.Hello) -> None:
        try:
            admission = await self._authenticate(frame.token)
        except sessions.UnknownToken as unknown:
            raise _Unacceptable(wire.Close.UNKNOWN_TOKEN, unknown.code) from None
        except BUSY as error:
            raise _Unacceptable(wire.Close.FAULT, wire.Code.UNAVAILABLE) from error
        if self.socket.closed:  # The time for hello ran out meanwhile.
            return
        if not self._may_connect(admission):
            raise _Unacceptable(wire.Close.FOREIGN_ORIGIN, wire.Code.FOREIGN_ORIGIN)
        if not self._may_stay(admission):
            return
        self.socket.arrive(
            self._conversations(),
            contact_id=admission.contact_id,
            session_id=admission.session_id,
            since=frame.since,
            visible=frame.visible,
        )
        if admission.news:
            self._conversations().devices.confirm(admission.session_id, admission.news)

    def _may_stay(self, admission: Admission) -> bool:
        self._slug = admission.inbox
        try:
            self.gate.recognise(
                self.socket,
                session_id=admission.session_id,
                contact_id=admission.contact_id,
                slug=admission.inbox,
            )
        except wire.Refusal as refusal:
            self.socket.turn_away(refusal)
            return False
        return True

    def _may_connect(self, admission: Admission) -> bool:
        """Browsers name the page's origin: ours or one of the inbox's. Native apps send none."""
        headers = {name: value.decode("latin-1") for name, value in self.scope["headers"]}
        return embedding.is_welcome(
            headers.get(b"origin"),
            host=_own_host(headers.get(b"host", "")),
            inbox=admission.inbox,
            allowed=admission.allowed_origins,
        )

    async def ack(self, frame: frames.Ack) -> None:
        self.socket.sender.acknowledge(frame.cursor)

    async def say(self, frame: frames.Send) -> None:
        try:
            self._count()
            accepted = await self.socket.conversations.send(
                self.socket.contact_id,
                echo_id=frame.echo_id,
                conversation_id=frame.conversation,
                begins=frame.begins,
                text=frame.text,
                files=frame.files,
            )
        except wire.Refusal as refusal:
            self.socket.transmit(wire.encode_refused("echo_id", frame.echo_id, refusal))
            return
        answer = wire.encode_accepted(
            frame.echo_id, message_id=accepted.message_id, conversation_id=accepted.conversation_id
        )
        self.socket.transmit(answer)

    async def typing(self, frame: frames.Typing) -> None:
        await self.socket.conversations.typing(self.socket.contact_id, conversation_id=frame.conversation, on=frame.on)

    async def seen(self, frame: frames.Seen) -> None:
        await self.socket.conversations.seen(
            self.socket.contact_id, conversation_id=frame.conversation, message_id=frame.message
        )

    async def retry(self, frame: frames.Retry) -> None:
        await self._unless_refused(self._retry(frame), "message", frame.message)

    async def _retry(self, frame: frames.Retry) -> None:
        self._count()
        await self.socket.conversations.retry(self.socket.contact_id, message_id=frame.message)

    async def discard(self, frame: frames.Discard) -> None:
        discarding = self.socket.conversations.discard(self.socket.contact_id, message_id=frame.message)
        await self._unless_refused(discarding, "message", frame.message)

    async def resolve(self, frame: frames.Resolve) -> None:
        await self._unless_refused(self._resolve(frame), "conversation", frame.conversation)

    async def _resolve(self, frame: frames.Resolve) -> None:
        self._count()
        await self.socket.conversations.resolve(self.socket.contact_id, conversation_id=frame.conversation)

    async def answer(self, frame: frames.Answer) -> None:
        await self._unless_refused(self._answer(frame), "message", frame.message)

    async def _answer(self, frame: frames.Answer) -> None:
        self._count()
        await self.socket.conversations.answer(self.socket.contact_id, message_id=frame.message, values=frame.values)

    def _count(self) -> None:
        """Before whatever agents get to see. Raises Refusal."""
        self.gate.message(self.socket.contact_id, self._slug)

    async def _unless_refused(
        self, doing: Awaitable[None], subject: Literal["message", "conversation"], name: UUID
    ) -> None:
        """What was done shows in the feed; what was refused is said, by the id of what it concerns."""
        try:
            await doing
        except wire.Refusal as refusal:
            self.socket.transmit(wire.encode_refused(subject, name, refusal))

    async def ping(self, frame: frames.Ping) -> None:
        self.socket.look(frame.visible)
        self.socket.sender.ping()


_HANDLERS: Mapping[type[wire.ClientFrame], Callable[[ChatConsumer, Any], Awaitable[None]]] = {
    frames.Hello: ChatConsumer.hello,
    frames.Ack: ChatConsumer.ack,
    frames.Send: ChatConsumer.say,
    frames.Typing: ChatConsumer.typing,
    frames.Seen: ChatConsumer.seen,
    frames.Retry: ChatConsumer.retry,
    frames.Discard: ChatConsumer.discard,
    frames.Resolve: ChatConsumer.resolve,
    frames.Answer: ChatConsumer.answer,
    frames.Ping: ChatConsumer.ping,
}


def _number(code: int | None) -> str:
    """A peer may send any: what is neither ours nor a usual one of browsers is all the same."""
    return str(int(code)) if code in USUAL or code in list(wire.Close) else "other"


def _bad(words: str) -> _Unacceptable:
    return _Unacceptable(wire.Close.BAD_FRAME, wire.Code.BAD_FRAME, f"Bad frame: {words}.")


def _own_host(host: str) -> str | None:
    """The Host header, if it names us; Django checks this for HTTP only."""
    domain, _ = split_domain_port(host)
    return host if domain and validate_host(domain, settings.ALLOWED_HOSTS) else None
