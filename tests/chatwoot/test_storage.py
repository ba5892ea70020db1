"""How much of a file is stored, without asking anybody but Chatwoot and what it may redirect to."""

from collections.abc import Callable

import httpx
import pytest

from chat.chatwoot.addresses import Hosts, Uncheckable, is_public
from chat.chatwoot.errors import Ambiguous, Unreachable
from chat.chatwoot.storage import ask_elsewhere, stored_size
from chat.chatwoot.transport import open_http

FRONT = "https://chat.example"
BLOB = f"{FRONT}/rails/active_storage/blobs/redirect/eyJf--9c6a/a%20b.png"
DISK = "/rails/active_storage/disk/eyJf--9c6a/a%20b.png"
PRESIGNED = "https://bucket.s3.example/key?X-Amz-Signature=1"
PART = {"content-range": "bytes 0-0/1234"}


def answer(status: int, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(b"x" if status == 206 else b""))


async def size_of(*answers: httpx.Response, url: str = BLOB, stored: httpx.Response | None = None) -> int | None:
    left, asked = iter(answers), []

    def chatwoot(request: httpx.Request) -> httpx.Response:
        assert (request.url.host, request.headers["range"]) == ("inside.example", "bytes=0-0")
        asked.append(request.url.raw_path.decode())
        return next(left)

    async def elsewhere(url: str) -> httpx.Response:
        assert url == PRESIGNED and stored is not None
        return stored

    async with open_http("http://inside.example:3000", transport=httpx.MockTransport(chatwoot)) as http:
        return await stored_size(http, url, elsewhere=elsewhere)


def redirect(to: str) -> httpx.Response:
    return answer(302, {"location": to})


@pytest.mark.parametrize("target", [DISK, FRONT + DISK])
async def test_chatwoots_own_disk_is_asked_at_the_address_we_know(target: str) -> None:
    assert await size_of(redirect(target), answer(206, PART)) == 1234


async def test_a_storage_service_is_asked_where_chatwoot_redirects_to() -> None:
    assert await size_of(redirect(PRESIGNED), stored=answer(206, PART)) == 1234
    assert await size_of(redirect(PRESIGNED), stored=answer(404)) is None


async def test_a_storage_that_knows_no_ranges_tells_the_size_all_the_same() -> None:
    assert await size_of(redirect(DISK), answer(200, {"content-length": "77"})) == 77


@pytest.mark.parametrize("status", [404, 410, 416])
async def test_what_is_not_there_has_no_size(status: int) -> None:
    assert await size_of(redirect(DISK), answer(status)) is None


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda: size_of(redirect(DISK), answer(500)), Ambiguous),
        (lambda: size_of(redirect(DISK), answer(403)), Uncheckable),
        (lambda: size_of(*[redirect(DISK)] * 5), Uncheckable),
        (lambda: size_of(redirect(f"{FRONT}/admin")), Uncheckable),
        (lambda: size_of(url="http://169.254.169.254/latest/meta-data"), Uncheckable),
        (lambda: size_of(url=f"{FRONT}/rails/active_storage/../../admin"), Uncheckable),
        (lambda: size_of(url=f"{FRONT}/api/v1/profile"), Uncheckable),
        (lambda: size_of(url="http://[broken/rails/active_storage/blobs/x"), Uncheckable),
    ],
)
async def test_what_cannot_be_told_is_said(ask: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        await ask()  # type: ignore[misc]


@pytest.mark.parametrize(
    "url", ["http://bucket.example/key", "https://127.0.0.1/key", "https://localhost/key", "https://[::1]/key"]
)
async def test_nothing_inside_our_network_is_asked(url: str) -> None:
    with pytest.raises((Uncheckable, Unreachable)):
        await ask_elsewhere(url, hosts=Hosts(["127.0.0.1.example", "localhost", "bucket.example"]))


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "0.0.0.0",
        "224.0.0.1",
    ],
)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_other_addresses_are_public() -> None:
    assert is_public("93.184.216.34") and is_public("2606:2800:220:1:248:1893:25c8:1946")
