"""A card's picture has a name of ours, is fetched once for everybody and made small, and ends with its message."""

import asyncio
import io
import re
from typing import Any

import pytest
from PIL import Image

from chat.models import Chatwoot, Message
from tests.fixtures.storages import HttpServer, MakeServer, redirect, told
from tests.fixtures.world_of_files import AppUser, body_of


def drawn(kind: str = "PNG", *, width: int = 960, height: int = 600, frames: int = 1, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    first = Image.new(mode, (width, height), "red" if mode != "P" else 0)
    rest = [Image.new(mode, (width, height), number % 250) for number in range(1, frames)]
    first.save(file, kind, **({"save_all": True, "append_images": rest} if rest else {}))
    return file.getvalue()


class Shelf:
    """One card in the conversation of somebody, at whose picture a server of the test's own is."""

    def __init__(self, user: AppUser, server: HttpServer) -> None:
        self.user, self.server, self.shown = user, server, 0

    async def show(self, url: str = "/cup.png") -> str:
        """The address here of the picture at ``url``, as the row tells it."""
        url = url if "//" in url else self.server.url + url
        desk = self.user.world.sandbox.desk.call
        body = {"content": "Look", "content_type": "cards", "content_attributes": {"items": [{"media_url": url}]}}
        path = f"/conversations/{self.user.talk}/messages"
        await asyncio.to_thread(desk, "POST", path, json=body)

        def found() -> list[str]:
            rows = [row["attributes"] for row in self.user.device.messages if row["content_type"] == "cards"]
            return [item["picture"] for row in rows for item in row["items"]]

        self.shown += 1
        await self.user.world.becomes(lambda: len(found()) == self.shown)
        return found()[-1]

    async def get(self, address: str) -> Any:
        return await self.user.get(address, token=False)

    @property
    def asked(self) -> list[str]:
        return [path for path, _ in self.server.asked]


@pytest.fixture
async def shelf(app_user: AppUser, make_server: MakeServer, settings: Any) -> Any:
    """Makes one whose server answers that; ``listed``: as ATTACHMENT_HOSTS."""

    async def make(answer: bytes, *, listed: tuple[str, ...] = ("127.0.0.1",)) -> Shelf:
        server = await make_server(lambda *_: answer)
        settings.ATTACHMENT_HOSTS = listed
        return Shelf(app_user, server)

    return make


async def test_a_picture_is_fetched_once_for_everybody_and_made_small(shelf: Any) -> None:
    one = await shelf(told("200 OK", drawn(), Content_Type="text/html"))
    address = await one.show()
    assert re.fullmatch(r"/api/v1/cards/[0-9a-f]{32}-[0-9a-f]{32}", address)
    answers = await asyncio.gather(*(one.get(address) for _ in range(8)))
    (content,) = {await body_of(each) for each in answers}
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("PNG", (480, 300))
    response = await one.get(address)
    assert (response["Content-Type"], response["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert response["Cache-Control"] == "private, max-age=86400, immutable"
    assert one.asked == ["/cup.png"]
    assert "authorization" not in one.server.asked[0][1] and "cookie" not in one.server.asked[0][1]


@pytest.mark.parametrize(
    ("picture", "becomes"),
    [
        (drawn("JPEG"), ("JPEG", (480, 300), 1)),
        (drawn("WEBP"), ("WEBP", (480, 300), 1)),
        (drawn("GIF", frames=3, width=600, mode="P"), ("PNG", (480, 480), 1)),
        (drawn("PNG", width=64, height=32), ("PNG", (64, 32), 1)),
        (drawn("PNG", width=100, height=4_000), ("PNG", (100, 4_000), 1)),
    ],
    ids=["a photo", "a WebP", "moving", "small", "long"],
)
async def test_whatever_it_was_a_card_gets_a_still_picture(shelf: Any, picture: bytes, becomes: Any) -> None:
    one = await shelf(told("200 OK", picture))
    content = await body_of(await one.get(await one.show()))
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size, getattr(image, "n_frames", 1)) == becomes


async def test_a_removed_message_takes_its_picture_along(shelf: Any) -> None:
    one = await shelf(told("200 OK", drawn()))
    address = await one.show()
    assert (await one.get(address)).status_code == 200
    user = one.user
    number = await user.world.ask(lambda: Message.objects.get(content_type="cards").chatwoot_id)
    await asyncio.to_thread(user.world.sandbox.desk.call, "DELETE", f"/conversations/{user.talk}/messages/{number}")
    await user.world.becomes(lambda: any(row["deleted"] for row in user.device.messages))
    assert (await one.get(address)).status_code == 404


@pytest.mark.parametrize(
    "answer",
    [
        told("404 Not Found"),
        told("200 OK", b"<svg onload='alert(1)'/>" + bytes(600)),
        told("200 OK", drawn()[:400]),
        told("200 OK", b"x", Content_Length="9000000"),
        b"",
    ],
    ids=["missing", "a drawing", "broken", "too big", "nothing"],
)
async def test_what_cannot_be_had_is_not_there_and_not_asked_for_again_at_once(shelf: Any, answer: bytes) -> None:
    one = await shelf(answer)
    address = await one.show()
    for _ in range(2):
        response = await one.get(address)
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")
    assert one.asked == ["/cup.png"]


async def test_t31_a_picture_at_a_host_that_is_not_listed_makes_no_connection(shelf: Any, caplog: Any) -> None:
    one = await shelf(told("200 OK", drawn()), listed=("cdn.example",))
    assert (await one.get(await one.show())).status_code == 404
    assert one.server.connections == 0
    assert "none of ATTACHMENT_HOSTS (127.0.0.1)" in caplog.text


async def test_t31_a_picture_that_leads_inside_makes_no_connection(shelf: Any, make_server: MakeServer) -> None:
    inside = await make_server(lambda *_: told("200 OK", drawn()))
    one = await shelf(redirect(inside.url.replace("127.0.0.1", "localhost") + "/"))
    assert (await one.get(await one.show())).status_code == 404
    assert inside.connections == 0


async def test_a_picture_may_be_one_of_chatwoots_own_files(shelf: Any) -> None:
    one = await shelf(told("200 OK", drawn(), X_Runtime="0.1"), listed=())
    user = one.user
    address = await one.show("https://chat.example/rails/active_storage/blobs/redirect/eyJf--9c6a/cup.png")
    await user.world.ask(lambda: Chatwoot.objects.update(url=one.server.url))
    user.runtime.upstreams.forget()
    assert (await one.get(address)).status_code == 200
    assert "/rails/active_storage/blobs/redirect/eyJf--9c6a/cup.png" in one.asked


async def test_t12_a_name_that_nobody_was_told_is_not_there(shelf: Any) -> None:
    one = await shelf(told("200 OK", drawn()))
    address = await one.show()
    message, _, mark = address.rpartition("/")[2].partition("-")
    other = await one.show("/other.png")
    foreign = other.rpartition("-")[2]
    for wrong in (f"{message}-{'0' * 32}", f"{message}-{foreign}", message, mark, f"{'0' * 32}-{mark}", "x" * 200, "-"):
        assert (await one.get(f"/api/v1/cards/{wrong}")).status_code == 404
    assert one.asked == []
