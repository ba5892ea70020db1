"""What a page says of a conversation by sdk.js reaches agents, whenever it says so; everything between is real."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from chat.chatwoot.resources import CONVERSATION_KEY
from tests.e2e.test_sdk import frame, host, script
from tests.fixtures.browser import Complaints
from tests.fixtures.sandbox import ROOT, SandboxProcess
from tests.fixtures.the_server import Serving

pytestmark = pytest.mark.browser
ALLOW = """
from chat.models import Inbox
inbox = Inbox.objects.get()
inbox.agent_token, inbox.policy = %r, {"labels": ["order-question"]}
inbox.save()
"""


@pytest.fixture
def sandbox(start_sandbox: Callable[..., SandboxProcess]) -> SandboxProcess:
    return start_sandbox()


@pytest.fixture
def site(migrated: Path, sandbox: SandboxProcess) -> Iterator[str]:
    """Connected as an operator does it."""
    empty = {"CHATWOOT_URL": "", "CHATWOOT_INBOX_IDENTIFIER": ""}
    serving = Serving(migrated, **empty, CHATWOOT_ADMIN_TOKEN=sandbox.world["admin_token"])
    allow = ["shell", "--no-imports", "--command", ALLOW % sandbox.world["agent_token"]]
    connect = ["connect_chatwoot", "--url", sandbox.base_url, "--agent", sandbox.world["emails"]["agent"]]
    for command in (connect, allow):
        subprocess.run([sys.executable, str(ROOT / "manage.py"), *command], env=serving.env, check=True)
    with serving.running():
        yield serving.site


def said(page: Page, call: str) -> Any:
    """What the promise of a call comes to: null, or the code of its error."""
    return page.evaluate(f"chatproxy.{call}.then(() => null, ({{ code }}) => code)")


def seen(sandbox: SandboxProcess) -> tuple[dict[str, Any], list[str]]:
    """By agents, without our key."""
    rows = sandbox.desk.conversations()
    told = [
        ({**row["custom_attributes"]}, row["labels"]) for row in rows if CONVERSATION_KEY in row["custom_attributes"]
    ]
    if not told:
        return {}, []
    del told[0][0][CONVERSATION_KEY]
    return told[0]


def become(page: Page, sandbox: SandboxProcess, *expected: Any) -> None:
    for _ in range(200):
        if seen(sandbox) == expected:
            return
        page.wait_for_timeout(100)
    assert seen(sandbox) == expected


def test_a_page_describes_a_conversation_before_and_after_its_first_message(
    chromium: Browser, site: str, sandbox: SandboxProcess
) -> None:
    context = chromium.new_context(base_url=site, locale="en-GB")
    complaints = Complaints(context, "status of 409", "status of 422")
    page = host(context, site, script(site, 'data-inbox="main"'))
    page.wait_for_function("!!window.chatproxy?.setLabel")
    for call in ('setConversationAttributes({ order: "A-17", page: "/cart" })', 'setLabel("order-question")'):
        assert said(page, call) is None
    assert said(page, 'deleteConversationAttribute("page")') is None
    page.get_by_role("button", name="Open chat").click()
    field = frame(page).get_by_role("textbox", name="Message")
    field.fill("Where is it?")
    field.press("Enter")
    expect(frame(page).get_by_text("Sent", exact=True)).to_be_visible()
    become(page, sandbox, {"order": "A-17"}, ["order-question"])
    assert said(page, "setConversationAttributes({ order: 18, gift: true })") is None
    assert said(page, 'removeLabel("order-question")') is None
    become(page, sandbox, {"order": 18, "gift": True}, [])
    errors = page.evaluate_handle("{ const heard = []; chatproxy.on('error', ({ code }) => heard.push(code)); heard }")
    assert said(page, 'setLabel("vip")') == "label_refused"
    assert said(page, f"setConversationAttributes({json.dumps({CONVERSATION_KEY: 'x'})})") == "profile_invalid"
    assert errors.json_value() == ["label_refused", "profile_invalid"]
    assert seen(sandbox) == ({"order": 18, "gift": True}, [])
    context.close()
    assert complaints.texts == []
