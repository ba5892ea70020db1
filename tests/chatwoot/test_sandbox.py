"""The client against the stand-in, over real sockets: what it writes, agents see."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from chat.chatwoot.client import ClientApi
from chat.chatwoot.errors import Ambiguous, Invalid, NotFound
from chat.chatwoot.identity import identifier_hash
from chat.chatwoot.resources import MessageType
from chat.chatwoot.transport import open_http
from tests.fixtures.sandbox import SandboxInbox, SandboxProcess


@pytest.fixture
def inbox(sandbox: SandboxProcess) -> SandboxInbox:
    return sandbox.new_inbox(csat_survey_enabled=True)


@pytest.fixture
async def api(sandbox: SandboxProcess, inbox: SandboxInbox) -> AsyncIterator[ClientApi]:
    async with open_http(sandbox.base_url) as http:
        yield ClientApi(http, inbox.identifier)


async def alice(api: ClientApi) -> tuple[str, int]:
    """A contact with a conversation."""
    source_id = str(uuid4())
    await api.create_contact(source_id=source_id, name="Alice")
    return source_id, (await api.create_conversation(source_id, custom_attributes={"chatproxy_key": "k"})).id


async def test_an_inbox_tells_about_itself(api: ClientApi):
    profile = await api.inbox()
    assert profile.name == "Inbox of a test"
    assert len(profile.working_hours) == 7


async def test_a_contact_is_created_once(api: ClientApi):
    source_id = str(uuid4())
    first = await api.create_contact(source_id=source_id, name="Alice")
    again = await api.create_contact(source_id=source_id, name="Somebody")
    assert first == again == await api.contact(source_id)
    assert await api.update_contact(source_id, name="Alice B") == first.contact_id
    assert (await api.contact(source_id)).name == "Alice B"


async def test_a_conversation_with_an_agent(api: ClientApi, sandbox: SandboxProcess, inbox: SandboxInbox):
    source_id, number = await alice(api)
    sent = await api.create_message(source_id, number, content="hello", echo_id="d.1")
    assert (sent.message_type, sent.content, sent.conversation_id) == (MessageType.INCOMING, "hello", number)
    await api.typing(source_id, number, on=True)
    await api.typing(source_id, number, on=False)
    reply = sandbox.desk.reply(number, "Hi **Alice**")
    sandbox.desk.private_note(number, "secret")
    await api.update_last_seen(source_id, number)
    seen = (await api.messages(source_id, number)).rows
    assert [(each.content, each.private) for each in seen] == [("hello", False), ("Hi **Alice**", False)]
    assert seen[1].sender is not None
    assert seen[1].sender.kind == "agent"
    sandbox.desk.delete(number, reply["id"])
    assert (await api.messages(source_id, number)).rows[1].deleted
    (conversation,) = (await api.conversations(source_id)).rows
    assert (conversation.id, conversation.inbox_id, conversation.status) == (number, inbox.id, "open")
    (told,) = (each for each in sandbox.desk.conversations() if each["id"] == number)
    assert told["contact_last_seen_at"] > 0
    assert (await api.resolve(source_id, number)).status == "resolved"


async def test_history_comes_in_pages(api: ClientApi, sandbox: SandboxProcess):
    source_id, number = await alice(api)
    for n in range(25):
        await api.create_message(source_id, number, content=f"number {n}", echo_id=f"d.{n}")
    newest = (await api.messages(source_id, number)).rows
    older = (await api.messages(source_id, number, before=newest[0].id)).rows
    assert (len(newest), len(older)) == (20, 5)
    assert (await api.messages(source_id, number, before=older[0].id)).rows == ()
    assert [each.content for each in older + newest] == [f"number {n}" for n in range(25)]
    assert len((await api.conversation(source_id, number)).messages) == 25


async def test_files(api: ClientApi):
    source_id, number = await alice(api)
    files = [("a b.png", b"\x89PNG", "image/png")]
    message = await api.create_message(source_id, number, content="look", echo_id="d.1", files=files)
    (attachment,) = message.attachments
    assert (attachment.name, attachment.file_type, attachment.file_size) == ("a b.png", "image", 4)


async def test_an_answer_to_a_choice(api: ClientApi, sandbox: SandboxProcess):
    source_id, number = await alice(api)
    items = {"items": [{"title": "A", "value": "a"}]}
    asked = sandbox.desk.reply(number, "Pick", content_type="input_select", content_attributes=items)
    values = [{"title": "A", "value": "a"}]
    message = await api.answer(source_id, number, message_id=asked["id"], submitted_values=values)
    assert message.content_attributes["submitted_values"] == values


async def test_a_survey(api: ClientApi):
    source_id, number = await alice(api)
    await api.create_message(source_id, number, content="hello", echo_id="d.1")
    await api.resolve(source_id, number)
    (asked,) = [each for each in (await api.messages(source_id, number)).rows if each.content_type == "input_csat"]
    values = {"csat_survey_response": {"rating": 5, "feedback_message": ""}}
    message = await api.answer(source_id, number, message_id=asked.id, submitted_values=values)
    assert message.content_attributes["submitted_values"] == values


async def test_what_does_not_exist_is_not_found_by_rails(api: ClientApi):
    source_id, number = await alice(api)
    for call in (api.contact(str(uuid4())), api.conversation(source_id, number + 999)):
        with pytest.raises(NotFound) as caught:
            await call
        assert caught.value.finished


async def test_text_that_is_too_long_fails_for_good(api: ClientApi):
    source_id, number = await alice(api)
    with pytest.raises(Invalid) as caught:
        await api.create_message(source_id, number, content="x" * 150_001, echo_id="d.1")
    assert caught.value.permanent


async def test_a_verified_contact(api: ClientApi, inbox: SandboxInbox):
    source_id, user = str(uuid4()), f"user-{uuid4()}"
    right = identifier_hash(inbox.hmac_token, user)
    await api.create_contact(source_id=source_id, identifier=user, identifier_hash=right)
    assert (await api.contact(source_id, identifier=user, identifier_hash=right)).source_id == source_id
    with pytest.raises(Ambiguous) as caught:  # Chatwoot answers a wrong hash with a 500 (contract §1.5).
        await api.contact(source_id, identifier=user, identifier_hash="wrong")
    assert (caught.value.status, caught.value.finished) == (500, True)
