"""Each call's path and body, over httpx's own MockTransport."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest

from chat.chatwoot.client import ClientApi
from chat.chatwoot.errors import Malformed
from chat.chatwoot.listing import Unread
from chat.chatwoot.resources import ContactSession, MessageType
from chat.chatwoot.transport import open_http

INBOX = "/public/api/v1/inboxes/FyXSRj5bT3Vid7Ftj3gfpiZc"
ALICE = "c9bb9325-ac17-4d77-a6fb-9caebd0ea51b"
CONTACT = f"{INBOX}/contacts/{ALICE}"

MESSAGE = {
    "id": 3,
    "content": "hello",
    "message_type": 0,
    "content_type": "text",
    "content_attributes": {},
    "created_at": 1795356290,
    "conversation_id": 2,
}
CONVERSATION = {
    "id": 2,
    "uuid": "47953af7-8d40-414d-8de7-3d516ad0a750",
    "inbox_id": 1,
    "contact_last_seen_at": 1795356293,
    "status": "open",
    "agent_last_seen_at": 0,
    "messages": [MESSAGE],
    "contact": {"id": 4, "custom_attributes": {"chatproxy_key": "not ours: the contact's"}},
}
SESSION = {"source_id": ALICE, "pubsub_token": "SWUoTJ2G", "id": 1, "name": "Jane", "email": None, "phone_number": None}


class Chatwoot:
    """Answers everything with one prepared body and keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.body: Any = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        content = b"" if self.body is None else json.dumps(self.body).encode()
        return httpx.Response(200, content=content, headers={"content-type": "application/json", "x-runtime": "0.01"})

    def asked(self) -> tuple[str, str]:
        return self.requests[-1].method, self.requests[-1].url.raw_path.decode()

    def sent(self) -> Any:
        return json.loads(self.requests[-1].content)


@pytest.fixture
def chatwoot() -> Chatwoot:
    return Chatwoot()


@pytest.fixture
async def api(chatwoot: Chatwoot) -> AsyncIterator[ClientApi]:
    async with open_http("http://chatwoot.test", transport=httpx.MockTransport(chatwoot)) as http:
        yield ClientApi(http, "FyXSRj5bT3Vid7Ftj3gfpiZc")


async def test_inbox(api: ClientApi, chatwoot: Chatwoot):
    day = {"day_of_week": 1, "closed_all_day": False, "open_hour": 9, "open_minutes": 0, "close_hour": 17}
    chatwoot.body = {"name": "Portal chat", "timezone": "UTC", "working_hours": [day], "csat_survey_enabled": True}
    profile = await api.inbox()
    assert chatwoot.asked() == ("GET", INBOX)
    assert (profile.name, profile.csat_survey_enabled, profile.greeting_enabled) == ("Portal chat", True, False)
    assert (profile.working_hours[0].open_hour, profile.working_hours[0].close_minutes) == (9, None)


async def test_create_contact_sends_only_what_was_given(api: ClientApi, chatwoot: Chatwoot):
    chatwoot.body = SESSION
    session = await api.create_contact(source_id=ALICE, name="Jane", custom_attributes={"plan": "free"})
    assert chatwoot.asked() == ("POST", f"{INBOX}/contacts")
    assert chatwoot.sent() == {"source_id": ALICE, "name": "Jane", "custom_attributes": {"plan": "free"}}
    assert session == ContactSession(source_id=ALICE, pubsub_token="SWUoTJ2G", contact_id=1, name="Jane")


async def test_contact_with_a_hash_verifies(api: ClientApi, chatwoot: Chatwoot):
    chatwoot.body = SESSION
    await api.contact(ALICE, identifier="u 9", identifier_hash="ab")
    assert chatwoot.asked() == ("GET", f"{CONTACT}?identifier=u+9&identifier_hash=ab")


async def test_update_contact_tells_the_id_that_may_have_changed(api: ClientApi, chatwoot: Chatwoot):
    chatwoot.body = {"id": 6, "name": "N2", "email": None}
    assert await api.update_contact(ALICE, name="N2") == 6
    assert chatwoot.asked() == ("PATCH", CONTACT)


async def test_conversations_come_with_their_messages(api: ClientApi, chatwoot: Chatwoot):
    chatwoot.body = [CONVERSATION]
    (conversation,) = (await api.conversations(ALICE)).rows
    assert chatwoot.asked() == ("GET", f"{CONTACT}/conversations")
    assert (conversation.id, conversation.status, conversation.key) == (2, "open", None)
    assert conversation.messages[0].message_type is MessageType.INCOMING


async def test_one_unreadable_row_hides_no_other_and_is_not_taken_for_absent(api: ClientApi, chatwoot: Chatwoot):
    chatwoot.body = [None, CONVERSATION | {"messages": [MESSAGE | {"content": 7}, MESSAGE]}, CONVERSATION | {"id": "x"}]
    listed = await api.conversations(ALICE)
    (conversation,) = listed.rows
    assert [each.id for each in conversation.messages] == [3]
    assert conversation.unread == (Unread(3, incoming=True, why="content: int instead of a text"),)
    assert [(each.id, each.why) for each in listed.unread] == [
        (None, "row: NoneType instead of an object"),
        (None, "id: str instead of an integer"),
    ]


async def test_no_list_at_all_is_malformed(api: ClientApi, chatwoot: Chatwoot):
    chatwoot.body = {"error": "no list"}
    with pytest.raises(Malformed) as caught:
        await api.conversations(ALICE)
    assert (caught.value.status, caught.value.finished) == (200, True)


@pytest.mark.parametrize(("kind", "incoming"), [(0, True), (1, False), (9, False), ("0", True), (None, True)])
async def test_what_cannot_be_read_is_a_visitors_unless_it_says_otherwise(
    api: ClientApi, chatwoot: Chatwoot, kind: object, incoming: bool
):
    chatwoot.body = [MESSAGE | {"attachments": [None], "message_type": kind}, MESSAGE | {"id": 2}]
    listed = await api.messages(ALICE, 2)
    assert [(each.id, each.incoming) for each in listed.unread] == [(3, incoming)]
    assert (listed.ids, listed.size) == ([2, 3], 2)


async def test_conversation_calls(api: ClientApi, chatwoot: Chatwoot):
    chatwoot.body = CONVERSATION
    await api.conversation(ALICE, 2)
    assert chatwoot.asked() == ("GET", f"{CONTACT}/conversations/2")
    await api.create_conversation(ALICE, custom_attributes={"chatproxy_key": "k"})
    assert chatwoot.asked() == ("POST", f"{CONTACT}/conversations")
    assert chatwoot.sent() == {"custom_attributes": {"chatproxy_key": "k"}}
    await api.resolve(ALICE, 2)
    assert chatwoot.asked() == ("POST", f"{CONTACT}/conversations/2/toggle_status")


@pytest.mark.parametrize(("on", "status"), [(True, "on"), (False, "off")])
async def test_typing_is_answered_by_nothing(api: ClientApi, chatwoot: Chatwoot, on: bool, status: str):
    await api.typing(ALICE, 2, on=on)
    assert chatwoot.asked() == ("POST", f"{CONTACT}/conversations/2/toggle_typing")
    assert chatwoot.sent() == {"typing_status": status}


async def test_last_seen_is_answered_by_nothing(api: ClientApi, chatwoot: Chatwoot):
    await api.update_last_seen(ALICE, 2)
    assert chatwoot.asked() == ("POST", f"{CONTACT}/conversations/2/update_last_seen")


async def test_a_page_where_nothing_should_be_is_malformed(api: ClientApi, chatwoot: Chatwoot):
    chatwoot.body = {"login": "please"}
    with pytest.raises(Malformed):
        await api.update_last_seen(ALICE, 2)


async def test_messages_page_backwards(api: ClientApi, chatwoot: Chatwoot):
    chatwoot.body = [MESSAGE]
    assert [each.id for each in (await api.messages(ALICE, 2)).rows] == [3]
    assert chatwoot.asked() == ("GET", f"{CONTACT}/conversations/2/messages")
    await api.messages(ALICE, 2, before=3)
    assert chatwoot.asked() == ("GET", f"{CONTACT}/conversations/2/messages?before=3")


async def test_create_message_takes_headers(api: ClientApi, chatwoot: Chatwoot):
    chatwoot.body = MESSAGE
    await api.create_message(ALICE, 2, content="hello", echo_id="d.1", headers={"X-Request-Start": "t=1"})
    assert chatwoot.sent() == {"content": "hello", "echo_id": "d.1"}
    assert chatwoot.requests[-1].headers["x-request-start"] == "t=1"


async def test_files_go_as_attachments(api: ClientApi, chatwoot: Chatwoot):
    chatwoot.body = MESSAGE
    files = [("ä b.png", b"\x89PNG", "image/png"), ("b.txt", b"b", "text/plain")]
    await api.create_message(ALICE, 2, content="hello", echo_id="d.1", files=files)
    sent = chatwoot.requests[-1].content
    assert sent.count(b'name="attachments[]"') == 2
    assert b'name="echo_id"' in sent
    assert b"Content-Type: image/png" in sent


async def test_answer_goes_to_the_message(api: ClientApi, chatwoot: Chatwoot):
    chatwoot.body = MESSAGE | {
        "content_type": "input_select",
        "content_attributes": {"submitted_values": [{"value": "a"}]},
    }
    message = await api.answer(ALICE, 2, message_id=3, submitted_values=[{"title": "A", "value": "a"}])
    assert chatwoot.asked() == ("PATCH", f"{CONTACT}/conversations/2/messages/3")
    assert message.content_attributes == {"submitted_values": [{"value": "a"}]}


@pytest.mark.parametrize("source_id", ["", ".", "..", "a.b"])
async def test_segments_that_break_chatwoots_routes_are_not_sent(api: ClientApi, chatwoot: Chatwoot, source_id: str):
    with pytest.raises(ValueError, match="segment"):
        await api.conversations(source_id)
    assert chatwoot.requests == []


async def test_a_segment_cannot_leave_its_place(api: ClientApi, chatwoot: Chatwoot):
    chatwoot.body = []
    await api.conversations("a/b?c=d#e")
    assert chatwoot.asked() == ("GET", f"{INBOX}/contacts/a%2Fb%3Fc%3Dd%23e/conversations")


async def test_a_path_before_chatwoot_is_kept(chatwoot: Chatwoot):
    chatwoot.body = []
    async with open_http("http://host.test/chatwoot/", transport=httpx.MockTransport(chatwoot)) as http:
        await ClientApi(http, "inbox").conversations(ALICE)
    assert chatwoot.asked() == ("GET", f"/chatwoot/public/api/v1/inboxes/inbox/contacts/{ALICE}/conversations")


BODIES: list[Callable[[ClientApi], Any]] = [
    lambda api: api.inbox(),
    lambda api: api.contact(ALICE),
    lambda api: api.conversations(ALICE),
    lambda api: api.conversation(ALICE, 2),
    lambda api: api.messages(ALICE, 2),
]


@pytest.mark.parametrize("body", [[], {}, "text", 7, None, [7], [{}], {"id": "1"}, {"id": True}])
@pytest.mark.parametrize("call", BODIES)
async def test_any_other_json_is_malformed(
    api: ClientApi, chatwoot: Chatwoot, call: Callable[[ClientApi], Any], body: Any
):
    chatwoot.body = body
    with suppress(Malformed):
        assert (await call(api)).rows == ()  # whoever asks for a list gets one in which nothing can be read
