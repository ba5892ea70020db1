"""sdk.js on a host's page: one button, one panel, and no trace before the click."""

import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Page, Route, expect

from tests.fixtures.browser import PlayedServer

pytestmark = pytest.mark.browser


def frame(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title=Chat]")


def open_chat(page: Page) -> None:
    page.get_by_role("button", name="Open chat").click()
    expect(frame(page).get_by_role("textbox", name="Message")).to_be_focused()


def test_before_the_click_there_is_one_request_and_nothing_stored(
    context: BrowserContext, played: PlayedServer
) -> None:
    page = context.new_page()
    page.goto("/demo/")
    expect(page.get_by_role("button", name="Open chat")).to_be_visible()
    page.wait_for_load_state("networkidle")
    ours = [path for path in played.requests if path != "/demo/" and not path.startswith("/static/")]
    assert ours == ["/sdk.js"]
    assert page.locator("iframe").count() == 0
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_the_launcher_opens_closes_and_gives_the_focus_back(context: BrowserContext, played: PlayedServer) -> None:
    page = context.new_page()
    page.goto("/demo/")
    open_chat(page)
    launcher = page.get_by_role("button", name="Close chat").last
    expect(launcher).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Open chat")).to_be_focused()
    expect(frame(page).get_by_role("textbox", name="Message")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(frame(page).get_by_role("textbox", name="Message")).to_be_focused()
    frame(page).get_by_role("button", name="Close chat").click()
    expect(page.get_by_role("button", name="Open chat")).to_be_focused()


def said_hello(context: BrowserContext) -> tuple[Page, FrameLocator]:
    page = context.new_page()
    page.goto("/demo/")
    open_chat(page)
    chat = frame(page)
    chat.get_by_role("textbox", name="Message").fill("Hello")
    chat.get_by_role("button", name="Send").click()
    return page, chat


def test_unread_messages_show_on_the_launcher_until_it_is_opened(context: BrowserContext, played: PlayedServer) -> None:
    page, chat = said_hello(context)
    expect(chat.get_by_role("log")).to_contain_text("Hello")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Open chat")).to_be_focused()
    played.says("Hello yourself")
    expect(page.get_by_role("button", name="Open chat, 1 unread")).to_be_visible()
    assert played.frames("seen") == []
    for n in range(10):
        played.says(f"and {n}")
    expect(page.get_by_text("9+", exact=True)).to_be_visible()
    open_chat(page)
    expect(chat.get_by_text("New messages", exact=True)).to_be_attached()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Open chat", exact=True)).to_be_visible()
    assert played.frames("seen")[-1]["message"] == played.messages[-1]["id"]


def test_what_was_not_read_while_it_was_open_shows_on_the_launcher_when_it_closes(
    context: BrowserContext, played: PlayedServer
) -> None:
    page, chat = said_hello(context)
    for n in range(30):
        played.says(f"line {n}")
    expect(chat.get_by_text("line 29", exact=True)).to_be_visible()
    chat.locator(".scroller").evaluate("(e) => e.scrollTo({ top: 0 })")
    played.says("below the fold")
    expect(chat.get_by_role("button", name="1 new")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Open chat, 1 unread")).to_be_visible()


def test_somebody_who_has_written_gets_a_true_badge_without_a_socket(
    context: BrowserContext, played: PlayedServer
) -> None:
    page = context.new_page()
    page.goto("/demo/")
    open_chat(page)
    frame(page).get_by_role("textbox", name="Message").fill("Hello")
    page.keyboard.press("Enter")
    expect(frame(page).get_by_role("log").locator("[data-state=accepted]")).to_have_count(1)
    played.messages.append(played.message("Written while you were away"))
    sockets = len(played.frames("hello"))
    page.reload()
    expect(page.get_by_role("button", name="Open chat, 1 unread")).to_be_visible()
    assert len(played.frames("hello")) == sockets
    open_chat(page)
    expect(frame(page).get_by_role("log")).to_contain_text("Written while you were away")
    box = frame(page).get_by_role("textbox", name="Message").bounding_box()
    assert box is not None and box["height"] == 46


def written_elsewhere(context: BrowserContext) -> tuple[Page, Page]:
    """A page where a visitor wrote and closed the chat, and one where they never opened it."""
    page = context.new_page()
    page.goto("/demo/")
    open_chat(page)
    frame(page).get_by_role("textbox", name="Message").fill("Hello")
    page.keyboard.press("Enter")
    expect(frame(page).get_by_role("log").locator("[data-state=accepted]")).to_have_count(1)
    page.keyboard.press("Escape")
    other = context.new_page()
    with other.expect_response("**/api/v1/sync"):
        other.goto("/demo/")
    return page, other


def test_tabs_where_the_chat_was_never_opened_hear_from_one_where_it_was(
    context: BrowserContext, played: PlayedServer
) -> None:
    page, other = written_elsewhere(context)
    for text in ("Hello yourself", "What is it about?"):
        played.says(text)
    for each in (page, other):
        expect(each.get_by_role("button", name="Open chat, 2 unread")).to_be_visible()
    open_chat(page)
    expect(other.get_by_role("button", name="Open chat", exact=True)).to_be_visible()
    assert len(played.frames("hello")) == 1
    assert played.requests.count("/api/v1/sync") == 1
    assert not any("unread" in key for key in other.evaluate("Object.keys(localStorage)"))


def test_a_badge_is_made_true_when_the_page_is_looked_at_again(context: BrowserContext, played: PlayedServer) -> None:
    page, other = written_elsewhere(context)
    page.close()
    played.messages.append(played.message("Written to nobody's socket"))
    for _ in range(5):
        other.frames[-1].evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(other.get_by_role("button", name="Open chat, 1 unread")).to_be_visible()
    assert played.requests.count("/api/v1/sync") == 2
    assert len(played.frames("hello")) == 1


def test_a_message_left_unsent_goes_out_from_the_next_page_without_a_click(
    context: BrowserContext, played: PlayedServer
) -> None:
    page = context.new_page()
    page.goto("/demo/")
    open_chat(page)
    played.reachable = False
    frame(page).get_by_role("textbox", name="Message").fill("On my way out")
    page.keyboard.press("Enter")
    expect(frame(page).get_by_text("Waiting to be sent")).to_be_visible()
    played.reachable = True
    page.goto("/demo/#elsewhere")
    page.reload()
    page.wait_for_function("() => !Object.keys(localStorage).some((key) => key.includes('unsent'))")
    assert [frame["text"] for frame in played.frames("send")] == ["On my way out"]
    expect(page.get_by_role("button", name="Open chat")).to_be_visible()


def test_a_strict_host_page_is_enough(context: BrowserContext, played: PlayedServer, home: str) -> None:
    """No inline styles, no inline scripts, no eval, trusted types."""
    policy = f"default-src 'none'; script-src {home}; frame-src {home}; require-trusted-types-for 'script'"
    page = context.new_page()
    html = (
        f'<!doctype html><title>Strict</title><p>Shop</p><script async src="{home}/sdk.js" data-inbox="main"></script>'
    )

    def strict(route: Route) -> None:
        route.fulfill(body=html, content_type="text/html", headers={"Content-Security-Policy": policy})

    context.route("**/strict/", strict)
    page.goto("/strict/")
    box = page.get_by_role("button", name="Open chat").bounding_box()
    assert box is not None and (box["width"], box["height"]) == (56, 56)
    open_chat(page)


def test_calls_queue_before_the_script_and_work_after_it(context: BrowserContext, played: PlayedServer) -> None:
    page = context.new_page()
    page.add_init_script("window.chatproxy = { q: [['open'], ['fly'], null] }")
    page.goto("/demo/")
    expect(frame(page).get_by_role("textbox", name="Message")).to_be_focused()
    page.evaluate("chatproxy.q.push(['toggle'])")
    expect(page.get_by_role("button", name="Open chat")).to_be_visible()
    page.evaluate("chatproxy.open(); chatproxy.close(); chatproxy.destroy()")
    expect(page.get_by_role("button", name="Open chat")).to_have_count(0)
    assert page.evaluate("window.chatproxy.q.length") == 0


def test_a_chat_that_cannot_be_reached_says_so_can_be_left_and_comes_with_the_network(
    context: BrowserContext, played: PlayedServer
) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": 360, "height": 700})
    page.goto("/demo/")
    away = "**/frame/main/**"
    context.route(away, lambda route: route.abort("internetdisconnected"))
    page.get_by_role("button", name="Open chat").click()
    expect(page.get_by_text("The chat can’t be reached.")).to_be_visible()
    page.get_by_role("button", name="Close chat").click()
    open_again = page.get_by_role("button", name="Open chat")
    expect(open_again).to_be_focused()
    open_again.click()
    expect(page.get_by_text("The chat can’t be reached.")).to_be_visible()
    context.unroute(away)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(frame(page).get_by_role("textbox", name="Message")).to_be_focused()
    expect(page.get_by_text("The chat can’t be reached.")).to_be_hidden()
    expect(page.locator("iframe")).to_have_count(1)
    expect(page.get_by_role("button", name="Close chat")).to_have_count(0)
    expect(frame(page).get_by_role("button", name="Close chat")).to_be_visible()


def test_a_foreign_window_cannot_move_the_panel(context: BrowserContext, played: PlayedServer) -> None:
    page = context.new_page()
    page.goto("/demo/")
    open_chat(page)
    page.evaluate("postMessage({ chatproxy: 1, type: 'close' }, location.origin)")
    page.evaluate("postMessage({ chatproxy: 1, type: 'unread', count: 5 }, location.origin)")
    expect(frame(page).get_by_role("textbox", name="Message")).to_be_visible()
    assert page.evaluate("localStorage.getItem('chatproxy:main:wrote')") is None


def test_blocked_storage_breaks_neither_page_nor_chat(context: BrowserContext, played: PlayedServer) -> None:
    blocked = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    context.add_init_script(blocked)
    page = context.new_page()
    page.goto("/demo/")
    open_chat(page)
    frame(page).get_by_role("textbox", name="Message").fill("Still works")
    page.keyboard.press("Enter")
    expect(frame(page).get_by_role("log").locator("[data-state=accepted]")).to_have_count(1)


@pytest.mark.parametrize(("width", "full"), [(360, True), (800, False)])
def test_a_narrow_window_gives_the_chat_all_of_it(
    context: BrowserContext, played: PlayedServer, width: int, full: bool
) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 700})
    page.goto("/demo/")
    open_chat(page)
    box = page.locator("iframe[title=Chat]").bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == ((360, 700) if full else (384, 596))
    expect(frame(page).get_by_role("button", name="Close chat")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
