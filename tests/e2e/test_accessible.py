"""Every state in light and dark, from left to right and from right to left: no violation that axe-core finds, nothing
lost on narrow screens, nothing too small to touch. A screenshot of each lies in test-results/ afterwards."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.fixtures.browser import ROOT, PlayedServer
from tests.fixtures.states import STATES, VIEWS, arrange, thread

pytestmark = pytest.mark.browser

AXE = ROOT / "node_modules/axe-core/axe.min.js"
SCREENSHOTS = ROOT / "test-results/states"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# The demo is a page of a shop; what axe says of it is not about the chat.
ABOUT_US = {"launcher": "[data-chatproxy]", "launched": "[data-chatproxy]"}
LEAST_TARGET_PX = 24


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        pytest.skip("axe-core is not installed; npm install brings it")
    return AXE.read_text()


def violations(page: Page, axe: str, *, within: str | None) -> list[str]:
    for frame in page.frames:
        frame.evaluate(f"() => {{ {axe} }}")
    context = f"document.querySelector({within!r})" if within else "document"
    found: list[dict[str, Any]] = page.evaluate(f"async (rules) => (await axe.run({context}, rules)).violations", RULES)
    return [f"{each['id']}: {each['help']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("state", STATES)
def test_a_state_is_accessible_and_nothing_hangs_over(
    context: BrowserContext, played: PlayedServer, axe: str, state: str, view: str
) -> None:
    page = context.new_page()
    arrange(page, played, VIEWS[view])
    STATES[state](page, played)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{state}-{view}.png")
    assert violations(page, axe, within=ABOUT_US.get(state)) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if state not in ABOUT_US:
        assert page.locator(".scroller").evaluate("(e) => e.scrollWidth <= e.clientWidth")


SMALL_TARGETS = """(least) => [...document.querySelectorAll("button, a, textarea, input, select, [role=button]")]
    .filter((element) => element.checkVisibility() && !element.closest("p, li"))
    .map((element) => [element.getBoundingClientRect(), element.outerHTML.slice(0, 120)])
    .filter(([box]) => box.width < least || box.height < least).map(([, html]) => html)"""


@pytest.mark.parametrize("width", [320, 960])
@pytest.mark.parametrize("state", [name for name in STATES if name not in ABOUT_US])
def test_every_target_can_be_touched_and_320_pixels_are_enough(
    context: BrowserContext, played: PlayedServer, state: str, width: int
) -> None:
    page = context.new_page()
    arrange(page, played, {"width": width, "height": 600})
    STATES[state](page, played)
    assert page.evaluate(SMALL_TARGETS, LEAST_TARGET_PX) == []  # links within a sentence may be as high as its lines
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator(".scroller").evaluate("(e) => e.scrollWidth <= e.clientWidth")
    if state not in ("choice", "listed", "mailing", "found", "article"):
        expect(page.locator("textarea")).to_be_in_viewport(ratio=1)
    expect(page.locator("chat-header .title")).to_be_in_viewport(ratio=1)


def test_at_200_percent_nothing_is_cut_off(context: BrowserContext, played: PlayedServer) -> None:
    """Zoomed in, a window of 1280 × 1024 has 640 × 512 CSS pixels, and larger text in 384 × 408 leaves no line out."""
    page = context.new_page()
    arrange(page, played, {"width": 640, "height": 512})
    thread(page, played)
    expect(page.locator("textarea")).to_be_in_viewport(ratio=1)
    arrange(page, played, {"width": 384, "height": 408})
    page.evaluate("document.documentElement.style.zoom = '2'")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cut = page.evaluate(
        """() => [...document.querySelectorAll(".bubble, .meta, .notice, .day")]
            .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert cut == []


def test_whoever_wants_no_motion_sees_none(context: BrowserContext, played: PlayedServer) -> None:
    page = context.new_page()
    arrange(page, played, {})
    STATES["typing"](page, played)
    assert moving(page) == []
    STATES["launched"](page, played)
    assert moving(page) == []
    page.emulate_media(reduced_motion="no-preference")
    STATES["typing"](page, played)
    assert moving(page) != []


def moving(page: Page) -> list[str]:
    """Animations under way that last longer than a moment; those of a shadow root count, too."""
    running: list[str] = page.evaluate(
        """() => document.getAnimations({ subtree: true })
            .filter((each) => each.playState === "running" && each.effect.getComputedTiming().duration > 50)
            .map((each) => each.animationName ?? "transition")"""
    )
    return running
