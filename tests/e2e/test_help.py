"""The help centre in the chat: found, read, left again, with a server that the test plays; once all of it is real."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.e2e.test_frame import CHAT, field, say
from tests.fixtures.browser import ARTICLES, Complaints, PlayedServer
from tests.fixtures.states import helped
from tests.fixtures.the_demo import Demo

pytestmark = pytest.mark.browser

SEARCH = "Search for help"


@pytest.fixture
def chat(context: BrowserContext, played: PlayedServer) -> Page:
    page = context.new_page()
    helped(page, played)
    return page


def search(page: Page) -> Locator:
    return page.get_by_role("searchbox", name=SEARCH)


def view(page: Page) -> Locator:
    return page.get_by_role("region", name=SEARCH)


def test_an_inbox_without_a_help_centre_loads_nothing_of_it(context: BrowserContext, played: PlayedServer) -> None:
    page = context.new_page()
    page.goto(CHAT)
    expect(page.get_by_text("Hello, this is the workshop.")).to_be_visible()
    assert not [path for path in played.requests if "help" in path or path.startswith(ARTICLES)]


def test_a_search_is_typed_heard_of_and_opened_by_keyboard_alone(chat: Page) -> None:
    chat.get_by_role("button", name=SEARCH).focus()
    chat.keyboard.press("Enter")
    expect(search(chat)).to_be_focused()
    expect(chat.get_by_role("status").filter(has_text="Often read")).to_be_visible()
    expect(field(chat)).to_be_hidden()
    chat.keyboard.type("deliv")
    expect(chat.get_by_role("status").filter(has_text="1 article")).to_be_visible()
    chat.keyboard.press("ArrowDown")
    expect(chat.get_by_role("button", name="How long does delivery take?")).to_be_focused()
    chat.keyboard.press("Enter")
    expect(chat.get_by_role("article").get_by_role("heading", level=2)).to_have_text("How long does delivery take?")
    expect(chat.get_by_role("article")).to_be_focused()
    expect(chat.get_by_role("article").get_by_text("six days")).to_be_visible()
    chat.keyboard.press("Escape")
    expect(chat.get_by_role("button", name="How long does delivery take?")).to_be_focused()
    chat.keyboard.press("Escape")
    expect(view(chat)).to_have_count(0)
    expect(chat.get_by_role("button", name=SEARCH)).to_be_focused()
    expect(field(chat)).to_be_visible()


def test_an_article_that_is_read_much_leads_back_to_the_chat(chat: Page) -> None:
    opener = chat.get_by_role("button", name="How long does delivery take?")
    opener.click()
    expect(chat.get_by_role("article").locator("ul li")).to_have_count(2)
    headings = chat.get_by_role("article").get_by_role("heading")
    expect(headings).to_have_text(["How long does delivery take?", "Then it is on its way"])
    chat.get_by_role("button", name="Back").click()
    expect(opener).to_be_focused()


def test_whoever_finds_nothing_asks_us(chat: Page, played: PlayedServer) -> None:
    chat.get_by_role("button", name=SEARCH).click()
    search(chat).fill("zebra")
    expect(chat.get_by_role("status").filter(has_text="Nothing found")).to_be_visible()
    chat.get_by_role("button", name="Ask us instead").click()
    expect(field(chat)).to_be_focused()
    say(chat, "Do you have zebras?")
    expect(chat.locator("chat-message")).to_have_count(1)
    expect(chat.locator("help-home")).to_be_hidden()


def test_a_help_centre_that_does_not_answer_is_not_there(context: BrowserContext, played: PlayedServer) -> None:
    played.config |= {"articles": True}
    context.route(f"**{ARTICLES}**", lambda route: route.fulfill(status=503, json={"error": {"code": "unavailable"}}))
    page = context.new_page()
    with page.expect_response(f"**{ARTICLES}**"):
        page.goto(CHAT)
    expect(page.get_by_text("Hello, this is the workshop.")).to_be_visible()
    expect(page.locator("help-home")).to_have_count(0)


def test_what_cannot_be_loaded_is_said(context: BrowserContext, chat: Page) -> None:
    context.route(f"**{ARTICLES}**", lambda route: route.abort("connectionreset"))
    chat.get_by_role("button", name="Send it back").click()
    expect(chat.get_by_role("article").get_by_text("This could not be loaded.")).to_be_visible()
    chat.get_by_role("button", name="Back").click()
    chat.get_by_role("button", name=SEARCH).click()
    search(chat).fill("back")
    expect(view(chat).locator(".help-status")).to_contain_text("This could not be loaded.")


# Everything real


@pytest.fixture
def visitor(chromium: Browser, demo: Demo) -> Iterator[Page]:
    context = chromium.new_context(base_url=demo.url, locale="de-DE")
    complaints = Complaints(context)
    yield context.new_page()
    context.close()
    assert complaints.texts == []


def test_the_demo_s_articles_are_found_in_the_visitor_s_language(visitor: Page) -> None:
    visitor.goto(CHAT)
    visitor.get_by_role("button", name="Hilfe durchsuchen").click()
    visitor.get_by_role("searchbox").fill("sendung")
    expect(visitor.locator("help-view li")).to_have_count(1)
    visitor.get_by_role("button", name="Wie lange dauert die Lieferung?").click()
    expect(visitor.get_by_role("article").get_by_text("sechs Tagen")).to_be_visible()
    visitor.get_by_role("button", name="Lieber uns fragen").click()
    expect(visitor.get_by_role("textbox", name="Nachricht")).to_be_focused()
