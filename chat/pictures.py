"""Pictures drawn anew before anybody gets them: they tell neither where nor with what they were taken."""

import logging
import subprocess
import sys
from pathlib import Path

from chat import reencoding
from chat.wire.errors import Code, Refusal

log = logging.getLogger(__name__)

LASTS_S = 15.0  # by the clock; its time on the processor has a bound of its own
TOO_MUCH = (
    f"A picture has at most {reencoding.MOST_PIXELS // 1_000_000} megapixels, a moving one {reencoding.MOST_FRAMES} "
    f"frames, and {reencoding.MOST_FRAME_PIXELS // 1_000_000} megapixels in all of them together."
)


class Undrawable(Refusal):
    """Finding that out took the processor: it counts for more than one upload."""


def redraw(path: Path, *, most_bytes: int, widest: int = 0) -> None:
    """Put the picture's new drawing in its place; call it on a thread. Raises Undrawable and OSError.

    ``widest``: pixels; a wider one gets smaller, and a moving one stands still.
    """
    drawing = path.with_name(f"{path.name}-new")
    try:
        drawing.touch(mode=0o600)
        code = run(Path(reencoding.__file__), path, drawing, most_bytes=most_bytes, widest=widest)
        if code == reencoding.TOO_MUCH:
            raise Undrawable(Code.FILE_REFUSED, TOO_MUCH)
        if code != reencoding.DONE or not drawing.stat().st_size:
            log.info("a picture could not be drawn anew: it ended with %s", code)
            raise Undrawable(Code.FILE_REFUSED, "This picture cannot be read. Try to save it in another format.")
        drawing.replace(path)
    finally:
        drawing.unlink(missing_ok=True)


def run(
    script: Path, source: Path, target: Path, *, most_bytes: int, widest: int = 0, lasts_s: float = LASTS_S
) -> int | None:
    """What it ends with; None: it took too long. Isolated (-I), or our modules would take the place of Python's."""
    command = [sys.executable, "-I", str(script), str(source), str(target), str(most_bytes), str(widest)]
    quiet = subprocess.DEVNULL
    try:
        return subprocess.run(command, env={}, stdin=quiet, stdout=quiet, stderr=quiet, timeout=lasts_s).returncode
    except subprocess.TimeoutExpired:
        return None
