"""What a socket and a call are told when a limit or a block turns them away, and that nothing is lost by it."""

import asyncio
import uuid
from typing import Any
from uuid import UUID

from chat.gate import Gate
from chat.limits import Limits
from chat.models import Contact, Inbox
from chat.pictures import Undrawable
from chat.wire.errors import Code
from tests.api.conftest import Addresses, ApiClient
from tests.eventually import eventually
from tests.fixtures.the_porter import Porter


async def said(socket: Any, text: str) -> Any:
    return await socket.ask({"type": "send", "echo_id": str(uuid.uuid4()), "text": text})


async def test_t34_a_message_too_many_is_refused_by_its_echo_id_and_the_socket_lives(
    dial: Any, feed: Any, porter: Porter
) -> None:
    await porter.limit(messages="2/min")
    socket = dial(gate=porter.gate)
    await socket.open()
    for _ in range(2):
        assert (await said(socket, "hello"))["type"] == "accepted"
    refused = await said(socket, "hello again")
    assert (refused["type"], refused["error"]["code"], refused["error"]["retry_after"]) == ("refused", "too_fast", 30)
    assert len([call for call in feed.calls if call[0] == "send"]) == 2
    assert (await socket.ask({"type": "ping"}))["type"] == "pong"


async def test_what_agents_see_is_counted_whatever_it_is(dial: Any, feed: Any, porter: Porter) -> None:
    await porter.limit(messages="1/h")
    socket, name = dial(gate=porter.gate), str(uuid.uuid4())
    await socket.open()
    await said(socket, "hello")
    for frame in (
        {"type": "retry", "message": name},
        {"type": "resolve", "conversation": name},
        {"type": "answer", "message": name, "values": []},
    ):
        assert (await socket.ask(frame))["error"]["code"] == "too_fast"
    await socket.tell({"type": "discard", "message": name})
    await socket.tell({"type": "typing", "conversation": name, "on": True})
    await socket.ask({"type": "ping"})
    done = [call[0] for call in feed.calls if call[0] not in ("read", "look")]
    assert done == ["arrive", "send", "discard", "typing"]


async def test_t36_a_socket_too_many_of_an_address_is_told_why_and_closed(dial: Any) -> None:
    gate = Gate(limits=Limits.of({"address_sockets": "1"}))
    first, second = dial(gate=gate), dial(gate=gate)
    await first.open()
    await second.connect()
    told = await second.next()
    assert (told["type"], told["error"]["code"], told["error"]["retry_after"]) == ("error", "too_fast", 30)
    assert await second.next() == 4429
    await second.disconnect()
    await first.disconnect()
    assert (await dial(gate=gate).open())["type"] == "reset"


async def test_t36_a_socket_too_many_of_a_session_is_told_why_and_closed(dial: Any, feed: Any, porter: Porter) -> None:
    await porter.limit(session_sockets="1")
    gate = porter.gate
    first, second = dial(gate=gate), dial(gate=gate)
    await first.open()
    assert (await second.open())["error"]["code"] == "too_fast"
    assert await second.next() == 4429
    assert len(feed.listeners) == 1


async def test_a_blocked_visitor_loses_their_socket_and_keeps_what_was_accepted(
    dial: Any, feed: Any, opened: Any, porter: Porter
) -> None:
    gate = porter.gate
    socket = dial(gate=gate)
    await socket.open()
    assert (await said(socket, "before"))["type"] == "accepted"
    await porter.lay_down(contacts=frozenset({opened.session.contact_id}))
    told = await socket.next()
    assert told == {"type": "error", "error": {"code": "blocked", "message": "This chat is not available to you."}}
    assert await socket.next() == 4423
    assert len(feed.known) == 1
    again = dial(gate=gate)
    assert (await again.open())["error"]["code"] == "blocked"
    assert await again.next() == 4423
    await porter.lay_down()
    assert (await dial(gate=gate).open())["type"] == "reset"


async def test_t34_a_call_too_many_is_a_429_with_the_time_to_wait(visitor: Any, porter: Porter) -> None:
    await porter.limit(messages="1/min")
    accepted = await visitor.call("PUT", f"messages/{uuid.uuid4()}", {"text": "hello"})
    assert accepted.status_code == 202
    refused = await visitor.call("PUT", f"messages/{uuid.uuid4()}", {"text": "hello"})
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (429, "too_fast")
    assert refused["Retry-After"] == str(error["retry_after"])
    assert 50 <= error["retry_after"] <= 60  # less what the calls themselves took
    assert "messages" in error["message"]


async def test_each_call_counts_for_its_session(visitor: Any, porter: Porter) -> None:
    await porter.limit(calls="3/min")
    statuses = [(await visitor.call("GET", "sync")).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


async def test_calls_without_a_session_count_for_their_address(anybody: Any, feed: Any, settings: Any) -> None:
    settings.ROOT_URLCONF = Addresses(feed, Gate(limits=Limits.of({"all": "off", "address_calls": "3/min"})))
    guess = {"refresh_token": "cpr_guess"}
    answers = [await anybody.call("POST", "session/refresh", guess) for _ in range(5)]
    assert [each.status_code for each in answers] == [401, 401, 401, 429, 429]
    assert answers[-1]["Retry-After"] == "20"


async def test_an_upload_too_many_is_a_429(visitor: Any, porter: Porter, feed: Any) -> None:
    await porter.limit(upload_bytes="10/min")
    upload = {"content_type": "application/octet-stream"}
    assert (await visitor.call("POST", "uploads?name=a.txt", b"12345678", **upload)).status_code == 201
    assert (await visitor.call("POST", "uploads?name=a.txt", b"12345678", **upload)).status_code == 429
    assert len([call for call in feed.calls if call[0] == "upload"]) == 1


async def test_t29_a_picture_that_cannot_be_drawn_counts_as_five(visitor: Any, porter: Porter, feed: Any) -> None:
    await porter.limit(uploads="6/min")
    feed.refusal = Undrawable(Code.FILE_REFUSED)
    upload = {"content_type": "image/png"}
    statuses = [(await visitor.call("POST", "uploads", b"x", **upload)).status_code for _ in range(3)]
    assert statuses == [415, 415, 429]


async def test_a_session_too_many_is_a_429_and_leaves_no_row(anybody: Any, porter: Porter, opened: Any) -> None:
    await porter.limit(sessions="2/h")
    begin = {"inbox": "main", "kind": "app"}
    statuses = [(await anybody.call("POST", "session", begin)).status_code for _ in range(5)]
    assert statuses == [201, 201, 429, 429, 429]
    assert await Contact.objects.acount() == 3, "those two and the fixture's"


async def test_a_returning_browser_begins_nothing_and_is_not_counted(anybody: Any, porter: Porter, opened: Any) -> None:
    await porter.limit(sessions="1/h")
    begin, own = {"inbox": "main", "kind": "browser"}, {"origin": "http://testserver"}
    statuses = [(await anybody.call("POST", "session", begin, headers=own)).status_code for _ in range(3)]
    assert statuses == [201, 200, 200]


async def test_long_polls_have_places_too_and_a_block_ends_them(
    visitor: Any, porter: Porter, feed: Any, opened: Any
) -> None:
    await porter.limit(session_sockets="1")
    feed.say()
    path = f"sync?since={feed.cursor}&wait=20"
    waiting = asyncio.create_task(visitor.call("GET", path))
    await eventually(lambda: feed.listeners)
    assert (await visitor.call("GET", path)).status_code == 429
    await porter.lay_down(contacts=frozenset({opened.session.contact_id}))
    answered = await waiting
    assert (answered.status_code, answered.json()["error"]["code"]) == (403, "blocked")
    assert (await visitor.call("GET", "sync")).json()["error"]["code"] == "blocked"
    assert not porter.gate.guests


async def test_a_blocked_visitor_gets_no_new_token(anybody: Any, porter: Porter, opened: Any) -> None:
    app = (await anybody.call("POST", "session", {"inbox": "main", "kind": "app"})).json()
    await porter.lay_down(contacts=frozenset({UUID(app["contact"])}))
    answered = await anybody.call("POST", "session/refresh", {"refresh_token": app["refresh_token"]})
    assert (answered.status_code, answered.json()["error"]["code"]) == (403, "blocked")


class NeedsMagicWord:
    """What SESSION_CHALLENGE may name."""

    async def __call__(self, request: Any, inbox: Inbox) -> str | None:
        return None if request.headers.get("X-Challenge") == f"please, {inbox.slug}" else "Say the magic word."


async def test_a_newcomer_who_does_not_pass_the_challenge_is_told_why(settings: Any, opened: Any, feed: Any) -> None:
    gate = Gate(limits=Limits.of({"all": "off"}), challenge=NeedsMagicWord(), challenge_after=1)
    settings.ROOT_URLCONF = Addresses(feed, gate)
    anybody, begin = ApiClient(), {"inbox": "main", "kind": "app"}
    assert (await anybody.call("POST", "session", begin)).status_code == 201
    people = await Contact.objects.acount()
    refused = await anybody.call("POST", "session", begin)
    assert refused.status_code == 403
    assert refused.json() == {"error": {"code": "challenged", "message": "Say the magic word."}}
    assert await Contact.objects.acount() == people
    passed = await anybody.call("POST", "session", begin, headers={"x-challenge": "please, main"})
    assert passed.status_code == 201
    refresh = {"refresh_token": passed.json()["refresh_token"]}
    assert (await anybody.call("POST", "session/refresh", refresh)).status_code == 200


# On the real use cases


async def test_a_first_message_and_a_rating_are_messages_too(alice: Any, runtime: Any, settings: Any) -> None:
    gate = Gate(limits=Limits.of({"all": "off", "messages": "1/h"}))
    settings.ROOT_URLCONF = Addresses(runtime.conversations, gate)
    assert (await alice.call("PUT", f"messages/{uuid.uuid4()}", {"text": "hello"})).status_code == 202
    first = {"echo_id": str(uuid.uuid4()), "text": "hello again"}
    refused = [
        await alice.call("POST", "conversations", {"key": str(uuid.uuid4()), "message": first}),
        await alice.call("PUT", f"conversations/{uuid.uuid4()}/csat", {"rating": 5}),
    ]
    assert [(each.status_code, each.json()["error"]["code"]) for each in refused] == [(429, "too_fast")] * 2
    listed = (await alice.call("GET", "conversations")).json()["conversations"]
    assert [each["last"]["text"] for each in listed] == ["hello"], "nothing was stored"
    empty = await alice.call("POST", "conversations", {"key": str(uuid.uuid4())})
    assert empty.status_code == 201, "agents see nothing of it"


async def test_an_export_too_many_is_a_429(alice: Any, bob: Any, runtime: Any, settings: Any) -> None:
    gate = Gate(limits=Limits.of({"all": "off", "exports": "6/h:3"}))
    settings.ROOT_URLCONF = Addresses(runtime.conversations, gate)
    statuses = [(await alice.call("GET", "contact/export")).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert (await bob.call("GET", "contact/export")).status_code == 200
