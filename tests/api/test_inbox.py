"""What is said of an inbox without a session, and when Chatwoot is asked for it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chat.api.inbox import view
from chat.filetypes import EXTENSIONS
from chat.models import Inbox
from tests.eventually import eventually
from tests.fixtures.world import QUICK, World

TOLD = {
    "name": "Portal chat",
    "timezone": "Europe/Berlin",
    "working_hours": [
        {
            "day_of_week": number,
            "closed_all_day": number in (0, 6),
            "open_all_day": False,
            "open_hour": 9,
            "open_minutes": 0,
            "close_hour": 17,
            "close_minutes": 0,
        }
        for number in range(7)
    ],
    "working_hours_enabled": True,
    "csat_survey_enabled": True,
}


async def test_an_inbox_of_which_chatwoot_has_told_nothing(
    anybody: Any, opened: Any, settings: Any, runtime: Any
) -> None:
    shown = (await anybody.call("GET", "inbox/main")).json()
    assert (shown["name"], shown["open"], shown["hours"], shown["next_opening"], shown["csat"]) == ("Shop", *[None] * 4)
    assert shown["limits"] == {
        "text": 10_000,
        "files": 10,
        "upload_bytes": settings.UPLOAD_MAX_BYTES,
        "upload_types": sorted(EXTENSIONS),
    }


@pytest.mark.parametrize(
    ("now", "is_open", "opening"),
    [
        (datetime(2026, 11, 27, 12, tzinfo=UTC), True, None),
        (datetime(2026, 11, 27, 17, tzinfo=UTC), False, datetime(2026, 11, 30, 8, tzinfo=UTC)),
    ],
)
def test_hours_are_told_in_words_and_as_times(now: datetime, is_open: bool, opening: datetime | None) -> None:
    shown = view(Inbox(slug="main", told=TOLD, texts={"out_of_office": "Back at nine."}), now=now)
    assert (shown.name, shown.open, shown.csat, shown.texts) == (
        "Portal chat",
        is_open,
        True,
        {"out_of_office": "Back at nine."},
    )
    assert shown.next_opening == (opening.timestamp() * 1000 if opening else None)
    assert shown.hours is not None and len(shown.hours.days) == 5
    assert shown.openings is not None and (shown.openings[0][0] > now.timestamp() * 1000) is not is_open
    always = view(Inbox(slug="main", told=TOLD | {"working_hours_enabled": False}), now=now)
    assert (always.open, always.hours, always.next_opening) == (True, None, None)


def test_look_and_texts_are_told_in_the_language_that_is_asked_for() -> None:
    texts = {"greeting": "Hello", "app_banner": "New", "de": {"greeting": "Moin"}}
    inbox = Inbox(slug="main", look={"theme": "dark", "position": "start", "launcher": "lift"}, texts=texts)
    shown = view(inbox, now=datetime(2026, 11, 27, 12, tzinfo=UTC), language="de")
    assert shown.texts == {"greeting": "Moin", "app_banner": "New"}
    look = {"accent": "", "theme": "dark", "position": "start", "launcher": "round", "locale": ""}
    assert shown.look.model_dump() == look


@pytest.mark.parametrize(("slug", "status", "code"), [("other", 404, "no_such_inbox"), ("a%00", 422, "bad_request")])
async def test_an_unknown_inbox_is_refused_in_words(
    anybody: Any, opened: Any, runtime: Any, slug: str, status: int, code: str
) -> None:
    answered = await anybody.call("GET", f"inbox/{slug}")
    assert (answered.status_code, answered.json()["error"]["code"]) == (status, code)


async def test_a_foreign_page_is_told_nothing(anybody: Any, opened: Any, runtime: Any) -> None:
    answered = await anybody.call("GET", "inbox/main", headers={"origin": "https://evil.example"})
    assert (answered.status_code, answered.json()["error"]["code"]) == (403, "foreign_origin")
    welcome = await anybody.call("GET", "inbox/main", headers={"origin": "https://shop.example"})
    assert welcome.status_code == 200


def asked(world: World) -> int:
    routes = world.sandbox.stats()["routes"]
    return sum(count for route, count in routes.items() if route.endswith("/inboxes/:identifier"))


async def test_chatwoot_is_asked_once_while_somebody_is_here_who_has_written(world: World) -> None:
    runtime = await world.start(timing=replace(QUICK, read_rows_s=0.1))
    nobody, person = await world.person(), await world.person()
    runtime.conversations.arrive(nobody.device(), visible=True)
    world.sandbox.reset_stats()
    for _ in range(3):
        runtime.conversations.inboxes.refresh(runtime.holding.inboxes())
    assert await world.ask(lambda: Inbox.objects.get().told) == {}
    await world.talk(runtime, person)

    await world.becomes(lambda: Inbox.objects.get().told)
    told = await world.ask(lambda: Inbox.objects.get().told)
    assert (told["timezone"], len(told["working_hours"])) == ("UTC", 7)
    assert view(Inbox(slug="x", told=told), now=datetime.now(UTC)).open is True
    for _ in range(3):
        runtime.conversations.inboxes.refresh({world.inbox_id})
        await eventually(lambda: not runtime.conversations.inboxes._asking)
    assert asked(world) == 1
