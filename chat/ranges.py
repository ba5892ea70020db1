"""The one part of a file that a Range header asks for (RFC 9110 §14). What cannot be read is no wish: all is sent."""

import re
from typing import NamedTuple, Self

_ONE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.IGNORECASE)


class Range(NamedTuple):
    """From ``first`` to ``last``, both included; without ``first`` the last so many."""

    first: int | None
    last: int | None

    @classmethod
    def parse(cls, header: str) -> Self | None:
        """None for several parts, too: nobody needs them of us."""
        found = _ONE.fullmatch(header.strip())
        if found is None or found[0].strip().endswith("=-"):
            return None
        first, last = (int(each) if each else None for each in found.groups())
        return cls(first, last) if first is None or last is None or first <= last else None

    def __str__(self) -> str:
        return f"bytes={'' if self.first is None else self.first}-{'' if self.last is None else self.last}"

    def within(self, total: int) -> tuple[int, int] | None:
        """First and length of what there is; None: nothing."""
        if self.first is None:
            length = min(self.last or 0, total)
            return (total - length, length) if length else None
        if self.first >= total:
            return None
        last = total - 1 if self.last is None else min(self.last, total - 1)
        return self.first, last + 1 - self.first

    @property
    def has_head(self) -> bool:
        """It begins where a file's type can be seen."""
        return self.first == 0 and (self.last is None or self.last >= 511)
