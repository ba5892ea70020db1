"""ActionCable with its one channel, byte for byte in structure (contract §3)."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from chat.sandbox.broadcasts import account_stream
from chat.sandbox.entities import AccountUser, Contact, User
from chat.sandbox.faults import Faults
from chat.sandbox.params import blank
from chat.sandbox.presence import Kind, Presence
from chat.sandbox.stats import Stats
from chat.sandbox.store import Store

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
PROTOCOLS = ("actioncable-v1-json", "actioncable-unsupported")
PING_EVERY_S = 3.0


@dataclass(eq=False)
class Subscription:
    """One identifier on one socket. Without streams it is dead: its token was unknown (contract §3.3)."""

    identifier: str
    connection: "Connection"
    streams: tuple[str, ...] = ()
    owner: tuple[int, Kind, int] | None = None
    """Account, kind and id of who is present."""


@dataclass(eq=False)
class Connection:
    send: Send
    subscriptions: dict[str, Subscription] = field(default_factory=dict)


class Cable:
    def __init__(self, store: Store, presence: Presence, faults: Faults, stats: Stats) -> None:
        self._store, self._presence, self._faults, self._stats = store, presence, faults, stats
        self.connections: set[Connection] = set()
        self._streams: dict[str, dict[Subscription, None]] = defaultdict(dict)

    async def ping_forever(self) -> None:
        """One timer for the whole process: the first ping comes 0–3 s after the welcome."""
        while True:
            await asyncio.sleep(PING_EVERY_S)
            frame = {"type": "ping", "message": int(time.time())}
            for connection in list(self.connections):
                await self._send(connection, frame)

    async def serve(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        if self._faults.lasting("down") or self._faults.take("cable_refuse"):
            return await send({"type": "websocket.close"})
        offered = scope.get("subprotocols", [])
        await send({"type": "websocket.accept", "subprotocol": next((p for p in offered if p in PROTOCOLS), None)})
        connection = Connection(send)
        self.connections.add(connection)
        self._stats.cable["connections"] += 1
        try:
            await self._send(connection, {"type": "welcome"})
            while (event := await receive())["type"] == "websocket.receive":
                await self._command(connection, event.get("text") or "")
        finally:
            self.connections.discard(connection)
            for subscription in connection.subscriptions.values():
                self._leave(subscription)

    async def cut_all(self) -> None:
        """Without a closing handshake, as a dead network does it."""
        for connection in list(self.connections):
            await connection.send({"type": "sandbox.cut"})

    async def disconnect_all(self) -> None:
        """As Rails does it when it restarts."""
        for connection in list(self.connections):
            await self._send(connection, {"type": "disconnect", "reason": "server_restart", "reconnect": True})
            await connection.send({"type": "websocket.close", "code": 1000})

    async def broadcast(self, streams: tuple[str, ...], event: str, data: dict[str, Any]) -> None:
        if self._faults.lasting("cable_mute"):
            return
        message = orjson.dumps({"event": event, "data": data}, option=orjson.OPT_NON_STR_KEYS).decode()
        for stream in streams:
            for subscription in list(self._streams.get(stream, ())):
                identifier = orjson.dumps(subscription.identifier).decode()
                await self._send_text(subscription.connection, f'{{"identifier":{identifier},"message":{message}}}')

    def subscriptions(self) -> int:
        """Live ones, over all sockets."""
        return sum(bool(s.streams) for c in self.connections for s in c.subscriptions.values())

    # -- commands --------------------------------------------------------------

    async def _command(self, connection: Connection, text: str) -> None:
        """Whatever cannot be read is ignored; the socket lives on (contract §3.2)."""
        command = _object(text)
        identifier = command.get("identifier")
        if not isinstance(identifier, str):
            return
        match command.get("command"):
            case "subscribe":
                await self._subscribe(connection, identifier)
            case "unsubscribe":
                self._stats.cable["unsubscribe"] += 1
                if subscription := connection.subscriptions.pop(identifier, None):
                    self._leave(subscription)
            case "message":
                subscription = connection.subscriptions.get(identifier)
                if subscription and _object(command.get("data")).get("action") == "update_presence":
                    self._stats.cable["update_presence"] += 1
                    await self._show_presence(subscription)

    async def _subscribe(self, connection: Connection, identifier: str) -> None:
        self._stats.cable["subscribe"] += 1
        params = _object(identifier)
        token = str(params.get("pubsub_token"))
        if identifier in connection.subscriptions or params.get("channel") != "RoomChannel":
            return
        if self._faults.take("cable_reject", token):
            return await self._send(connection, {"identifier": identifier, "type": "reject_subscription"})
        subscription = Subscription(identifier, connection)
        connection.subscriptions[identifier] = subscription
        if not self._faults.take("cable_no_confirm", token) and self._join(subscription, params):
            await self._send(connection, {"identifier": identifier, "type": "confirm_subscription"})
            await self._show_presence(subscription)

    def _join(self, subscription: Subscription, params: dict[str, Any]) -> bool:
        """False for an unknown token: neither confirm nor reject, ever."""
        token = params.get("pubsub_token")
        if not isinstance(token, str):
            return False
        if blank(params.get("user_id")):
            contact_inbox = self._store.contact_inbox_by_pubsub_token(token)
            contact = self._store.get(Contact, contact_inbox.contact_id if contact_inbox else None)
            if contact is None:
                return False
            subscription.streams, subscription.owner = (token,), (contact.account_id, Kind.CONTACT, contact.id)
        else:
            membership = self._membership(token, params)
            if membership is None:
                return False
            subscription.streams = (token, account_stream(membership.account_id))
            subscription.owner = (membership.account_id, Kind.USER, membership.user_id)
        for stream in subscription.streams:
            self._streams[stream][subscription] = None
        return True

    def _membership(self, token: str, params: dict[str, Any]) -> AccountUser | None:
        user = self._store.first(User, lambda row: row.pubsub_token == token and str(row.id) == str(params["user_id"]))
        if user is None:
            return None
        account_id = str(params.get("account_id"))
        return self._store.first(AccountUser, lambda row: row.user_id == user.id and str(row.account_id) == account_id)

    def _leave(self, subscription: Subscription) -> None:
        for stream in subscription.streams:
            self._streams[stream].pop(subscription, None)
            if not self._streams[stream]:
                del self._streams[stream]

    async def _show_presence(self, subscription: Subscription) -> None:
        """To all tabs of that token; agents also see which contacts are there (contract §3.6)."""
        if subscription.owner is None:
            return
        account_id, kind, row_id = subscription.owner
        self._presence.update(account_id, kind, row_id)
        data: dict[str, Any] = {"account_id": account_id, "users": self._presence.online(account_id, Kind.USER)}
        if kind is Kind.USER:
            data["contacts"] = self._presence.online(account_id, Kind.CONTACT)
        await self.broadcast(subscription.streams[:1], "presence.update", data)

    # -- sending ---------------------------------------------------------------

    async def _send(self, connection: Connection, frame: dict[str, Any]) -> None:
        await self._send_text(connection, orjson.dumps(frame).decode())

    async def _send_text(self, connection: Connection, text: str) -> None:
        if not self._faults.lasting("cable_silent"):
            await connection.send({"type": "websocket.send", "text": text})


def _object(text: Any) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except (orjson.JSONDecodeError, TypeError):
        return {}
    return value if isinstance(value, dict) else {}
