"""An agent's picture has a name of ours, is fetched once for everybody, and when it cannot be had there is none."""

import asyncio
from typing import Any

import pytest

from chat import faces
from chat.chatwoot import resources
from chat.chatwoot.resources import Sender
from chat.models import Avatar, Chatwoot
from tests.fixtures.people import Person, cabled, create_upstream, hear, say
from tests.fixtures.storages import HttpServer, MakeServer, redirect, told
from tests.fixtures.world_of_files import AppUser, body_of

FRONT = "https://chat.example/rails/active_storage/representations/redirect"
URL = f"{FRONT}/eyJf--9c6a/eyJf--1b/gus.png"
OTHER_URL = f"{FRONT}/eyJf--0000/eyJf--1b/gus.png"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(600)


def agent(url: str | None) -> resources.Sender:
    return resources.Sender(kind="agent", id=4711, name="Gus", avatar_url=url)


def shown(person: Person) -> list[str | None]:
    return [row["sender"]["avatar"] for row in person.messages() if row["sender"]]


def test_a_sender_names_a_picture_by_a_name_of_ours(alice: Person) -> None:
    create_upstream(alice, said=say(alice, "hello"))
    for number, url in enumerate((URL, URL, OTHER_URL, None, "", "https://gravatar.example/4711", "http://[broken/")):
        hear(alice, cabled(5 + number, of=alice, sender=agent(url), ms=number))
    first, again, other, *none = shown(alice)
    assert first == again != other
    assert first and first.startswith("/api/v1/avatars/") and len(first) == len("/api/v1/avatars/") + 32
    assert none == [None] * 4
    assert not any(told_name in f"{first}{other}" for told_name in ("4711", "eyJf", "chat.example"))
    assert sorted(Avatar.objects.values_list("url", flat=True)) == sorted([URL, OTHER_URL])


def test_a_new_picture_of_an_old_message_is_a_change(alice: Person) -> None:
    create_upstream(alice, said=say(alice, "hello"))
    hear(alice, cabled(5, of=alice, sender=agent(URL)))
    before = alice.head()
    hear(alice, cabled(5, of=alice, sender=agent(URL), ms=1000))
    assert alice.head() == before
    hear(alice, cabled(5, of=alice, sender=agent(OTHER_URL), ms=2000))
    assert alice.head() == before + 1
    assert Avatar.objects.count() == 2


def test_names_of_two_inboxes_differ() -> None:
    assert faces.name_of(1, URL) != faces.name_of(2, URL) != ""


@pytest.fixture
async def noted(app_user: AppUser, make_server: MakeServer) -> Any:
    """Makes a picture known whose Chatwoot is a server of the test's own; the server and its address here."""

    async def note(answer: bytes) -> tuple[HttpServer, str]:
        def answering(path: str, headers: dict[str, str]) -> bytes:
            return answer if path.startswith("/rails/") else told("404 Not Found", X_Runtime="0.1")

        chatwoot = await make_server(answering)
        name = faces.name_of(app_user.world.inbox_id, URL)
        gus = Sender(kind="agent", id=1, name="Gus", avatar_url=URL)
        await app_user.world.ask(faces.note, name, app_user.world.inbox_id, gus)
        await app_user.world.ask(lambda: Chatwoot.objects.update(url=chatwoot.url))
        app_user.runtime.upstreams.forget()
        return chatwoot, f"avatars/{name}"

    return note


def times(server: HttpServer) -> int:
    return sum(path.startswith("/rails/") for path, _ in server.asked)


async def test_it_is_fetched_once_for_everybody(app_user: AppUser, noted: Any) -> None:
    chatwoot, address = await noted(told("200 OK", PNG, Content_Type="text/html"))
    answers = await asyncio.gather(*(app_user.get(address, token=False) for _ in range(8)))
    assert [await body_of(each) for each in answers] == [PNG] * 8
    assert times(chatwoot) == 1
    response = await app_user.get(address, token=False)
    assert (response["Content-Type"], response["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert "immutable" in response["Cache-Control"]
    assert times(chatwoot) == 1


INSIDE = "http://127.0.0.1:1/"


@pytest.mark.parametrize(
    "answer",
    [
        told("404 Not Found", X_Runtime="0.1"),
        told("200 OK", b"<html>" + bytes(600)),
        told("200 OK", b"<svg onload='alert(1)'/>" + bytes(600)),
        told("200 OK", b"%PDF-1.7" + bytes(600)),
        told("200 OK", PNG + bytes(256 * 1024)),
        told("200 OK", PNG, Content_Length="9999"),
        redirect(INSIDE),
        b"",
    ],
    ids=["missing", "a page", "a drawing", "a document", "too big", "cut", "elsewhere", "nothing"],
)
async def test_what_cannot_be_had_is_not_there_and_not_asked_for_again(
    app_user: AppUser, noted: Any, answer: bytes
) -> None:
    chatwoot, address = await noted(answer)
    for _ in range(2):
        response = await app_user.get(address, token=False)
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")
    assert times(chatwoot) == 1


async def test_t31_an_avatar_that_would_be_fetched_inside_makes_no_connection(
    app_user: AppUser, noted: Any, make_server: MakeServer
) -> None:
    inside = await make_server(lambda *_: told("200 OK", PNG))
    _, address = await noted(redirect(f"{inside.url}/"))
    assert (await app_user.get(address, token=False)).status_code == 404
    assert inside.connections == 0


async def test_t12_a_name_that_nobody_was_told_is_not_there(app_user: AppUser, noted: Any) -> None:
    chatwoot, address = await noted(told("200 OK", PNG))
    for wrong in ("0" * 32, "1", address.partition("/")[2][:-1], "x" * 200):
        assert (await app_user.get(f"avatars/{wrong}", token=False)).status_code == 404
    assert times(chatwoot) == 0


async def test_an_old_picture_is_better_than_none(app_user: AppUser, noted: Any) -> None:
    chatwoot, address = await noted(told("404 Not Found", X_Runtime="0.1"))
    await app_user.world.ask(faces.keep, address.partition("/")[2], PNG, "image/png", 1)
    assert await body_of(await app_user.get(address, token=False)) == PNG
    assert await body_of(await app_user.get(address, token=False)) == PNG
    assert times(chatwoot) == 1


async def test_only_so_many_are_kept(app_user: AppUser) -> None:
    def fill() -> int:
        rows = [
            Avatar(name=f"{number:032d}", inbox_id=app_user.world.inbox_id, url=URL, content=b"x", fetched_at=number)
            for number in range(1, faces.MOST_KEPT + 4)
        ]
        Avatar.objects.bulk_create(rows)
        return faces.forget_most()

    assert await app_user.world.ask(fill) == 3
    left = await app_user.world.ask(lambda: list(Avatar.objects.exclude(content=b"").values_list("name", flat=True)))
    assert len(left) == faces.MOST_KEPT and f"{3:032d}" not in left
