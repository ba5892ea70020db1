"""What a device knows: conversations and messages as rows, each with a number (`seq`) that grows when it changes.

It does not matter in which order answers come, nor whether one comes twice.
"""

from __future__ import annotations


class Rows:
    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Somebody else is here now, or nobody."""
        self.cursor: str | None = None  # where to go on reading
        self.conversations: dict[str, dict] = {}
        self.messages: dict[str, dict] = {}
        self.oldest: dict[str, tuple] = {}  # by conversation: the place down to which we know it without a gap
        self.resets: list[str] = []

    def take(self, page: dict) -> None:
        """A page of changes, or a reset: the server begins anew with us, and so do we, except for what is unsent."""
        if page["type"] == "reset":
            resets = [*self.resets, page["reason"]]
            self.forget()
            self.resets = resets
            self._begin(page)
        for row in page["conversations"]:
            put(self.conversations, row)
        for row in page["messages"]:
            if row["id"] in self.messages or self._is_known(row):
                put(self.messages, row)
        self.cursor = page["cursor"]

    def _begin(self, page: dict) -> None:
        """A reset brings all conversations, and the newest messages of the newest; the rest is paged back to."""
        newest = max((row["at"] for row in page["messages"]), default=0)
        for conversation in page["conversations"]:
            own = [place(row) for row in page["messages"] if row["conversation"] == conversation["id"]]
            whole = own and not page["more"]
            self.oldest[conversation["id"]] = (0, "") if whole else min(own, default=(newest, "~"))

    def _is_known(self, row: dict) -> bool:
        """False: a change of something older than what we show. It comes when its page is read, as it is then."""
        return place(row) >= self.oldest.get(row["conversation"], (0, ""))

    def take_history(self, conversation: str, page: dict) -> None:
        for row in page["messages"]:
            put(self.messages, row)
        if page["messages"] and page["more"]:
            self.oldest[conversation] = min(map(place, page["messages"]))
        else:
            self.oldest[conversation] = (0, "")

    def thread(self, conversation: str) -> list[dict]:
        """As it is shown: by time, and among equals by id. Not by `seq`, which tells only what changed last."""
        return sorted((row for row in self.messages.values() if row["conversation"] == conversation), key=place)

    def saying(self, text: str) -> dict | None:
        """The message with these words."""
        return next((row for row in self.messages.values() if words(row["text"]) == text), None)


def put(rows: dict[str, dict], row: dict) -> None:
    """A row is replaced only by one with a higher number: a slow answer must not undo a quick one."""
    known = rows.get(row["id"])
    if known is None or row["seq"] > known["seq"]:
        rows[row["id"]] = row


def place(row: dict) -> tuple:
    return (row["at"], row["id"])


def words(tree) -> str:
    """The words of a text, which is a tree of blocks; an app builds its views from that in the same way."""
    if isinstance(tree, str):
        return tree
    if isinstance(tree, list):
        return "".join(map(words, tree))
    if tree["t"] == "br":
        return "\n"
    return tree["s"] if "s" in tree else words(tree["c"])
