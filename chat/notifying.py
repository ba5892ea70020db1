"""Tells webhooks what ``chat.notices`` holds for them: at least once, signed, patiently, and not for ever.

Any process may tell any notice; a lease says whose it is just now. Whoever does not take one is asked again, for a day;
if it took nothing else meanwhile, or says 410, it is given up, which the log and the admin say.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Self, TypeVar

from django.conf import settings

from chat import notices, posting, sql
from chat.bridge.tasks import Tasks
from chat.clock import now_ms
from chat.feed import Pen
from chat.notices import Claim, Due
from chat.posting import NotTaken
from chat.reader import Reader
from chat.signature import HEADER, sign
from chat.trouble import Trouble
from chat.writer import BUSY, Priority, Writer

log = logging.getLogger(__name__)
T = TypeVar("T")

AT_ONCE = 8
OF_ONE = 3  # webhook at once: one that hangs does not keep the others waiting
MOST_ATTEMPTS = 50
TIDY_S = 600.0
Post = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    scan_s: float = 1
    timeout_s: float = posting.TIMEOUT_S
    lease_s: float = 30  # more than an attempt and its two writes take
    again_s: float = 5  # doubles with each attempt
    longest_s: float = 3600
    give_up_s: float = 86_400
    close_s: float = 2

    @classmethod
    def from_settings(cls) -> Self:
        return cls(give_up_s=settings.NOTICE_GIVE_UP_S)


@dataclass(frozen=True, slots=True)
class Status:
    """Since the start of this process."""

    told: int
    failed: int  # attempts
    given_up: int  # notices


class Notifying:
    def __init__(
        self, writer: Writer, reader: Reader, *, random: Random, timing: Timing | None = None, post: Post = posting.post
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._random = random
        self._timing = timing or Timing()
        self._post = post
        self._under_way: dict[int, Due] = {}
        self._counts: Counter[str] = Counter()
        self._ill: set[int] = set()  # webhooks of which was said that they take nothing
        self._tidied_at = 0.0
        self._ended = asyncio.Event()
        self._trouble = Trouble(log, ill="due notices cannot be read", well="due notices can be read again")
        self._scanning, self._tasks = Tasks(), Tasks()

    def start(self) -> None:
        self._scanning.spawn(self._scan_forever(), name="notices")

    async def close(self) -> None:
        """Take up nothing more, and let what is under way end for a moment; the rest is told after its lease."""
        await self._scanning.cancel()
        try:
            async with asyncio.timeout(self._timing.close_s):
                while self._under_way:
                    self._ended.clear()
                    await self._ended.wait()
        except TimeoutError:
            pass
        await self._tasks.cancel()

    def status(self) -> Status:
        return Status(**{name: self._counts[name] for name in ("told", "failed", "given_up")})

    async def _scan_forever(self) -> None:
        while True:
            try:
                await self._scan()
                self._trouble.over()
            except BUSY as error:
                self._trouble.note(error, given_up=0)
            except Exception:  # The next scan may do better; without scans nobody would ever be told.
                log.exception("the scan for notices failed")
            await asyncio.sleep(self._timing.scan_s)

    async def _scan(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._tidied_at > TIDY_S:
            self._tidied_at = now
            await self._reader.run(notices.tidy)
        while len(self._under_way) < AT_ONCE:
            busy = Counter(each.webhook_id for each in self._under_way.values())
            without = [webhook for webhook, count in busy.items() if count >= OF_ONE]
            database_now = await self._reader.run(sql.database_now)
            read = partial(notices.due, limit=2 * AT_ONCE, without=without)
            if not self._begin(await self._reader.run(read, database_now), busy):
                return

    def _begin(self, found: list[Due], busy: Counter[int]) -> bool:
        begun = False
        for due in found:
            is_free = busy[due.webhook_id] < OF_ONE and len(self._under_way) < AT_ONCE
            if is_free and due.notice_id not in self._under_way:
                busy[due.webhook_id] += 1
                self._under_way[due.notice_id] = due
                self._tasks.spawn(self._tell(due), name=f"notice {due.notice_id}")
                begun = True
        return begun

    # One notice

    async def _tell(self, due: Due) -> None:
        try:
            claim = partial(notices.claim, notice_id=due.notice_id, lease_ms=round(self._timing.lease_s * 1000))
            if (claimed := await self._write(claim, due)) is not None:
                await self._attempt(claimed, due)
        except BUSY as error:
            log.error("notice %s waits for the database: %s", due.notice_id, error)
        finally:
            del self._under_way[due.notice_id]
            self._ended.set()

    async def _attempt(self, claim: Claim, due: Due) -> None:
        now = now_ms()
        headers = {HEADER: sign(claim.body, secrets=claim.secrets, at_s=now // 1000), "User-Agent": "chatproxy"}
        try:
            await self._post(
                claim.url, claim.body, headers, inside=settings.WEBHOOKS_INSIDE, timeout_s=self._timing.timeout_s
            )
        except NotTaken as why:
            await self._not_taken(claim, due, why, now=now)
        else:
            await self._taken(claim, due)

    async def _taken(self, claim: Claim, due: Due) -> None:
        await self._write(partial(notices.told, claim=claim), due)
        self._counts["told"] += 1
        await self._reader.run(notices.note_taken, claim.webhook_id)
        if claim.webhook_id in self._ill:
            self._ill.discard(claim.webhook_id)
            log.warning("%s takes notices again", claim.name)

    async def _not_taken(self, claim: Claim, due: Due, why: NotTaken, *, now: int) -> None:
        self._counts["failed"] += 1
        is_over = now - claim.created_at >= self._timing.give_up_s * 1000 or claim.attempt >= MOST_ATTEMPTS
        if why.gone or is_over:
            return await self._give_up(claim, due, why)
        if claim.webhook_id not in self._ill:
            self._ill.add(claim.webhook_id)
            log.warning("%s does not take a notice: %s. It is tried again for a day", claim.name, why)
        again_ms = round(self._pause_s(claim.attempt) * 1000)
        await self._write(partial(notices.failed, claim=claim, words=str(why), again_ms=again_ms), due)
        await self._reader.run(notices.note_failed, claim.webhook_id, str(why))

    def _pause_s(self, attempt: int) -> float:
        limit_s = min(self._timing.longest_s, self._timing.again_s * 2 ** min(attempt - 1, 30))
        return self._random.uniform(limit_s / 2, limit_s)

    async def _give_up(self, claim: Claim, due: Due, why: NotTaken) -> None:
        await self._write(partial(notices.give_up, claim=claim, words=str(why)), due)
        self._counts["given_up"] += 1
        silent_since = 2**62 if why.gone else claim.created_at
        note = partial(notices.note_given_up, claim.webhook_id, str(why), silent_since=silent_since)
        match await self._reader.run(note):
            case "webhook":
                log.error("%s is given up: %s. Nothing is sent there until the admin says so", claim.name, why)
            case "notice":
                log.error("%s took others, but not notice %s, which is given up: %s", claim.name, claim.notice_id, why)

    async def _write(self, run: Callable[[Pen], T], due: Due) -> T:
        return await self._writer.write(run, contacts=(due.contact_id,), priority=Priority.ATTEMPT)
