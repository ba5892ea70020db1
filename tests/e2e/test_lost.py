"""A message that did not arrive, in a browser: what is said, to whom, and what the visitor can do about it."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.test_composer import photo, pick
from tests.e2e.test_frame import CHAT, field, log, say, settle
from tests.fixtures.browser import PlayedServer

pytestmark = pytest.mark.browser

REASON = "Content is too long (maximum is 150000 characters)"


def lost(played: PlayedServer, text: str, **fields: Any) -> dict[str, Any]:
    row = played.message(text, own=True, age_s=60, **fields)
    played.messages.append(row)
    return row


def becomes(played: PlayedServer, row: dict[str, Any], **fields: Any) -> None:
    played.seq += 1
    played.changes([row | fields | {"seq": played.seq}])


def message(page: Page, text: str) -> Locator:
    return log(page).locator("chat-message", has_text=text)


def button(page: Page, name: str) -> Locator:
    return log(page).get_by_role("button", name=name)


def test_a_failed_message_says_why_and_goes_out_again(returning: Page, played: PlayedServer) -> None:
    row = lost(played, "All of it", state="failed", reason=REASON)
    returning.goto(CHAT)
    expect(message(returning, "All of it")).to_contain_text(f"Not sent: {REASON}")
    button(returning, "Try again").click()
    expect(message(returning, "All of it")).to_contain_text("Sending")
    expect(button(returning, "Try again")).to_have_count(0)
    assert played.frames("retry") == [{"type": "retry", "message": row["id"]}]
    becomes(played, row, state="sent", reason=None)
    expect(message(returning, "All of it")).to_contain_text("Sent")
    expect(log(returning).locator("chat-message")).to_have_count(1)


def test_an_unconfirmed_message_says_so_and_can_be_sent_again(returning: Page, played: PlayedServer) -> None:
    row = lost(played, "Did you get this?", state="unconfirmed")
    returning.goto(CHAT)
    expect(message(returning, "Did you")).to_contain_text("We could not confirm that this was delivered.")
    button(returning, "Send again").click()
    expect(message(returning, "Did you")).to_contain_text("Sending")
    assert played.frames("retry") == [{"type": "retry", "message": row["id"]}]


def test_a_lost_message_can_be_deleted(returning: Page, played: PlayedServer) -> None:
    row = lost(played, "Never mind", state="failed", reason=REASON)
    lost(played, "The other one", state="sent")
    returning.goto(CHAT)
    button(returning, "Delete").click()
    expect(message(returning, "Never mind")).to_have_count(0)
    becomes(played, row, deleted=True, text=[], reason=None)
    settle(returning)
    assert log(returning).locator("chat-message .bubble").all_inner_texts() == ["The other one"]
    assert played.frames("discard") == [{"type": "discard", "message": row["id"]}]


def test_a_refusal_is_said_where_the_buttons_were_and_they_come_back(returning: Page, played: PlayedServer) -> None:
    row = lost(played, "All of it", state="failed", reason=REASON)
    returning.goto(CHAT)
    button(returning, "Try again").click()
    expect(button(returning, "Try again")).to_have_count(0)
    error = {"code": "too_many_waiting", "message": "Too many messages are still waiting to be delivered."}
    played.push({"type": "refused", "message": row["id"], "error": error})
    expect(message(returning, "All of it")).to_contain_text("Not sent: Too many messages are still waiting. Please")
    expect(button(returning, "Try again")).to_be_visible()


def test_a_message_in_doubt_says_after_a_while_that_it_is_still_being_sent(
    returning: Page, played: PlayedServer
) -> None:
    returning.clock.install()
    lost(played, "Hello?", state="unsure")
    returning.goto(CHAT)
    expect(message(returning, "Hello?")).to_contain_text("Sending")
    returning.clock.run_for(9_000)
    expect(message(returning, "Hello?")).to_contain_text("Still sending…")


def test_a_screen_reader_hears_of_what_was_lost_while_it_listens_and_not_of_old_losses(
    returning: Page, played: PlayedServer
) -> None:
    lost(played, "Long ago", state="failed", reason="An old reason.")
    row = lost(played, "Just now", state="sending")
    returning.goto(CHAT)
    expect(message(returning, "Just now")).to_contain_text("Sending")
    spoken = returning.locator("chat-thread p[aria-live=polite]")
    expect(spoken).to_have_text("")
    becomes(played, row, state="failed", reason=REASON)
    expect(spoken).to_have_text(f"Not sent: {REASON}")


def test_the_keyboard_reaches_the_buttons_and_is_not_lost_with_them(returning: Page, played: PlayedServer) -> None:
    row = lost(played, "All of it", state="failed", reason=REASON)
    returning.goto(CHAT)
    expect(button(returning, "Try again")).to_be_visible()
    log(returning).focus()
    returning.keyboard.press("Tab")
    expect(button(returning, "Try again")).to_be_focused()
    returning.keyboard.press("Enter")
    expect(message(returning, "All of it")).to_be_focused()
    becomes(played, row, state="failed", reason=REASON)
    button(returning, "Delete").focus()
    returning.keyboard.press("Space")
    expect(log(returning)).to_be_focused()


def beside_one_that_uploads(page: Page, played: PlayedServer) -> Page:
    """Another tab than the one in which a message waits for its file."""
    page.goto(CHAT)
    other = page.context.new_page()
    other.goto(CHAT)
    expect(field(other)).to_be_visible()
    page.bring_to_front()
    played.held_uploads = []
    pick(page, photo())
    say(page, "This one")
    expect(message(page, "This one")).to_contain_text("Uploading…")
    return other


def test_of_two_tabs_the_reloaded_one_alone_gets_its_message_back(returning: Page, played: PlayedServer) -> None:
    other = beside_one_that_uploads(returning, played)
    returning.reload()
    expect(returning.get_by_text("Please add clock.png again.")).to_be_visible()
    expect(field(returning)).to_have_value("This one")
    other.wait_for_timeout(6_000)  # longer than another tab waits
    expect(field(other)).to_have_value("")
    assert played.frames("send") == []


def test_a_message_whose_tab_was_closed_comes_back_in_one_that_is_looked_at(
    returning: Page, played: PlayedServer
) -> None:
    other = beside_one_that_uploads(returning, played)
    returning.close()
    expect(other.get_by_text("Please add clock.png again.")).to_be_visible()
    expect(field(other)).to_have_value("This one")
    assert played.frames("send") == []


def test_what_a_closed_tab_had_sent_is_there_once_where_it_stands_as_a_draft(
    returning: Page, played: PlayedServer
) -> None:
    returning.goto(CHAT)
    field(returning).fill("This one")
    other = returning.context.new_page()
    other.goto(CHAT)
    expect(field(other)).to_have_value("This one")
    returning.bring_to_front()
    played.held_uploads = []
    pick(returning, photo())
    field(returning).press("Enter")
    expect(message(returning, "This one")).to_contain_text("Uploading…")
    returning.close()
    expect(other.get_by_text("Please add clock.png again.")).to_be_visible()
    expect(field(other)).to_have_value("This one")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_was_lost_fits_a_narrow_screen(returning: Page, played: PlayedServer, scheme: Any) -> None:
    returning.emulate_media(color_scheme=scheme)
    returning.set_viewport_size({"width": 360, "height": 640})
    played.messages = [played.message("Which dial would you like?", age_s=90)]
    lost(played, "The brass one, with the even tides and the long pendulum", state="failed", reason=REASON)
    lost(played, "And engraved", state="unconfirmed")
    returning.goto(CHAT)
    expect(button(returning, "Send again")).to_be_visible()
    assert returning.evaluate("document.documentElement.scrollWidth") <= 360
    for box in (each.bounding_box() for each in log(returning).get_by_role("button").all()):
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["height"] >= 24
