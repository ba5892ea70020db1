"""Whoever leaves takes along what the page showed of them: the next person finds none of it, whatever fails."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.test_frame import field
from tests.e2e.test_several import button, listed, open_list, rows
from tests.fixtures.browser import PlayedServer

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
    played.seq += 1
    played.changes([played.messages[0] | {"deleted": True, "text": [], "seq": played.seq}])
    expect(returning.locator("chat-list .remark").last).not_to_be_empty()
    expect(rows(returning).first).not_to_contain_text("How can I help?")
