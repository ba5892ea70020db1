"""A conversation by e-mail: to whom it goes, how often, and whose it is. The sandbox notes what Chatwoot would send."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from chat.gate import Gate
from chat.limits import Limits
from chat.models import Contact, Conversation, Inbox
from chat.runtime import Runtime
from tests.api.conftest import Addresses, ApiClient
from tests.fixtures.sandbox import SandboxInbox
from tests.fixtures.world import World
from tests.fixtures.world_of_agents import Staff

OWN, OTHER = "ada@example.test", "somebody@elsewhere.test"
Talks = Callable[..., Awaitable["Talk"]]


class Talk:
    """A visitor with a session and a conversation that has arrived."""

    def __init__(self, world: World, client: ApiClient, conversation: str, number: int) -> None:
        self._world, self._client, self.conversation, self.number = world, client, conversation, number

    async def asks(self, **body: Any) -> Any:
        return await self._client.call("POST", f"conversations/{self.conversation}/transcript", body)

    async def is_refused(self, **body: Any) -> tuple[int, str]:
        answered = await self.asks(**body)
        return answered.status_code, answered.json()["error"]["code"]

    async def sent(self) -> list[str]:
        """To whom, by Chatwoot."""
        rows = await sync_to_async(self._world.conversations)()
        return [email for row in rows if row["id"] == self.number for email in row["transcripts"]]


@pytest.fixture
async def talks(world: World, staff: Staff, runtime: Runtime, newcomer: Any) -> Talks:
    """Makes them; ``signed``: the address that the site has signed. ``answered``: an agent has said something."""

    async def make(*, signed: str = "", answered: bool = True) -> Talk:
        client = await newcomer()
        if signed:
            await world.ask(Contact.objects.filter(pk=client.contact_id).update, signed={"email": signed})
        accepted = await runtime.conversations.send(
            client.contact_id, echo_id=client.contact_id, conversation_id=None, text="hello"
        )
        await world.settled()
        row = await world.ask(Conversation.objects.get, pk=accepted.conversation_id)
        talk = Talk(world, client, str(row.pk), row.chatwoot_id)
        if answered:
            await sync_to_async(staff.reply)(row.chatwoot_id, "How can I help?")
            await world.becomes(lambda: row.messages.filter(sender_kind="agent").exists())
        return talk

    return make


@pytest.fixture
async def allows(world: World) -> Callable[[str], Awaitable[None]]:
    async def allow(mode: str) -> None:
        await world.ask(Inbox.objects.update, policy={"transcript": mode})

    return allow


def limited(settings: Any, runtime: Runtime, **limits: str) -> None:
    settings.ROOT_URLCONF = Addresses(runtime.conversations, Gate(limits=Limits.of({"all": "off", **limits})))


async def test_an_inbox_that_has_not_allowed_it_sends_none(talks: Talks, allows: Any, staff: Staff) -> None:
    talk = await talks(signed=OWN)
    assert await talk.is_refused() == (409, "no_transcript")
    await allows("never")
    assert await talk.is_refused(email=OWN) == (409, "no_transcript")
    assert await talk.sent() == []


async def test_it_goes_to_the_address_that_the_site_signed_and_to_no_other(talks: Talks, allows: Any) -> None:
    await allows("own")
    talk = await talks(signed=OWN, answered=False)
    answered = await talk.asks()
    assert (answered.status_code, answered.json()) == (202, {"email": OWN})
    assert await talk.is_refused(email=OTHER) == (409, "no_transcript")
    assert (await talk.asks(email=OWN.upper())).status_code == 202
    assert await talk.sent() == [OWN]


async def test_who_is_nobody_in_particular_gets_none_where_it_must_be_their_own(talks: Talks, allows: Any) -> None:
    await allows("own")
    talk = await talks()
    refused = (await talk.asks()).json()["error"]
    assert (refused["code"], refused["message"]) == (
        "no_transcript",
        "No e-mail address is known to be yours. Sign in first.",
    )
    assert await talk.is_refused(email=OWN) == (409, "no_transcript")
    assert await talk.sent() == []


async def test_any_address_may_be_written_once_an_agent_has_answered(
    talks: Talks, allows: Any, staff: Staff, world: World
) -> None:
    await allows("any")
    talk = await talks(answered=False)
    assert await talk.is_refused(email=OTHER) == (409, "no_transcript")
    await sync_to_async(staff.reply)(talk.number, "How can I help?")
    await world.becomes(lambda: Conversation.objects.get().messages.filter(sender_kind="agent").exists())
    assert (await talk.asks(email=OTHER)).json() == {"email": OTHER}
    assert await talk.is_refused() == (409, "no_transcript")  # nobody knows which is theirs
    assert await talk.sent() == [OTHER]


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "a@b",
        "a@b.test,c@d.test",
        "a,b@c.test",
        "Ada <ada@example.test>",
        "ada@example.test\nBcc: all@example.test",
        "ada@ex ample.test",
        "ada@example.test;",
        "ädä@example.test",
        "x" * 250 + "@example.test",
        7,
    ],
)
async def test_what_is_not_plainly_one_address_is_refused(talks: Talks, allows: Any, email: Any) -> None:
    await allows("any")
    talk = await talks()
    assert await talk.is_refused(email=email) == (422, "bad_request")
    assert await talk.sent() == []


async def test_who_repeats_within_a_minute_gets_one(talks: Talks, allows: Any, world: World) -> None:
    await allows("any")
    talk = await talks()
    assert [(await talk.asks(email=OTHER)).status_code for _ in range(3)] == [202] * 3
    assert await talk.sent() == [OTHER]
    assert (await talk.asks(email=OWN)).status_code == 202
    assert await talk.sent() == [OTHER, OWN]
    await world.ask(lambda: Conversation.objects.update(transcript_at=1))
    assert (await talk.asks(email=OWN)).status_code == 202
    assert await talk.sent() == [OTHER, OWN, OWN]


async def test_one_that_was_not_sent_may_be_asked_for_again_at_once(talks: Talks, allows: Any, world: World) -> None:
    await allows("own")
    talk = await talks(signed=OWN)
    await sync_to_async(world.sandbox.faults.set)("status", path="/transcript", status=500, times=1)
    answered = await talk.asks()
    assert (answered.status_code, answered.json()["error"]["code"]) == (503, "unavailable")
    assert answered["Retry-After"] == "30"
    assert (await talk.asks()).status_code == 202
    assert await talk.sent() == [OWN]


async def test_chatwoots_own_limit_is_told_and_stops_nothing_else(
    talks: Talks, allows: Any, world: World, runtime: Runtime
) -> None:
    await allows("own")
    talk = await talks(signed=OWN)
    await sync_to_async(world.sandbox.faults.set)("status", path="/transcript", status=429)
    answered = await talk.asks()
    assert (answered.status_code, answered.json()["error"]["code"]) == (429, "too_fast")
    assert 1 <= int(answered["Retry-After"]) <= 900
    assert all(link.available for link in runtime.upstreams.links())
    await talks()  # another one writes, and is heard


async def test_a_chatwoot_that_does_not_answer_holds_nobody_up(talks: Talks, allows: Any, world: World) -> None:
    await allows("own")
    talk = await talks(signed=OWN)
    await sync_to_async(world.sandbox.faults.set)("down")
    assert await talk.is_refused() == (503, "unavailable")


async def test_a_stranger_cannot_fill_a_letter_box(talks: Talks, allows: Any, settings: Any, runtime: Runtime) -> None:
    await allows("any")
    one, other = await talks(), await talks()
    limited(settings, runtime, transcript_addresses="1/day")
    assert (await one.asks(email=OTHER)).status_code == 202
    assert await other.is_refused(email=OTHER.upper()) == (429, "too_fast")
    assert (await other.asks(email=OWN)).status_code == 202


@pytest.mark.parametrize(
    ("limit", "is_others"), [("transcripts", False), ("session_transcripts", False), ("inbox_transcripts", True)]
)
async def test_each_limit_counts_for_whom_it_says(
    talks: Talks, allows: Any, settings: Any, runtime: Runtime, limit: str, is_others: bool
) -> None:
    await allows("any")
    one, other = await talks(), await talks()
    limited(settings, runtime, **{limit: "1/h"})
    assert (await one.asks(email=OWN)).status_code == 202
    assert (await one.asks(email=OWN)).status_code == 202  # a repetition costs nothing
    refused = await one.asks(email=OTHER)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_fast")
    assert int(refused["Retry-After"]) > 60
    assert (await other.asks(email=OTHER)).status_code == (429 if is_others else 202)


async def test_what_is_somebody_elses_or_has_not_arrived_is_not_sent(
    talks: Talks, allows: Any, world: World, runtime: Runtime, newcomer: Any
) -> None:
    await allows("any")
    talk, stranger = await talks(), await newcomer()
    answered = await stranger.call("POST", f"conversations/{talk.conversation}/transcript", {"email": OTHER})
    assert (answered.status_code, answered.json()["error"]["code"]) == (404, "no_such_conversation")
    await world.ask(Contact.objects.filter(pk=stranger.contact_id).update, signed={"email": OWN})
    begun = await runtime.conversations.begin(stranger.contact_id, key=stranger.contact_id)
    answered = await stranger.call("POST", f"conversations/{begun.glance.id}/transcript", {})
    assert (answered.status_code, answered.json()["error"]["code"]) == (409, "no_transcript"), "waiting does not help"
    with world.sandbox.faults.on("status", method="POST", status=503):
        said = {"echo_id": uuid.uuid4(), "conversation_id": begun.glance.id, "text": "on its way"}
        await runtime.conversations.send(stranger.contact_id, **said)
        answered = await stranger.call("POST", f"conversations/{begun.glance.id}/transcript", {})
        assert (answered.status_code, answered.json()["error"]["code"]) == (503, "unavailable")
    assert await talk.sent() == []


async def test_a_token_of_another_account_sends_nobody_elses_conversation(
    talks: Talks, allows: Any, world: World, staff: Staff, runtime: Runtime, logged: Any
) -> None:
    """There a conversation has the same number."""
    await allows("own")
    talk = await talks(signed=OWN)
    theirs = await sync_to_async(Staff)(world.sandbox)
    token = await sync_to_async(theirs.hire)("Gus")
    inbox = SandboxInbox(theirs.inbox_id, theirs.identifier, "")
    contact = f"{inbox.path}/contacts"
    post = sync_to_async(world.sandbox.http.post)
    source_id = (await post(contact, json={})).json()["source_id"]
    for _ in range(talk.number):
        number = (await post(f"{contact}/{source_id}/conversations")).json()["id"]
    assert number == talk.number

    def misconfigure() -> None:
        row = Inbox.objects.get(pk=world.inbox_id)
        row.account_id, row.agent_token = theirs.account_id, token
        row.save()

    await world.ask(misconfigure)
    runtime.upstreams.forget()
    assert await talk.is_refused() == (503, "unavailable")
    rows = await sync_to_async(world.sandbox.ledger)()
    assert [row["transcripts"] for row in rows if row["account_id"] in (staff.account_id, theirs.account_id)] == [
        []
    ] * (talk.number + 1)
    assert "its agent token is of another account: no transcript is sent" in logged.text


async def test_no_address_is_logged_or_kept(talks: Talks, allows: Any, world: World, logged: Any) -> None:
    await allows("any")
    talk = await talks()
    assert (await talk.asks(email=OTHER)).status_code == 202
    await sync_to_async(world.sandbox.faults.set)("status", path="/transcript", status=500)
    assert (await talk.asks(email=OWN)).status_code == 503
    row = await world.ask(Conversation.objects.values().get)
    assert not [name for name, value in row.items() if OTHER in str(value) or OWN in str(value)]
    assert OTHER not in logged.text and OWN not in logged.text


async def test_the_profile_of_an_inbox_says_to_whom(talks: Talks, allows: Any, newcomer: Any, world: World) -> None:
    client = await newcomer()
    slug = (await world.ask(Inbox.objects.get)).slug

    async def told() -> str:
        return str((await client.call("GET", f"inbox/{slug}")).json()["transcript"])

    assert await told() == "never"
    await allows("any")
    assert await told() == "any"
    await allows("whoever")
    assert await told() == "never"
    await allows("own")
    await world.ask(lambda: Inbox.objects.update(agent_token=""))
    assert await told() == "never"
