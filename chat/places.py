"""How many deliveries go on at a time to each Chatwoot: so many places, and fewer for those with files."""

import uuid
from collections import Counter
from collections.abc import Iterable

from chat.lanes import Due

AT_ONCE = 8  # to one Chatwoot; httpx gets slower beyond that
UPLOADS_AT_ONCE = 3  # of these: so that what is written without files goes on meanwhile


class Places:
    """Who has one, and who was found due and waits for one, so that not each that ends asks the database again.

    What waits may have changed since it was found: whoever begins it claims it first.
    """

    def __init__(self) -> None:
        self.taken: dict[uuid.UUID, Due] = {}
        self._waiting: list[Due] = []

    def full(self) -> set[int]:
        """Chatwoots (``chatwoot_pk``) to which nothing more may be begun."""
        busy = Counter(each.chatwoot_pk for each in self.taken.values())
        return {pk for pk, number in busy.items() if number >= AT_ONCE}

    def full_of_uploads(self) -> set[int]:
        uploads = Counter(each.chatwoot_pk for each in self.taken.values() if each.is_upload)
        return {pk for pk, number in uploads.items() if number >= UPLOADS_AT_ONCE}

    def find(self, due: Iterable[Due]) -> None:
        """What was read just now, of all Chatwoots but those that were full; it replaces what was read before."""
        full = self.full()
        self._waiting = [each for each in self._waiting if each.chatwoot_pk in full]
        self._waiting += due

    def take(self) -> list[Due]:
        """Those that have waited and have a place now."""
        begun, waiting = list[Due](), list[Due]()
        for each in self._waiting:
            if each.delivery_id in self.taken:
                continue
            is_kept_out = each.is_upload and each.chatwoot_pk in self.full_of_uploads()
            if is_kept_out or each.chatwoot_pk in self.full():
                waiting.append(each)
            else:
                self.taken[each.delivery_id] = each
                begun.append(each)
        self._waiting = waiting
        return begun

    def leave(self, due: Due) -> None:
        del self.taken[due.delivery_id]

    def forget(self) -> None:
        """Who waits: after a failure nothing more may be meant to go that way, and the next scan knows."""
        self._waiting.clear()
