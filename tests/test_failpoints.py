"""What FAILPOINTS may say, what then happens, and that each name stands where it belongs in the code."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from chat import failpoints
from chat.failpoints import BadFailpoints, Failed, configure, reached

ROOT = Path(__file__).resolve().parent.parent
CLAIM, SEND = "courier.after_claim", "courier.before_send"


@pytest.fixture(autouse=True)
def _switched_off() -> Iterator[None]:
    yield
    configure("")


def fired(name: str, times: int) -> list[int]:
    """Which of so many times something was raised, counted from 1."""
    found = []
    for number in range(1, times + 1):
        try:
            reached(name)
        except Failed:
            found.append(number)
    return found


def in_a_process(text: str) -> subprocess.Popen[str]:
    code = f"from chat import failpoints as f; f.configure({text!r}); f.reached({CLAIM!r}); print('alive')"
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_nothing_happens_unless_it_is_configured():
    reached(CLAIM)
    configure(f"{SEND}=raise")
    reached(CLAIM)


def test_several_are_separated_by_commas_or_blanks():
    configure(f" {CLAIM}=raise,{SEND}=raise@2\n")
    assert (fired(CLAIM, 2), fired(SEND, 3)) == ([1, 2], [2])


def test_the_last_configuration_counts():
    configure(f"{CLAIM}=raise")
    configure("")
    assert fired(CLAIM, 3) == []


def test_probability_is_of_the_random_given():
    configure(f"{CLAIM}=raise:0.5", random=Random(7))
    first = fired(CLAIM, 200)
    configure(f"{CLAIM}=raise:0.5", random=Random(7))
    assert fired(CLAIM, 200) == first
    assert 70 < len(first) < 130
    configure(f"{CLAIM}=raise:0")
    assert fired(CLAIM, 50) == []


def test_sleep_blocks_and_may_have_a_probability():
    configure(f"{CLAIM}=sleep:0.05, {SEND}=sleep:0.05:0")
    started = time.monotonic()
    reached(SEND)
    reached(CLAIM)
    assert time.monotonic() - started >= 0.05


def test_kill_ends_the_process_at_once():
    process = in_a_process(f"{CLAIM}=kill")
    assert process.communicate(timeout=20)[0] == ""
    assert process.returncode == -signal.SIGKILL


def test_stop_freezes_the_process_until_it_is_continued():
    process = in_a_process(f"{CLAIM}=stop")
    state = Path(f"/proc/{process.pid}/stat")
    while state.read_text().rpartition(")")[2].split()[0] != "T":
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=20)[0] == "alive\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("courier.never=kill", "there are contact.after_send, conversation"),
        (f"{CLAIM}=explode", "write name=kill"),
        (CLAIM, "write name=kill"),
        (f"{CLAIM}=sleep", "write name=kill"),
        (f"{CLAIM}=kill:2", "write name=kill"),
        (f"{CLAIM}=kill@0", "write name=kill"),
        (f"{CLAIM}=kill,{CLAIM}=stop", "twice"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words_and_changes_nothing(text: str, words: str):
    configure(f"{SEND}=raise")
    with pytest.raises(BadFailpoints, match=words):
        configure(text)
    assert fired(SEND, 1) == [1]


def test_that_failpoints_are_set_is_told(caplog: pytest.LogCaptureFixture):
    configure(f"{CLAIM}=raise")
    with pytest.raises(Failed, match=CLAIM):
        reached(CLAIM)
    assert "failpoints are set" in caplog.text
    assert f"failpoint {CLAIM}: raise" in caplog.text


def test_each_name_is_reached_in_the_code_and_no_other():
    sources = [file.read_text() for file in (ROOT / "chat").rglob("*.py")]
    used = {name for source in sources for name in re.findall(r'\breached\(\s*"([^"]*)"\s*\)', source)}
    assert used == failpoints.NAMES
