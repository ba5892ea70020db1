"""Who answers, in the header before anybody has, and a conversation by e-mail; once all of it is real."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from tests.e2e.test_frame import CHAT, say
from tests.fixtures.browser import ROOT, Complaints, PlayedServer
from tests.fixtures.states import TEAM, faced, listed, thread
from tests.fixtures.the_demo import Demo

pytestmark = pytest.mark.browser

EVERYBODY = "Here for you: Gus, Zoe and Ann-Sophie"
PLAIN = "We answer here as soon as we can"


def line(page: Page) -> Locator:
    return page.locator("chat-header .line")


def faces(page: Page) -> Locator:
    return page.locator("chat-header .faces")


@pytest.fixture
def chat(context: BrowserContext, played: PlayedServer) -> Page:
    page = context.new_page()
    played.config |= {"team": TEAM}
    faced(page)
    return page


def test_names_and_faces_are_there_until_somebody_has_answered(chat: Page, played: PlayedServer) -> None:
    chat.goto(CHAT)
    expect(line(chat)).to_have_text(EVERYBODY)
    expect(faces(chat).locator("span")).to_have_count(3)
    expect(faces(chat).locator("img")).to_have_count(2)
    expect(faces(chat)).to_have_attribute("aria-hidden", "true")  # the line says it
    say(chat, "Is the brass one in stock?")
    expect(chat.locator("chat-message")).to_have_count(1)
    expect(line(chat)).to_have_text(EVERYBODY)
    played.says("Yes, it is.")
    expect(line(chat)).to_have_text("You are talking to Gus")
    expect(faces(chat)).to_be_hidden()


def test_a_bot_s_answer_is_nobody_s(chat: Page, played: PlayedServer) -> None:
    chat.goto(CHAT)
    say(chat, "Hello?")
    played.says("We will be with you soon.", sender={"name": "Robin", "avatar": None, "kind": "bot"})
    expect(chat.locator("chat-message")).to_have_count(2)
    expect(line(chat)).to_have_text(EVERYBODY)


def test_whoever_was_answered_long_ago_reads_what_they_read_before(chat: Page, played: PlayedServer) -> None:
    thread(chat, played)
    expect(line(chat)).to_have_text("You are talking to Gus")
    played.messages = [played.message("Good morning", age_s=90_000)]
    chat.reload()
    expect(chat.locator("chat-message")).to_have_count(1)
    expect(line(chat)).to_have_text(PLAIN)
    expect(faces(chat)).to_be_hidden()


def test_outside_the_opening_hours_nobody_is_said_to_be_there(chat: Page, played: PlayedServer) -> None:
    opens = (time.time() + 40 * 86_400) * 1000
    played.config |= {"openings": [[opens, opens + 3_600_000]]}
    chat.goto(CHAT)
    expect(line(chat)).to_contain_text("Back on")
    expect(faces(chat)).to_be_hidden()


def test_a_line_of_the_inbox_s_own_stays_and_the_faces_are_named(chat: Page, played: PlayedServer) -> None:
    played.config |= {"texts": {"header.plain": "We usually answer within an hour"}}
    chat.goto(CHAT)
    expect(chat.get_by_role("img", name=EVERYBODY)).to_be_visible()
    expect(line(chat)).to_have_text("We usually answer within an hour")


def test_a_picture_that_is_not_there_is_an_initial(context: BrowserContext, chat: Page) -> None:
    chat.unroute("**/api/v1/avatars/**")
    chat.route("**/api/v1/avatars/**", lambda route: route.fulfill(status=200, body="no picture"))
    chat.goto(CHAT)
    expect(faces(chat)).to_have_text("GZA")
    expect(faces(chat).locator("img")).to_have_count(0)


def test_nobody_s_name_moves_anything(context: BrowserContext, chat: Page, played: PlayedServer) -> None:
    chat.set_viewport_size({"width": 320, "height": 600})
    played.config |= {"team": [{"name": "Maximiliane Theodora von Hohenlohe-Waldenburg", "avatar": None}] * 3}
    chat.goto(CHAT)
    expect(faces(chat).locator("span")).to_have_count(3)
    assert chat.locator("chat-header").evaluate("(header) => header.offsetHeight") == 70
    assert chat.evaluate("document.documentElement.scrollWidth") == 320


def test_beside_the_buttons_of_a_narrow_page_names_are_readable(chat: Page, played: PlayedServer) -> None:
    chat.set_viewport_size({"width": 320, "height": 600})  # as 360 px with the button that closes
    chat.goto(CHAT)
    say(chat, "Hello?")
    expect(chat.get_by_role("button", name="Sound for new messages")).to_be_visible()
    expect(line(chat)).to_have_text(EVERYBODY)
    assert not line(chat).evaluate("(it) => it.scrollWidth > it.clientWidth || it.scrollHeight > it.clientHeight")


def test_an_inbox_that_names_nobody_loads_nothing_for_it(context: BrowserContext, played: PlayedServer) -> None:
    page = context.new_page()
    page.goto(CHAT)
    expect(line(page)).to_have_text(PLAIN)
    assert not [path for path in played.requests if "team" in path or "avatars" in path]


def test_in_arabic_each_name_keeps_to_itself(chat: Page, played: PlayedServer) -> None:
    catalogue = "/static/chat/locales/ar.js"
    played.config |= {"language": "ar", "locale": "ar", "dir": "rtl", "catalogue": catalogue}
    chat.goto(CHAT)
    expect(line(chat)).to_contain_text("\u2068Gus\u2069")
    first, title = faces(chat).locator("span").first.bounding_box(), chat.locator(".title").bounding_box()
    assert first and title and first["x"] < title["x"] + title["width"]


# By e-mail


@pytest.fixture
def mail(context: BrowserContext, played: PlayedServer) -> dict[str, Any]:
    """``sent``: what was asked for; ``answers``: given first, then 202 with the address."""
    found: dict[str, Any] = {"sent": [], "answers": []}

    def answer(route: Route) -> None:
        body = json.loads(route.request.post_data or "{}")
        found["sent"].append((route.request.url.split("/")[-2], body.get("email")))
        status, told = (
            found["answers"].pop(0) if found["answers"] else (202, {"email": body.get("email") or "own@example.com"})
        )
        headers = {"Retry-After": "60"} if status == 429 else {}
        route.fulfill(status=status, json=told, headers=headers)

    context.route("**/transcript", answer)
    return found


def opened(context: BrowserContext, played: PlayedServer, allowed: str, **contact: Any) -> Page:
    page = context.new_page()
    played.config |= {"transcript": allowed}
    played.contact |= contact
    listed(page, played)
    return page


def ask(page: Page, row: int = 0) -> Locator:
    return page.locator("chat-list li").nth(row).get_by_role("button", name="Send by e-mail")


def status(page: Page) -> Locator:
    return page.locator(".mailing").get_by_role("status")


def test_a_conversation_goes_to_the_address_that_is_known(
    context: BrowserContext, played: PlayedServer, mail: dict[str, Any]
) -> None:
    page = opened(context, played, "own", signed_email="own@example.com")
    ask(page).click()
    expect(status(page)).to_have_text("On its way to own@example.com.")
    assert mail["sent"] == [("c0000000-0000-4000-8000-000000000000", None)]


def test_who_has_no_address_that_is_known_is_not_offered_it(context: BrowserContext, played: PlayedServer) -> None:
    page = opened(context, played, "own", signed_email=None, email="said@example.com")
    expect(page.locator("chat-list li")).to_have_count(2)
    expect(page.get_by_role("button", name="End this conversation")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(ask(page)).to_have_count(0)


def test_an_inbox_that_sends_none_asks_for_nothing(context: BrowserContext, played: PlayedServer) -> None:
    page = opened(context, played, "never")
    page.wait_for_load_state("networkidle")
    expect(ask(page)).to_have_count(0)
    assert "/api/v1/contact" not in played.requests


def test_an_address_is_written_by_keyboard_alone_and_wrong_ones_are_said(
    context: BrowserContext, played: PlayedServer, mail: dict[str, Any]
) -> None:
    page = opened(context, played, "any", signed_email=None, email="said@example.com")
    ask(page, 1).focus()
    page.keyboard.press("Enter")
    field = page.get_by_role("textbox", name="E-mail address")
    expect(field).to_be_focused()
    expect(field).to_have_value("said@example.com")
    field.fill("ada@")
    page.keyboard.press("Enter")
    expect(page.locator(".mailing").get_by_role("alert")).to_have_text("This is not an e-mail address.")
    field.fill("ada@example.com")
    page.keyboard.press("Enter")
    expect(status(page)).to_have_text("On its way to ada@example.com.")
    expect(field).to_be_hidden()
    expect(ask(page, 1)).to_be_focused()
    assert mail["sent"] == [("c0000000-0000-4000-8000-000000000001", "ada@example.com")]


@pytest.mark.complains("status of 409", "status of 429", "status of 503")
def test_what_could_not_be_sent_is_said(context: BrowserContext, played: PlayedServer, mail: dict[str, Any]) -> None:
    page = opened(context, played, "own", signed_email="own@example.com")
    for code, answer, words in (
        ("no_transcript", 409, "This conversation cannot be sent by e-mail."),
        ("too_fast", 429, "Too much at once. Please wait a moment."),
        ("unavailable", 503, "The chat is not available right now."),
    ):
        mail["answers"].append((answer, {"error": {"code": code, "message": "On the wire"}}))
        ask(page).click()
        expect(status(page)).to_have_text(words)


# Everything real


@pytest.fixture
def staffed_demo(demo: Demo) -> Demo:
    """Its inbox keeps the agent's token, and sends transcripts to anybody."""
    folder = demo.log.parent
    world = json.loads((folder / "world.json").read_text())
    env = {"PATH": os.environ["PATH"], "VAR_DIR": str(folder), "DEBUG": "True", "CHATWOOT_URL": world["base_url"]}
    env |= {"CHATWOOT_INBOX_IDENTIFIER": world["demo_inbox"]["identifier"]}
    env |= {"CHATWOOT_HMAC_TOKEN": world["demo_inbox"]["hmac_token"]}
    env |= {"CHATWOOT_ADMIN_TOKEN": world["admin_token"], "CHATWOOT_AGENT_TOKEN": world["agent_token"]}
    allow = "from chat.models import Inbox; Inbox.objects.update(policy={'transcript': 'any'})"
    for command in (["connect_chatwoot", "--keep-agent-token"], ["shell", "-c", allow]):
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *command], env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    return demo


@pytest.fixture
def visitor(chromium: Browser, staffed_demo: Demo) -> Iterator[Page]:
    context = chromium.new_context(base_url=staffed_demo.url, locale="en-GB")
    complaints = Complaints(context)
    yield context.new_page()
    context.close()
    assert complaints.texts == []


def test_a_visitor_sees_gus_is_answered_and_takes_the_conversation_along(visitor: Page, staffed_demo: Demo) -> None:
    until = time.monotonic() + 120  # a running process reads its inbox's row again within half a minute
    while time.monotonic() < until:
        visitor.goto(CHAT)
        expect(visitor.locator("chat-composer")).to_be_visible()
        if line(visitor).inner_text().startswith("Here for you"):
            break
        visitor.wait_for_timeout(1_000)
    expect(line(visitor)).to_have_text("Here for you: Gus Agent")
    expect(faces(visitor)).to_have_text("G")
    say(visitor, "Is the brass one in stock?")
    expect(visitor.get_by_text("Sent", exact=True)).to_be_visible(timeout=30_000)
    (talk,) = staffed_demo.desk.conversations()
    staffed_demo.desk.reply(talk["id"], "Yes, it is.")
    expect(line(visitor)).to_have_text("You are talking to Gus Agent", timeout=30_000)
    expect(faces(visitor)).to_be_hidden()
    visitor.get_by_role("button", name="Conversations").click()
    ask(visitor).click()
    visitor.get_by_role("textbox", name="E-mail address").fill("ada@example.com")
    visitor.keyboard.press("Enter")
    expect(status(visitor)).to_have_text("On its way to ada@example.com.", timeout=30_000)
    rows = staffed_demo.http.get("/sandbox/ledger").json()["conversations"]
    assert [row["transcripts"] for row in rows if row["id"] == talk["id"]] == [["ada@example.com"]]
