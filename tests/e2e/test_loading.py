"""What the chat loads later, lost or late, with a server that the test plays: what is said, and what goes."""

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.e2e.test_frame import CHAT, field, log, say, settle
from tests.fixtures.browser import PlayedServer

pytestmark = pytest.mark.browser


def test_a_lost_module_is_said_and_the_chat_comes_with_another_try(returning: Page, played: PlayedServer) -> None:
    lost = "**/static/chat/frame/app.js"
    returning.route(lost, lambda route: route.abort("connectionreset"))
    returning.goto(CHAT)
    expect(returning.get_by_role("alert")).to_contain_text("The chat could not be loaded.")
    returning.unroute(lost)
    returning.get_by_role("button", name="Try again").click()
    expect(field(returning)).to_be_visible()
    expect(returning.get_by_role("alert")).to_have_count(0)


def test_a_module_that_never_comes_is_said_and_the_chat_comes_with_it(returning: Page, played: PlayedServer) -> None:
    held: list[Route] = []
    returning.route("**/static/chat/frame/app.js", lambda route: held.append(route))
    returning.clock.install()
    returning.goto(CHAT, wait_until="commit")
    expect(returning.locator("main")).to_be_attached()
    returning.clock.run_for(14_000)
    expect(returning.get_by_role("alert")).to_have_count(0)
    returning.clock.run_for(2_000)
    expect(returning.get_by_role("alert")).to_contain_text("The chat could not be loaded.")
    expect(returning.get_by_role("button", name="Try again")).to_be_visible()
    held[0].continue_()
    expect(field(returning)).to_be_visible()
    expect(returning.get_by_role("alert")).to_have_count(0)
    field(returning).fill("Half a thought")
    returning.evaluate("dispatchEvent(new Event('online'))")
    settle(returning)
    assert len([path for path in played.requests if path == CHAT]) == 1, "it is not loaded again under somebody's hands"


def test_a_chat_that_came_does_not_say_that_it_is_lost(returning: Page, played: PlayedServer) -> None:
    returning.clock.install()
    returning.goto(CHAT)
    expect(field(returning)).to_be_visible()
    returning.clock.run_for(20_000)
    expect(field(returning)).to_be_visible()
    expect(returning.get_by_role("alert")).to_have_count(0)


def test_no_message_leaves_the_field_before_it_can_be_shown(context: BrowserContext, played: PlayedServer) -> None:
    page = context.new_page()
    page.route(lost := "**/static/chat/frame/messages.js", lambda route: route.abort("connectionreset"))
    page.goto(CHAT)
    say(page, "Hello?")
    settle(page)
    expect(field(page)).to_have_value("Hello?")
    assert played.received == []
    page.unroute(lost)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(log(page)).to_contain_text("Hello?")
    expect(field(page)).to_have_value("")


def test_what_shows_messages_comes_although_the_browser_keeps_it_as_lost(
    context: BrowserContext, played: PlayedServer
) -> None:
    """Firefox and Safari never ask a second time for a module that was lost at this address."""
    page = context.new_page()
    page.route("**/static/chat/frame/messages.js", lambda route: route.abort("connectionreset"))
    page.goto(CHAT)
    say(page, "Hello?")
    settle(page)
    expect(field(page)).to_have_value("Hello?")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(log(page)).to_contain_text("Hello?")
    expect(page.get_by_text("This could not be loaded.")).to_have_count(0)


@pytest.mark.parametrize("hung", ["frame/messages.js*", "lazy/message.css"])
@pytest.mark.parametrize("comes", [True, False])
def test_what_shows_messages_hangs_for_a_while_and_no_longer(
    context: BrowserContext, played: PlayedServer, hung: str, comes: bool
) -> None:
    """Nothing says so by itself, as a line that is cut does. In the end it comes all the same, or is lost."""
    page = context.new_page()
    page.clock.install()
    held: list[Route] = []
    page.route(f"**/static/chat/{hung}", lambda route: held.append(route))
    page.goto(CHAT)
    page.clock.run_for(100)
    say(page, "Hello?")
    while not held:
        page.wait_for_timeout(20)
    page.clock.run_for(14_000)
    expect(page.get_by_text("This could not be loaded.")).to_have_count(0)
    page.clock.run_for(2_000)
    expect(page.get_by_text("This could not be loaded.")).to_be_visible()
    expect(field(page)).to_have_value("Hello?")
    for route in held:
        route.continue_() if comes else route.abort("connectionreset")
    page.unroute(f"**/static/chat/{hung}")
    page.wait_for_timeout(500)
    page.clock.resume()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(log(page)).to_contain_text("Hello?")
    expect(page.get_by_text("This could not be loaded.")).to_have_count(0)


def test_what_is_written_on_while_messages_cannot_be_shown_is_not_sent(
    context: BrowserContext, played: PlayedServer
) -> None:
    page = context.new_page()
    page.route(lost := "**/static/chat/frame/messages.js*", lambda route: route.abort("connectionreset"))
    page.goto(CHAT)
    say(page, "Hello?")
    expect(page.get_by_text("This could not be loaded.")).to_be_visible()
    field(page).press_sequentially(" Is this")
    page.unroute(lost)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_text("This could not be loaded.")).to_have_count(0)
    settle(page)
    expect(field(page)).to_have_value("Hello? Is this")
    assert played.received == []


def test_what_is_cleaned_before_it_is_sent_goes_too_when_messages_can_be_shown(
    context: BrowserContext, played: PlayedServer
) -> None:
    page = context.new_page()
    page.route(lost := "**/static/chat/frame/messages.js*", lambda route: route.abort("connectionreset"))
    page.goto(CHAT)
    field(page).evaluate("(field) => { field.value = 'Hello \\0 there'; field.dispatchEvent(new Event('input')); }")
    field(page).press("Enter")
    expect(page.get_by_text("This could not be loaded.")).to_be_visible()
    page.unroute(lost)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(log(page)).to_contain_text("Hello")
    expect(field(page)).to_have_value("")


def test_what_is_meant_to_go_goes_although_another_tab_begins_the_session_meanwhile(
    context: BrowserContext, played: PlayedServer
) -> None:
    page, other = context.new_page(), context.new_page()
    page.route(lost := "**/static/chat/frame/messages.js*", lambda route: route.abort("connectionreset"))
    for each, text in ((page, "From the first tab"), (other, "From the second tab")):
        each.goto(CHAT)
        say(each, text)
    expect(log(other)).to_contain_text("From the second tab")
    while len(played.frames("hello")) < 2:
        page.wait_for_timeout(20)
    page.unroute(lost)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(log(page)).to_contain_text("From the first tab")
    expect(field(page)).to_have_value("")


def test_messages_are_shown_with_their_style_and_not_before(returning: Page, played: PlayedServer) -> None:
    played.messages = [played.message("Hello")]
    returning.route(lost := "**/static/chat/lazy/message.css", lambda route: route.abort("connectionreset"))
    returning.goto(CHAT)
    expect(returning.get_by_text("This could not be loaded.")).to_be_visible()
    expect(returning.locator("chat-message")).to_have_count(0)
    returning.unroute(lost)
    returning.evaluate("dispatchEvent(new Event('online'))")
    expect(log(returning)).to_contain_text("Hello")
    expect(returning.get_by_text("This could not be loaded.")).to_have_count(0)


def test_what_shows_messages_is_there_at_once_for_who_has_some_and_else_with_the_first_key(
    context: BrowserContext, played: PlayedServer
) -> None:
    page = context.new_page()
    page.goto(CHAT)
    settle(page)
    assert not [path for path in played.requests if path.endswith("/messages.js")]
    with page.expect_response("**/messages.js"):
        field(page).press("H")
