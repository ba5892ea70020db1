"""How far an agent's token reaches, as the doctor finds it: it serves, its agent is no member, or elsewhere."""

import pytest
from asgiref.sync import sync_to_async

from chat.models import Inbox
from tests.fixtures.world import World
from tests.fixtures.world_of_agents import Staff
from tests.test_examining import examine, red


async def test_one_that_serves_tells_how_many_are_there(world: World, staff: Staff) -> None:
    await sync_to_async(staff.hire)("Zoe")
    row = (await examine(world))["agent"]
    expected = f"it serves in account {staff.account_id}; 2 of its agents are members of the inbox"
    assert (row.verdict, row.reading, row.cure) == ("ok", expected, "")


async def test_none_is_no_fault(world: World, staff: Staff) -> None:
    row = (await examine(world, agent_token=""))["agent"]
    assert (row.verdict, row.cure) == ("ok", "") and "no agent token is given" in row.reading


async def test_whose_agent_is_no_member_says_how_to_make_them_one(world: World, staff: Staff) -> None:
    await sync_to_async(staff.hire)("Zoe")
    await sync_to_async(staff.dismiss)("Gus")
    rows = await examine(world)
    assert red(rows) == {"agent"}
    assert rows["agent"].reading == "whose agent token it is, is no member of the inbox"
    assert "Collaborators" in rows["agent"].cure


async def test_an_administrators_serves_where_nobody_is_a_member_and_that_is_said(world: World, staff: Staff) -> None:
    await sync_to_async(staff.dismiss)("Gus")
    row = (await examine(world, agent_token=staff.tokens["Ada"]))["agent"]
    assert (row.verdict, row.reading) == ("warning", "it serves, but nobody is a member of the inbox")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"account_id": 1}, "whose agent token it is, is not in account 1"),
        ({"account_id": 999_999}, "in account 999999 there is no inbox"),
        ({"chatwoot_inbox_id": 999_999}, "there is no inbox 999999"),
    ],
)
async def test_one_of_another_place_is_told_with_the_cure(
    world: World, staff: Staff, columns: dict[str, int], words: str
) -> None:
    rows = await examine(world, **columns)
    assert "agent" in red(rows) and words in rows["agent"].reading
    assert "--keep-agent-token" in rows["agent"].cure


async def test_before_the_inboxs_number_is_known_nobody_is_blamed(world: World, staff: Staff) -> None:
    await world.ask(lambda: Inbox.objects.update(chatwoot_inbox_id=None))
    row = (await examine(world))["agent"]
    assert (row.verdict, row.cure) == ("warning", "Run connect_chatwoot, or write a first message")
