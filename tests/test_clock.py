"""The one wall clock, which a file may put wrong, and that nobody reads another."""

import ast
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.clock import AGAIN_S, BadOffset, OffsetFile, follow, moment, now_ms

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    file for file in (ROOT / "chat").rglob("*.py") if file.relative_to(ROOT).parts[1] not in ("sandbox", "clock.py")
)
WALL_CLOCKS = {
    "time": {"time", "time_ns", "localtime", "gmtime", "ctime", "strftime", "CLOCK_REALTIME"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "timezone": {"now", "localtime", "localdate"},
    "functions": {"Now"},
}


@pytest.fixture(autouse=True)
def _right_again() -> Iterator[None]:
    yield
    follow("")


def error_ms() -> int:
    return now_ms() - time.time_ns() // 1_000_000


def test_it_is_the_time():
    assert abs(error_ms()) <= 1000
    assert abs(moment().timestamp() * 1000 - now_ms()) <= 1000
    assert moment().utcoffset() is not None


def test_it_is_as_wrong_as_a_file_says(tmp_path: Path):
    file = tmp_path / "offset"
    file.write_text("3600000\n")
    follow(str(file))
    assert abs(error_ms() - 3_600_000) <= 1000
    assert abs(moment().timestamp() - time.time() - 3600) <= 1
    follow("")
    assert abs(error_ms()) <= 1000


def test_the_file_is_read_again_but_not_each_time(tmp_path: Path):
    file, now = tmp_path / "offset", [0.0]
    file.write_text("5000")
    offset = OffsetFile(file, monotonic=lambda: now[0])
    file.write_text("-8000")
    assert offset.ms() == 5000
    now[0] += AGAIN_S
    assert offset.ms() == -8000


def test_what_cannot_be_read_later_leaves_the_last_word(tmp_path: Path):
    file, now = tmp_path / "offset", [0.0]
    file.write_text("-8000")
    offset = OffsetFile(file, monotonic=lambda: now[0])
    file.write_text("")  # half written
    now[0] += AGAIN_S
    assert offset.ms() == -8000
    file.unlink()
    now[0] += AGAIN_S
    assert offset.ms() == -8000


@pytest.mark.parametrize("content", [None, "", "soon", "1.5"])
def test_a_file_that_says_nothing_is_refused_in_words(tmp_path: Path, content: str | None):
    file = tmp_path / "offset"
    if content is not None:
        file.write_text(content)
    with pytest.raises(BadOffset, match=r"CLOCK_OFFSET_FILE is '.*offset'; write the path"):
        follow(str(file))
    assert abs(error_ms()) <= 1000


def wall_clocks(source: str) -> set[str]:
    """Every mention, called or not, and every import of such a name."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            of = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
            found |= {f"{of}.{node.attr}"} if node.attr in WALL_CLOCKS.get(of, ()) else set()
        elif isinstance(node, ast.ImportFrom):
            of = (node.module or "").rpartition(".")[2]
            found |= {f"{of}.{each.name}" for each in node.names if each.name in WALL_CLOCKS.get(of, ())}
    return found


@pytest.mark.parametrize("source", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_else_reads_a_wall_clock(source: Path):
    assert not wall_clocks(source.read_text()), "take chat.clock.now_ms, or moment()"


@pytest.mark.parametrize(
    "source",
    [
        "import time\nstarted = time.time()",
        "import time\ndef f(clock=time.time_ns): ...",
        "from time import time",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime\ndatetime.now(UTC)",
        "from django.utils import timezone\nnow = timezone.now()",
        "from django.utils.timezone import now",
        "from django.db.models.functions import Now",
    ],
)
def test_the_ways_to_read_one_are_found(source: str):
    assert wall_clocks(source)


def test_steady_clocks_are_nobodys_business():
    assert not wall_clocks("import time\ntime.monotonic()\nloop.time()\ntime.sleep(1)\ndatetime.fromtimestamp(0, UTC)")
