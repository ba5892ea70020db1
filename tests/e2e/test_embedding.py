"""The chat on a page of another site, over TLS on two host names: under the strictest policy that the documents
describe, with third-party cookies blocked, and with everything blocked."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, FrameLocator, Page, expect

from tests.fixtures.browser import CHROMIUM, PATIENCE_MS, Complaints
from tests.fixtures.the_server import Serving
from tests.fixtures.the_shop import shop
from tests.fixtures.the_tls import Fronts

pytestmark = pytest.mark.browser

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/embedding.md").read_text()
SHOP, CHAT = "https://shop.test", "https://chat.test"
# On top of the documented lines, so that whatever else the launcher needed would be refused.
POLICY = "default-src 'none'; require-trusted-types-for 'script'; "
NO_THIRD_PARTY_COOKIES = {"profile": {"cookie_controls_mode": 1, "block_third_party_cookies": True}}
NOTHING_STORED = {"profile": {"content_settings": {"exceptions": {"cookies": {f"{CHAT}:443,*": {"setting": 2}}}}}}
Chooser = Callable[[dict[str, Any]], BrowserContext]


def documented() -> str:
    """The lines for a host's policy, with the name that the test gives the chat."""
    found = re.search(r"```csp\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found
    return " ".join(found[1].split()).replace("https://chat.example.com", CHAT)


@pytest.fixture
def visiting(chromium: Browser, fronts: Fronts, tmp_path: Path) -> Iterator[Chooser]:
    """A browser with these preferences of its user's, and the shop and the chat that it can go to."""
    html = (
        f'<!doctype html><title>Shop</title><p>A shop</p><script async src="{CHAT}/sdk.js" data-inbox="main"></script>'
    )
    with ExitStack() as stack:
        fronts.add("shop.test", stack.enter_context(shop(html, {"Content-Security-Policy": POLICY + documented()})))
        server = Serving(tmp_path / "server", LIMITS="all=off", ALLOWED_ORIGINS=SHOP, TRUST_FORWARDED_PROTO="True")
        server.env |= {"TRUSTED_PROXIES": "127.0.0.1", "ALLOWED_HOSTS": "chat.test", "DEBUG": "False"}
        server.env |= {"SECRET_KEY": "only for embedding " * 4}
        stack.enter_context(server.migrated().running())
        fronts.add("chat.test", server.port)

        def start(preferences: dict[str, Any]) -> BrowserContext:
            profile = tmp_path / "profile"
            (profile / "Default").mkdir(parents=True)
            (profile / "Default/Preferences").write_text(json.dumps(preferences))
            context = chromium.browser_type.launch_persistent_context(
                profile,
                executable_path=str(CHROMIUM),
                args=["--no-sandbox", "--disable-background-networking", f"--host-resolver-rules={fronts.rules}"],
                ignore_https_errors=True,
                locale="en-GB",
            )
            stack.callback(context.close)
            complaints = Complaints(context)
            stack.callback(lambda: _quiet(complaints))
            return context

        yield start


def _quiet(complaints: Complaints) -> None:
    assert complaints.texts == []


def opened(page: Page) -> FrameLocator:
    page.get_by_role("button", name="Open chat").click()
    chat = page.frame_locator("iframe[title=Chat]")
    expect(chat.get_by_role("textbox", name="Message")).to_be_focused(timeout=PATIENCE_MS)
    return chat


def say(chat: FrameLocator, text: str) -> None:
    field = chat.get_by_role("textbox", name="Message")
    field.fill(text)
    field.press("Enter")
    expect(chat.locator("[data-state=accepted], [data-state=sending]")).to_have_count(1)


def keeps(page: Page, cookie: str) -> bool:
    """Whether the frame may set such a cookie."""
    script = "(cookie) => { document.cookie = cookie; return document.cookie.includes(cookie.split(';')[0]); }"
    return bool(page.frames[-1].evaluate(script, cookie))


def test_31_5_a_strict_page_of_another_site_keeps_its_chat_without_third_party_cookies(visiting: Chooser) -> None:
    page = visiting(NO_THIRD_PARTY_COOKIES).new_page()
    page.goto(SHOP)
    chat = opened(page)
    assert not keeps(page, "old=1; SameSite=None; Secure"), "they are blocked"
    say(chat, "Is the oak one in stock?")
    page.reload()
    chat = opened(page)
    expect(chat.get_by_role("log")).to_contain_text("Is the oak one in stock?")
    page.goto(CHAT + "/chat/main/")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    expect(page.get_by_role("log")).not_to_contain_text("Is the oak one in stock?")  # one jar for each site


def test_5_where_the_frame_may_store_nothing_the_chat_works_while_the_page_is_open(visiting: Chooser) -> None:
    page = visiting(NOTHING_STORED).new_page()
    page.goto(SHOP)
    chat = opened(page)
    with pytest.raises(Error, match="SecurityError"):
        page.frames[-1].evaluate("localStorage.length")
    say(chat, "Does it float?")
    page.reload()
    expect(opened(page).get_by_role("textbox", name="Message")).to_be_editable()
