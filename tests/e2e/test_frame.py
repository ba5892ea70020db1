"""The chat in a browser, with a server that the test plays: what is shown, said and kept."""

import re

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.fixtures.browser import PlayedServer

pytestmark = pytest.mark.browser

CHAT = "/chat/main/"


def log(page: Page) -> Locator:
    return page.get_by_role("log", name="Conversation")


def field(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


def say(page: Page, text: str) -> None:
    field(page).fill(text)
    field(page).press("Enter")


def shown(page: Page) -> list[str]:
    return log(page).locator("chat-message .bubble").all_inner_texts()


def settle(page: Page) -> None:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_a_newcomer_sees_a_greeting_and_costs_no_request(context: BrowserContext, played: PlayedServer) -> None:
    page = context.new_page()
    page.goto(CHAT)
    expect(page.get_by_text("Hello, this is the workshop.")).to_be_visible()
    expect(field(page)).to_be_focused()
    assert [path for path in played.requests if path.startswith("/api")] == []
    assert played.received == []
    assert page.evaluate("Object.keys(localStorage)") == []


def test_a_message_is_one_element_from_draft_to_sent(context: BrowserContext, played: PlayedServer) -> None:
    page = context.new_page()
    played.taking = False
    page.goto(CHAT)
    say(page, "Is the brass one in stock?")
    draft = log(page).locator("[data-state=unsent]")
    expect(draft).to_contain_text("Is the brass one in stock?")
    echo_id = draft.get_attribute("data-echo-id")
    draft.evaluate("(element) => { element.kept = true }")
    expect(page.get_by_text("Sending", exact=True)).to_be_visible()
    while not played.frames("send"):
        page.wait_for_timeout(20)
    played.take(played.frames("send")[0])
    row = played.messages[-1]
    played.changes([row | {"state": "sent", "seq": played.seq + 1}])
    message = log(page).locator(f"[data-message-id='{row['id']}']")
    expect(message).to_have_attribute("data-state", "sent")
    expect(message).to_have_attribute("data-echo-id", str(echo_id))
    assert message.evaluate("(element) => element.kept") is True
    expect(message.get_by_text("Sent", exact=True)).to_be_visible()
    played.changes([], [played.talk(agent_seen=row["at"])])
    expect(message.get_by_text("Seen", exact=True)).to_be_visible()


def test_a_text_tree_becomes_nodes_and_nothing_else(returning: Page, played: PlayedServer) -> None:
    played.messages = [
        played.message(
            [
                {
                    "t": "p",
                    "c": ["See ", {"t": "link", "href": "https://a.test/", "c": ["this"]}, {"t": "br"}],
                },
                {
                    "t": "p",
                    "c": [{"t": "link", "href": "javascript:alert(1)", "c": ["bad"]}, "<img src=x>"],
                },
                {"t": "list", "ordered": True, "start": 3, "c": [[{"t": "p", "c": [{"t": "strong", "c": ["three"]}]}]]},
                {"t": "code", "s": "a < b", "lang": ""},
                {"t": "hologram", "c": ["from the future"]},
            ]
        )
    ]
    returning.goto(CHAT)
    bubble = log(returning).locator(".bubble")
    link = bubble.get_by_role("link", name="this")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(link).to_have_attribute("target", "_blank")
    expect(bubble.get_by_role("link")).to_have_count(1)
    expect(bubble.locator("img")).to_have_count(0)
    expect(bubble).to_contain_text("<img src=x>")
    expect(bubble.locator("ol[start='3'] strong")).to_have_text("three")
    expect(bubble.locator("pre")).to_have_text("a < b")
    expect(bubble).to_contain_text("from the future")


def test_typing_is_shown_and_ends_with_the_message(returning: Page, played: PlayedServer) -> None:
    returning.goto(CHAT)
    expect(log(returning)).to_be_attached()
    say(returning, "Hello")
    expect(log(returning)).to_contain_text("Hello")
    played.push({"type": "typing", "conversation": played.messages[0]["conversation"], "name": "Gus", "on": True})
    status = returning.get_by_role("status")
    expect(status).to_have_text("Gus is typing")
    played.says("Yes?")
    expect(status).to_have_text("")
    expect(log(returning)).to_contain_text("Yes?")


def test_what_the_visitor_types_is_told_and_taken_back(returning: Page, played: PlayedServer) -> None:
    played.messages = [played.message("Hello")]
    returning.goto(CHAT)
    expect(log(returning)).to_contain_text("Hello")
    field(returning).press_sequentially("Hi")
    field(returning).press("Enter")
    expect(log(returning)).to_contain_text("Hi")
    assert [frame["on"] for frame in played.frames("typing")] == [True, False]


def test_shift_enter_makes_a_line_and_an_input_method_keeps_its_enter(returning: Page, played: PlayedServer) -> None:
    returning.goto(CHAT)
    field(returning).press_sequentially("one")
    field(returning).press("Shift+Enter")
    field(returning).press_sequentially("two")
    field(returning).dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    expect(field(returning)).to_have_value("one\ntwo")
    field(returning).press("Enter")
    expect(field(returning)).to_have_value("")
    expect(log(returning).locator(".bubble")).to_have_text("one\ntwo", use_inner_text=True)


def test_over_the_limit_nothing_can_be_sent_and_the_counter_says_why(returning: Page, played: PlayedServer) -> None:
    returning.goto(CHAT)
    send = returning.get_by_role("button", name="Send")
    expect(send).to_be_hidden()  # a voice message may be recorded instead
    field(returning).fill("😀" * 9_900)
    expect(returning.get_by_text("100 left")).to_be_visible()
    expect(send).to_be_enabled()
    field(returning).fill("😀" * 10_003)
    expect(returning.get_by_text("3 characters too long")).to_be_visible()
    expect(send).to_be_disabled()
    field(returning).press("Enter")
    assert played.frames("send") == []
    field(returning).fill("  \n ")
    expect(send).to_be_disabled()


def test_the_draft_survives_a_reload_and_ends_with_sending(returning: Page, played: PlayedServer) -> None:
    returning.goto(CHAT)
    field(returning).fill("Half a thou")
    returning.reload()
    expect(field(returning)).to_have_value("Half a thou")
    field(returning).press("Enter")
    expect(log(returning)).to_contain_text("Half a thou")
    returning.reload()
    expect(log(returning)).to_contain_text("Half a thou")
    expect(field(returning)).to_have_value("")


def test_what_was_written_without_a_server_survives_a_reload_and_is_sent_once(
    returning: Page, played: PlayedServer
) -> None:
    returning.goto(CHAT)
    say(returning, "one")
    expect(log(returning).locator("[data-state=accepted]")).to_have_count(1)
    played.reachable = False
    played.cut()
    say(returning, "two")
    say(returning, "three")
    expect(log(returning).get_by_text("Waiting to be sent").first).to_be_visible()
    returning.reload()
    expect(log(returning)).to_contain_text("three")
    played.reachable = True
    expect(log(returning).locator("[data-state=accepted]")).to_have_count(3)
    assert shown(returning) == ["one", "two", "three"]
    assert len({frame["echo_id"] for frame in played.frames("send")}) == 3
    keys = returning.evaluate("Object.keys(localStorage).filter((key) => key.includes('unsent'))")
    assert keys == []


def test_offline_is_said_above_the_composer_and_taken_back(
    context: BrowserContext, returning: Page, played: PlayedServer
) -> None:
    returning.goto(CHAT)
    expect(log(returning)).to_be_attached()
    context.set_offline(True)
    expect(returning.get_by_text("You’re offline.")).to_be_visible()
    context.set_offline(False)
    expect(returning.get_by_text("You’re offline.")).to_have_count(0)


def test_a_refused_message_says_why_and_can_be_retried_or_discarded(returning: Page, played: PlayedServer) -> None:
    played.taking = False
    returning.goto(CHAT)
    say(returning, "first")
    expect(log(returning)).to_contain_text("first")
    refusal = {"code": "too_many_waiting", "message": "Too many messages are waiting."}
    for attempt in range(2):
        expect(log(returning).get_by_text("Sending", exact=True)).to_be_visible()
        settle(returning)
        played.push({"type": "refused", "echo_id": played.frames("send")[-1]["echo_id"], "error": refusal})
        expect(log(returning).get_by_text("Not sent: Too many messages are still waiting.")).to_be_visible()
        retry = log(returning).get_by_role("button", name="Try again")
        if attempt == 0:
            retry.click()
    assert len({frame["echo_id"] for frame in played.frames("send")}) == 1
    log(returning).get_by_role("button", name="Delete").click()
    expect(log(returning).locator("chat-message")).to_have_count(0)


def test_deleted_and_unknown_messages_say_so(returning: Page, played: PlayedServer) -> None:
    played.messages = [played.message("secret"), played.message("Pick one", content_type="hologram")]
    returning.goto(CHAT)
    expect(log(returning)).to_contain_text("secret")
    expect(log(returning)).to_contain_text("Open in another app to see more")
    played.changes([played.messages[0] | {"deleted": True, "text": [], "seq": played.seq + 1}])
    expect(log(returning)).to_contain_text("Message removed")
    assert "secret" not in returning.content()


def test_scrolling_up_pages_back_without_moving_what_is_read(returning: Page, played: PlayedServer) -> None:
    played.history = [played.message(f"early {n}", age_s=900 - n) for n in range(30)]
    played.messages = [played.message(f"late {n}", age_s=600 - n) for n in range(50)]
    returning.goto(CHAT)
    expect(log(returning)).to_contain_text("late 49")
    scroller = returning.locator(".scroller")
    scroller.evaluate("(element) => { element.scrollTop = 60 }")
    first = returning.get_by_text("late 0", exact=True)
    before = first.bounding_box()
    expect(log(returning)).to_contain_text("early 0")
    settle(returning)
    after = first.bounding_box()
    assert before is not None and after is not None
    assert abs(before["y"] - after["y"]) < 2
    assert shown(returning) == [f"early {n}" for n in range(30)] + [f"late {n}" for n in range(50)]


def test_a_reader_of_old_messages_is_told_of_new_ones_and_not_moved(returning: Page, played: PlayedServer) -> None:
    played.messages = [played.message(f"line {n}", age_s=300 - n) for n in range(40)]
    returning.goto(CHAT)
    expect(log(returning)).to_contain_text("line 39")
    scroller = returning.locator(".scroller")
    scroller.evaluate("(element) => { element.scrollTop = 500 }")
    jump = returning.get_by_role("button", name="Jump to the newest message")
    expect(jump).to_be_visible()
    seen = len(played.frames("seen"))
    played.says("one more")
    played.says("and another")
    expect(jump).to_contain_text("2 new")
    assert scroller.evaluate("(element) => element.scrollTop") == 500
    assert len(played.frames("seen")) == seen
    jump.click()
    expect(jump).to_be_hidden()
    expect(returning.get_by_text("and another")).to_be_in_viewport()
    settle(returning)
    assert played.frames("seen")[-1]["message"] == played.messages[-1]["id"]


def test_the_newest_message_stays_in_view(returning: Page, played: PlayedServer) -> None:
    played.messages = [played.message(f"line {n}", age_s=300 - n) for n in range(40)]
    returning.goto(CHAT)
    for text in ("another", "and one more"):
        played.says(text)
        expect(log(returning).locator(".bubble", has_text=text)).to_be_in_viewport(ratio=0.99)
    returning.set_viewport_size({"width": 800, "height": 420})
    expect(log(returning).locator(".bubble", has_text="and one more")).to_be_in_viewport(ratio=0.99)


def test_screen_readers_are_told_of_news_and_of_nothing_else(returning: Page, played: PlayedServer) -> None:
    played.history = [played.message("early", age_s=900)]
    played.messages = [played.message(f"line {n}", age_s=300 - n) for n in range(50)]
    returning.goto(CHAT)
    expect(log(returning)).to_contain_text("line 49")
    expect(log(returning)).to_have_attribute("aria-live", "off")
    expect(log(returning)).to_have_attribute("aria-live", "polite")
    returning.evaluate("""() => {
        window.told = [];
        const log = document.querySelector('[role=log]');
        const note = () => window.told.push(log.ariaLive);
        new MutationObserver(note).observe(log, { childList: true });
    }""")
    played.says("news")
    expect(log(returning)).to_contain_text("news")
    returning.locator(".scroller").evaluate("(element) => { element.scrollTop = 0 }")
    expect(log(returning)).to_contain_text("early")
    assert returning.evaluate("window.told") == ["polite", "off"]


def test_the_thread_is_walked_with_the_keyboard(returning: Page, played: PlayedServer) -> None:
    played.messages = [played.message("older", age_s=2), played.message("newer", age_s=1)]
    returning.goto(CHAT)
    expect(log(returning)).to_contain_text("newer")
    log(returning).focus()
    returning.keyboard.press("ArrowUp")
    expect(log(returning).locator("chat-message", has_text="newer")).to_be_focused()
    returning.keyboard.press("ArrowUp")
    expect(log(returning).locator("chat-message", has_text="older")).to_be_focused()
    expect(log(returning).locator("chat-message", has_text="older").locator("time")).to_be_visible()


def test_closed_conversation_says_that_writing_opens_it(returning: Page, played: PlayedServer) -> None:
    played.messages = [played.message("Bye")]
    played.talk(status="resolved")
    returning.goto(CHAT)
    expect(returning.get_by_text("This conversation is closed. Write to open it again.")).to_be_visible()
    played.changes([], [played.talk(status="open")])
    expect(returning.get_by_text("This conversation is closed.")).to_have_count(0)


def test_a_stopped_chat_says_so(returning: Page, played: PlayedServer) -> None:
    played.messages = [played.message("Hello")]
    returning.goto(CHAT)
    expect(log(returning)).to_contain_text("Hello")
    played.cut(code=4404)
    expect(returning.get_by_text("The chat is not available here.")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows(returning: Page, played: PlayedServer, width: int, scheme: str) -> None:
    word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    played.messages = [played.message(word * 2), played.message([{"t": "code", "s": word * 3, "lang": ""}], own=True)]
    returning.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    returning.set_viewport_size({"width": width, "height": 700})
    returning.goto(CHAT)
    expect(log(returning).locator("chat-message")).to_have_count(2)
    assert returning.evaluate("document.documentElement.scrollWidth") == width
    assert returning.locator(".scroller").evaluate("(e) => e.scrollWidth === e.clientWidth")
    assert re.search(r"\d", log(returning).locator("time").last.inner_text())
