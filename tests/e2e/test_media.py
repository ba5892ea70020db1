"""Files in the thread, in a browser with a server that the test plays."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.fixtures.browser import PlayedServer
from tests.fixtures.rich_messages import PlayedFiles, drawing, file, tone

pytestmark = pytest.mark.browser

CHAT = "/chat/main/"


@pytest.fixture(autouse=True)
def _strict(played: PlayedServer) -> None:
    played.strict = True


@pytest.fixture
def files(context: BrowserContext, played: PlayedServer) -> PlayedFiles:
    return PlayedFiles(context, played)


def test_pictures_keep_their_room_and_open_in_a_light_box_by_keyboard(
    files: PlayedFiles, played: PlayedServer, returning: Page
) -> None:
    one = files.has(drawing(), "image/png", "image", "front.png", width=480, height=320)
    two = files.has(drawing(300, 300), "image/png", "image", "back.png")
    played.messages += [
        played.message("This is how it looks", attachments=[one]),
        played.message("Mine", own=True, attachments=[two]),
    ]
    returning.goto(CHAT)
    pictures = returning.locator("button.picture")
    expect(pictures).to_have_count(2)
    expect(returning.locator("button.picture.loaded")).to_have_count(2)
    box = pictures.first.bounding_box()
    assert box is not None and (box["width"], box["height"]) == (240, 160)
    assert len(files.sales) == 1  # one call for all
    pictures.first.focus()
    returning.keyboard.press("Enter")
    dialog = returning.get_by_role("dialog", name="Picture: front.png")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Close picture")).to_be_focused()
    returning.keyboard.press("ArrowRight")
    expect(returning.get_by_role("dialog", name="Picture: back.png")).to_be_visible()
    returning.keyboard.press("ArrowLeft")
    returning.keyboard.press("Escape")
    expect(returning.get_by_role("dialog")).to_have_count(0)
    expect(pictures.first).to_be_focused()


def test_a_picture_that_is_not_there_yet_comes_later_with_a_new_ticket(
    files: PlayedFiles, played: PlayedServer, returning: Page
) -> None:
    late = files.has(drawing(), "image/png", "image", "late.png")
    files.missing[late["id"]] = 2
    played.messages.append(played.message([], attachments=[late]))
    returning.goto(CHAT)
    expect(returning.locator("button.picture.loaded")).to_be_visible()
    assert (len(files.sales), files.redeemed) == (3, ["1", "2", "3"])


def test_sound_plays_and_files_are_saved_by_name(files: PlayedFiles, played: PlayedServer, returning: Page) -> None:
    sound = files.has(tone(), "audio/wav", "audio", "chime.wav")
    terms = files.has(b"%PDF-1.7", "application/pdf", "file", "terms of sale.pdf")
    drawn = files.has(b"<svg/>", "application/octet-stream", "image", "drawing.svg")
    lost = file("file", "gone.txt")
    played.messages.append(played.message("Listen", attachments=[sound, terms, drawn, lost]))
    returning.goto(CHAT)
    player = returning.get_by_role("group", name="Audio: chime.wav")
    expect(player).to_contain_text("0:03")
    player.get_by_role("button", name="Play").click()
    expect(player.get_by_role("button", name="Pause")).to_be_visible()
    player.get_by_role("slider", name="Position").press("End")
    expect(player.get_by_role("button", name="Play")).to_be_visible()
    with returning.expect_download() as saved:
        returning.get_by_role("link", name=re.compile("terms of sale.pdf.*PDF, 1.kB")).click()
    assert saved.value.suggested_filename == "terms of sale.pdf"
    expect(returning.get_by_role("link", name=re.compile("drawing.svg"))).to_be_visible()
    expect(returning.locator("img")).to_have_count(0)
    returning.get_by_role("link", name=re.compile("gone.txt")).click()
    expect(returning.get_by_text("This file is not available any more.")).to_be_visible()
    assert returning.url.endswith(CHAT)
