"""Who answers at an inbox: asked for once, behind everybody's back, and told by name and picture alone."""

import logging
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from chat import sql
from chat.api.inbox import view
from chat.chatwoot.agent import Member
from chat.clock import moment
from chat.models import Inbox
from chat.published import for_page, team
from chat.runtime import Runtime
from chat.team import AGAIN_MS, PAUSE_MS, chosen
from tests.eventually import eventually
from tests.fixtures.world import World
from tests.fixtures.world_of_agents import PNG, Staff


async def row(world: World) -> Inbox:
    return await world.ask(Inbox.objects.get, pk=world.inbox_id)


async def looked(world: World, runtime: Runtime) -> None:
    """Somebody opens the chat, and what that set off has ended."""
    runtime.conversations.team.looked(await row(world))
    await eventually(lambda: not runtime.conversations.team._asking, within_s=60)


async def again(world: World) -> None:
    """Ten minutes later."""
    await world.ask(lambda: Inbox.objects.update(team_at=0))


async def names(world: World) -> list[str]:
    return [each.name for each in team(await row(world))]


async def test_names_and_pictures_come_and_nothing_else(world: World, staff: Staff) -> None:
    await sync_to_async(staff.hire)("Zoe", picture=PNG)
    runtime = await world.start()
    assert await names(world) == []
    await looked(world, runtime)
    shown = [each.model_dump() for each in team(await row(world))]
    assert [(each["name"], bool(each["avatar"])) for each in shown] == [("Zoe", True), ("Gus", False)]
    assert {key for each in shown for key in each} == {"name", "avatar"}
    stored = repr((await row(world)).team)
    assert not any(word in stored for word in ("@staff.test", "rails", "http", str(staff.tokens)))
    face = await runtime.conversations.avatars.open(shown[0]["avatar"].rpartition("/")[2])
    assert face.content == PNG


async def test_a_picture_is_here_before_anybody_asks_for_it(world: World, staff: Staff) -> None:
    await sync_to_async(staff.hire)("Zoe", picture=PNG)
    runtime = await world.start()
    await looked(world, runtime)
    (avatar,) = [each.avatar for each in team(await row(world)) if each.avatar]
    routes = await sync_to_async(lambda: world.sandbox.stats()["routes"])()
    assert any("rails" in route for route in routes)
    await sync_to_async(world.sandbox.faults.set)("down")
    assert (await runtime.conversations.avatars.open(avatar.rpartition("/")[2])).content == PNG


async def test_a_hundred_visitors_at_two_processes_are_one_question(world: World, staff: Staff) -> None:
    processes = [await world.start(), await world.start()]
    inbox = await row(world)
    for _ in range(50):
        for runtime in processes:
            runtime.conversations.team.looked(inbox)
    for runtime in processes:
        await eventually(lambda runtime=runtime: not runtime.conversations.team._asking)
        await looked(world, runtime)
    assert await sync_to_async(staff.asked)() == 1
    await again(world)
    await looked(world, processes[0])
    assert await sync_to_async(staff.asked)() == 2


async def test_nobody_waits_for_chatwoot(world: World, staff: Staff) -> None:
    runtime = await world.start()
    await sync_to_async(world.sandbox.faults.set)("delay", path="/inbox_members", seconds=2)
    runtime.conversations.team.looked(await row(world))
    assert await names(world) == []
    assert runtime.conversations.team._asking
    await eventually(lambda: not runtime.conversations.team._asking)
    assert await names(world) == ["Gus"]


@pytest.mark.parametrize("policy", [{"team": False}, {"team": "of course"}])
async def test_an_inbox_may_keep_its_agents_to_itself(world: World, staff: Staff, policy: dict[str, Any]) -> None:
    runtime = await world.start()
    await looked(world, runtime)
    assert await names(world) == ["Gus"]
    await world.ask(lambda: Inbox.objects.update(policy=policy))
    assert await names(world) == []
    await again(world)
    await looked(world, runtime)
    assert await sync_to_async(staff.asked)() == 1


async def test_without_a_token_nothing_is_asked_and_nobody_is_named(world: World, staff: Staff) -> None:
    runtime = await world.start()
    await looked(world, runtime)
    await world.ask(lambda: Inbox.objects.update(agent_token=""))
    await again(world)
    await looked(world, runtime)
    assert (await names(world), await sync_to_async(staff.asked)()) == ([], 1)


async def test_who_is_refused_says_so_once_with_the_cure_and_names_nobody_any_more(
    world: World, staff: Staff, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = await world.start()
    await looked(world, runtime)
    await sync_to_async(staff.dismiss)("Gus")
    caplog.set_level(logging.INFO, logger="chat.team")
    for _ in range(3):
        await again(world)
        await looked(world, runtime)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "chat.team"]
    assert "its agents were not read: status 401 You are not authorized to do this action" in line
    assert "is its agent a member? See docs/connecting.md" in line
    assert await names(world) == []
    await sync_to_async(staff.hire)("Zoe")
    await world.ask(lambda: _keep(staff.tokens["Zoe"]))
    runtime.upstreams.forget()
    await again(world)
    await looked(world, runtime)
    assert await names(world) == ["Zoe"]
    assert "read again" in caplog.records[-1].getMessage()


def _keep(token: str) -> None:
    inbox = Inbox.objects.get()
    inbox.agent_token = token
    inbox.save()


async def test_a_chatwoot_in_trouble_leaves_what_was_told_last(world: World, staff: Staff) -> None:
    runtime = await world.start()
    await looked(world, runtime)
    await sync_to_async(world.sandbox.faults.set)("status", path="/inbox_members", status=500, times=1)
    await again(world)
    await looked(world, runtime)
    assert await names(world) == ["Gus"]
    waits_ms = await world.ask(lambda: Inbox.objects.get().team_at + PAUSE_MS - sql.database_now())
    assert 0 < waits_ms <= AGAIN_MS


async def test_a_token_that_was_given_just_now_is_used_once_the_row_is_read_again(world: World, staff: Staff) -> None:
    token = staff.tokens["Gus"]
    await world.ask(lambda: Inbox.objects.update(agent_token=""))
    runtime = await world.start()
    await runtime.upstreams.of(world.inbox_id)
    await world.ask(lambda: _keep(token))
    await looked(world, runtime)
    assert await sync_to_async(staff.asked)() == 0
    runtime.upstreams.forget()
    await looked(world, runtime)
    assert await names(world) == ["Gus"]


async def test_another_token_or_inbox_has_agents_of_its_own(world: World, staff: Staff) -> None:
    runtime = await world.start()
    await looked(world, runtime)
    assert await names(world) == ["Gus"]
    await world.ask(lambda: Inbox.objects.get().save())
    assert await names(world) == ["Gus"]
    await world.ask(lambda: _keep(staff.tokens["Ada"]))
    assert ((await row(world)).team, (await row(world)).team_at) == ([], 0)


def member(number: int, name: str, *, picture: str = "", online: bool = False) -> Member:
    return Member(number, name, picture, online)


def test_three_are_chosen_who_is_there_before_who_has_a_face_before_the_rest() -> None:
    everybody = [
        member(1, "Ann"),
        member(2, " "),
        member(3, "Bob", picture="p"),
        member(4, "Cy", online=True),
        member(5, "Di", picture="p", online=True),
        member(6, "E\ud800"),
    ]
    assert [each.name for each in chosen(everybody)] == ["Di", "Cy", "Bob"]
    assert [each.name for each in chosen(everybody[:3])] == ["Bob", "Ann"]
    assert chosen([]) == []


async def test_the_profile_of_an_inbox_and_the_page_tell_the_same(world: World, staff: Staff) -> None:
    runtime = await world.start()
    await looked(world, runtime)
    inbox = await row(world)
    told = view(inbox, now=moment()).model_dump()
    assert told["team"] == for_page(inbox, now=moment())["team"] == [{"name": "Gus", "avatar": None}]
