"""What the application is measured beside, on the same Daphne: a bare view, bare sockets, and the naive design.

The naive design (with CABLE_URL) gives each visitor a cable socket of their own and hands on what comes there. It does
that as cheaply as it can, with one task for each and no database: what agents say while that socket is down is lost.
"""

import asyncio
import os
import time
from random import Random
from typing import Any

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from chat.backoff import full_jitter

CABLE_URL = os.environ.get("CABLE_URL")
SUBPROTOCOLS: Any = ["actioncable-v1-json"]
PRESENCE_S = 15.0
HEALTHY_S = 10.0
chance = Random()


async def accept(request: HttpRequest) -> JsonResponse:
    """What a view does at the least: read the body and answer."""
    return JsonResponse({"type": "accepted", "echo_id": orjson.loads(request.body or b"{}").get("echo_id")})


class Visitor(AsyncWebsocketConsumer):
    """Answers as far as a page needs it; `token` of its hello is the one for the cable."""

    listening: asyncio.Task[None] | None = None

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        frame = orjson.loads(text_data or "{}")
        if frame["type"] == "hello":
            await self.send('{"type":"reset","cursor":"peer.0"}')
            if CABLE_URL:
                self.listening = asyncio.create_task(self.listen(CABLE_URL, frame["token"]))
        elif frame["type"] == "ping":
            await self.send('{"type":"pong","cursor":"peer.0"}')

    async def disconnect(self, code: int) -> None:
        if self.listening:
            self.listening.cancel()

    async def listen(self, url: str, token: str) -> None:
        delays = full_jitter(1, 30, random=chance)  # as the hub's
        while True:
            since = time.monotonic()
            try:
                async with connect(
                    url, subprotocols=SUBPROTOCOLS, compression=None, ping_interval=None, proxy=None
                ) as cable:
                    await self.hand_on(cable, token)
            except (OSError, InvalidHandshake, WebSocketException):
                if time.monotonic() - since > HEALTHY_S:
                    delays = full_jitter(1, 30, random=chance)
                await asyncio.sleep(next(delays))

    async def hand_on(self, cable: ClientConnection, token: str) -> None:
        """Until it is closed. Chatwoot's pings, every 3 s, are the clock for saying that the visitor is there."""
        identifier = orjson.dumps({"channel": "RoomChannel", "pubsub_token": token}).decode()
        await cable.send(orjson.dumps({"command": "subscribe", "identifier": identifier}), text=True)
        present_at = time.monotonic()
        while True:
            frame = orjson.loads(await cable.recv(decode=False))
            if "type" in frame:  # a ping, or something else about the line
                if time.monotonic() - present_at > PRESENCE_S:
                    present_at = time.monotonic()
                    said = {"command": "message", "identifier": identifier, "data": '{"action":"update_presence"}'}
                    await cable.send(orjson.dumps(said), text=True)
            elif frame["message"]["event"] == "message.created":
                row = {"id": frame["message"]["data"]["id"], "text": frame["message"]["data"]["content"]}
                await self.send(orjson.dumps({"type": "changes", "cursor": "peer.0", "messages": [row]}).decode())


urlpatterns = [path("", accept)]
settings.configure(SECRET_KEY="of the bench's peers", ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__)
application = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": Visitor.as_asgi()})
