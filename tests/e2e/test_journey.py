"""A visitor and an agent in two windows, and everything between them real."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Locator, Page, expect

from tests.fixtures.browser import Complaints
from tests.fixtures.the_demo import Demo, Line

pytestmark = pytest.mark.browser

Chat = Page | FrameLocator


@pytest.fixture
def visitor(chromium: Browser, demo: Demo) -> Iterator[BrowserContext]:
    """Somebody who was never here before."""
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


def log(chat: Chat) -> Locator:
    return chat.get_by_role("log", name="Conversation")


def say(chat: Chat, text: str) -> None:
    field = chat.get_by_role("textbox", name="Message")
    field.fill(text)
    field.press("Enter")


def shown(chat: Chat) -> list[str]:
    return log(chat).locator("chat-message .bubble").all_inner_texts()


def open_launcher(page: Page) -> FrameLocator:
    page.get_by_role("button", name="Open chat").click()
    return page.frame_locator("iframe[title=Chat]")


def take_up(desk: Page, text: str) -> Locator:
    """Open the newest conversation at the desk; it holds this text."""
    desk.get_by_role("navigation", name="Conversations").get_by_text(text).click()
    thread = desk.get_by_role("log", name="Messages")
    expect(thread).to_contain_text(text)
    return thread


def reply(desk: Page, text: str) -> None:
    desk.get_by_role("textbox", name="Reply").fill(text)
    desk.get_by_role("button", name="Send").click()


def newest_conversation(demo: Demo) -> int:
    newest: int = demo.desk.conversations()[0]["id"]
    return newest


def test_a_visitor_and_an_agent_talk_end_to_end(visitor: BrowserContext, desk: Page, demo: Demo) -> None:
    page = visitor.new_page()
    page.goto("/demo/")
    chat = open_launcher(page)
    say(chat, "Would the Harbour clock be right in Whitby?")
    thread = take_up(desk, "Would the Harbour clock be right in Whitby?")
    expect(chat.get_by_text("Sent", exact=True)).to_be_visible()

    desk.get_by_role("textbox", name="Reply").press_sequentially("It wo")
    expect(chat.get_by_role("status")).to_contain_text("is typing")
    reply(desk, "It would: **two even tides** a day.")
    expect(log(chat).locator("strong")).to_have_text("two even tides")
    expect(chat.get_by_role("status")).to_have_text("")

    desk.get_by_role("switch", name="Private note").click()
    reply(desk, "He sounds like a sailor.")
    expect(thread).to_contain_text("He sounds like a sailor.")
    desk.get_by_role("switch", name="Private note").click()
    reply(desk, "Shall I send one?")
    expect(log(chat)).to_contain_text("Shall I send one?")
    talk = ["Would the Harbour clock be right in Whitby?", "It would: two even tides a day.", "Shall I send one?"]
    assert shown(chat) == talk

    page.reload()
    chat = open_launcher(page)
    expect(log(chat)).to_contain_text("Shall I send one?")
    assert shown(chat) == talk

    second = visitor.new_page()
    second.goto("/chat/main/")
    expect(log(second)).to_contain_text("Shall I send one?")
    say(chat, "Yes please")
    expect(log(second)).to_contain_text("Yes please")
    expect(thread).to_contain_text("Yes please")
    reply(desk, "It leaves tomorrow.")
    for device in (chat, second):
        expect(log(device)).to_contain_text("It leaves tomorrow.")
        assert shown(device) == [*talk, "Yes please", "It leaves tomorrow."]

    desk.get_by_role("button", name="Resolve").click()
    expect(second.get_by_text("This conversation is closed.")).to_be_visible()
    say(second, "One more thing: engraving?")
    expect(desk.get_by_role("button", name="Resolve")).to_be_visible()
    expect(thread).to_contain_text("One more thing: engraving?")
    expect(second.get_by_text("This conversation is closed.")).to_have_count(0)
    assert len(demo.desk.conversations()) == 1
    for device in (chat, second):
        expect(log(device)).to_contain_text("engraving?")
        assert "sailor" not in " ".join(shown(device))


def test_the_agent_sees_the_visitor_type_and_the_visitor_sees_seen(visitor: BrowserContext, desk: Page) -> None:
    page = visitor.new_page()
    page.goto("/chat/main/")
    say(page, "Is anybody there just now?")
    take_up(desk, "Is anybody there just now?")
    page.get_by_role("textbox", name="Message").press_sequentially("Hel")
    expect(desk.get_by_role("status").filter(has_text="is typing")).to_be_visible()
    reply(desk, "Yes, right here.")
    expect(log(page)).to_contain_text("Yes, right here.")
    expect(page.get_by_text("You are talking to")).to_be_visible()


def test_forty_five_messages_written_while_the_cable_was_cut(visitor: BrowserContext, demo: Demo) -> None:
    page = visitor.new_page()
    page.goto("/chat/main/")
    say(page, "Tell me everything")
    expect(page.get_by_text("Sent", exact=True)).to_be_visible()
    conversation = newest_conversation(demo)
    texts = [f"Fact {n}" for n in range(1, 46)]
    with demo.faults.on("cable_refuse"):
        demo.faults.set("cable_cut")
        for text in texts:
            demo.desk.reply(conversation, text)
    expect(log(page)).to_contain_text("Fact 45", timeout=60_000)
    expect(log(page).locator("chat-message")).to_have_count(46)
    assert shown(page) == ["Tell me everything", *texts]


@pytest.mark.parametrize("way", ["relay", "offline"])
def test_forty_five_messages_written_while_the_browser_was_cut_off(
    visitor: BrowserContext, demo: Demo, line: Line, way: str
) -> None:
    page = visitor.new_page()
    page.goto(f"http://127.0.0.1:{line.port}/chat/main/")
    say(page, f"Tell me everything, {way}")
    expect(page.get_by_text("Sent", exact=True)).to_be_visible()
    conversation = newest_conversation(demo)
    if way == "offline":
        visitor.set_offline(True)
    line.cut()
    texts = [f"Fact {n}" for n in range(1, 46)]
    for text in texts:
        demo.desk.reply(conversation, text)
    say(page, "I am still here")
    expect(page.get_by_text("Waiting to be sent")).to_be_visible()
    assert "Fact 1" not in shown(page)
    line.mend()
    visitor.set_offline(False)
    expect(log(page)).to_contain_text("Fact 45", timeout=60_000)
    expect(page.get_by_text("Sent", exact=True)).to_be_visible()
    assert shown(page) == [f"Tell me everything, {way}", *texts, "I am still here"]
    incoming = [row["content"] for row in demo.desk.messages(conversation) if row["message_type"] == 0]
    assert incoming == [f"Tell me everything, {way}", "I am still here"]


def test_a_reload_in_the_middle_of_sending_loses_and_doubles_nothing(
    visitor: BrowserContext, demo: Demo, line: Line
) -> None:
    page = visitor.new_page()
    page.goto(f"http://127.0.0.1:{line.port}/chat/main/")
    say(page, "first")
    expect(page.get_by_text("Sent", exact=True)).to_be_visible()
    for n in range(5):
        say(page, f"quick {n}")
    line.cut()
    line.mend()
    page.reload()
    wanted = ["first", *[f"quick {n}" for n in range(5)]]
    expect(log(page).locator("chat-message[data-state=sent]")).to_have_count(6, timeout=60_000)
    assert shown(page) == wanted
    conversation = newest_conversation(demo)
    assert [row["content"] for row in demo.desk.messages(conversation) if row["message_type"] == 0] == wanted


def test_while_chatwoot_fails_the_chat_loads_accepts_and_says_so(visitor: BrowserContext, demo: Demo) -> None:
    page = visitor.new_page()
    page.goto("/chat/main/")
    say(page, "Before the outage")
    expect(page.get_by_text("Sent", exact=True)).to_be_visible()
    with demo.faults.on("status", status=503):
        page.reload()
        expect(log(page)).to_contain_text("Before the outage")
        say(page, "During the outage")
        message = log(page).locator("chat-message", has_text="During the outage")
        expect(message).to_have_attribute("data-message-id", re.compile(r"^[0-9a-f-]{36}$"))
        expect(page.get_by_text("We’ll deliver your message as soon as we can.")).to_be_visible()
        # "Still" once an attempt is in doubt; while Chatwoot is left alone, as the breaker wants, there is none.
        expect(message.get_by_text(re.compile(r"^(Still sending…|Sending)$"))).to_be_visible()
        page.reload()
        expect(message).to_be_visible()
        assert shown(page) == ["Before the outage", "During the outage"]


def incoming(demo: Demo, first: str) -> list[str]:
    """What the agent sees of the visitor whose first words these were; others' may arrive meanwhile."""
    talks = [demo.desk.messages(each["id"]) for each in demo.desk.conversations()]
    said = [[row["content"] for row in rows if row["message_type"] == 0] for rows in talks]
    return next(texts for texts in said if texts[:1] == [first])


def test_a_refused_message_says_why_and_goes_out_again_once_or_is_deleted(visitor: BrowserContext, demo: Demo) -> None:
    page = visitor.new_page()
    page.goto("/chat/main/")
    say(page, "Before")
    expect(page.get_by_text("Sent", exact=True)).to_be_visible()
    refusal = {"message": "Content is too long (maximum is 150000 characters)", "attributes": ["content"]}
    refusing = {"method": "POST", "path": "/messages", "status": 422, "body": refusal}
    with demo.faults.on("status", **refusing):
        for text in ("Refused at first", "Never mind"):
            say(page, text)
        lost = log(page).locator("chat-message[data-delivery=failed]")
        expect(lost).to_have_count(2)
        expect(lost.first).to_contain_text("Not sent: ")
    lost.first.get_by_role("button", name="Try again").click()
    expect(log(page).locator("chat-message[data-state=sent]", has_text="Refused at first")).to_be_visible()
    lost.get_by_role("button", name="Delete").click()
    page.reload()
    expect(log(page)).to_contain_text("Refused at first")
    assert shown(page) == ["Before", "Refused at first"]
    assert incoming(demo, "Before") == ["Before", "Refused at first"]


def test_two_tabs_that_write_first_at_once_are_one_visitor(visitor: BrowserContext, demo: Demo) -> None:
    before = len(demo.desk.conversations())
    one, two = visitor.new_page(), visitor.new_page()
    for page in (one, two):
        page.goto("/chat/main/")
    for page, text in ((one, "from the first tab"), (two, "from the second tab")):
        say(page, text)
    for page in (one, two):
        expect(log(page).locator("chat-message[data-state=sent]")).to_have_count(2)
    assert shown(one) == shown(two)
    assert len(demo.desk.conversations()) == before + 1


def test_a_long_history_is_paged_back_whole_and_in_order(visitor: BrowserContext, demo: Demo) -> None:
    page = visitor.new_page()
    page.goto("/chat/main/")
    say(page, "Recite")
    expect(page.get_by_text("Sent", exact=True)).to_be_visible()
    conversation = newest_conversation(demo)
    lines = [f"Line {n}" for n in range(1, 121)]
    for text in lines:
        demo.desk.reply(conversation, text)
    expect(log(page)).to_contain_text("Line 120")
    page.reload()
    expect(log(page)).to_contain_text("Line 120")
    assert len(shown(page)) == 50
    for held in (100, 121):
        page.locator(".scroller").evaluate("(element) => { element.scrollTop = 0 }")
        expect(log(page).locator("chat-message")).to_have_count(held)
    assert shown(page) == ["Recite", *lines]


def test_a_deleted_reply_disappears_from_the_visitors_page(visitor: BrowserContext, demo: Demo) -> None:
    page = visitor.new_page()
    page.goto("/chat/main/")
    say(page, "What is the code?")
    expect(page.get_by_text("Sent", exact=True)).to_be_visible()
    conversation = newest_conversation(demo)
    message = demo.desk.reply(conversation, "The secret is 1234")
    expect(log(page)).to_contain_text("The secret is 1234")
    demo.desk.delete(conversation, message["id"])
    expect(log(page)).to_contain_text("Message removed")
    assert "1234" not in page.content()


def test_an_unknown_inbox_is_said_in_words(visitor: BrowserContext) -> None:
    page = visitor.new_page()
    for path in ("/chat/nowhere/", "/frame/nowhere/"):
        answer = page.request.get(path)
        assert answer.status == 404
        assert "no chat" in answer.text()


def test_what_cannot_be_text_is_cleaned_or_refused_in_words(visitor: BrowserContext, demo: Demo) -> None:
    page = visitor.new_page()
    page.goto("/chat/main/")
    say(page, "x" * 10_001)
    expect(page.get_by_text("1 character too long")).to_be_visible()
    page.get_by_role("textbox", name="Message").evaluate("""(field) => {
        field.value = 'half \\ud83d and a nul \\0 in it';
        field.dispatchEvent(new Event('input'));
    }""")
    page.get_by_role("textbox", name="Message").press("Enter")
    expect(page.get_by_text("Sent", exact=True)).to_be_visible()
    [row] = [row for row in demo.desk.messages(newest_conversation(demo)) if row["message_type"] == 0]
    assert row["content"] == "half \ufffd and a nul  in it"


def test_a_page_load_without_a_message_asks_the_server_for_pages_and_public_articles_only(
    visitor: BrowserContext,
) -> None:
    paths: list[str] = []
    visitor.on("request", lambda request: paths.append(re.sub(r"^\w+://[^/]+", "", request.url)))
    page = visitor.new_page()
    page.goto("/demo/")
    open_launcher(page)
    expect(page.frame_locator("iframe[title=Chat]").get_by_role("textbox", name="Message")).to_be_focused()
    page.goto("/chat/main/")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    asked = {path.partition("?")[0] for path in paths if path.startswith(("/api", "/ws"))}
    assert asked <= {"/api/v1/inbox/main/articles"}  # which our server keeps for all visitors
