"""What an operator wrote about the look and the words of an inbox, as it goes outward: colours and plain text only.

The columns are free JSON. Whatever is not of its kind is left out, so that no row makes a page run or draw anything.
"""

import re
from collections.abc import Mapping
from typing import Any

from chat.wire.text import is_storable

_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_NAME = re.compile(r"[a-z][a-z_]{0,39}")
MOST_TEXTS = 50
LONGEST = 2_000  # characters


def accent(look: Any) -> str:
    """A colour as #rgb or #rrggbb; empty: none was chosen."""
    found = look.get("accent") if isinstance(look, Mapping) else None
    return found if isinstance(found, str) and _COLOUR.fullmatch(found) else ""


def texts(written: Any) -> dict[str, str]:
    """By name: greeting, out_of_office, and whatever else an operator wrote. Clients show them as text."""
    if not isinstance(written, Mapping):
        return {}
    kept = {name: text for name, text in written.items() if _is_name(name) and _is_text(text)}
    return dict(list(kept.items())[:MOST_TEXTS])


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _is_text(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= LONGEST and is_storable(text)
