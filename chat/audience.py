"""Who listens to which contact in this process. In memory only: whatever is lost here, a listener's next read finds.

Every method runs on the event loop. A listener is a socket or a waiting long poll.
"""

import uuid
from collections.abc import Callable, Collection
from typing import Literal, NamedTuple, Protocol


class Row(NamedTuple):
    """A conversation or message as it leaves the server, encoded once for all devices of its contact."""

    kind: Literal["conversation", "message"]
    seq: int
    data: bytes


class Listener(Protocol):
    """Its methods must neither block nor raise."""

    @property
    def contact_id(self) -> uuid.UUID: ...

    @property
    def session_id(self) -> uuid.UUID: ...

    def changed(self, head_before: int, head_after: int, rows: tuple[Row, ...]) -> None:
        """The feed went from one head to the other by exactly these rows; no rows: look whether you are behind."""

    def hinted(self, head: int) -> None:
        """Somebody who may be wrong says that the feed has come so far: look whether you are behind."""

    def turned(self, epoch: str) -> None:
        """The feed is of this epoch: look whether what you know is of another."""

    def passing(self, frame: bytes) -> None:
        """A frame about now (typing, presence), which may be dropped."""

    def revoked(self) -> None:
        """The session has ended."""


class Audience:
    def __init__(self) -> None:
        self._listeners: dict[uuid.UUID, set[Listener]] = {}
        self.committed: Callable[[uuid.UUID, int], None] | None = None  # told of each new head, to tell others

    def join(self, listener: Listener) -> None:
        self._listeners.setdefault(listener.contact_id, set()).add(listener)

    def leave(self, listener: Listener) -> None:
        listeners = self._listeners.get(listener.contact_id, set())
        listeners.discard(listener)
        if not listeners:
            self._listeners.pop(listener.contact_id, None)

    def contacts(self) -> Collection[uuid.UUID]:
        return tuple(self._listeners)

    def listeners(self) -> list[Listener]:
        """All of this process."""
        return [each for listeners in self._listeners.values() for each in listeners]

    def of(self, contact_id: uuid.UUID) -> tuple[Listener, ...]:
        return tuple(self._listeners.get(contact_id, ()))

    def changed(self, contact_id: uuid.UUID, head_before: int, head_after: int, rows: tuple[Row, ...] = ()) -> None:
        if self.committed and head_after > head_before:
            self.committed(contact_id, head_after)
        for listener in self.of(contact_id):
            listener.changed(head_before, head_after, rows)

    def hinted(self, contact_id: uuid.UUID, head: int) -> None:
        for listener in self.of(contact_id):
            listener.hinted(head)

    def turned(self, contact_id: uuid.UUID, epoch: str) -> None:
        for listener in self.of(contact_id):
            listener.turned(epoch)

    def ended(self, contact_id: uuid.UUID, session_id: uuid.UUID) -> None:
        for listener in self.of(contact_id):
            if listener.session_id == session_id:
                listener.revoked()

    def passing(self, contact_id: uuid.UUID, frame: bytes) -> None:
        for listener in self.of(contact_id):
            listener.passing(frame)
