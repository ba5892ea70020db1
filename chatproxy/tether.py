"""Child processes that end when their parent does, however it ended: they read a pipe that only it holds open."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

NAME = "CHATPROXY_TETHER"
GRACE_S = 12  # for a child that was asked to end; `serve` takes DRAIN_S, which the demo makes 3


class Children:
    """Starts children; at the end of the block all of them are asked to end, and made to after a grace."""

    def __enter__(self) -> Self:
        self._read_end, self._write_end = os.pipe()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for child in self.running.values():
            child.terminate()
        for child in self.running.values():
            try:
                child.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        os.close(self._read_end)
        os.close(self._write_end)

    def start(self, name: str, command: Sequence[str], *, env: Mapping[str, str]) -> None:
        """`command` must call `hold` early."""
        self.running[name] = subprocess.Popen(
            command,
            env={**env, NAME: str(self._read_end)},
            pass_fds=[self._read_end],
            start_new_session=True,  # Ctrl-C in the terminal is the parent's; a second signal would cut the end short
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # what a person should read, the parent says; errors go to stderr
        )

    def ended(self) -> str | None:
        """In words, which child is no longer there; None while all run."""
        for name, child in self.running.items():
            if (code := child.poll()) is not None:
                return f"The {name} has ended " + (f"by signal {-code}" if code < 0 else f"with exit status {code}")
        return None


def hold() -> None:
    """In a child: end this process when the parent is gone. Does nothing in a process that was started otherwise."""
    if read_end := os.environ.pop(NAME, ""):
        threading.Thread(target=_end_with, args=(int(read_end),), name="tether", daemon=True).start()


def _end_with(read_end: int) -> None:
    os.read(read_end, 1)  # nobody writes: it returns when the parent's end is closed
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE_S)
    os._exit(1)
