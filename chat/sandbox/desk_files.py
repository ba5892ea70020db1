"""The agent desk's page and its credentials. The sandbox is for loopback only: whoever reaches it is an agent."""

from pathlib import Path

from chat.sandbox.http import Request, Response, json_response
from chat.sandbox.sandbox import Sandbox

DESK = Path(__file__).parent / "desk"
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
FRESH = {"Cache-Control": "no-store"}


def desk_file(sandbox: Sandbox, request: Request) -> Response | None:
    """The answer to a request under ``/desk``, or None when it is not one."""
    if request.path in ("/", "/desk", "/app/login"):  # the last: where whom a platform app made signs in
        return Response(302, b"", "text/html; charset=utf-8", {"Location": "/desk/"})
    if not request.path.startswith("/desk/") or request.method not in ("GET", "HEAD"):
        return None
    name = request.path.removeprefix("/desk/") or "index.html"
    if name == "session.json":
        answer = json_response(_session(sandbox))
        answer.headers = dict(FRESH)
        return answer
    path = (DESK / name).resolve()
    if not path.is_relative_to(DESK) or not path.is_file():
        return Response(404, b"no such file", "text/plain; charset=utf-8")
    return Response(200, path.read_bytes(), CONTENT_TYPES.get(path.suffix, "application/octet-stream"), dict(FRESH))


def _session(sandbox: Sandbox) -> dict[str, object]:
    world = sandbox.world
    keys = ("account_id", "agent_id", "agent_token", "agent_pubsub_token")
    return {key: world[key] for key in keys} | {"agent_name": world["names"]["agent"]}
