"""Whoever leaves takes along what the page showed of them: the next person finds none of it, whatever fails."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.test_composer import photo, pick
from tests.e2e.test_composer_looks import ASK
from tests.e2e.test_composer_parts import newcomer
from tests.e2e.test_frame import CHAT, field, say
from tests.e2e.test_several import button, listed, open_list, rows
from tests.fixtures.browser import PlayedServer
from tests.fixtures.rich_messages import PlayedFiles, drawing

pytestmark = pytest.mark.browser
__all__ = ["listed"]


def sign_out(page: Page) -> None:
    """As another tab does."""
    page.evaluate("""() => {
        localStorage.clear();
        dispatchEvent(new StorageEvent("storage", { key: "chatproxy:main:leaving" }));
    }""")


def come_back(page: Page) -> None:
    page.evaluate("""() => {
        localStorage.setItem("chatproxy:main:begun", "true");
        dispatchEvent(new StorageEvent("storage", { key: "chatproxy:main:begun" }));
    }""")


@pytest.mark.usefixtures("listed")
def test_the_list_of_one_person_is_not_the_next_one_s_also_when_theirs_cannot_be_read(
    context: BrowserContext, played: PlayedServer, returning: Page
) -> None:
    played.config = {"transcript": "any"}
    played.contact["signed_email"] = "alice@example.com"
    open_list(returning)
    expect(rows(returning)).to_have_count(2)
    expect(returning.locator("#mail-address")).to_have_value("alice@example.com")
    sign_out(returning)
    expect(returning.locator("chat-list")).to_be_hidden()
    expect(field(returning)).to_be_visible()
    expect(rows(returning)).to_have_count(0)
    expect(returning.locator("#mail-address")).to_have_count(0)
    played.messages = [played.message("Hello Bob")]
    come_back(returning)
    for path in ("conversations?*", "contact"):
        context.route(f"**/api/v1/{path}", lambda route: route.fulfill(status=503, json={}))
    button(returning, "Conversations").click()
    expect(returning.locator("chat-list .remark").last).not_to_be_empty()
    expect(rows(returning)).to_have_count(0)
    expect(returning.locator("#mail-address")).to_have_count(0)


@pytest.mark.usefixtures("listed")
def test_what_is_deleted_leaves_the_list_also_when_it_cannot_be_read_anew(
    context: BrowserContext, played: PlayedServer, returning: Page
) -> None:
    open_list(returning)
    expect(rows(returning).first).to_contain_text("How can I help?")
    context.route("**/api/v1/conversations?*", lambda route: route.fulfill(status=503, json={}))
    delete(played, played.messages[0])
    expect(returning.locator("chat-list .remark").last).not_to_be_empty()
    expect(rows(returning).first).not_to_contain_text("How can I help?")


def test_a_large_picture_goes_with_its_message_and_with_whoever_saw_it(
    context: BrowserContext, played: PlayedServer, returning: Page
) -> None:
    files = PlayedFiles(context, played)
    for name in ("front.png", "side.png", "back.png"):
        shown = files.has(drawing(), "image/png", "image", name)
        played.messages.append(played.message(name, attachments=[shown]))
    returning.goto(CHAT)
    returning.locator("button.picture.loaded").first.click()
    expect(returning.get_by_role("dialog", name="Picture: front.png")).to_be_visible()
    _, side, back = played.messages
    delete(played, side)
    expect(returning.locator("button.picture")).to_have_count(2)
    returning.get_by_role("button", name="Next picture").click()
    expect(returning.get_by_role("dialog", name="Picture: back.png")).to_be_visible()
    delete(played, back)
    expect(returning.get_by_role("dialog")).to_have_count(0)
    returning.locator("button.picture.loaded").first.click()
    expect(returning.get_by_role("dialog", name="Picture: front.png")).to_be_visible()
    sign_out(returning)
    expect(returning.get_by_role("dialog")).to_have_count(0)


def delete(played: PlayedServer, row: dict[str, Any]) -> None:
    played.seq += 1
    played.changes([row | {"deleted": True, "text": [], "attachments": [], "seq": played.seq}])


def test_what_was_asked_and_typed_before_the_first_message_goes_with_whoever_it_was(
    context: BrowserContext, played: PlayedServer
) -> None:
    page = newcomer(context, played, ask=ASK)
    pick(page, photo())
    expect(page.locator(".chip")).to_have_count(1)
    say(page, "Would it be right in Whitby?")
    page.get_by_role("textbox", name="Name").fill("Ada")
    sign_out(page)
    expect(page.locator("section.questions")).to_have_count(0)
    expect(page.locator(".chip")).to_have_count(0)
    expect(field(page)).to_have_value("")
    say(page, "Hello from Bob")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("")
    assert (played.frames("send"), played.uploads, played.patches) == ([], [], [])
