"""Whole conversations over HTTP, on the real use cases and a sandbox."""

import uuid
from typing import Any

import pytest

from tests.eventually import eventually
from tests.fixtures.world import World


async def begun(client: Any, text: str | None = None, **body: Any) -> Any:
    message = {"message": {"echo_id": str(uuid.uuid4()), "text": text}} if text else {}
    return await client.call("POST", "conversations", {"key": str(uuid.uuid4())} | message | body)


async def test_a_conversation_begins_with_its_first_message_once(alice: Any, world: World) -> None:
    body = {"key": str(uuid.uuid4()), "message": {"echo_id": str(uuid.uuid4()), "text": "hello"}}
    first = await alice.call("POST", "conversations", body)
    again = await alice.call("POST", "conversations", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["message"] == again.json()["message"]
    assert first.json()["conversation"]["id"] == again.json()["conversation"]["id"]
    assert first.json()["conversation"]["last"]["text"] == "hello"
    await world.settled()
    assert world.said() == ["hello"]
    other = await alice.call("POST", "conversations", body | {"message": body["message"] | {"text": "other"}})
    assert (other.status_code, other.json()["error"]["code"]) == (422, "echo_id_mismatch")


async def test_an_empty_conversation_costs_chatwoot_nothing_until_it_is_written_in(alice: Any, world: World) -> None:
    key = {"key": str(uuid.uuid4()).upper()}
    first, again = await alice.call("POST", "conversations", key), await alice.call("POST", "conversations", key)
    assert (first.status_code, again.status_code) == (201, 200)
    new = first.json()["conversation"]
    assert (new, first.json()["message"]) == (again.json()["conversation"], None)
    assert (new["unread"], new["last"], new["status"]) == (0, None, "open")
    assert world.conversations() == []
    await alice.call("PUT", f"messages/{uuid.uuid4()}", {"text": "hello", "conversation": new["id"]})
    await world.settled()
    assert world.said() == ["hello"]


async def test_the_same_key_of_somebody_else_is_another_conversation(alice: Any, bob: Any) -> None:
    key = str(uuid.uuid4())
    ids = {(await begun(each, key=key)).json()["conversation"]["id"] for each in (alice, bob)}
    assert len(ids) == 2


async def test_two_conversations_are_two_at_chatwoot_and_the_list_shows_the_newest_first(
    alice: Any, world: World
) -> None:
    ids = [(await begun(alice, text)).json()["conversation"]["id"] for text in ("one", "two")]
    await world.settled()
    assert len(world.conversations()) == 2
    listed = (await alice.call("GET", "conversations?limit=1")).json()
    assert ([each["id"] for each in listed["conversations"]], listed["more"]) == ([ids[1]], True)
    older = (await alice.call("GET", f"conversations?before={ids[1]}")).json()
    assert ([each["last"]["text"] for each in older["conversations"]], older["more"]) == (["one"], False)
    assert (await alice.call("GET", f"conversations/{ids[0].upper()}")).json() == older["conversations"][0]


async def test_what_an_agent_says_is_unread_until_it_is_seen(alice: Any, world: World) -> None:
    conversation = (await begun(alice, "hello")).json()["conversation"]["id"]
    await world.settled()
    await alice.call("GET", "sync")
    world.sandbox.desk.reply(world.conversations()[0]["id"], "**hi** Alice")

    async def unread() -> Any:
        return (await alice.call("GET", "unread")).json()

    while (await unread())["total"] == 0:
        pass
    assert await unread() == {"total": 1, "conversations": [{"id": conversation, "unread": 1}]}
    shown = (await alice.call("GET", f"conversations/{conversation}")).json()
    assert (shown["unread"], shown["last"]["text"], shown["last"]["direction"]) == (1, "hi Alice", "outgoing")
    newest = (await alice.call("GET", f"conversations/{conversation}/messages?limit=1")).json()["messages"][0]["id"]
    for _ in range(2):
        seen = await alice.call("POST", f"conversations/{conversation}/seen", {"message": newest})
        assert (seen.status_code, seen.content) == (204, b"")
    assert await unread() == {"total": 0, "conversations": []}


async def test_typing_reaches_the_agents(alice: Any, world: World) -> None:
    conversation = (await begun(alice, "hello")).json()["conversation"]["id"]
    await world.settled()
    world.sandbox.reset_stats()
    for on in (True, False):
        answered = await alice.call("POST", f"conversations/{conversation}/typing", {"on": on})
        assert answered.status_code == 204
    await eventually(lambda: any("toggle_typing" in route for route in world.sandbox.stats()["routes"]))


async def test_a_conversation_is_rated_where_chatwoot_asks(alice: Any, world: World) -> None:
    conversation = (await begun(alice, "hello")).json()["conversation"]["id"]
    await world.settled()
    rating = {"rating": 5, "feedback": "thanks"}
    early = await alice.call("PUT", f"conversations/{conversation}/csat", rating)
    assert (early.status_code, early.json()["error"]["code"]) == (409, "no_question")
    unkept = await alice.call("PUT", f"conversations/{conversation}/csat", {"rating": 5, "feedback": "\0"})
    assert unkept.status_code == 422, "what can never be kept is refused before it is known whether there is a survey"
    asked = world.sandbox.desk.reply(world.conversations()[0]["id"], "how was it?", content_type="input_csat")
    await alice.call("GET", "sync")
    while (await alice.call("PUT", f"conversations/{conversation}/csat", rating)).status_code != 204:
        pass
    await world.settled()
    (kept,) = [each for each in world.conversations()[0]["messages"] if each["id"] == asked["id"]]
    response = kept["content_attributes"]["submitted_values"]["csat_survey_response"]
    assert response == {"rating": 5, "feedback_message": "thanks"}


@pytest.mark.parametrize("body", [{}, {"rating": 0}, {"rating": 6}, {"rating": "5"}, {"rating": 4.5}, {"rating": True}])
async def test_a_rating_is_a_number_from_one_to_five(alice: Any, body: Any) -> None:
    answered = await alice.call("PUT", f"conversations/{uuid.uuid4()}/csat", body)
    assert (answered.status_code, answered.json()["error"]["code"]) == (422, "bad_request")
