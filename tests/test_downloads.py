"""Files reach those whose conversation they belong to, through our own address, and nobody else."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from chat import sessions, tickets
from chat.clock import moment, now_ms
from chat.downloads import Downloads
from chat.models import Attachment, Chatwoot, Message
from chat.wire.errors import Refusal
from tests.eventually import eventually
from tests.fixtures.storages import HttpServer, MakeServer, redirect, told
from tests.fixtures.world_of_files import AppUser, MakeUser, body_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
HTML = b"<!doctype html><script>alert(document.domain)</script>" + b" " * 600


@pytest.fixture
async def alice(app_user: AppUser) -> AppUser:
    return app_user


async def test_an_agents_picture_is_shown_and_never_named_by_chatwoots_address(alice: AppUser) -> None:
    file_id = await alice.is_sent("ein Bild.png", PNG)
    response = await alice.get(f"attachments/{file_id}")
    assert await body_of(response) == PNG
    assert response["Content-Type"] == "image/png"
    assert response["Content-Disposition"] == "inline; filename=\"ein Bild.png\"; filename*=UTF-8''ein%20Bild.png"
    assert response["Content-Length"] == str(len(PNG))
    seen = alice.device.heard + repr(response.headers).encode()
    assert b"active_storage" not in seen and alice.world.sandbox.base_url.encode() not in seen


async def test_an_own_upload_is_had_before_chatwoot_has_it(alice: AppUser) -> None:
    alice.world.sandbox.faults.set("down")
    file_id = await alice.upload("list.txt", b"a parcel list\n")
    response = await alice.get(f"attachments/{file_id}")
    assert (await body_of(response), response["Content-Type"]) == (b"a parcel list\n", "text/plain")
    assert response["Content-Disposition"].startswith("attachment; ")


async def test_an_own_upload_is_had_from_chatwoot_once_ours_was_cleared_away(alice: AppUser) -> None:
    file_id = await alice.upload("list.txt", b"a parcel list\n")
    await alice.person.say(alice.runtime, "", files=[file_id])
    await alice.world.settled()
    await alice.world.ask(Attachment.objects.update, path="gone")
    assert await body_of(await alice.get(f"attachments/{file_id}")) == b"a parcel list\n"
    await alice.world.ask(Attachment.objects.update, path="")
    response = await alice.get(f"attachments/{file_id}")
    assert (await body_of(response), response["Content-Type"]) == (b"a parcel list\n", "text/plain")


@pytest.mark.parametrize("ours", [True, False], ids=["from our disk", "from Chatwoot"])
@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [("bytes=0-99", 0, 99), ("bytes=1000-", 1000, 2055), ("bytes=-56", 2000, 2055), ("bytes=2000-9999", 2000, 2055)],
)
async def test_a_part_is_a_part(alice: AppUser, ours: bool, wanted: str, first: int, last: int) -> None:
    file_id = await alice.is_sent("a.png", PNG)
    if ours:
        file = alice.runtime.uploads.folder / "part"
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_bytes(PNG)
        await alice.world.ask(Attachment.objects.filter(id=file_id).update, path="part", content_type="image/png")
    response = await alice.get(f"attachments/{file_id}", range=wanted)
    assert (response.status_code, await body_of(response)) == (206, PNG[first : last + 1])
    assert response["Content-Range"] == f"bytes {first}-{last}/{len(PNG)}"
    assert (response["Content-Type"], response["Content-Length"]) == ("image/png", str(last + 1 - first))
    other = await alice.get(f"attachments/{file_id}", range="bytes=9999-")
    assert (other.status_code, other["Content-Range"]) == (416, f"bytes */{len(PNG)}")
    assert other.json()["error"]["code"] == "range_invalid"


async def test_a_part_is_only_of_the_version_that_the_client_has(alice: AppUser) -> None:
    file_id = await alice.is_sent("a.png", PNG)
    whole = await alice.get(f"attachments/{file_id}", range="bytes=0-9", if_range='"another"')
    assert (whole.status_code, await body_of(whole)) == (200, PNG)
    part = await alice.get(f"attachments/{file_id}", range="bytes=0-9", if_range=whole["ETag"])
    assert (part.status_code, await body_of(part)) == (206, PNG[:10])
    alice.world.sandbox.reset_stats()
    known = await alice.get(f"attachments/{file_id}", if_none_match=whole["ETag"])
    assert (known.status_code, known["ETag"]) == (304, whole["ETag"])
    assert not [each for each in alice.world.sandbox.stats()["routes"] if "active_storage" in each]


@pytest.mark.parametrize("wanted", ["bytes=5-1", "bytes=a-b", "bytes=0-1,5-9", "lines=1-2", "bytes=-"])
async def test_a_wish_that_nobody_can_read_is_none(alice: AppUser, wanted: str) -> None:
    file_id = await alice.is_sent("a.png", PNG)
    response = await alice.get(f"attachments/{file_id}", range=wanted)
    assert (response.status_code, await body_of(response)) == (200, PNG)


async def test_head_tells_the_same_without_the_file(alice: AppUser) -> None:
    file_id = await alice.is_sent("a.png", PNG)
    head = await alice.get(f"attachments/{file_id}", method="HEAD")
    whole = await alice.get(f"attachments/{file_id}")
    assert await body_of(head) == b""
    assert dict(head.headers) == dict(whole.headers)
    await body_of(whole)


@pytest.mark.parametrize(
    ("name", "content", "content_type", "kept"),
    [
        ("page.png", HTML, "image/png", "application/octet-stream"),
        ("page.html", HTML, "text/html", "application/octet-stream"),
        (
            "drawing.svg",
            b"<svg xmlns='x' onload='alert(1)'/>" + b" " * 600,
            "image/svg+xml",
            "application/octet-stream",
        ),
        ("x.exe", b"MZ" + bytes(600), "audio/mpeg", "application/octet-stream"),
        ("short", b"hi", "text/html", "application/octet-stream"),
        ("contract.pdf", b"%PDF-1.7" + bytes(600), "text/html", "application/pdf"),
    ],
)
async def test_t30_what_is_no_picture_sound_or_film_is_saved_and_never_shown(
    alice: AppUser, name: str, content: bytes, content_type: str, kept: str
) -> None:
    """Whatever its name, and whatever Chatwoot's storage calls it."""
    file_id = await alice.is_sent(name, content, content_type=content_type)
    for wanted in ({}, {"range": "bytes=1-"}):
        response = await alice.get(f"attachments/{file_id}", **wanted)
        assert await body_of(response) == content[1 if wanted else 0 :]
        assert response["Content-Type"] == kept
        assert response["Content-Disposition"].startswith("attachment; ")
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Security-Policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
        assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert response["Cache-Control"] == "private, no-cache"


async def test_t30_a_name_cannot_leave_its_header(alice: AppUser) -> None:
    file_id = await alice.is_sent("a.png", PNG)
    await alice.world.ask(Attachment.objects.update, name='a"\r\nSet-Cookie: x=1; \\Ü\u202egnp.exe')
    told_name = (await alice.get(f"attachments/{file_id}", method="HEAD"))["Content-Disposition"]
    assert "\n" not in told_name and told_name.count('"') == 2
    assert told_name.endswith("%C3%9C-gnp.exe")


async def ticket_for(user: AppUser, *file_ids: str) -> dict[str, str]:
    body = b'{"attachments": [' + b", ".join(b'"%s"' % each.encode() for each in file_ids) + b"]}"
    answered = await user.ask("POST", "attachments/tickets", body)
    assert (answered.status_code, answered.json()["expires_in"]) == (200, 600)
    return dict(answered.json()["urls"])


async def test_a_ticket_is_an_address_for_a_picture(alice: AppUser) -> None:
    file_id = await alice.is_sent("a.png", PNG)
    url = (await ticket_for(alice, file_id))[file_id]
    assert await body_of(await alice.get(url, token=False)) == PNG
    assert (await alice.get(url, method="HEAD", token=False)).status_code == 200


async def test_t32_a_ticket_is_worth_nothing_to_others_and_later(app_users: MakeUser, alice: AppUser) -> None:
    """Expired, altered, for another file, of another's or an ended session, of a deleted message: the same 404."""
    file_id, other_id = await alice.is_sent("a.png", PNG), await alice.is_sent("b.png", PNG)
    bob = await app_users()
    session = alice.opened.session.pk
    at, now = f"/api/v1/attachments/{file_id}?ticket=", moment()
    good = tickets.issue(session, uuid.UUID(file_id))
    wrong = {
        "expired": at + tickets.issue(session, uuid.UUID(file_id), now=now - tickets.FOR - timedelta(seconds=1)),
        "altered": at + good[:-1] + ("A" if good[-1] != "A" else "B"),
        "longer": at + good.replace(good.split(".")[2][:10], "9999999999"),
        "empty": at,
        "no ticket": at + "Ü.1:2",
        "of another file": at + tickets.issue(session, uuid.UUID(other_id)),
        "of another's session": at + tickets.issue(bob.opened.session.pk, uuid.UUID(file_id)),
        "of nobody": at + tickets.issue(uuid.uuid4(), uuid.UUID(file_id)),
        "a file of nobody": f"/api/v1/attachments/{uuid.uuid4()}?ticket={good}",
        "no file": f"/api/v1/attachments/x?ticket={good}",
    }
    assert (await body_of(await alice.get(at + good, token=False))) == PNG
    answers = {why: await alice.get(url, token=False) for why, url in wrong.items()}
    assert {each.status_code for each in answers.values()} == {404}
    alice.world.sandbox.desk.delete(alice.talk, await alice.world.ask(_chatwoot_id, file_id))
    await eventually(lambda: any(row["deleted"] for row in alice.device.messages))
    answers["deleted"] = await alice.get(at + good, token=False)
    answers["deleted, by token"] = await alice.get(f"attachments/{file_id}")
    at = f"/api/v1/attachments/{other_id}?ticket={tickets.issue(session, uuid.UUID(other_id))}"
    assert (await alice.get(at, method="HEAD", token=False)).status_code == 200
    await alice.world.ask(sessions.end, alice.opened.session)
    answers["session ended"] = await alice.get(at, token=False)
    assert {(each.status_code, each.content) for each in answers.values()} == {
        (404, b'{"error":{"code":"not_found","message":"There is nothing at this address."}}')
    }


def _chatwoot_id(file_id: str) -> int:
    return Message.objects.values_list("chatwoot_id", flat=True).get(attachments=file_id)


async def test_t12_files_of_others_are_not_there_and_nothing_is_asked(app_users: MakeUser, alice: AppUser) -> None:
    agents = await alice.is_sent("a.png", PNG)
    unsent = str(await alice.upload("list.txt", b"a parcel list\n"))
    bob = await app_users()
    await alice.world.settled()
    alice.world.sandbox.reset_stats()
    answers = [
        await bob.get(f"attachments/{file_id}", method=method)
        for file_id in (agents, unsent, str(uuid.uuid4()))
        for method in ("GET", "HEAD")
    ]
    assert {each.status_code for each in answers} == {404}
    assert len({each.content for each in answers[::2]}) == 1
    assert await ticket_for(bob, agents, unsent) == {}
    assert set(await ticket_for(alice, agents, unsent)) == {agents, unsent}
    routes = alice.world.sandbox.stats()["routes"]
    assert not [each for each in routes if "active_storage" in each]


async def test_without_token_and_ticket_there_is_no_file(alice: AppUser) -> None:
    file_id = await alice.is_sent("a.png", PNG)
    assert (await alice.get(f"attachments/{file_id}", token=False)).status_code == 401


@pytest.mark.parametrize("kind", ["location", "fallback", "contact", "embed", "share", "ig_reel"])
async def test_t31_what_names_an_address_of_anybodys_is_never_fetched(alice: AppUser, kind: str) -> None:
    file_id = await alice.is_sent("a.png", PNG)
    await alice.world.ask(Attachment.objects.update, file_type=kind)
    assert (await alice.get(f"attachments/{file_id}")).status_code == 404


def of_files(server: HttpServer) -> int:
    """How often it was asked for one."""
    return sum(path.startswith("/rails/") for path, _ in server.asked)


async def at_another_chatwoot(alice: AppUser, server: HttpServer) -> str:
    """A file whose Chatwoot is the test's own server; what is no file is not there."""
    file_id = await alice.is_sent("a.png", PNG)
    answering = server.answering
    server.answering = lambda path, headers: (
        answering(path, headers) if path.startswith("/rails/") else told("404 Not Found", X_Runtime="0.1")
    )
    row = await alice.world.ask(Attachment.objects.get, id=file_id)
    await alice.world.ask(lambda: Chatwoot.objects.update(url=server.url))
    alice.runtime.upstreams.forget()
    assert row.chatwoot_url.startswith(alice.world.sandbox.base_url)
    return file_id


async def test_t31_a_file_that_would_be_fetched_inside_is_not_had(
    alice: AppUser, make_server: MakeServer, caplog: Any
) -> None:
    inside = await make_server(lambda *_: told("200 OK", b"secret"))
    chatwoot = await make_server(lambda *_: redirect(f"http://127.0.0.1:{inside.port}/secret-path"))
    file_id = await at_another_chatwoot(alice, chatwoot)
    response = await alice.get(f"attachments/{file_id}")
    assert (response.status_code, response.json()["error"]["code"]) == (502, "file_unreachable")
    assert (inside.connections, of_files(chatwoot)) == (0, 1)
    assert "none of ATTACHMENT_HOSTS" in caplog.text and "secret-path" not in caplog.text


async def test_a_storage_that_does_not_have_it_yet_is_asked_again(alice: AppUser, make_server: MakeServer) -> None:
    answers = iter([told("404 Not Found"), told("404 Not Found"), told("200 OK", PNG)])
    chatwoot = await make_server(lambda *_: next(answers))
    file_id = await at_another_chatwoot(alice, chatwoot)
    assert await body_of(await alice.get(f"attachments/{file_id}")) == PNG


async def test_what_its_storage_never_gets_is_later_and_then_not_there(alice: AppUser, make_server: MakeServer) -> None:
    chatwoot = await make_server(lambda *_: told("404 Not Found"))
    file_id = await at_another_chatwoot(alice, chatwoot)
    response = await alice.get(f"attachments/{file_id}")
    assert (response.status_code, response["Retry-After"], of_files(chatwoot)) == (503, "2", 4)
    await alice.world.ask(Message.objects.update, at=now_ms() - 61_000)
    assert (await alice.get(f"attachments/{file_id}")).status_code == 404


async def test_what_is_beyond_the_bound_is_not_handed_on(alice: AppUser) -> None:
    file_id = await alice.is_sent("a.png", PNG)
    downloads = Downloads(alice.runtime.reader, alice.runtime.upstreams, most_bytes=len(PNG) - 1)
    with pytest.raises(Refusal, match="file_unreachable"):
        await downloads.open(alice.person.contact_id, uuid.UUID(file_id))


async def test_while_chatwoot_is_away_it_is_later(alice: AppUser) -> None:
    file_id = await alice.is_sent("a.png", PNG)
    alice.world.sandbox.faults.set("down")
    response = await alice.get(f"attachments/{file_id}")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "unavailable")
    assert 0 < response.json()["error"]["retry_after"] == int(response["Retry-After"])


async def test_one_person_loads_a_bounded_number_at_once(alice: AppUser) -> None:
    file_id = uuid.UUID(await alice.is_sent("a.png", PNG))
    downloads, contact_id = alice.runtime.downloads, alice.person.contact_id
    loading = [await downloads.open(contact_id, file_id) for _ in range(6)]
    with pytest.raises(Refusal, match="too_fast"):
        await downloads.open(contact_id, file_id)
    await loading[0].aclose()
    loading[0] = await downloads.open(contact_id, file_id)
    for each in loading:
        await each.aclose()


async def test_one_address_leaves_places_to_others(alice: AppUser) -> None:
    file_id, contact_id = uuid.UUID(await alice.is_sent("a.png", PNG)), alice.person.contact_id
    downloads = Downloads(alice.runtime.reader, alice.runtime.upstreams, at_once=2)
    alice.runtime.conversations.downloads = downloads
    loading = [await downloads.open(contact_id, file_id, peer="127.0.0.1") for _ in range(2)]
    response = await alice.get(f"attachments/{file_id}")
    assert (response.status_code, response["Retry-After"]) == (429, "1")
    assert "network" in response.json()["error"]["message"]
    for each in loading:
        await each.aclose()


async def test_a_storage_that_breaks_off_leaves_less_than_was_promised(
    alice: AppUser, make_server: MakeServer, caplog: Any
) -> None:
    chatwoot = await make_server(lambda *_: told("200 OK", PNG * 40, Content_Length="90000"))
    file_id = await at_another_chatwoot(alice, chatwoot)
    response = await alice.get(f"attachments/{file_id}")
    assert response["Content-Length"] == "90000"
    assert len(await body_of(response)) < 90_000
    assert "broke off" in caplog.text
