"""The last hour as an inline SVG, without a script and without a style of its own: status.css colours it."""

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

STEP, BAR, HEIGHT = 4, 3, 40  # units of the drawing


def bars(values: Sequence[float | None], *, name: str, unit: str = "", faults: Sequence[bool] = ()) -> SafeString:
    """One bar a minute, oldest first; None leaves a gap. ``faults``: minutes to be marked."""
    known = [value for value in values if value is not None]
    top = max(known, default=0)
    width = STEP * len(values)
    return format_html(
        '<figure class="chart"><figcaption>{} <b>{}</b></figcaption>'
        '<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path class="fault" d="{}"></path><path class="bars" d="{}"></path></svg></figure>',
        name,
        _words(known, values, unit),
        width,
        HEIGHT,
        f"{name}, minute by minute in the last hour",
        "".join(_bar(n, HEIGHT) for n, fault in enumerate(faults) if fault),
        "".join(_bar(n, _height(value, top)) for n, value in enumerate(values) if value is not None),
    )


def _words(known: list[float], values: Sequence[float | None], unit: str) -> str:
    if not known:
        return "nothing is known yet"
    latest = "not known" if values[-1] is None else f"{round(values[-1], 1):g}{unit}"
    return latest if max(known) in (0, values[-1]) else f"{latest}, at most {round(max(known), 1):g}{unit}"


def _height(value: float, top: float) -> float:
    """Nothing is a line, so that it is told from what is not known."""
    return max(1.0, round(HEIGHT * value / top, 1)) if top else 1.0


def _bar(minute: int, height: float) -> str:
    return f"M{minute * STEP} {HEIGHT}v-{height:g}h{BAR}v{height:g}z"
