"""The ASGI entry: Chatwoot's REST and cable, the desk's files and the controls under ``/sandbox/``.

For loopback only: the controls and the desk's credentials are open to whoever reaches the port.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from chat.sandbox.controls import control
from chat.sandbox.desk_files import desk_file
from chat.sandbox.faults import Cut
from chat.sandbox.http import Request, Response
from chat.sandbox.sandbox import Sandbox

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
CABLE = "/cable"
NO_CABLE = Response(404, b"Page not found", "text/plain; charset=utf-8")


class SandboxApplication:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == CABLE:
            await self.sandbox.cable.serve(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _whole_body(receive)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        request = Request(scope["method"], scope["path"], headers, body=body)
        try:
            response = await self._respond(request, scope)
        except Cut:
            await send({"type": "sandbox.cut"})
            return
        await _send(send, response, head=request.method == "HEAD")

    async def _respond(self, request: Request, scope: Scope) -> Response:
        if (answer := desk_file(self.sandbox, request)) or (answer := await control(self.sandbox, request)):
            return answer
        if request.path == CABLE:
            return NO_CABLE
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        return await self.sandbox.answer(request, scope["query_string"], raw_path)


async def _whole_body(receive: Receive) -> bytes:
    parts = []
    while (event := await receive())["type"] == "http.request":
        parts.append(event.get("body", b""))
        if not event.get("more_body"):
            break
    return b"".join(parts)


async def _send(send: Send, response: Response, *, head: bool) -> None:
    headers = [(b"content-length", str(len(response.body)).encode())]
    if response.content_type:
        headers.append((b"content-type", response.content_type.encode()))
    headers += [(name.encode(), value.encode("latin-1")) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else response.body})
