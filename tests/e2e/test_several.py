"""Several conversations, with a server that the test plays: the list, an older one, a new one, the end of one."""

import json
import uuid
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.e2e.test_frame import CHAT, field, log, say
from tests.fixtures.browser import PlayedServer

pytestmark = pytest.mark.browser


def button(page: Page, name: str) -> Any:
    return page.get_by_role("button", name=name)


def rows(page: Page) -> Any:
    return page.locator("chat-list li")


def open_list(page: Page) -> None:
    page.goto(CHAT)
    button(page, "Conversations").click()


@pytest.fixture
def listed(context: BrowserContext, played: PlayedServer) -> dict[str, Any]:
    """A conversation of last week beside the one of today; what the list is told of both, and what was asked to end."""
    played.messages = [played.message("How can I help?", age_s=60)]
    current, older = played.talk(), str(uuid.uuid4())
    played.others = [current | {"id": older, "status": "resolved"}]
    history = [played.message("That was last week", age_s=7 * 86_400, conversation=older)]
    view = {"created_at": 1, "contact_seen": 0, "agent_seen": 0, "seq": 1}
    line = {"direction": "outgoing", "has_files": False}
    found: dict[str, Any] = {"older": older, "ended": [], "history": history, "by_one": False, "pages": 0}
    found["list"] = [
        view
        | {
            "id": current["id"],
            "status": "open",
            "unread": 0,
            "last": line | {"text": "How can I help?", "at": played.messages[0]["at"]},
        },
        view
        | {
            "id": older,
            "status": "resolved",
            "unread": 2,
            "last": line | {"text": "That was last week", "at": history[0]["at"]},
        },
    ]

    def answer(route: Route) -> None:
        if route.request.method == "POST":
            found["ended"].append(route.request.url.split("/")[-2])
            found["list"][0]["status"] = "resolved"
            route.fulfill(status=204)
        elif "/messages" in route.request.url:
            route.fulfill(body=json.dumps({"messages": history, "more": False}), content_type="application/json")
        else:
            found["pages"] += 1
            begins = 1 if "before=" in route.request.url else 0
            shown = found["list"][begins : begins + 1] if found["by_one"] else found["list"]
            body = {"conversations": shown, "more": found["by_one"] and not begins}
            route.fulfill(body=json.dumps(body), content_type="application/json")

    context.route("**/api/v1/conversations**", answer)
    context.route("**/api/v1/conversations/**", answer)
    return found


def test_an_older_conversation_is_found_in_the_list_and_read_alone(
    returning: Page, played: PlayedServer, listed: dict[str, Any]
) -> None:
    returning.goto(CHAT)
    expect(log(returning)).to_contain_text("How can I help?")
    expect(log(returning)).not_to_contain_text("last week")
    button(returning, "Conversations").click()
    expect(rows(returning)).to_have_count(2)
    expect(rows(returning).nth(1)).to_contain_text("Closed")
    expect(rows(returning).nth(1)).to_contain_text("2 new")
    expect(field(returning)).to_be_hidden()
    rows(returning).nth(1).get_by_role("button").first.click()
    expect(log(returning)).to_contain_text("That was last week")
    expect(log(returning)).not_to_contain_text("How can I help?")
    expect(returning.get_by_text("This conversation is closed. Write to open it again.")).to_be_visible()
    say(returning, "Once more")
    (sent,) = played.frames("send")
    assert sent["conversation"] == listed["older"]


def test_what_happens_meanwhile_takes_no_older_conversation_out_of_the_list(
    returning: Page, played: PlayedServer, listed: dict[str, Any]
) -> None:
    listed["by_one"] = True
    open_list(returning)
    button(returning, "Show older").click()
    expect(rows(returning)).to_have_count(2)
    for online in (False, True, False):
        played.push({"type": "presence", "online": online})
    returning.wait_for_timeout(1_000)
    assert listed["pages"] == 2  # who comes and goes changes nothing in it
    listed["list"][0]["last"]["text"] = "Are you there?"
    played.says("Are you there?")
    expect(rows(returning).first).to_contain_text("Are you there?")
    expect(rows(returning)).to_have_count(2)


def test_what_is_unread_in_another_conversation_counts_until_it_is_looked_at(
    returning: Page, played: PlayedServer, listed: dict[str, Any]
) -> None:
    """Of a thread that is fetched when it is opened; before that, this page has no more than what is unread of it."""
    played.others[0]["contact_seen"] = played.messages[0]["at"] - 30_000
    older = {"conversation": listed["older"]}
    unread = [played.message("Did it arrive?", age_s=75, **older), played.message("Hello?", age_s=70, **older)]
    played.messages += unread
    listed["history"] += unread
    returning.goto(CHAT)
    expect(log(returning)).to_contain_text("How can I help?")
    expect(log(returning)).not_to_contain_text("Did it arrive?")
    expect(button(returning, "Conversations")).to_contain_text("2")
    expect(returning).to_have_title("(2) Saltmark")
    played.says("Anybody?", age_s=65, **older)
    expect(returning).to_have_title("(3) Saltmark")
    button(returning, "Conversations").click()
    rows(returning).nth(1).get_by_role("button").first.click()
    expect(log(returning)).to_contain_text("Did it arrive?")
    expect(log(returning)).to_contain_text("Anybody?")
    expect(returning).to_have_title("Saltmark")
    assert played.frames("seen")[-1]["message"] == played.messages[-1]["id"]


def test_a_new_conversation_begins_empty_and_with_the_first_message(
    returning: Page, played: PlayedServer, listed: dict[str, Any]
) -> None:
    open_list(returning)
    button(returning, "Start a new conversation").click()
    expect(log(returning)).not_to_contain_text("How can I help?")
    expect(returning.get_by_text("Hello, this is the workshop.")).to_be_visible()
    say(returning, "Something else")
    expect(log(returning)).to_contain_text("Something else")
    (sent,) = played.frames("send")
    assert sent["conversation"] is None
    assert uuid.UUID(sent["begins"])


def test_a_conversation_is_ended_after_a_second_word(
    returning: Page, played: PlayedServer, listed: dict[str, Any]
) -> None:
    open_list(returning)
    button(returning, "End this conversation").click()
    assert listed["ended"] == []
    button(returning, "Keep it open").click()
    button(returning, "End this conversation").click()
    button(returning, "End it now").click()
    expect(rows(returning).first).to_contain_text("Closed")
    assert listed["ended"] == [listed["list"][0]["id"]]


def test_an_end_that_nobody_heard_of_says_so_until_the_network_is_back_and_can_be_asked_for_again(
    returning: Page, played: PlayedServer, listed: dict[str, Any]
) -> None:
    open_list(returning)
    returning.route(lost := "**/resolve", lambda route: route.abort("internetdisconnected"))
    button(returning, "End this conversation").click()
    button(returning, "End it now").click()
    said = returning.locator("chat-list").get_by_role("status")
    expect(said).to_have_text("We can’t reach the chat right now.")
    returning.unroute(lost)
    played.cut()
    expect(said).to_be_empty()
    button(returning, "End it now").click()
    expect(rows(returning).first).to_contain_text("Closed")


def test_the_list_closes_with_escape_and_the_chat_stays(
    returning: Page, played: PlayedServer, listed: dict[str, Any]
) -> None:
    open_list(returning)
    expect(button(returning, "Back to the conversation")).to_be_focused()
    returning.keyboard.press("Escape")
    expect(field(returning)).to_be_visible()
    expect(button(returning, "Conversations")).to_be_focused()


@pytest.mark.parametrize("chosen", ["Go on with this conversation", "Start a new conversation"])
def test_where_the_inbox_asks_the_visitor_chooses_what_becomes_of_a_closed_one(
    returning: Page, played: PlayedServer, chosen: str
) -> None:
    played.config = {"resolved": "ask"}
    played.messages = [played.message("Bye")]
    talk = played.talk(status="resolved")
    returning.goto(CHAT)
    expect(field(returning)).to_be_hidden()
    button(returning, chosen).click()
    expect(field(returning)).to_be_focused()
    say(returning, "Hello again")
    (sent,) = played.frames("send")
    assert (sent["conversation"] == talk["id"]) is (chosen == "Go on with this conversation")
    assert ("begins" in sent) is (chosen != "Go on with this conversation")


def test_where_the_inbox_asks_one_that_ends_under_the_list_leaves_the_choice_alone_there(
    returning: Page, played: PlayedServer, listed: dict[str, Any]
) -> None:
    played.config = {"resolved": "ask"}
    open_list(returning)
    button(returning, "End this conversation").click()
    button(returning, "End it now").click()
    played.changes([], [played.talk(status="resolved")])
    choice = returning.locator("chat-choice")
    expect(choice).to_be_attached()
    expect(choice).to_be_hidden()
    button(returning, "Back to the conversation").click()
    expect(choice).to_be_visible()
    expect(field(returning)).to_be_hidden()
    button(returning, "Go on with this conversation").click()
    expect(field(returning)).to_be_visible()


def test_where_the_inbox_wants_it_writing_in_a_closed_one_begins_a_new_one(
    returning: Page, played: PlayedServer
) -> None:
    played.config = {"resolved": "new"}
    played.messages = [played.message("Bye")]
    played.talk(status="resolved")
    returning.goto(CHAT)
    expect(returning.get_by_text("This conversation is closed. Writing begins a new one.")).to_be_visible()
    say(returning, "Hello again")
    expect(log(returning)).to_contain_text("Hello again")
    assert "begins" in played.frames("send")[0]
