"""Where a message of Chatwoot's stands in its thread: ``Message.at``, in ms, written once.

Frames and lists come in any order; Chatwoot's ids alone say what was written after what.
"""

import uuid

from chat import sql
from chat.sql import Newest

MAX_STEP_MS = 1_000


def place(conversation_id: uuid.UUID, chatwoot_id: int, time: int, *, newest: Newest) -> int:
    """Where a message that Chatwoot numbered stands in display order.

    The newest stands at its time, after everything before it, with room for those that are still missing in between:
    ids count all messages of a Chatwoot, so their difference is room enough. A late one keeps its time as far as its
    neighbours allow. The visitor's own got their place when they were accepted and their id when they were delivered,
    perhaps an hour later: one with a lower id stands before this, one with a higher id may stand anywhere.
    """
    if newest.chatwoot_id < chatwoot_id:
        return _between(newest.other, None, chatwoot_id, max(time, newest.at + 1))
    own_before, _ = sql.neighbours(conversation_id, chatwoot_id, own=True)
    before, after = sql.neighbours(conversation_id, chatwoot_id, own=False)
    if own_before:
        time = max(time, own_before[1] + 1)
    return _between(before, after, chatwoot_id, time)


def _room(ids: int) -> int:
    return min(ids, MAX_STEP_MS)


def _between(before: tuple[int, int] | None, after: tuple[int, int] | None, chatwoot_id: int, time: int) -> int:
    """The time nearest to ``time`` that leaves room, too, for what may still come on either side."""
    if before and after:
        ids, room = after[0] - before[0], after[1] - before[1]
        if room < ids:  # the steps were cut at MAX_STEP_MS: share what there is
            return before[1] + max(1, min(room - 1, room * (chatwoot_id - before[0]) // ids))
    if after:
        time = min(time, after[1] - (after[0] - chatwoot_id if before else _room(after[0] - chatwoot_id)))
    if before:
        time = max(time, before[1] + (chatwoot_id - before[0] if after else _room(chatwoot_id - before[0])))
    return time
