"""Any brand colour can be read: what the page makes of it, what the launcher makes of it, and our own."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from chat.colours import Scheme, accent, contrast, parse, properties

CHAT = Path(__file__).resolve().parent.parent / "static/chat"
TOKENS = (CHAT / "tokens.css").read_text()
LIGHT, DARK = TOKENS[: TOKENS.index("@media")], TOKENS[TOKENS.index("@media") :]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
GROUNDS = ["--surface", "--surface-raised", "--bubble-agent", "--backdrop"]
ADMIN_PAIRS = [
    *((ink, "--body-bg") for ink in ("--body-fg", "--body-quiet-color", "--link-fg", "--error-fg")),
    *((ink, "--header-bg") for ink in ("--accent", "--header-color", "--header-link-color")),
    *((ink, "--breadcrumbs-bg") for ink in ("--breadcrumbs-fg", "--breadcrumbs-link-fg")),
    *((ink, "--darkened-bg") for ink in ("--body-fg", "--link-fg")),
    ("--link-fg", "--selected-row"),
    ("--button-fg", "--button-bg"),
    ("--button-fg", "--button-hover-bg"),
]
STEPS = [0, 32, 64, 96, 128, 160, 192, 224, 255]
LAUNCHER = """
import {{ readFileSync }} from "node:fs";
import {{ sheetOf }} from "{look}";
globalThis.CSSStyleSheet = class {{ replaceSync(text) {{ this.text = text; }} }}; // as browsers have it
const brands = JSON.parse(readFileSync(0, "utf8"));
const rule = /--a:rgb\\((\\d+),(\\d+),(\\d+)\\);--i:(#\\w+)/g;
const read = (brand) => [...sheetOf(brand, false).text.matchAll(rule)].map(([, ...found]) => found);
console.log(JSON.stringify(brands.map(read)));
"""


def brands() -> Iterator[str]:
    """Nine steps of each channel, and the greys."""
    for rgb in (*product(STEPS, repeat=3), *((grey,) * 3 for grey in range(256))):
        yield f"#{bytes(rgb).hex()}"


def launcher(brands: list[str]) -> list[list[list[str]]]:
    """Of each brand: the channels and the ink for light, dark as the system has it, dark as told."""
    script = LAUNCHER.format(look=(CHAT / "sdk/look.js").as_uri())
    command = ["node", "--input-type=module", "--eval", script]
    done = subprocess.run(command, input=json.dumps(brands), capture_output=True, text=True, check=True)
    found: list[list[list[str]]] = json.loads(done.stdout)
    return found


def token(scheme: Scheme, name: str) -> str:
    """What tokens.css says of a scheme."""
    found = re.search(rf"{name}: (?:var\([\w-]+, )?(#[0-9a-f]+)", LIGHT if scheme == "light" else DARK)
    assert found, name
    return found[1]


def ratio(one: str, other: str) -> float:
    return contrast(parse(one), parse(other))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_brand_colour_carries_text_or_is_no_ground_and_is_a_mark_that_can_be_read(scheme: Scheme) -> None:
    surface = token(scheme, "--surface")
    for brand in brands():
        mark, ground, ink = accent(brand, scheme)
        assert ratio(mark, surface) >= 4.5, brand
        assert not ground or ratio(ground, ink) >= 4.5, brand


def test_the_admin_has_our_colours_and_they_can_be_read() -> None:
    said = re.findall(r"(--[\w-]+): (?:light-dark\()?(#\w+)(?:, (#\w+)\))?;", (CHAT / "admin/site.css").read_text())
    light = {name: by_day for name, by_day, _ in said}
    dark = {name: by_night or by_day for name, by_day, by_night in said}
    for colours, tokens in ((light, LIGHT), (dark, DARK)):
        assert set(colours.values()) <= set(re.findall(r"#[0-9a-f]{6}", tokens))
        for ink, ground in ADMIN_PAIRS:
            assert ratio(colours[ink], colours[ground]) >= 4.5, f"{ink} on {ground}"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_our_own_colours_carry_their_text(scheme: Scheme) -> None:
    for name in ("--ink", "--ink-quiet", "--danger", "--ok"):
        for ground in GROUNDS:
            assert ratio(token(scheme, name), token(scheme, ground)) >= 4.5, f"{name} on {ground}"
    assert ratio(token(scheme, "--accent"), token(scheme, "--accent-ink")) >= 4.5


def test_a_page_is_told_what_tokens_css_reads_and_nothing_where_no_colour_was_chosen() -> None:
    told = properties("#1f6f5c")
    assert set(told) == set(re.findall(r"var\((--brand-[a-z-]+)", TOKENS))
    assert told["--brand-light"] == "#1f6f5c"
    assert properties("#fff") == properties("#ffffff")
    assert "--brand-light" not in properties("#fff"), "it cannot be told from the surface"
    assert properties("") == {}


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_launcher_has_the_page_s_colours_and_its_icon_and_word_can_be_read_on_any() -> None:
    known = list(brands())
    for brand, rules in zip(known, launcher(known), strict=True):
        assert len(rules) == 3, "light, dark as the system has it, dark as told"
        for *channels, ink in rules:
            assert ratio(f"#{bytes(map(int, channels)).hex()}", ink) >= 4.5, brand
        for scheme, (*channels, _) in zip(SCHEMES, rules, strict=False):
            ground = accent(brand, scheme).ground
            assert not ground or parse(ground) == tuple(map(int, channels)), f"{brand} {scheme}"


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_launcher_reads_short_colours_too_and_has_ours_where_there_is_none() -> None:
    short, long, shouted, ours, none, cut, worse = launcher(
        ["#1af", "#11aaff", "#1AF", "#1f6f5c", "", "#1af0", "#1af;}"]
    )
    assert short == long == shouted != ours
    assert none == cut == worse == ours


def test_dark_is_said_twice_for_the_system_and_for_whoever_chose_it_and_both_times_alike() -> None:
    blocks = re.findall(r'(?:not\(\[data-theme="light"\]\)|\[data-theme="dark"\]) \{([^}]*)\}', TOKENS)
    one, other = (" ".join(block.split()) for block in blocks)
    assert one == other
