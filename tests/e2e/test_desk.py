"""The agent desk in a browser, against the sandbox alone; the visitor speaks the Client API."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    ViewportSize,
    WebSocketRoute,
    expect,
)

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
WIDE = ViewportSize(width=1280, height=800)
NARROW = ViewportSize(width=360, height=640)


class Visitor:
    """Somebody on the product's page, by the Client API."""

    def __init__(self, http: httpx.Client, inbox_identifier: str, name: str) -> None:
        self.http = http
        contacts = f"/public/api/v1/inboxes/{inbox_identifier}/contacts"
        self.source_id = self._post(contacts, {"name": name, "email": f"{name.lower()}@example.test"})["source_id"]
        self.path = f"{contacts}/{self.source_id}/conversations"
        self.conversation_id = self._post(self.path, {"custom_attributes": {"page": "/tea"}})["id"]
        self.path = f"{self.path}/{self.conversation_id}"

    def says(self, content: str) -> None:
        self._post(f"{self.path}/messages", {"content": content})

    def shows(self, name: str, content: bytes, content_type: str) -> None:
        files = {"attachments[]": (name, content, content_type)}
        self.http.post(f"{self.path}/messages", files=files).raise_for_status()

    def types(self, status: str) -> None:
        self.http.post(f"{self.path}/toggle_typing", json={"typing_status": status}).raise_for_status()

    def has_seen(self) -> None:
        self.http.post(f"{self.path}/update_last_seen").raise_for_status()

    def answers(self, message: dict[str, Any], values: Any) -> None:
        answer = self.http.patch(f"{self.path}/messages/{message['id']}", json={"submitted_values": values})
        answer.raise_for_status()

    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.http.get(f"{self.path}/messages").raise_for_status().json()
        return messages

    def status(self) -> str:
        return str(self.http.get(self.path).raise_for_status().json()["status"])

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.post(path, json=body).raise_for_status().json()
        return answer


class SandboxProcess:
    """A sandbox of its own, which keeps its state so that it can be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "manage.py", "sandbox", "--port", str(self.port)]
        command += ["--world", str(self.folder / "world.json"), "--state", str(self.folder / "state")]
        environment = {"DJANGO_SETTINGS_MODULE": "chat.sandbox.settings", "PATH": os.environ["PATH"]}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "/desk/" in line, f"the sandbox did not start: {line!r}"
        self.world = json.loads((self.folder / "world.json").read_text())
        self.url = self.world["base_url"]
        self.port = httpx.URL(self.url).port or 0

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path)
    yield process
    process.stop()


@pytest.fixture
def http(sandbox: SandboxProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url, trust_env=False) as client:
        yield client


@pytest.fixture
def ada(sandbox: SandboxProcess, http: httpx.Client) -> Visitor:
    return Visitor(http, sandbox.world["inbox"]["identifier"], "Ada")


@pytest.fixture
def desk(chromium: Browser, sandbox: SandboxProcess) -> Iterator[Page]:
    """The desk, opened wide; a script error or a refused row fails the test."""
    context = chromium.new_context(viewport=WIDE, locale="en-GB")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if is_complaint(message) else None)
    page.goto(f"{sandbox.url}/desk/")
    expect(page.get_by_role("heading", name="Conversations")).to_be_visible()
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def bo(desk: Page, sandbox: SandboxProcess, http: httpx.Client, ada: Visitor) -> Visitor:
    """Somebody who writes while Ada's conversation is open."""
    ada.says("Hello")
    bubble(desk, "Hello").wait_for()
    bo = Visitor(http, sandbox.world["inbox"]["identifier"], "Bo")
    bo.says("Anybody there?")
    return bo


class Line:
    """The desk's own socket, to be cut and mended."""

    def __init__(self, desk: Page) -> None:
        self.sockets: list[WebSocketRoute] = []
        self.broken = False
        desk.route_web_socket(re.compile("/cable$"), self._dialled)
        desk.reload()

    def cut(self) -> None:
        self.broken = True
        for socket in self.sockets:
            socket.close()

    def mend(self) -> None:
        self.broken = False

    def _dialled(self, socket: WebSocketRoute) -> None:
        if self.broken:
            return socket.close()
        socket.connect_to_server()
        self.sockets.append(socket)
        return None


def is_complaint(message: ConsoleMessage) -> bool:
    expected = ("net::ERR", "WebSocket", "401 (Unauthorized)")  # a sandbox that is away, or has become another
    return message.type == "error" and not any(words in message.text for words in expected)


def row(desk: Page, visitor: Visitor) -> Locator:
    return desk.locator(f"[data-conversation-id='{visitor.conversation_id}']")


def bubble(desk: Page, text: str) -> Locator:
    return desk.locator("[data-message-id]", has_text=text)


def reply(desk: Page, text: str) -> None:
    desk.get_by_role("textbox", name="Reply").fill(text)
    desk.get_by_role("textbox", name="Reply").press("Enter")


def test_the_only_conversation_opens_by_itself_and_the_talk_goes_both_ways(desk: Page, ada: Visitor) -> None:
    ada.says("Is the spring leaf back?")
    expect(bubble(desk, "Is the spring leaf back?")).to_be_visible()
    expect(desk).to_have_url(re.compile(rf"#/conversations/{ada.conversation_id}$"))
    reply(desk, "It is.")
    expect(bubble(desk, "It is.")).to_contain_text("Sent")
    assert [message["content"] for message in ada.messages()] == ["Is the spring leaf back?", "It is."]
    ada.has_seen()
    expect(bubble(desk, "It is.")).to_contain_text("Seen")


def test_whoever_opens_a_conversation_by_keyboard_writes_there_next(desk: Page, ada: Visitor, bo: Visitor) -> None:
    for visitor, words in ((ada, "Yes, Ada"), (bo, "Yes, Bo"), (bo, "Still here")):  # the first and the last are open
        row(desk, visitor).press("Enter")
        expect(row(desk, visitor)).to_have_attribute("aria-current", "true")
        expect(desk.get_by_role("textbox", name="Reply")).to_be_focused()
        desk.keyboard.type(words)
        desk.keyboard.press("Enter")
        expect(bubble(desk, words)).to_contain_text("Sent")
    assert [message["content"] for message in bo.messages()] == ["Anybody there?", "Yes, Bo", "Still here"]


def test_a_private_note_stays_with_the_agents(desk: Page, ada: Visitor) -> None:
    ada.says("Hello")
    bubble(desk, "Hello").wait_for()
    desk.keyboard.press("Alt+KeyP")
    expect(desk.get_by_role("switch", name="Private note")).to_be_checked()
    reply(desk, "Careful with this one")
    expect(bubble(desk, "Careful with this one")).to_contain_text("Only agents see this")
    desk.keyboard.press("Alt+KeyL")
    expect(desk.get_by_role("switch", name="Private note")).not_to_be_checked()
    assert [message["content"] for message in ada.messages()] == ["Hello"]


def test_typing_shows_while_it_lasts_and_is_told_to_the_visitor(desk: Page, ada: Visitor) -> None:
    ada.says("Hello")
    bubble(desk, "Hello").wait_for()
    ada.types("on")
    expect(desk.get_by_role("status")).to_have_text("Ada is typing")
    ada.types("off")
    expect(desk.get_by_role("status")).to_have_text("")
    with desk.expect_request(re.compile("toggle_typing_status")) as on:
        desk.get_by_role("textbox", name="Reply").press_sequentially("I")
    assert on.value.post_data_json == {"typing_status": "on", "is_private": False}
    with desk.expect_request(re.compile("toggle_typing_status")) as off:
        desk.get_by_role("button", name="Send").click()
    assert off.value.post_data_json == {"typing_status": "off", "is_private": False}


def test_resolving_reopening_and_deleting_show_at_once(desk: Page, ada: Visitor) -> None:
    ada.says("Hello")
    bubble(desk, "Hello").wait_for()
    desk.get_by_role("button", name="Resolve").click()
    expect(desk.get_by_role("button", name="Reopen")).to_be_visible()
    assert ada.status() == "resolved"
    ada.says("One more thing")
    expect(desk.get_by_role("button", name="Resolve")).to_be_visible()
    reply(desk, "A slip")
    bubble(desk, "A slip").hover()
    bubble(desk, "A slip").get_by_role("button", name="Delete message").click()
    expect(bubble(desk, "Message removed")).to_be_visible()
    expect(desk.get_by_text("A slip")).to_have_count(0)
    assert ada.messages()[-1]["content_attributes"] == {"deleted": True}


def test_rich_messages_show_what_the_visitor_answered(desk: Page, ada: Visitor) -> None:
    ada.says("Hello")
    bubble(desk, "Hello").wait_for()
    for kind in ("Choices", "Cards", "Form", "Rating", "Article"):
        desk.get_by_role("button", name="Insert").click()
        desk.get_by_role("menuitem", name=kind).click()
    expect(desk.locator("[data-message-id] .article")).to_be_visible()
    expect(desk.locator(".draft")).to_have_count(0)
    sent = {message["content_type"]: message for message in ada.messages()[1:]}
    assert list(sent) == ["input_select", "cards", "form", "input_csat", "article"]
    ada.answers(sent["input_select"], [{"title": "With milk", "value": "milk"}])
    ada.answers(sent["form"], [{"name": "email", "value": "ada@example.test"}, {"name": "size", "value": "large"}])
    ada.answers(sent["input_csat"], {"csat_survey_response": {"rating": 4, "feedback_message": "Kind"}})
    expect(bubble(desk, "With milk chosen")).to_be_visible()
    expect(bubble(desk, "SizeLarge")).to_be_visible()
    expect(bubble(desk, "Good, 4 of 5")).to_contain_text("Kind")


def test_files_go_both_ways(desk: Page, ada: Visitor) -> None:
    picture = (ROOT / "chat/sandbox/desk/sample/leaf.png").read_bytes()
    ada.shows("leaf in may.png", picture, "image/png")
    expect(desk.locator("[data-message-id] img[alt='leaf in may.png']")).to_be_attached()
    with desk.expect_file_chooser() as chooser:
        desk.get_by_role("button", name="Attach a file").click()
    chooser.value.set_files({"name": "prices.txt", "mimeType": "text/plain", "buffer": b"leaf 12"})
    reply(desk, "Our prices")
    expect(desk.get_by_role("link", name="prices.txt")).to_be_visible()
    [attachment] = ada.messages()[-1]["attachments"]
    assert httpx.get(attachment["data_url"], follow_redirects=True, trust_env=False).content == b"leaf 12"


def test_markup_in_a_message_is_only_text(desk: Page, ada: Visitor) -> None:
    ada.says("<img src=x onerror=alert(1)> **bold**")
    expect(bubble(desk, "<img src=x onerror=alert(1)> **bold**")).to_be_visible()
    expect(desk.locator(".messages img")).to_have_count(0)


def test_unread_conversations_are_marked_until_they_are_opened(desk: Page, bo: Visitor) -> None:
    expect(row(desk, bo).get_by_label("1 unread")).to_be_visible()
    expect(desk).to_have_title("(1) Agent desk")
    desk.keyboard.press("Alt+KeyK")
    expect(bubble(desk, "Anybody there?")).to_be_visible()
    expect(row(desk, bo).get_by_label("1 unread")).to_have_count(0)
    expect(desk).to_have_title("Agent desk")
    expect(desk.get_by_label("Contact", exact=True).last).to_contain_text("bo@example.test")


def test_nothing_is_missed_while_the_line_was_cut(desk: Page, ada: Visitor) -> None:
    ada.says("before")
    line = Line(desk)
    bubble(desk, "before").wait_for()
    line.cut()
    expect(desk.locator("#notice")).to_contain_text("The live connection is gone")
    said = [f"number {number}" for number in range(130)]
    for words in said:
        ada.says(words)
    line.mend()
    expect(desk.locator("#notice")).to_be_empty(timeout=30_000)
    expect(bubble(desk, "number 129")).to_be_visible(timeout=30_000)
    assert desk.locator("[data-message-id] .text").all_text_contents() == ["before", *said]


def test_a_cable_that_only_pings_hides_nothing(desk: Page, http: httpx.Client, ada: Visitor) -> None:
    ada.says("before")
    line = Line(desk)
    bubble(desk, "before").wait_for()
    http.post("/sandbox/faults", json={"name": "cable_mute"}).raise_for_status()
    line.cut()
    line.mend()
    expect(desk.locator("#notice")).to_be_empty(timeout=10_000)
    ada.says("into silence")
    expect(bubble(desk, "into silence")).to_be_visible(timeout=30_000)


def test_a_message_that_met_no_chatwoot_waits_for_another_try(
    desk: Page, sandbox: SandboxProcess, ada: Visitor
) -> None:
    ada.says("before")
    bubble(desk, "before").wait_for()
    sandbox.stop()
    reply(desk, "Are you there?")
    expect(desk.locator(".draft")).to_contain_text("Not sent: Chatwoot does not answer.")
    sandbox.start()
    desk.get_by_role("button", name="Try again").click()
    expect(bubble(desk, "Are you there?")).to_be_visible()
    expect(desk.locator(".draft")).to_have_count(0)
    assert [message["content"] for message in ada.messages()] == ["before", "Are you there?"]


def test_another_sandbox_on_the_same_port_is_taken_up_by_itself(
    desk: Page, sandbox: SandboxProcess, ada: Visitor
) -> None:
    ada.says("before")
    bubble(desk, "before").wait_for()
    sandbox.stop()
    for file in sandbox.folder.iterdir():
        file.unlink()
    sandbox.start()
    expect(bubble(desk, "before")).to_have_count(0, timeout=30_000)
    expect(desk.locator("#notice")).to_be_empty()


def test_a_deep_link_and_a_narrow_screen(chromium: Browser, sandbox: SandboxProcess, ada: Visitor) -> None:
    ada.says("Hello")
    context = chromium.new_context(viewport=NARROW)
    page = context.new_page()
    page.goto(f"{sandbox.url}/desk/#/conversations/{ada.conversation_id}")
    expect(bubble(page, "Hello")).to_be_visible()
    expect(row(page, ada)).to_be_hidden()
    page.get_by_role("link", name="All conversations").click()
    expect(row(page, ada)).to_be_visible()
    expect(page.get_by_role("textbox", name="Reply")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
