"""What the composer loads later, with a server that the test plays: emoji, voice, the questions before a message."""

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.e2e.test_composer import photo, pick
from tests.e2e.test_composer_looks import ASK, QUESTIONS
from tests.e2e.test_frame import CHAT, field, log, say, settle
from tests.fixtures.browser import PlayedServer

pytestmark = pytest.mark.browser


def newcomer(context: BrowserContext, played: PlayedServer, **config: Any) -> Page:
    played.config = config
    page = context.new_page()
    page.goto(CHAT)
    expect(field(page)).to_be_focused()
    return page


def line(page: Page, name: str) -> Locator:
    return page.get_by_role("textbox", name=name)


def test_a_suggested_question_is_sent_with_a_click_and_what_is_being_written_stays(
    context: BrowserContext, played: PlayedServer
) -> None:
    page = newcomer(context, played, suggestions=QUESTIONS)
    field(page).fill("Half a thought")
    page.get_by_role("button", name=QUESTIONS[0]).click()
    expect(log(page)).to_contain_text(QUESTIONS[0])
    expect(page.get_by_role("button", name=QUESTIONS[1])).to_have_count(0)
    expect(field(page)).to_have_value("Half a thought")
    expect(log(page).locator("[data-state=accepted]")).to_have_count(1)
    assert [frame["text"] for frame in played.frames("send")] == [QUESTIONS[0]]


def test_the_first_message_waits_for_its_questions_and_keeps_its_text(
    context: BrowserContext, played: PlayedServer
) -> None:
    page = newcomer(context, played, ask=ASK)
    pick(page, photo())
    say(page, "Would it be right in Whitby?")
    expect(line(page, "Name")).to_be_focused()
    expect(field(page)).to_have_value("Would it be right in Whitby?")
    settle(page)
    assert (played.frames("send"), played.uploads, played.patches) == ([], [], [])
    assert [path for path in played.requests if path.startswith("/api")] == []

    page.get_by_role("button", name="Send message").click()
    expect(line(page, "Name")).to_be_focused()
    expect(line(page, "Name")).to_have_accessible_description("Please fill this in.")
    expect(page.get_by_text("Please agree, so that we may answer you.")).to_be_visible()
    line(page, "Name").fill("Ada")
    line(page, "E-mail").fill("ada@example.com")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Send message").click()
    expect(log(page).locator("[data-state=accepted]")).to_contain_text("Would it be right in Whitby?")
    assert played.patches == [{"name": "Ada", "email": "ada@example.com", "consent": "1"}]
    assert played.frames("send")[0]["files"] == [played.uploads[0]["id"]]
    expect(field(page)).to_have_value("")
    say(page, "And in Hull?")
    expect(log(page).locator("[data-state=accepted]")).to_have_count(2)


def test_whoever_would_rather_not_answer_keeps_their_text(context: BrowserContext, played: PlayedServer) -> None:
    page = newcomer(context, played, ask=ASK)
    say(page, "Hello")
    page.get_by_role("button", name="Not now").click()
    expect(line(page, "Name")).to_have_count(0)
    expect(field(page)).to_be_focused()
    expect(field(page)).to_have_value("Hello")
    field(page).press("Enter")
    expect(line(page, "Name")).to_be_focused()
    page.keyboard.press("Escape")
    expect(line(page, "Name")).to_have_count(0)
    assert played.frames("send") == []


def test_what_the_server_does_not_take_is_said_below_the_form(context: BrowserContext, played: PlayedServer) -> None:
    error = {"code": "profile_invalid", "message": "This cannot be kept: this is no e-mail address."}
    played.patch_answers = [(422, {"error": error}), (503, {"error": {"code": "unavailable", "message": ""}})]
    page = newcomer(context, played, ask={"fields": ASK["fields"][1:2], "consent": None})
    say(page, "Hello")
    line(page, "E-mail").fill("ada@example.com")
    line(page, "E-mail").press("Enter")
    expect(page.get_by_role("alert")).to_have_text(error["message"])
    page.get_by_role("button", name="Send message").click()
    expect(page.get_by_role("alert")).to_contain_text("We can’t reach the chat right now.")
    page.get_by_role("button", name="Send message").click()
    expect(log(page)).to_contain_text("Hello")


@pytest.mark.parametrize("known", [True, False])
def test_somebody_who_is_known_is_asked_only_what_is_missing(
    returning: Page, played: PlayedServer, known: bool
) -> None:
    played.conversation = None
    played.config = {"ask": ASK}
    agreed = {"consent": "1, 2026-05-20T12:00:00Z"} if known else {}
    played.contact = {"name": "Ada", "email": "ada@example.com", "phone": None, "attributes": agreed}
    returning.goto(CHAT)
    say(returning, "Hello")
    if not known:
        expect(line(returning, "Name")).to_have_count(0)
        returning.get_by_role("checkbox").check()
        returning.get_by_role("button", name="Send message").click()
    expect(log(returning)).to_contain_text("Hello")
    assert played.patches == ([] if known else [{"consent": "1"}])


def test_an_emoji_is_found_by_name_walked_to_and_put_where_the_caret_is(
    context: BrowserContext, played: PlayedServer
) -> None:
    page = newcomer(context, played)
    field(page).fill("Thank you very much")
    field(page).evaluate("(field) => field.setSelectionRange(9, 9)")
    page.get_by_role("button", name="Emoji").click()
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    search.fill("thanks")
    page.keyboard.press("Enter")
    expect(field(page)).to_be_focused()
    expect(field(page)).to_have_value("Thank you🙏 very much")

    page.get_by_role("button", name="Emoji").click()
    expect(page.get_by_role("region", name="Used lately").get_by_role("button")).to_have_text("🙏")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="person with folded hands")).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(field(page)).to_have_value("Thank you🙏😃 very much")
    page.get_by_role("button", name="Emoji").click()
    search.fill("no such thing")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Emoji")).to_be_hidden()
    expect(field(page)).to_be_focused()
    assert page.evaluate("Object.keys(localStorage).filter((key) => !key.endsWith('drafts'))") == []


def test_the_emoji_come_at_the_next_click_although_the_browser_keeps_their_module_as_lost(
    context: BrowserContext, played: PlayedServer
) -> None:
    page = newcomer(context, played)
    page.route("**/composer/emoji.js", lambda route: route.abort("connectionreset"))
    page.get_by_role("button", name="Emoji").click()
    expect(page.get_by_text("This could not be loaded.")).to_be_visible()
    page.get_by_role("button", name="Emoji").click()
    expect(page.get_by_role("dialog", name="Emoji")).to_be_visible()


def test_a_voice_is_recorded_heard_once_more_and_sent(context: BrowserContext, played: PlayedServer) -> None:
    context.grant_permissions(["microphone"])
    page = newcomer(context, played)
    page.get_by_role("button", name="Record a voice message").click()
    expect(page.get_by_role("timer")).to_have_text("0:01")
    expect(field(page)).to_be_hidden()
    page.get_by_role("button", name="Stop recording").click()
    settle(page)
    assert played.uploads == []
    page.get_by_role("button", name="Send voice message").click()
    expect(log(page).locator("[data-state=accepted]")).to_contain_text("Voice message")
    expect(field(page)).to_be_focused()
    (upload,) = played.uploads
    assert upload["size"] > 500
    assert played.frames("send")[0]["files"] == [upload["id"]]


def test_a_recording_can_be_thrown_away(context: BrowserContext, played: PlayedServer) -> None:
    context.grant_permissions(["microphone"])
    page = newcomer(context, played)
    page.get_by_role("button", name="Record a voice message").click()
    expect(page.get_by_role("timer")).to_have_text("0:01")
    page.get_by_role("button", name="Discard recording").click()
    expect(field(page)).to_be_focused()
    page.get_by_role("button", name="Record a voice message").click()
    page.get_by_role("button", name="Stop recording").click()
    page.keyboard.press("Escape")
    expect(field(page)).to_be_focused()
    assert (played.uploads, played.frames("send")) == ([], [])


def test_a_microphone_that_is_refused_is_said_in_one_sentence(context: BrowserContext, played: PlayedServer) -> None:
    page = newcomer(context, played)
    page.get_by_role("button", name="Record a voice message").click()
    expect(page.get_by_text("The microphone is not allowed here.")).to_be_visible()
    field(page).fill("Then in writing")
    expect(page.get_by_role("button", name="Record a voice message")).to_be_hidden()
    expect(page.get_by_role("button", name="Send")).to_be_visible()


def test_an_inbox_that_takes_no_sound_or_no_files_shows_no_button_for_it(
    context: BrowserContext, played: PlayedServer
) -> None:
    limits = {"text": 10_000, "files": 10, "upload_bytes": 1_000, "upload_types": ["image/png"]}
    page = newcomer(context, played, limits=limits)
    expect(page.get_by_role("button", name="Add files")).to_be_visible()
    expect(page.get_by_role("button", name="Record a voice message")).to_be_hidden()
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    played.config = {"limits": limits | {"files": 0}}
    page.reload()
    expect(field(page)).to_be_visible()
    expect(page.get_by_role("button", name="Add files")).to_be_hidden()


def test_out_of_hours_the_header_says_when_somebody_is_back_until_they_are(
    context: BrowserContext, played: PlayedServer
) -> None:
    page = context.new_page()
    page.clock.install()
    opens = datetime.now().replace(microsecond=0) + timedelta(seconds=90)
    span = [round(opens.timestamp() * 1000), round((opens + timedelta(hours=8)).timestamp() * 1000)]
    played.config = {"openings": [span]}
    page.goto(CHAT)
    expect(page.get_by_text("Back t")).to_contain_text("your time")
    page.clock.run_for(100_000)
    expect(page.get_by_text("We answer here as soon as we can")).to_be_visible()


def test_an_agents_message_rings_while_nobody_looks_and_can_be_muted(
    context: BrowserContext, returning: Page, played: PlayedServer
) -> None:
    returning.add_init_script("""
        window.tones = 0;
        window.AudioContext = class extends AudioContext { constructor() { super(); window.tones += 1; } };
        Object.defineProperty(document, 'visibilityState', { get: () => window.hiddenNow ? 'hidden' : 'visible' });
    """)
    returning.clock.install()
    played.messages = [played.message("Hello", age_s=60)]
    returning.goto(CHAT)
    expect(log(returning)).to_contain_text("Hello")
    field(returning).click()
    with returning.expect_response("**/bell.js"):
        returning.clock.run_for(4_000)
    played.says("In sight")
    expect(log(returning)).to_contain_text("In sight")
    returning.evaluate("window.hiddenNow = true; document.dispatchEvent(new Event('visibilitychange'))")
    played.says("Out of sight")
    expect(log(returning)).to_contain_text("Out of sight")
    with returning.expect_response("**/tone.js"):
        returning.clock.run_for(1_000)
    for _ in range(600):  # wait_for_function waits for frames, whose clock stands here
        if returning.evaluate("window.tones") == 1:
            break
        time.sleep(0.05)
    assert returning.evaluate("window.tones") == 1
    assert returning.title().startswith("(1)")
    returning.evaluate("document.querySelector('[aria-label=\"Sound for new messages\"]').click()")
    played.says("Muted")
    expect(log(returning)).to_contain_text("Muted")
    returning.clock.run_for(1_000)
    settle(returning)
    assert returning.evaluate("window.tones") == 1
    returning.reload()
    sound = returning.get_by_role("button", name="Sound for new messages")
    expect(sound).to_have_attribute("aria-pressed", "false")
