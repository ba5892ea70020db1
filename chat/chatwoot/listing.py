"""Lists of Chatwoot's are read row by row: one that we cannot read hides no other, and is not taken for absent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from chat.chatwoot import reading
from chat.chatwoot.errors import Malformed

FULL_PAGE = 20  # messages (contract §1.8)
OVERLAP = 5  # messages of a page that the next one shows again: ids are the order of neither commits nor time
INCOMING = 0  # the message_type of what a visitor wrote (contract §2.1)


class Row(Protocol):
    @property
    def id(self) -> int: ...


T = TypeVar("T", bound=Row)


@dataclass(frozen=True, slots=True)
class Unread:
    """A row that we cannot read, and what it tells all the same. `incoming`: it may be a visitor's message."""

    id: int | None
    incoming: bool
    why: str


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """What a list holds, in its order."""

    rows: tuple[T, ...]
    unread: tuple[Unread, ...] = ()

    @property
    def ids(self) -> list[int]:
        """Ascending, of whatever tells one."""
        told = [each.id for each in self.unread if each.id is not None]
        return sorted([*(each.id for each in self.rows), *told])

    @property
    def size(self) -> int:
        return len(self.rows) + len(self.unread)

    def whole(self) -> tuple[T, ...]:
        """The rows, where what is not among them would be made anew. Raises Malformed."""
        if self.unread:
            raise Malformed(self.unread[0].why)
        return self.rows


def read(rows: Sequence[object], parse: Callable[[Mapping[str, Any]], T]) -> Listed[T]:
    read, unread = list[T](), list[Unread]()
    for row in rows:
        try:
            read.append(parse(reading.mapping(row, "row")))
        except Malformed as error:
            unread.append(_unread(row, error))
    return Listed(tuple(read), tuple(unread))


def _unread(row: object, error: Malformed) -> Unread:
    told = row if isinstance(row, dict) else {}
    kind = told.get("message_type")
    is_of_another_kind = type(kind) is int and kind != INCOMING
    return Unread(_id_of(told), not is_of_another_kind, error.detail)


def _id_of(told: Mapping[str, Any]) -> int | None:
    try:
        return reading.integer_or_none(told, "id")
    except Malformed:
        return None
