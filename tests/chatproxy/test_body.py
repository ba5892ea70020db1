"""What a request brings is bounded, and a full disk is said when it is read."""

import asyncio
import errno
import tempfile
import threading
import time
from typing import Any

import pytest
from django.core.exceptions import RequestAborted, RequestDataTooBig
from django.db.backends.signals import connection_created

from chatproxy.body import IN_MEMORY_BYTES, THREADS, Handler, Incoming
from chatproxy.request import MOST_BYTES, Unstored, most_bytes, written


def parts(*chunks: bytes, ends: bool = True, most: int = MOST_BYTES) -> Incoming:
    events = [{"type": "http.request", "body": each, "more_body": True} for each in chunks]
    events.append({"type": "http.request"} if ends else {"type": "http.disconnect"})
    left = iter(events)

    async def receive() -> dict[str, Any]:
        return next(left)

    return Incoming(receive, most=most)


async def test_a_body_arrives_whole() -> None:
    body = await Handler().read_body(parts(b"a" * IN_MEMORY_BYTES, b"b"))
    with body:
        assert body.read() == b"a" * IN_MEMORY_BYTES + b"b"


async def test_beyond_the_bound_nothing_of_it_is_kept() -> None:
    body = await Handler().read_body(parts(b"a" * 8, b"b" * 8, b"c" * 8, most=10))
    assert isinstance(body, Unstored) and body.getvalue() == b""
    with pytest.raises(RequestDataTooBig):
        body.read()


@pytest.mark.django_db(transaction=True)
async def test_a_rush_of_pages_takes_few_connections() -> None:
    threads: set[int] = set()

    def connected(**_: Any) -> None:
        threads.add(threading.get_ident())
        time.sleep(0.02)  # so that they are all there at once

    connection_created.connect(connected)
    handler = Handler()
    statuses = await asyncio.gather(*(status_of(handler, "/chat/main/") for _ in range(20)))
    connection_created.disconnect(connected)
    assert set(statuses) == {404}
    assert 1 <= len(threads) <= THREADS


async def status_of(handler: Handler, path: str) -> int:
    scope = {"type": "http", "path": path, "method": "GET", "headers": [(b"host", b"testserver")]}
    left, statuses = asyncio.Event(), list[int]()
    ways = iter([{"type": "http.request"}])

    async def receive() -> dict[str, Any]:
        for message in ways:
            return message
        await left.wait()  # until it is cancelled: nobody leaves
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        statuses.append(message.get("status", 0))

    await handler(scope, receive, send)
    return statuses[0]


@pytest.mark.django_db(transaction=True)  # Django looks after its connections at the start of each request
@pytest.mark.parametrize("path", ["/admin/login/", "/chat/main/", "/nowhere"])
async def test_what_is_too_big_is_told_so_in_our_shape(path: str) -> None:
    scope = {"type": "http", "path": path, "method": "POST", "headers": [(b"content-type", b"multipart/form-data")]}
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await Handler().handle(scope, parts(b"a" * MOST_BYTES, b"b"), send)
    start, body = sent
    assert (start["status"], (b"Content-Type", b"application/json") in start["headers"]) == (413, True)
    assert body["body"] == b'{"error":{"code":"too_big","message":"This is too big."}}'


@pytest.mark.parametrize(
    ("path", "is_more"),
    [
        (b"/api/v1/uploads", True),
        (b"/api/v1/%75ploads", True),
        (b"/api/v1/uploads/", False),
        (b"/api/v1/session", False),
        (b"/hooks/chatwoot/main/secret", False),
        (b"", False),
    ],
)
def test_only_uploads_may_be_large(settings: Any, path: bytes, is_more: bool) -> None:
    assert most_bytes(path) == (settings.UPLOAD_MAX_BYTES if is_more else MOST_BYTES)


async def test_a_visitor_who_leaves_is_no_request() -> None:
    with pytest.raises(RequestAborted):
        await Handler().read_body(parts(b"a", ends=False))


def test_what_the_disk_did_not_take_cannot_be_read() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        body = written(full, b"a", size=1, most=9, small=9)  # type: ignore[arg-type]
    assert body is not full
    body = written(body, b"b", size=2, most=9, small=0)
    with pytest.raises(OSError) as error:
        body.read(10)
    assert error.value.errno == errno.ENOSPC


def test_a_body_that_fits_is_kept() -> None:
    with tempfile.SpooledTemporaryFile() as spooled:
        assert written(spooled, b"a", size=1, most=1, small=1) is spooled  # type: ignore[comparison-overlap,arg-type]


@pytest.mark.parametrize(("free", "small", "kept"), [(10, False, True), (9, False, False), (9, True, True)])
def test_t29_bodies_leave_a_tenth_of_the_disk_free(free: int, small: bool, kept: bool) -> None:
    """Before anybody has looked who sends them."""
    file, few = tempfile.TemporaryFile(), 1 if small else 0  # noqa: SIM115
    body = written(file, b"a", size=1, most=9, small=few, disk=lambda: (100, free))
    with body:
        body.seek(0)
        try:
            assert (body.read(), kept) == (b"a", True)
        except OSError as error:
            assert "is free" in str(error) and not kept
