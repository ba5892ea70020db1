"""What a request brings is bounded, and a full disk is said when it is read."""

import errno
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.core.exceptions import RequestAborted

from chatproxy.body import IN_MEMORY_BYTES, Handler
from chatproxy.request import written


def parts(*chunks: bytes, ends: bool = True) -> Callable[[], Awaitable[dict[str, Any]]]:
    events = [{"type": "http.request", "body": each, "more_body": True} for each in chunks]
    events.append({"type": "http.request"} if ends else {"type": "http.disconnect"})
    left = iter(events)

    async def receive() -> dict[str, Any]:
        return next(left)

    return receive


async def test_a_body_arrives_whole() -> None:
    body = await Handler().read_body(parts(b"a" * IN_MEMORY_BYTES, b"b"))
    with body:
        assert body.read() == b"a" * IN_MEMORY_BYTES + b"b"


async def test_beyond_the_bound_it_is_forgotten_and_still_looks_too_big(settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    body = await Handler().read_body(parts(b"a" * 8, b"b" * 8, b"c" * 8))
    with body:
        assert body.read() == b"a" * 8 + b"b" * 8


async def test_a_visitor_who_leaves_is_no_request() -> None:
    with pytest.raises(RequestAborted):
        await Handler().read_body(parts(b"a", ends=False))


def test_what_the_disk_did_not_take_cannot_be_read() -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        body = written(full, b"a", is_small=True)  # type: ignore[arg-type]
    assert body is not full
    body = written(body, b"b", is_small=False)
    with pytest.raises(OSError) as error:
        body.read(10)
    assert error.value.errno == errno.ENOSPC


def test_a_body_that_fits_is_kept() -> None:
    with tempfile.SpooledTemporaryFile() as spooled:
        assert written(spooled, b"a", is_small=True) is spooled  # type: ignore[comparison-overlap,arg-type]


@pytest.mark.parametrize(("free", "small", "kept"), [(10, False, True), (9, False, False), (9, True, True)])
def test_t29_bodies_leave_a_tenth_of_the_disk_free(free: int, small: bool, kept: bool) -> None:
    """Before anybody has looked who sends them."""
    body = written(tempfile.TemporaryFile(), b"a", is_small=small, disk=lambda: (100, free))  # noqa: SIM115
    with body:
        body.seek(0)
        try:
            assert (body.read(), kept) == (b"a", True)
        except OSError as error:
            assert "is free" in str(error) and not kept
