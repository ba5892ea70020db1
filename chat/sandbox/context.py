"""What one request or background job works with; Rails' ``Current`` and the jobs to enqueue after the commit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chat.sandbox.entities import AgentBot, Contact, Row, User
from chat.sandbox.http import NotFound
from chat.sandbox.presence import Presence
from chat.sandbox.store import Changes, R, Store


@dataclass
class Context:
    store: Store
    presence: Presence
    now: float
    front_url: str
    enqueue: list["Job"] = field(default_factory=list)
    user: User | AgentBot | None = None
    """The holder of the token, in the Application API only; frames show it as ``performer``."""
    contact: Contact | None = None
    """The contact who acts, where an activity message names them."""
    account_id: int | None = None
    """Set in the Application API: only there is `availability_status` rendered."""

    def add(self, row: R) -> R:
        return self.store.add(row, self.now)

    def save(self, row: Row) -> Changes:
        return self.store.save(row, self.now)

    def find(self, kind: type[R], row_id: int | None) -> R:
        row = self.store.get(kind, row_id)
        if row is None:
            raise NotFound
        return row

    def later(self, job: "Job") -> None:
        self.enqueue.append(job)


@dataclass(frozen=True)
class Work:
    """Runs after the commit in a transaction of its own, without a current user, as Sidekiq's jobs do."""

    run: Callable[[Context], None]


@dataclass(frozen=True)
class Broadcast:
    """One event for some cable streams; `render` runs when the job does."""

    streams: tuple[str, ...]
    event: str
    render: Callable[[Context], dict[str, Any]]


@dataclass(frozen=True)
class WebhookCall:
    """A POST to the inbox's webhook; its failure marks the message, if there is one, as failed."""

    url: str
    render: Callable[[Context], dict[str, Any]]
    message_id: int | None = None


Job = Work | Broadcast | WebhookCall


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(moment: float | None) -> str | None:
    return None if moment is None else iso(moment)


def unix(moment: float | None) -> int:
    """Whole seconds; 0 means never."""
    return int(moment or 0)
