"""`chatwootSettings` take effect inside the frame, and the chat moves into a window of its own."""

import json
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.test_sdk import frame, host, script
from tests.fixtures.browser import PlayedServer

pytestmark = pytest.mark.browser

WINDOW = "Open in a new window"


def shop(context: BrowserContext, home: str, **settings: Any) -> Page:
    """A page that was made for Chatwoot's widget, with the chat open."""
    said = f"<script>window.chatwootSettings = {json.dumps(settings)}</script>"
    page = host(context, home, said + script(home, 'data-inbox="main" data-chatwoot-compat'))
    page.get_by_role("button", name="Open chat").click()
    expect(frame(page).get_by_role("textbox", name="Message")).to_be_visible()
    return page


def test_a_visitor_takes_the_chat_into_a_window_of_its_own(
    context: BrowserContext, played: PlayedServer, home: str
) -> None:
    page = shop(context, home, showPopoutButton=True, welcomeTitle="Ahoy")
    with page.expect_popup() as opened:
        frame(page).get_by_role("button", name=WINDOW).click()
    alone = opened.value.frame_locator("iframe")
    expect(alone.get_by_text("Ahoy")).to_be_visible()
    expect(alone.get_by_role("button", name=WINDOW)).to_have_count(0)
    expect(page.get_by_role("button", name="Open chat")).to_be_visible()
    alone.get_by_role("textbox", name="Message").fill("From here")
    alone.get_by_role("textbox", name="Message").press("Enter")
    expect(alone.locator("chat-message")).to_have_count(1)


def test_what_a_page_does_not_want_is_not_there_and_its_lines_are(
    context: BrowserContext, played: PlayedServer, home: str
) -> None:
    page = shop(
        context, home, enableFileUpload=False, enableEmojiPicker=False, unavailableMessage="Out at sea", locale="en"
    )
    chat = frame(page)
    expect(chat.get_by_text("Out at sea")).to_be_visible()
    for name in ("Add files", "Emoji", "Record a voice message", WINDOW):
        expect(chat.get_by_role("button", name=name)).to_have_count(0)
    page = shop(context, home)
    for name in ("Add files", "Emoji"):
        expect(frame(page).get_by_role("button", name=name)).to_be_visible()
    expect(frame(page).get_by_text("We answer here as soon as we can")).to_be_visible()
