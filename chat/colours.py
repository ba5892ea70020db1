"""An inbox's brand colour, made safe for text (WCAG 2.2, contrast of 4.5:1). Pure.

A page of ours gets what comes of it as custom properties, so that no script has to reckon before the first paint.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Rgb = tuple[int, int, int]
Scheme = Literal["light", "dark"]

MIN_CONTRAST = 4.5
MIN_SHAPE_CONTRAST = 1.25
_WHITE: Rgb = (255, 255, 255)
_BLACK: Rgb = (31, 29, 26)
_WEIGHTS = (0.2126, 0.7152, 0.0722)
_SURFACE: Mapping[Scheme, Rgb] = {"light": (253, 252, 250), "dark": (25, 24, 22)}  # as tokens.css has it
_STEPS = 8


class Accent(NamedTuple):
    """``ground`` carries text in ``ink``; ``mark`` is the brand for lines and dots, and can be read.

    A colour that carries neither dark nor light text, or cannot be told from the surface, is a mark and no ground.
    """

    mark: str
    ground: str = ""
    ink: str = ""


def properties(brand: str) -> dict[str, str]:
    """Of tokens.css, by name; ``brand`` is ``#rrggbb`` or ``#rgb``, or empty where none was chosen."""
    found: dict[str, str] = {}
    schemes: tuple[Scheme, ...] = ("light", "dark")
    for scheme in schemes if brand else ():
        mark, ground, ink = accent(brand, scheme)
        names = {f"--brand-mark-{scheme}": mark, f"--brand-{scheme}": ground, f"--brand-ink-{scheme}": ink}
        found |= {name: colour for name, colour in names.items() if colour}
    return found


def accent(brand: str, scheme: Scheme) -> Accent:
    rgb = parse(brand)
    shade = _muted(rgb) if scheme == "dark" else rgb
    # White wins ties by far: coloured bubbles read as "mine" with light text, as people know them.
    ink = next((each for each in (_WHITE, _BLACK) if contrast(shade, each) >= MIN_CONTRAST), None)
    mark = _css(_mark(shade, scheme))
    if ink is None or contrast(shade, _SURFACE[scheme]) < MIN_SHAPE_CONTRAST:
        return Accent(mark)
    return Accent(mark, _css(shade), _css(ink))


def parse(colour: str) -> Rgb:
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * each for each in digits)
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def contrast(one: Rgb, other: Rgb) -> float:
    """From 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _muted(rgb: Rgb) -> Rgb:
    """Dark is not inverted light: the colour loses saturation and a little light. As sdk.js reckons it."""
    light = sum(weight * (channel / 255) ** 2.2 for weight, channel in zip(_WEIGHTS, rgb, strict=True))
    grey = 200 if light > 0.179 else 96
    return _mix(rgb, (grey, grey, grey), 0.18)


def _mark(rgb: Rgb, scheme: Scheme) -> Rgb:
    """It is read, too: "New messages" stands in it."""
    towards = _WHITE if scheme == "dark" else _BLACK
    for _ in range(_STEPS):
        if contrast(rgb, _SURFACE[scheme]) >= MIN_CONTRAST:
            break
        rgb = _mix(rgb, towards, 0.2)
    return rgb


def _mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    """``share`` of the other; halves are rounded up, as JavaScript does."""
    red, green, blue = (int(a * (1 - share) + b * share + 0.5) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _luminance(rgb: Rgb) -> float:
    return sum(weight * _linear(channel / 255) for weight, channel in zip(_WEIGHTS, rgb, strict=True))


def _linear(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def _css(rgb: Rgb) -> str:
    return f"#{bytes(rgb).hex()}"
