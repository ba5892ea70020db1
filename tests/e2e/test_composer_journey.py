"""A file from a visitor's browser to an agent's desk, and everything between them real."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.test_composer import pick
from tests.e2e.test_journey import log, newest_conversation, say
from tests.fixtures.browser import Complaints
from tests.fixtures.the_demo import Demo, Line

pytestmark = pytest.mark.browser


@pytest.fixture
def visitor(chromium: Browser, demo: Demo) -> Iterator[BrowserContext]:
    context = chromium.new_context(base_url=demo.url, locale="en-GB", permissions=["microphone"])
    complaints = Complaints(context)
    yield context
    context.close()
    assert complaints.texts == []


def slow(page: Page, bytes_per_s: int) -> None:
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_s}
    wire.send("Network.emulateNetworkConditions", conditions)


def incoming(demo: Demo) -> list[tuple[str | None, list[Any]]]:
    rows = demo.desk.messages(newest_conversation(demo))
    return [(row["content"], row.get("attachments", [])) for row in rows if row["message_type"] == 0]


def test_a_file_that_was_cut_in_the_middle_arrives_once_at_the_desk(
    visitor: BrowserContext, demo: Demo, line: Line
) -> None:
    page = visitor.new_page()
    page.goto(f"http://127.0.0.1:{line.port}/chat/main/")
    slow(page, 400_000)
    content = b"a line of the log\n" * 100_000
    pick(page, {"name": "all of it.txt", "mimeType": "text/plain", "buffer": content})
    bar = page.locator(".chip progress")
    expect(bar).to_be_visible()
    expect(bar).not_to_have_js_property("value", 0)
    line.cut()
    expect(page.get_by_text("Waiting for the network")).to_be_visible()
    say(page, "The log")
    expect(page.get_by_text("Waiting to be sent")).to_be_visible()
    slow(page, -1)
    line.mend()
    expect(page.get_by_text("Sent", exact=True)).to_be_visible(timeout=90_000)
    ((text, attachments),) = incoming(demo)
    assert text == "The log"
    assert [each["file_size"] for each in attachments] == [len(content)]
    expect(log(page).locator("chat-message")).to_have_count(1)


def test_a_voice_message_is_sound_to_the_agent(visitor: BrowserContext, demo: Demo) -> None:
    page = visitor.new_page()
    page.goto("/chat/main/")
    page.get_by_role("button", name="Record a voice message").click()
    expect(page.get_by_role("timer")).to_have_text("0:01")
    page.get_by_role("button", name="Stop recording").click()
    page.get_by_role("button", name="Send voice message").click()
    expect(page.get_by_text("Sent", exact=True)).to_be_visible(timeout=60_000)
    ((_, attachments),) = incoming(demo)
    assert [each["file_type"] for each in attachments] == ["audio"]
