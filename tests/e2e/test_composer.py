"""The composer in a browser, with a server that the test plays: files, emoji, drafts."""

import base64
import contextlib
import re

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Locator, Page, Route, TimeoutError, expect

from tests.e2e.test_frame import CHAT, field, log, say, settle
from tests.fixtures.browser import PlayedServer

pytestmark = pytest.mark.browser

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgaPj/HwAEBQJ/VZ3yvwAAAABJRU5ErkJggg=="
)


def photo(name: str = "clock.png") -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": DOT}


def pick(page: Page, *files: FilePayload) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add files").click()
    chooser.value.set_files(list(files))


def chips(page: Page) -> Locator:
    return page.get_by_role("list", name="Files").get_by_role("listitem")


def hand_over(page: Page, kind: str, *, name: str = "clock.png", text: str = "") -> None:
    """Paste or drop a picture, as a browser tells of it."""
    page.evaluate(
        """([kind, name, text]) => {
            const told = new DataTransfer();
            told.items.add(new File(['picture'], name, { type: 'image/png' }));
            if (text) told.setData('text/plain', text);
            const options = { bubbles: true, cancelable: true };
            const event = kind === 'paste' ? new ClipboardEvent(kind, { ...options, clipboardData: told })
                                           : new DragEvent(kind, { ...options, dataTransfer: told });
            (kind === 'paste' ? document.querySelector('textarea') : document.body).dispatchEvent(event);
        }""",
        [kind, name, text],
    )


def test_a_file_is_uploaded_when_it_is_picked_and_sent_with_the_text(returning: Page, played: PlayedServer) -> None:
    returning.goto(CHAT)
    pick(returning, photo(), photo("back.png"))
    expect(chips(returning)).to_have_count(2)
    expect(chips(returning).first).to_contain_text("clock.png")
    expect(chips(returning).first).to_have_attribute("data-phase", "done")
    expect(chips(returning).last).to_have_attribute("data-phase", "done")
    assert played.frames("send") == []
    say(returning, "This one")
    expect(log(returning).locator("chat-message")).to_contain_text("clock.png")
    (sent,) = played.frames("send")
    assert (sent["text"], sent["files"]) == ("This one", [upload["id"] for upload in played.uploads])
    expect(chips(returning)).to_have_count(0)


def test_a_file_alone_is_a_message(returning: Page, played: PlayedServer) -> None:
    returning.goto(CHAT)
    pick(returning, photo())
    expect(chips(returning)).to_have_attribute("data-phase", "done")
    field(returning).press("Enter")
    expect(log(returning).locator("[data-state=accepted]")).to_contain_text("clock.png")
    assert played.frames("send")[0]["text"] == ""


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_picture_is_pasted_and_dropped(returning: Page, played: PlayedServer, kind: str) -> None:
    returning.goto(CHAT)
    field(returning).fill("Look")
    hand_over(returning, kind)
    expect(chips(returning)).to_have_attribute("data-phase", "done")
    expect(field(returning)).to_have_value("Look")


def test_text_that_is_pasted_with_a_picture_of_itself_stays_text(returning: Page, played: PlayedServer) -> None:
    returning.goto(CHAT)
    hand_over(returning, "paste", text="A1\tB1")
    settle(returning)
    assert played.uploads == []


def test_the_whole_panel_says_that_files_can_be_dropped_while_one_is_held_over_it(
    returning: Page, played: PlayedServer
) -> None:
    returning.goto(CHAT)
    for _ in range(5):
        hand_over(returning, "dragover")
        told = returning.locator("main").get_attribute("data-drop")
    assert told == "Drop files here to add them"
    expect(returning.locator("main")).not_to_have_attribute("data-drop", re.compile("."))


def test_the_limits_are_said_before_anything_is_picked(returning: Page, played: PlayedServer) -> None:
    returning.goto(CHAT)
    with returning.expect_file_chooser():
        returning.get_by_role("button", name="Add files").click()
    expect(returning.get_by_text("Up to 10 files, 40 MB in all: pictures, PDF, text, sound and film.")).to_be_visible()


@pytest.mark.parametrize(
    ("files", "sentence", "kept"),
    [
        ([{"name": "all.zip", "mimeType": "application/zip", "buffer": b"PK"}], "all.zip can’t be sent.", 0),
        ([{"name": "nothing.txt", "mimeType": "text/plain", "buffer": b""}], "nothing.txt is empty.", 0),
        ([{"name": "big.txt", "mimeType": "text/plain", "buffer": b"x" * 3_000}], "big.txt is too big.", 0),
        ([photo(f"{n}.png") for n in range(11)], "A message can carry up to 10 files.", 10),
    ],
)
def test_what_may_not_go_along_is_said_and_not_uploaded(
    returning: Page, played: PlayedServer, files: list[FilePayload], sentence: str, kept: int
) -> None:
    types = ["image/png", "text/plain"]
    played.config = {"limits": {"text": 10_000, "files": 10, "upload_bytes": 2_000, "upload_types": types}}
    returning.goto(CHAT)
    pick(returning, *files)
    expect(returning.get_by_text(sentence)).to_be_visible()
    expect(chips(returning)).to_have_count(kept)
    settle(returning)
    assert len(played.uploads) <= kept


def test_a_message_waits_for_its_file_and_can_be_taken_back(returning: Page, played: PlayedServer) -> None:
    played.held_uploads = []
    returning.goto(CHAT)
    pick(returning, photo())
    expect(chips(returning)).to_have_attribute("data-phase", "uploading")
    say(returning, "This one")
    message = log(returning).locator("chat-message")
    expect(message).to_contain_text("Uploading…")
    expect(message).to_contain_text("clock.png")
    assert played.frames("send") == []
    message.get_by_role("button", name="Delete").click()
    expect(message).to_have_count(0)
    settle(returning)
    assert played.frames("send") == []


def test_a_cross_takes_a_file_away_while_it_is_uploaded(returning: Page, played: PlayedServer) -> None:
    played.held_uploads = []
    returning.goto(CHAT)
    pick(returning, photo())
    expect(chips(returning)).to_have_attribute("data-phase", "uploading")
    with returning.expect_event("requestfailed", lambda request: "/uploads" in request.url):
        returning.get_by_role("button", name="Remove clock.png").click()
    expect(chips(returning)).to_have_count(0)
    expect(field(returning)).to_be_focused()


def test_a_refused_file_says_why_and_holds_the_message_until_it_is_gone(returning: Page, played: PlayedServer) -> None:
    words = "Send a picture, a PDF, plain text, sound or film; this file is none of these."
    played.upload_answers = [(415, {"error": {"code": "file_refused", "message": words}})]
    returning.goto(CHAT)
    pick(returning, photo("page.png"))
    expect(chips(returning)).to_contain_text(words)
    expect(chips(returning).get_by_role("button", name="Try again")).to_be_hidden()
    say(returning, "Here it is")
    settle(returning)
    assert played.frames("send") == []
    expect(field(returning)).to_have_value("Here it is")
    returning.get_by_role("button", name="Remove page.png").click()
    field(returning).press("Enter")
    expect(log(returning).locator("chat-message")).to_contain_text("Here it is")


def test_what_is_too_much_for_today_can_be_tried_again(returning: Page, played: PlayedServer) -> None:
    error = {"code": "too_fast", "message": "That was much to upload.", "retry_after": 3_600}
    played.upload_answers = [(429, {"error": error})]
    returning.goto(CHAT)
    pick(returning, photo())
    expect(chips(returning)).to_contain_text("That was much to upload.")
    chips(returning).get_by_role("button", name="Try again").click()
    expect(chips(returning)).to_have_attribute("data-phase", "done")


def test_a_file_picked_without_a_network_waits_and_goes_out_once(
    context: BrowserContext, returning: Page, played: PlayedServer
) -> None:
    returning.goto(CHAT)
    pick(returning, photo("first.png"))  # the part that uploads is here from now on
    expect(chips(returning)).to_have_attribute("data-phase", "done")
    context.set_offline(True)
    played.cut()
    played.reachable = False
    context.route("**/api/v1/uploads*", lambda route: route.abort("internetdisconnected"))
    pick(returning, photo("second.png"))
    expect(chips(returning).last).to_contain_text("Waiting for the network")
    say(returning, "Both")
    expect(log(returning)).to_contain_text("Waiting to be sent")
    expect(returning.get_by_text("You’re offline.")).to_be_visible()
    context.unroute("**/api/v1/uploads*")
    played.reachable = True
    context.set_offline(False)
    expect(log(returning).locator("[data-state=accepted]")).to_contain_text("second.png")
    assert [upload["name"] for upload in played.uploads] == ["first.png", "second.png"]
    assert len({frame["echo_id"] for frame in played.frames("send")}) == 1


LATE = "**/attaching*.js"  # the part of the page that a file needs


def test_a_file_that_cannot_be_taken_is_let_go_for_good(
    context: BrowserContext, returning: Page, played: PlayedServer
) -> None:
    context.route(LATE, lambda route: route.abort("internetdisconnected"))
    returning.goto(CHAT)
    pick(returning, photo())
    expect(returning.get_by_text("This could not be loaded.")).to_be_visible()
    context.unroute(LATE)
    with contextlib.suppress(TimeoutError), returning.expect_response(LATE, timeout=500):
        returning.evaluate("dispatchEvent(new Event('online'))")
    expect(chips(returning)).to_have_count(0)
    pick(returning, photo())
    expect(chips(returning).first).to_have_attribute("data-phase", "done")
    say(returning, "This one")
    expect(log(returning).locator("[data-state=accepted]")).to_contain_text("clock.png")
    assert [upload["name"] for upload in played.uploads] == ["clock.png"]


def test_a_text_does_not_go_without_the_file_that_was_meant_to_go_along(
    context: BrowserContext, returning: Page, played: PlayedServer
) -> None:
    held: list[Route] = []
    context.route(LATE, lambda route: held.append(route))
    returning.goto(CHAT)
    with returning.expect_request(LATE):
        pick(returning, photo())
    say(returning, "This one")
    held[0].abort("internetdisconnected")
    expect(returning.get_by_text("This could not be loaded.")).to_be_visible()
    settle(returning)
    expect(field(returning)).to_have_value("This one")
    assert played.frames("send") == []


def test_a_reload_keeps_text_and_uploaded_files_and_names_the_others(returning: Page, played: PlayedServer) -> None:
    returning.goto(CHAT)
    pick(returning, photo("there.png"))
    expect(chips(returning)).to_have_attribute("data-phase", "done")
    played.held_uploads = []
    pick(returning, photo("not-yet.png"))
    expect(chips(returning)).to_have_count(2)
    field(returning).fill("Both of them")
    returning.reload()
    expect(field(returning)).to_have_value("Both of them")
    expect(chips(returning)).to_have_count(1)
    expect(chips(returning)).to_contain_text("there.png")
    expect(returning.get_by_text("Please add not-yet.png again.")).to_be_visible()
    field(returning).press("Enter")
    expect(log(returning).locator("[data-state=accepted]")).to_contain_text("there.png")


def test_what_another_page_writes_and_sends_takes_no_draft_from_a_page_that_is_reloaded(
    context: BrowserContext, returning: Page, played: PlayedServer
) -> None:
    played.messages = [played.message("How can I help?")]
    other = context.new_page()
    for page in (returning, other):
        page.goto(CHAT)
        expect(log(page)).to_contain_text("How can I help?")
    field(returning).fill("A long draft")
    say(other, "Sent from here")
    expect(log(other)).to_contain_text("Sent from here")
    returning.reload()
    expect(field(returning)).to_have_value("A long draft")
    field(returning).fill("A longer draft")
    field(other).fill("Another draft")
    returning.reload()
    expect(field(returning)).to_have_value("A longer draft")


def test_a_page_that_showed_a_draft_brings_it_not_back_when_another_has_sent_it(
    context: BrowserContext, returning: Page, played: PlayedServer
) -> None:
    returning.goto(CHAT)
    field(returning).fill("Half a thou")
    other = context.new_page()
    other.goto(CHAT)
    expect(field(other)).to_have_value("Half a thou")
    field(returning).press("Enter")
    expect(log(other)).to_contain_text("Half a thou")
    other.reload()
    expect(log(other)).to_contain_text("Half a thou")
    expect(field(other)).to_have_value("")


def test_a_message_whose_file_went_with_the_page_becomes_a_draft_again(returning: Page, played: PlayedServer) -> None:
    returning.goto(CHAT)
    played.held_uploads = []
    pick(returning, photo())
    say(returning, "This one")
    expect(log(returning).locator("chat-message")).to_contain_text("Uploading…")
    returning.reload()
    expect(field(returning)).to_have_value("This one")
    expect(returning.get_by_text("Please add clock.png again.")).to_be_visible()
    expect(log(returning).locator("chat-message")).to_have_count(0)
    assert played.frames("send") == []


def test_an_upload_that_has_lasted_is_not_called_a_slow_delivery(returning: Page, played: PlayedServer) -> None:
    returning.clock.install()
    played.held_uploads = []
    returning.goto(CHAT)
    pick(returning, photo())
    returning.clock.run_for(1_000)
    say(returning, "This one")
    returning.clock.run_for(1_000)
    expect(log(returning).locator("chat-message")).to_contain_text("Uploading…")
    returning.clock.run_for(20_000)
    settle(returning)
    expect(returning.get_by_text("We’ll deliver your message")).to_have_count(0)
