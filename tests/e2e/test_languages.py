"""Languages, themes and places, as a visitor meets them."""

import json
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.fixtures.browser import PlayedServer

pytestmark = pytest.mark.browser

ARABIC = {"language": "ar", "locale": "ar", "dir": "rtl", "catalogue": "/static/chat/locales/ar.js", "greeting": ""}
GERMAN = {"language": "de", "locale": "de", "dir": "ltr", "catalogue": "/static/chat/locales/de.js", "greeting": ""}
ACCENT, MUTED = "rgb(31, 111, 92)", "rgb(43, 108, 93)"

SAY = """(look) => document.querySelector("[data-chatproxy]").shadowRoot.querySelector("iframe")
    .contentWindow.postMessage({ chatproxy: 1, type: "look", ...look }, origin)"""


def shop(context: BrowserContext, home: str, *, direction: str = "ltr", **attributes: str) -> Page:
    """A host's page whose script element says these."""
    said = " ".join(f"data-{name}='{value}'" for name, value in attributes.items())
    script = f"<script async src='{home}/sdk.js' data-inbox=main {said}></script>"
    html = f"<!doctype html><html lang=en dir={direction}><title>Shop</title><h1>Shop</h1>{script}</html>"
    context.route("**/shop/", lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
    page = context.new_page()
    page.goto("/shop/")
    expect(page.locator("[data-chatproxy] button")).to_be_visible()
    return page


def box(page: Page, selector: str) -> dict[str, float]:
    found = page.locator(selector).bounding_box()
    assert found is not None
    return {"left": found["x"], "right": 1280 - found["x"] - found["width"], "width": found["width"]}


def ground(page: Page, selector: str) -> str:
    colour: str = page.locator(selector).evaluate("(element) => getComputedStyle(element).backgroundColor")
    return colour


def test_a_catalogue_comes_with_the_scripts_and_is_there_before_anything_is_shown(
    context: BrowserContext, played: PlayedServer
) -> None:
    played.config |= ARABIC
    page = context.new_page()
    page.goto("/chat/main/")
    expect(page.get_by_text("مرحبًا. كيف يمكننا مساعدتك؟")).to_be_visible()
    expect(page.get_by_role("textbox", name="رسالة")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).direction") == "rtl"
    assert [path for path in played.requests if "/locales/" in path] == [
        "/static/chat/locales/ar.js",
        "/static/chat/locales/en.js",
    ]
    timing: list[float] = page.evaluate(
        """() => ["locales/ar.js", "frame/app.js"].map((name) =>
            performance.getEntriesByType("resource").find((each) => each.name.endsWith(name)).startTime)"""
    )
    assert timing[0] < timing[1], "it was asked for before the modules below the first"


def test_without_its_catalogue_the_page_speaks_english(context: BrowserContext, played: PlayedServer) -> None:
    played.config |= ARABIC
    context.route("**/locales/ar.js", lambda route: route.abort("connectionreset"))
    page = context.new_page()
    page.goto("/chat/main/")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["en", "ltr"]


def test_the_inbox_s_own_texts_stand_in_the_page(context: BrowserContext, played: PlayedServer) -> None:
    played.config |= GERMAN | {"texts": {"greeting": "Moin aus der Werkstatt.", "header.plain": "Bald wieder da"}}
    played.config["greeting"] = "Moin aus der Werkstatt."
    page = context.new_page()
    page.goto("/chat/main/")
    expect(page.get_by_text("Moin aus der Werkstatt.")).to_be_visible()
    expect(page.get_by_text("Bald wieder da")).to_be_visible()
    expect(page.get_by_role("textbox", name="Nachricht")).to_have_attribute("placeholder", "Nachricht schreiben")


def test_reasons_are_told_in_the_visitor_s_language(returning: Page, played: PlayedServer) -> None:
    played.config |= GERMAN
    played.messages = [played.message("Hallo", own=True, state="failed", reason="not_accepted")]
    returning.goto("/chat/main/")
    expect(returning.get_by_text("Nicht gesendet: Sie wurde nicht angenommen.")).to_be_visible()


# The launcher


def test_the_launcher_learns_the_frame_s_language_and_keeps_the_page_s_own_words(
    context: BrowserContext, played: PlayedServer, home: str
) -> None:
    played.config |= GERMAN
    page = shop(context, home, locale="de", **{"label-close": "Weg damit"})
    page.get_by_role("button", name="Open chat").click()
    expect(page.locator("iframe[title=Chat]")).to_have_attribute(
        "src", f"{home}/frame/main/?origin={quoted(home)}&locale=de"
    )
    expect(page.frame_locator("iframe").get_by_role("textbox", name="Nachricht")).to_be_visible()
    expect(page.get_by_role("button", name="Weg damit")).to_be_visible()
    page.get_by_role("button", name="Weg damit").click()
    expect(page.get_by_role("button", name="Chat öffnen")).to_be_visible()


def quoted(origin: str) -> str:
    return origin.replace(":", "%3A").replace("/", "%2F")


def test_the_server_s_words_are_there_from_the_first_moment(
    context: BrowserContext, played: PlayedServer, home: str
) -> None:
    words = json.dumps({"label": "Ouvrir le chat", "labelWord": "Une question ?", "lang": "fr", "strange": 1})
    page = shop(context, home, words=words, launcher="pill")
    button = page.get_by_role("button", name="Ouvrir le chat")
    expect(button).to_contain_text("Une question ?")
    assert box(page, "[data-chatproxy] button")["width"] > 100
    button.click()
    assert box(page, "[data-chatproxy] button")["width"] == 56


@pytest.mark.complains("TypeError")
@pytest.mark.parametrize("words", ["[1]", "null", '{"label": {}}'])
def test_words_that_cannot_be_read_break_nothing(
    context: BrowserContext, played: PlayedServer, home: str, words: str
) -> None:
    page = shop(context, home, words=words)
    expect(page.locator("[data-chatproxy] button")).to_have_attribute("aria-label", "Open chat")


@pytest.mark.parametrize(
    ("direction", "position", "side"),
    [("ltr", "end", "right"), ("ltr", "start", "left"), ("rtl", "end", "left"), ("rtl", "start", "right")],
)
def test_the_launcher_stands_where_it_is_wanted(
    context: BrowserContext, played: PlayedServer, home: str, direction: str, position: str, side: str
) -> None:
    page = shop(context, home, direction=direction, position=position)
    assert box(page, "[data-chatproxy] button")[side] == 20
    page.locator("[data-chatproxy] button").click()
    assert box(page, "[data-chatproxy] .panel")[side] == 20


@pytest.mark.parametrize(
    ("system", "theme", "colour"),
    [
        ("light", "auto", ACCENT),
        ("dark", "auto", MUTED),
        ("dark", "light", ACCENT),
        ("light", "dark", MUTED),
        ("dark", "mauve", MUTED),
    ],
)
def test_the_launcher_and_the_chat_wear_the_same_theme(
    context: BrowserContext, played: PlayedServer, home: str, system: Any, theme: str, colour: str
) -> None:
    played.config |= {"theme": theme}
    page = shop(context, home, theme=theme)
    page.emulate_media(color_scheme=system)
    assert ground(page, "[data-chatproxy] button") == colour
    page.locator("[data-chatproxy] button").click()
    chat = page.frame_locator("iframe")
    chat.get_by_role("textbox").fill("Hello")
    assert chat.locator(".send").evaluate("(e) => getComputedStyle(e).backgroundColor") == colour


def test_the_page_around_changes_theme_and_language(context: BrowserContext, played: PlayedServer, home: str) -> None:
    page = shop(context, home)
    page.locator("[data-chatproxy] button").click()
    chat = page.frame_locator("iframe")
    chat.get_by_role("textbox", name="Message").fill("Half a thought")
    page.evaluate(SAY, {"theme": "dark"})
    expect(chat.locator("html")).to_have_attribute("data-theme", "dark")
    page.evaluate(SAY, {"theme": "auto"})
    expect(chat.locator("html")).not_to_have_attribute("data-theme", "dark")
    asked: list[str] = []

    def note(route: Route) -> None:
        asked.append(route.request.url)
        route.fallback()

    context.route("**/frame/main/*", note)
    played.config |= GERMAN
    page.evaluate(SAY, {"locale": "de"})
    expect(chat.get_by_role("textbox", name="Nachricht")).to_have_value("Half a thought")
    assert len(asked) == 1 and "locale=de" in asked[0]
