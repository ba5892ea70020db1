"""What one device shows, and whether the server kept the rules of the feed while it told."""

from dataclasses import dataclass, field
from typing import Any

from tests.faults.oracle import DELETED
from tests.fixtures.world import plain

Row = dict[str, Any]


@dataclass
class View:
    """`heard` is every byte that came; it is searched for what must not come."""

    cursor: str | None = None
    conversations: dict[str, Row] = field(default_factory=dict)
    messages: dict[str, Row] = field(default_factory=dict)
    resets: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    heard: bytearray = field(default_factory=bytearray, repr=False)
    _floors: dict[str, str | None] = field(default_factory=dict)

    def take(self, frame: Row) -> int:
        """A reset or a page of changes; how many rows it had."""
        rows = frame["conversations"] + frame["messages"]
        if frame["type"] == "reset":
            self._begin(frame)
        else:
            self._check(frame, rows)
        self.cursor = frame["cursor"]
        self._keep(self.conversations, frame["conversations"])
        self._keep(self.messages, frame["messages"])
        return len(rows)

    def older(self, messages: list[Row]) -> None:
        """A page of history: no news, and it may be older than what we show."""
        self._keep(self.messages, messages)

    def floors(self) -> list[tuple[str, str | None]]:
        """(conversation, its oldest message shown) wherever a reset may have left something out."""
        return list(self._floors.items())

    def forget_floors(self) -> None:
        self._floors.clear()

    @property
    def echo_ids(self) -> set[str]:
        return {row["echo_id"] for row in self.messages.values() if row["echo_id"]}

    def state_of(self, echo_id: str) -> str:
        """Of a message of ours: accepted, sending, unsure, sent, failed, unconfirmed; "" while it is not shown."""
        return next((row["state"] for row in self.messages.values() if row["echo_id"] == echo_id), "")

    def visible(self, conversation: str, *, incoming: bool) -> list[str]:
        """Texts of one side in display order; what never arrived at Chatwoot is left out."""
        direction = "incoming" if incoming else "outgoing"
        rows = [
            row
            for row in self.messages.values()
            if row["conversation"] == conversation and row["direction"] == direction and row["state"] != "failed"
        ]
        rows.sort(key=lambda row: (row["at"], row["id"]))
        return [DELETED if row["deleted"] else plain(row["text"]) for row in rows]

    @property
    def open_conversations(self) -> list[Row]:
        """Those that show something."""
        spoken = {row["conversation"] for row in self.messages.values()}
        return [row for row in self.conversations.values() if not row["deleted"] and row["id"] in spoken]

    def _begin(self, frame: Row) -> None:
        self.resets.append(frame["reason"])
        self.conversations.clear()
        self.messages.clear()
        oldest: dict[str, str] = {}
        for row in sorted(frame["messages"], key=lambda row: (row["at"], row["id"])):
            oldest.setdefault(row["conversation"], row["id"])
        ids = [row["id"] for row in frame["conversations"] if not row["deleted"]]
        self._floors = {each: oldest.get(each) for each in ids if frame["more"] or each not in oldest}

    def _check(self, frame: Row, rows: list[Row]) -> None:
        if self.cursor is None:
            self.violations.append("changes came before a reset")
            return
        (epoch, _, before), (new_epoch, _, after) = self.cursor.partition("."), frame["cursor"].partition(".")
        numbers = sorted(row["seq"] for row in rows)
        if epoch != new_epoch:
            self.violations.append("the epoch changed without a reset")
        if int(after) < int(before) or any(not int(before) < number <= int(after) for number in numbers):
            self.violations.append(f"changes {numbers} from {before} to {after} do not go forward")
        if len(set(numbers)) != len(numbers):
            self.violations.append(f"two rows have one number: {numbers}")

    def _keep(self, held: dict[str, Row], rows: list[Row]) -> None:
        for row in rows:
            old = held.get(row["id"])
            if old is not None and old["seq"] >= row["seq"]:
                continue
            if old is not None and old["deleted"] and not row["deleted"]:
                self.violations.append(f"{row['id']} was deleted and came back")
            held[row["id"]] = row
