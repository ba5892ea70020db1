"""sdk.js in every mode: as a part of a page, twice on one, through swaps of the body, with somebody signed in."""

import json
from typing import Any

import pytest
from django.test import RequestFactory
from playwright.sync_api import BrowserContext, FrameLocator, Page, Route, expect

from chat import speaking
from chat.joining import joined
from chat.models import Inbox
from tests.fixtures.browser import ROOT, PlayedServer

pytestmark = pytest.mark.browser
SWAP = """() => {
    const body = document.createElement("body");
    body.innerHTML = "<p>Another page</p><main id='spot' style='height: 500px'></main>";
    document.documentElement.replaceChild(body, document.body);
}"""


def host(context: BrowserContext, home: str, body: str) -> Page:
    """A page of another site's making, at our origin."""

    def answer(route: Route) -> None:
        html = f"<!doctype html><html><head><title>Shop</title></head><body>{body}</body></html>"
        route.fulfill(body=html, content_type="text/html")

    context.route("**/shop/", answer)
    page = context.new_page()
    page.goto("/shop/")
    return page


def script(home: str, attributes: str) -> str:
    return f'<script async src="{home}/sdk.js" {attributes}></script>'


def frame(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title=Chat]")


def field(page: Page) -> Any:
    return frame(page).get_by_role("textbox", name="Message")


def test_a_swapped_body_takes_neither_launcher_nor_what_is_typed(
    context: BrowserContext, played: PlayedServer, home: str
) -> None:
    page = host(context, home, script(home, 'data-inbox="main"'))
    page.get_by_role("button", name="Open chat").click()
    field(page).fill("Half a thou")
    loads = [path for path in played.requests if path == "/frame/main/"]
    page.evaluate(SWAP)
    page.evaluate("(src) => document.body.append(Object.assign(document.createElement('script'), { src }))", "/sdk.js")
    expect(field(page)).to_have_value("Half a thou")
    expect(page.locator("[data-chatproxy]")).to_have_count(1)
    assert [path for path in played.requests if path == "/frame/main/"] == loads
    page.evaluate("document.querySelector('[data-chatproxy]').remove()")
    expect(field(page)).to_have_value("Half a thou")
    expect(page.get_by_role("button", name="Close chat").last).to_be_visible()


def test_a_returning_visitor_keeps_a_true_badge_through_swaps(
    context: BrowserContext, played: PlayedServer, home: str
) -> None:
    context.add_init_script(
        "if (origin !== 'null') for (const [key, value] of [['begun', 'true'], ['wrote', '1']])"
        " localStorage.setItem('chatproxy:main:' + key, value)"
    )
    played.talk()
    played.messages.append(played.message("Written while you were away"))
    page = host(context, home, script(home, 'data-inbox="main"'))
    expect(page.get_by_role("button", name="Open chat, 1 unread")).to_be_visible()
    page.evaluate(SWAP)
    expect(page.get_by_role("button", name="Open chat, 1 unread")).to_be_visible()
    assert [path for path in played.requests if path == "/api/v1/sync"] == ["/api/v1/sync"]
    assert played.frames("hello") == []


def test_inline_the_chat_is_a_part_of_the_page_and_comes_back_with_its_place(
    context: BrowserContext, played: PlayedServer, home: str
) -> None:
    attributes = 'data-inbox="main" data-mode="inline" data-target="#spot"'
    page = host(context, home, f'<main id="spot" style="height: 500px"></main>{script(home, attributes)}')
    expect(field(page)).to_be_visible()
    expect(field(page)).not_to_be_focused()
    box = page.locator("iframe").bounding_box()
    assert box is not None and box["height"] == 500
    expect(frame(page).get_by_role("button", name="Close chat")).to_have_count(0)
    expect(page.get_by_role("button", name="Open chat")).to_have_count(0)
    field(page).fill("Half a thou")
    field(page).press("Escape")
    page.evaluate(SWAP)
    expect(field(page)).to_have_value("Half a thou")


def test_the_element_is_a_chat_and_two_inboxes_share_a_page(
    context: BrowserContext, played: PlayedServer, home: str
) -> None:
    body = (
        '<chatproxy-chat inbox="main" style="height: 400px"></chatproxy-chat>'
        f'<script async src="{home}/element.js"></script>' + script(home, 'data-inbox="other" data-position="start"')
    )
    page = host(context, home, body)
    expect(field(page)).to_be_visible()
    launcher = page.get_by_role("button", name="Open chat")
    box = launcher.bounding_box()
    assert box is not None and box["x"] == 20
    page.evaluate("document.querySelector('chatproxy-chat').remove()")
    expect(page.locator("iframe")).to_have_count(0)
    expect(launcher).to_be_visible()
    page.evaluate("chatproxy.inbox('other', 'hide')")
    expect(launcher).to_be_hidden()


def identities(played: PlayedServer, context: BrowserContext) -> list[dict[str, Any]]:
    """Let the session name whoever the token says; what was asked of it."""
    asked: list[dict[str, Any]] = []

    def answer(route: Route) -> None:
        request = route.request
        body = json.loads(request.post_data or "{}")
        asked.append({"method": request.method} | body)
        token = body.get("identity_token", "nobody")
        if token == "bad":
            error = {"error": {"code": "bad_identity", "message": "No."}}
            return route.fulfill(status=401, json=error)
        if request.method == "DELETE":
            return route.fulfill(status=204)
        return route.fulfill(json={"access_token": token, "expires_in": 900, "contact": token})

    context.route("**/api/v1/session*", answer)
    return asked


def test_a_page_signs_its_user_in_and_out(context: BrowserContext, played: PlayedServer, home: str) -> None:
    asked = identities(played, context)
    page = host(context, home, script(home, 'data-inbox="main"'))
    page.wait_for_function("!!window.chatproxy?.identify")
    assert page.evaluate("chatproxy.identify({ token: async () => 'alice' })") is None
    page.get_by_role("button", name="Open chat").click()
    field(page).fill("alice's draft")
    assert page.evaluate("chatproxy.identify({ token: 'bad' }).catch((error) => error.code)") == "bad_identity"
    assert page.evaluate("chatproxy.identify({ token: 'bob' })") is None
    expect(field(page)).to_have_value("")
    assert page.evaluate("chatproxy.logout()") is None
    assert page.evaluate("Object.keys(localStorage)") == []
    assert asked[-1]["method"] == "DELETE"


@pytest.mark.parametrize(("query", "attributes"), [("", 'data-inbox="main"'), ("?inbox=main", "")])
def test_markup_named_like_the_script_does_not_say_whose_chat_it_is(
    context: BrowserContext, played: PlayedServer, home: str, query: str, attributes: str
) -> None:
    asked: list[str] = []

    def evil(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(body="<svg xmlns='http://www.w3.org/2000/svg'/>", content_type="image/svg+xml")

    before = speaking.prelude(RequestFactory().get(f"/sdk.js{query}"), Inbox(slug="main")) if query else ""
    text = before.encode() + joined(ROOT / "static/chat/sdk.js")
    context.route("**/sdk.js*", lambda route: route.fulfill(body=text, content_type="text/javascript"))
    context.route("https://evil.example/**", evil)
    said = "<img name=currentScript src=https://evil.example/a.svg data-inbox=main data-chatwoot-compat>"
    page = host(context, home, f'{said}<script async src="{home}/sdk.js{query}" {attributes}></script>')
    page.get_by_role("button", name="Open chat").click()
    expect(field(page)).to_be_visible()
    assert asked == ["https://evil.example/a.svg"]


def test_when_we_are_down_the_page_stays_usable_and_hears_of_it(
    context: BrowserContext, played: PlayedServer, home: str
) -> None:
    context.route("**/frame/main/**", lambda route: route.fulfill(body="<p>Bad gateway</p>", content_type="text/html"))
    page = host(context, home, f"<button>Buy</button>{script(home, 'data-inbox=main data-mode=full')}")
    page.wait_for_function("!!window.chatproxy?.on")
    code = page.evaluate("new Promise((done) => chatproxy.on('error', ({ code }) => done(code)))")
    assert code == "unreachable"
    page.get_by_role("button", name="Buy").click()


def test_a_script_is_included_and_taken_away_a_hundred_times(
    context: BrowserContext, played: PlayedServer, home: str
) -> None:
    page = host(context, home, script(home, 'data-inbox="main"'))
    page.wait_for_function("!!window.chatproxy?.start")
    page.evaluate("""() => {
        const { start } = chatproxy;
        for (let round = 0; round < 100; round += 1) {
            start({ inbox: "main" }).destroy();
            start({ inbox: "main" });
            start({ inbox: "main" });
        }
    }""")
    expect(page.locator("[data-chatproxy]")).to_have_count(1)
    expect(page.get_by_role("button", name="Open chat")).to_have_count(1)
