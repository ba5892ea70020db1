"""What the composer looks like in its states: pictures in test-results/, for somebody to look at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.test_composer import chips, photo, pick
from tests.e2e.test_frame import CHAT, field, log, say, settle
from tests.fixtures.browser import ROOT, PlayedServer

pytestmark = pytest.mark.browser

FOLDER = ROOT / "test-results" / "composer"
ASK = {
    "fields": [
        {"name": "name", "kind": "name", "label": "", "required": True},
        {"name": "email", "kind": "email", "label": "", "required": True},
        {"name": "order", "kind": "attribute", "label": "Order number", "required": False},
    ],
    "consent": {
        "text": "I agree that Saltmark keeps what I write here to answer me.",
        "link": "https://saltmark.example/privacy",
        "link_text": "Privacy",
        "version": "1",
    },
}
QUESTIONS = ["Would it be right in Whitby?", "How long does delivery take?", "Can I send it back?"]


def files(page: Page, played: PlayedServer) -> None:
    pick(page, photo("Harbour clock, oiled oak.png"))
    expect(chips(page)).to_have_attribute("data-phase", "done")
    reason = "Send a picture, a PDF, plain text, sound or film; this file is none of these."
    played.upload_answers = [(415, {"error": {"code": "file_refused", "message": reason}})]
    pick(page, {"name": "plan.pdf", "mimeType": "application/pdf", "buffer": b"x" * 120_000})
    expect(chips(page).last).to_have_attribute("data-phase", "failed")
    played.held_uploads = []
    pick(page, {"name": "a voice.ogg", "mimeType": "audio/ogg", "buffer": b"x" * 2_400_000})
    field(page).fill("The hand stopped at half past four.\nHere is what I see.")


def sending(page: Page, played: PlayedServer) -> None:
    played.held_uploads = []
    pick(page, photo("Harbour clock.png"))
    say(page, "This is the one")
    expect(log(page)).to_contain_text("Uploading…")


def dropping(page: Page, played: PlayedServer) -> None:
    pick(page, photo())
    expect(chips(page)).to_have_attribute("data-phase", "done")
    page.evaluate("document.querySelector('main').dataset.drop = 'Drop files here to add them'")


def emoji(page: Page, played: PlayedServer) -> None:
    field(page).fill("Thank you ")
    page.get_by_role("button", name="Emoji").click()
    expect(page.get_by_role("dialog", name="Emoji")).to_be_visible()


def emoji_found(page: Page, played: PlayedServer) -> None:
    emoji(page, played)
    page.get_by_role("searchbox").fill("heart")
    page.keyboard.press("ArrowDown")


def recording(page: Page, played: PlayedServer) -> None:
    page.get_by_role("button", name="Record a voice message").click()
    expect(page.get_by_role("timer")).to_have_text("0:01")


def reviewing(page: Page, played: PlayedServer) -> None:
    recording(page, played)
    page.get_by_role("button", name="Stop recording").click()
    expect(page.get_by_role("button", name="Send voice message")).to_be_visible()


def questions(page: Page, played: PlayedServer) -> None:
    say(page, "Would it be right in Whitby?")
    page.get_by_role("textbox", name="Name").fill("Ada")
    page.get_by_role("textbox", name="E-mail").fill("ada@")
    page.get_by_role("button", name="Send message").click()
    expect(page.get_by_text("This is not an e-mail address.")).to_be_visible()


def nothing(page: Page, played: PlayedServer) -> None:
    """As it opens."""


def limits(page: Page, played: PlayedServer) -> None:
    with page.expect_file_chooser():
        page.get_by_role("button", name="Add files").click()


STATES: dict[str, tuple[Callable[[Page, PlayedServer], None], dict[str, Any]]] = {
    "empty": (nothing, {"suggestions": QUESTIONS}),
    "limits": (limits, {}),
    "files": (files, {}),
    "sending": (sending, {}),
    "dropping": (dropping, {}),
    "emoji": (emoji, {}),
    "emoji-found": (emoji_found, {}),
    "recording": (recording, {}),
    "reviewing": (reviewing, {}),
    "questions": (questions, {"ask": ASK}),
}


@pytest.mark.parametrize("width", [384, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_nothing_overflows_and_a_picture_is_taken(
    context: BrowserContext, played: PlayedServer, state: str, scheme: Any, width: int
) -> None:
    context.grant_permissions(["microphone"])
    page = context.new_page()
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 640})
    arrange, played.config = STATES[state]
    page.goto(CHAT)
    expect(field(page)).to_be_focused()
    arrange(page, played)
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=Path(FOLDER / f"{state}-{scheme}-{width}.png"))
