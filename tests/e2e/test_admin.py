"""An operator edits the look of an inbox and sees the chat change, in a browser, against the real application."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.browser import Complaints
from tests.fixtures.the_demo import ROOT, Demo

pytestmark = pytest.mark.browser
PASSWORD = "a long password of nobody"
BLUE = "rgb(18, 52, 200)"


@pytest.fixture
def operator(chromium: Browser, demo: Demo) -> Iterator[Page]:
    env = {"PATH": os.environ["PATH"], "DEBUG": "True", "VAR_DIR": str(demo.log.parent)}
    env |= {"DJANGO_SUPERUSER_USERNAME": "operator", "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    command = [sys.executable, str(ROOT / "manage.py"), "createsuperuser", "--noinput", "--email=o@example.com"]
    subprocess.run(command, env=env, check=True, capture_output=True)
    context = chromium.new_context(base_url=demo.url, locale="en-GB")
    complaints = Complaints(context, "connect-src 'none'", "Content Security Policy", "Multiple forms")
    context.route("**/favicon.ico", lambda route: route.fulfill(status=204))  # the admin has none
    page = context.new_page()
    page.goto("/admin/")
    page.fill("#id_username", "operator")
    page.fill("#id_password", PASSWORD)
    page.click("input[type=submit]")
    yield page
    context.close()
    assert complaints.texts == []


def test_the_preview_follows_the_pen_disturbs_nobody_and_reaches_nothing(operator: Page, demo: Demo) -> None:
    asked: list[str] = []
    operator.context.on("request", lambda request: asked.append(request.url))
    operator.goto("/admin/chat/inbox/1/change/")
    chat = operator.frame_locator(".stage iframe:not(.coming)").frame_locator("iframe")
    launcher = operator.frame_locator(".stage iframe:not(.coming)").get_by_role("button", name="Open chat")
    expect(chat.get_by_role("textbox")).to_be_visible()

    operator.locator("#id_look").fill('{"accent": "#1234c8", "theme": "light"}')
    expect(launcher).to_have_css("background-color", BLUE)
    expect(operator.locator(".stage iframe")).to_have_count(1)
    expect(chat.get_by_role("textbox")).to_be_visible()
    expect(operator.locator("#id_look")).to_be_focused()

    operator.get_by_role("button", name="Dark").press("Enter")
    expect(chat.locator("html")).to_have_attribute("data-theme", "dark")
    chat.get_by_role("textbox").fill("goes nowhere")
    chat.get_by_role("textbox").press("Enter")
    launcher.click()
    expect(chat.get_by_role("textbox")).to_be_hidden()
    launcher.click()
    expect(chat.get_by_role("textbox")).to_be_visible()
    assert not [url for url in asked if "/api/" in url or "/frame/main/" in url]
    assert demo.desk.conversations() == []
    assert "chatproxy" not in " ".join(each["name"] for each in operator.context.cookies())
