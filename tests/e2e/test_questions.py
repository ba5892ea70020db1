"""An agent asks at the desk, a visitor answers, and the desk shows it; everything between them is real."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.fixtures.browser import Complaints
from tests.fixtures.the_demo import Demo

pytestmark = pytest.mark.browser


@pytest.fixture
def visitor(chromium: Browser, demo: Demo) -> Iterator[BrowserContext]:
    context = chromium.new_context(base_url=demo.url, locale="en-GB")
    complaints = Complaints(context)
    yield context
    context.close()
    assert complaints.texts == []


@pytest.fixture
def desk(chromium: Browser, demo: Demo) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.goto(demo.desk_url)
    yield page
    context.close()


def insert(desk: Page, *kinds: str) -> None:
    for kind in kinds:
        desk.get_by_role("button", name="Insert").click()
        desk.get_by_role("menuitem", name=kind).click()


def asked(chat: Page, words: str) -> Locator:
    return chat.locator("chat-message", has_text=words)


def test_the_desk_shows_what_a_visitor_answered(visitor: BrowserContext, desk: Page, demo: Demo) -> None:
    chat = visitor.new_page()
    chat.goto("/chat/main/")
    chat.get_by_role("textbox", name="Message").fill("Which tea would you drink?")
    chat.get_by_role("textbox", name="Message").press("Enter")
    desk.get_by_role("navigation", name="Conversations").get_by_text("Which tea would you drink?").click()
    thread = desk.get_by_role("log", name="Messages")
    expect(thread).to_contain_text("Which tea would you drink?")
    insert(desk, "Choices", "Form", "Cards", "Rating")

    asked(chat, "How do you take your tea?").get_by_role("button", name="With milk").click()
    form = asked(chat, "Where may we write to you?")
    form.get_by_label("E-mail").fill("ada@example.test")
    form.get_by_label("Size").select_option("Large")
    form.get_by_role("button", name="Send").click()
    survey = asked(chat, "How did we do?")
    survey.get_by_role("button", name="Good", exact=True).click()
    survey.get_by_role("textbox", name="Anything you would like to add?").fill("Kind")
    survey.get_by_role("button", name="Send").click()
    cards = asked(chat, "Two that go well together")
    cards.locator("section", has_text="Spring leaf").get_by_role("button", name="I would like this").click()

    expect(thread.get_by_text("With milk chosen")).to_be_visible()
    expect(thread.locator(".form")).to_contain_text("ada@example.test")
    expect(thread.locator(".form")).to_contain_text("SizeLarge")
    expect(thread.locator(".rating")).to_contain_text("Good, 4 of 5")
    expect(thread.locator(".rating")).to_contain_text("Kind")
    expect(thread.locator("[data-message-id]", has_text="I would like this").last).to_be_visible()

    chat.reload()
    expect(asked(chat, "How do you take your tea?").locator(".chosen")).to_contain_text("With milk")
    expect(form.locator("dd").first).to_have_text("ada@example.test")
    expect(survey.get_by_text("Thank you")).to_be_visible()
    expect(chat.locator("chat-message .answer-line:visible")).to_have_count(0)
