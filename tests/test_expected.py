"""A list that lacks what we know to be at Chatwoot is no proof that anything else is not there."""

import uuid
from typing import Any

import httpx
import pytest

from chat import expected, outbox
from chat.feed import Pen
from chat.models import Conversation, Delivery, Message
from chat.runtime import Runtime
from chat.writer import Priority
from tests.eventually import eventually
from tests.fixtures.people import Person as Known
from tests.fixtures.people import create_upstream, hear, say, told
from tests.fixtures.world import Person, World

DOUBTED = "the list lacks"
NOBODYS = 987_654_321  # Chatwoot has no conversation of this number


class EmptyLists(httpx.AsyncBaseTransport):
    """While it ``lies``, lists are empty and say that Rails made them: a cache, or a standby that lags, does so."""

    def __init__(self) -> None:
        self.lies = False
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.lies and request.method == "GET" and request.url.path.endswith(("/conversations", "/messages")):
            return httpx.Response(200, json=[], headers={"X-Runtime": "0.01"})
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_after_an_empty_list_a_message_is_not_sent_again(world: World, logged: Any) -> None:
    lists = EmptyLists()
    runtime, alice = await world.start(transport=lists), await world.person()
    await world.talk(runtime, alice)
    lists.lies = True
    world.sandbox.faults.set("cable_mute")
    world.sandbox.faults.set("error_after", method="POST", path="/messages", times=1)
    await alice.say(runtime, "believe no empty list")
    await eventually(lambda: DOUBTED in logged.text or world.said(alice).count("believe no empty list") > 1)
    lists.lies = False
    await world.settled()
    assert world.said(alice) == ["hello", "believe no empty list"]


async def test_after_an_empty_list_a_conversation_is_not_created_again(world: World, logged: Any) -> None:
    lists = EmptyLists()
    runtime, alice = await world.start(transport=lists), await world.person()
    await world.talk(runtime, alice)
    lists.lies = True
    world.sandbox.faults.set("cable_mute")
    world.sandbox.faults.set("error_after", method="POST", path=f"{alice.source_id}/conversations", times=1)
    await begin_another(runtime, alice)
    await eventually(lambda: DOUBTED in logged.text or len(world.conversations(alice)) > 2)
    lists.lies = False
    await world.settled()
    assert len(world.conversations(alice)) == 2


async def test_a_conversation_that_is_gone_is_not_missed_in_the_list(world: World) -> None:
    runtime, alice = await world.start(), await world.person()
    await world.talk(runtime, alice)
    await world.ask(lambda: Conversation.objects.update(chatwoot_id=NOBODYS))
    world.sandbox.faults.set("cable_mute")
    world.sandbox.faults.set("error_before", method="POST", path=f"{alice.source_id}/conversations", times=1)
    await begin_another(runtime, alice)
    await world.settled()
    assert len(world.conversations(alice)) == 2


async def begin_another(runtime: Runtime, person: Person) -> None:
    """A conversation that does not exist at Chatwoot yet."""

    def begin(pen: Pen) -> None:
        known = Conversation.objects.get(contact=person.contact_id)
        made = Conversation(
            contact_id=person.contact_id,
            contact_inbox_id=person.contact_inbox_id,
            inbox_id=person.inbox_id,
            created_at=known.created_at + 1,
        )
        pen.add_conversation(made)
        outbox.enqueue_creation(pen, made)

    await runtime.writer.write(begin, contacts=(person.contact_id,), priority=Priority.ACCEPT)


@pytest.mark.django_db
def test_what_is_deleted_or_of_a_conversation_before_need_not_be_listed(alice: Known) -> None:
    said = say(alice, "hello")
    create_upstream(alice, said=said)
    for number in (11, 12, 13):
        hear(alice, told(number))
    Message.objects.filter(chatwoot_id=12).update(deleted=True)
    assert expected.messages(said.conversation_id, before=None, most=2) == [13, 11]
    assert expected.messages(said.conversation_id, before=13, most=2) == [11]
    created = Delivery.objects.filter(conversation=said.conversation_id, kind=Delivery.Kind.CONVERSATION)
    created.update(baseline_id=11)
    assert expected.messages(said.conversation_id, before=None, most=9) == [13]
    assert expected.messages(uuid.uuid4(), before=None, most=9) == []


def test_a_whole_list_shows_all_and_a_full_page_what_is_above_its_oldest() -> None:
    """A page goes by time, ids do not: of its oldest rows one may have been pushed out."""
    assert expected.missing([9, 8, 2], listed=[9, 8], overlap=None) == {2}
    page = [9, 8, 6, 5, 3]
    assert expected.missing([9, 8, 4, 2], listed=page, overlap=3) == set()
    assert expected.missing([9, 7, 4], listed=page, overlap=3) == {7}
    assert expected.missing([], listed=[], overlap=None) == set()
    assert expected.missing([9, 7], listed=[8], overlap=3) == {9, 7}  # of a page that we could hardly read
