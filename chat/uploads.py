"""Takes in visitors' files, and clears away those that are no longer needed.

A file is complete on the disk, and its row committed, before its id is answered. Whatever a crash leaves half done has
no row, and goes with the next sweep.
"""

import asyncio
import hashlib
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from django.conf import settings

from chat import consent, dimensions, files, networks, sql
from chat.clock import now_ms
from chat.feed import Pen
from chat.filetypes import CHUNK_BYTES, content_type_of, file_type_of, fitting_name
from chat.models import Attachment
from chat.pictures import redraw
from chat.reader import Reader
from chat.turns import Turns
from chat.wire.errors import Code, Refusal
from chat.writer import BUSY, Priority, Writer

log = logging.getLogger(__name__)

AT_ONCE = 2  # on threads: hashing and looking into a file takes the processor
TURN_S = 15.0  # so long a file waits for its turn at most
DAY_MS = 86_400_000
MOST_UNSENT = 20  # of one person
SWEEP_S = 60.0
MOST_A_SWEEP = 1_000
ORPHAN_S = 3_600  # no upload takes so long
LEAST_FREE = 256 * 2**20  # bytes, or a tenth of the disk: the database may lie on it


class Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Uploaded(NamedTuple):
    id: uuid.UUID
    name: str
    size: int
    type: str


class _Stored(NamedTuple):
    path: str
    content_type: str
    size: int
    sha256: str
    width: int
    height: int


def _disk(folder: Path) -> tuple[int, int]:
    """Bytes in all, and free for us."""
    usage = shutil.disk_usage(folder)
    return usage.total, usage.free


class Uploads:
    """Make it on the loop. ``folder`` and ``most_bytes`` are the settings' unless given."""

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        *,
        folder: Path | None = None,
        most_bytes: int | None = None,
        most_a_day: int | None = None,
        most_unsent: int = MOST_UNSENT,
        disk: Callable[[Path], tuple[int, int]] = _disk,
        patience_s: float = TURN_S,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self.folder = folder or files.folder()
        self._most_bytes = most_bytes or settings.UPLOAD_MAX_BYTES
        self._most_a_day = most_a_day or settings.UPLOAD_BYTES_PER_DAY
        self._most_unsent = most_unsent
        self._patience_s = patience_s
        self._coming: set[uuid.UUID] = set()
        self._disk = disk
        self._has_room = True
        self._turns = Turns(AT_ONCE, patience_s=patience_s)
        self._swept_at = -SWEEP_S

    async def keep(self, contact_id: uuid.UUID, *, name: str, source: Source, peer: str = "") -> Uploaded:
        """Store what ``source`` holds. ``peer`` is the client's address. Raises Refusal; nothing is kept then."""
        with self._alone(contact_id):
            return await self._keep(contact_id, name, source, networks.key(networks.parse(peer)))

    @contextmanager
    def _alone(self, contact_id: uuid.UUID) -> Iterator[None]:
        """One file of a person at once, so that nobody takes all turns."""
        if contact_id in self._coming:
            raise Refusal(Code.TOO_FAST, "Send one file after the other.")
        self._coming.add(contact_id)
        try:
            yield
        finally:
            self._coming.discard(contact_id)

    async def _stored(self, source: Source, address: str) -> _Stored:
        """In its turn, which lasts as long as the thread works: a visitor who goes away does not end that."""
        try:
            give_back = await self._turns.take(address)
        except TimeoutError:
            log.warning("a file was turned away: %d others were being stored for %g s", AT_ONCE, self._patience_s)
            raise Refusal(Code.UNAVAILABLE) from None
        storing = asyncio.get_running_loop().run_in_executor(None, self._store, source)
        storing.add_done_callback(lambda _: give_back())
        return await asyncio.shield(storing)

    async def _keep(self, contact_id: uuid.UUID, name: str, source: Source, address: str) -> Uploaded:
        try:
            await self._reader.ask(consent.required_of, contact_id)
            await self._reader.ask(self._refuse_too_many, contact_id)  # before its bytes are read; others may be faster
        except BUSY as error:
            raise Refusal(Code.UNAVAILABLE) from error
        try:
            stored = await self._stored(source, address)
        except OSError as error:
            log.error("an upload could not be stored: %s", error)
            raise Refusal(Code.UNAVAILABLE) from error
        row = Attachment(
            contact_id=contact_id,
            name=fitting_name(name, stored.content_type),
            file_type=file_type_of(stored.content_type),
            **stored._asdict(),
        )

        def add(pen: Pen) -> None:
            self._refuse_too_many(contact_id, besides=row.id, more=row.size)
            row.created_at = pen.now
            Attachment.objects.bulk_create([row], ignore_conflicts=True)  # it may be tried twice

        try:
            await self._writer.write(add, contacts=(contact_id,), priority=Priority.ACCEPT)
        except BUSY as error:  # perhaps it was stored all the same: only a sweep may take the file away
            raise Refusal(Code.UNAVAILABLE) from error
        except Refusal:
            await asyncio.to_thread((self.folder / row.path).unlink, missing_ok=True)
            raise
        return Uploaded(row.id, row.name, row.size, row.file_type)

    def _refuse_too_many(self, contact_id: uuid.UUID, *, besides: uuid.UUID | None = None, more: int = 1) -> None:
        if len(files.unsent(contact_id).keys() - {besides}) >= self._most_unsent:
            raise Refusal(Code.TOO_FAST, "Too many files wait to be sent.")
        if files.uploaded_since(contact_id, sql.database_now() - DAY_MS, but=besides) + more > self._most_a_day:
            raise Refusal(Code.TOO_FAST, f"At most {self._most_a_day // 1_000_000} MB can be sent within a day.")

    def _refuse_without_room(self) -> None:
        """Counts the largest that it may be, since nobody knows how much will come."""
        total, free = self._disk(self.folder)
        kept = max(LEAST_FREE, total // 10)
        has_room = free - self._most_bytes >= kept
        if has_room != self._has_room:
            self._has_room = has_room
            words = "there is room for visitors' files again" if has_room else "there is no room for visitors' files"
            level = logging.WARNING if has_room else logging.ERROR
            log.log(level, "%s: %d MB are free, %d MB are kept", words, free // 1_000_000, kept // 1_000_000)
        if not has_room:
            raise Refusal(Code.UNAVAILABLE, "There is no room for files right now.")

    def _store(self, source: Source) -> _Stored:
        """Runs on a thread. Raises Refusal and OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._refuse_without_room()
        path = self.folder / uuid.uuid4().hex
        try:
            _copy(source, path, most_bytes=self._most_bytes)
            content_type = content_type_of(path)
            if content_type is None:
                raise Refusal(Code.FILE_REFUSED)
            if is_picture := content_type.startswith("image/"):
                redraw(path, most_bytes=self._most_bytes)
            size, digest = _synced(path)
            _sync(self.folder)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return _Stored(path.name, content_type, size, digest, *(_pixels(path) if is_picture else dimensions.NONE))

    # Clearing away

    async def sweep(self) -> None:
        """Once a minute; what one sweep leaves, the next takes."""
        now = time.monotonic()
        if now - self._swept_at < SWEEP_S:
            return
        self._swept_at = now
        try:
            await self.clear()
        except (*BUSY, OSError) as error:
            log.error("files that nobody needs were not cleared away: %s", error)

    async def clear(self) -> None:
        now = await self._reader.run(sql.database_now)
        unsent = await self._reader.run(files.forget_unsent, now, most=MOST_A_SWEEP)
        delivered = await self._reader.run(files.forget_delivered, now, most=MOST_A_SWEEP)
        removed = await self._reader.run(self._remove_orphans)
        if unsent or delivered or removed:
            log.info("uploads: %d never sent, %d delivered; %d files removed", unsent, delivered, removed)
        if max(unsent, delivered, removed) >= MOST_A_SWEEP:
            log.warning("uploads: more than %d were to be cleared away; the rest follows", MOST_A_SWEEP)

    def _remove_orphans(self) -> int:
        """Files that no row names any more, or that no row came to name."""
        removed = 0
        for names in _in_hundreds(_older_than(self.folder, now_ms() / 1000 - ORPHAN_S)):
            for name in set(names) - files.needed(names):
                (self.folder / name).unlink(missing_ok=True)
                removed += 1
            if removed >= MOST_A_SWEEP:
                break
        return removed


def _copy(source: Source, path: Path, *, most_bytes: int) -> None:
    size = 0
    path.touch(mode=0o600, exist_ok=False)
    with path.open("wb") as file:
        while chunk := source.read(CHUNK_BYTES):
            size += len(chunk)
            if size > most_bytes:
                raise Refusal(Code.FILE_TOO_BIG, f"A file has at most {most_bytes // 1_000_000} MB.")
            file.write(chunk)
    if not size:
        raise Refusal(Code.FILE_EMPTY)


def _synced(path: Path) -> tuple[int, str]:
    """Bytes and digest of what is now on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def _pixels(path: Path) -> tuple[int, int]:
    with path.open("rb") as file:
        return dimensions.dimensions(file.read(dimensions.ENOUGH_BYTES))


def _sync(folder: Path) -> None:
    """So that the name survives, too."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _older_than(folder: Path, moment: float) -> Iterator[str]:
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < moment:
                    yield entry.name


def _in_hundreds(names: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for name in names:
        batch.append(name)
        if len(batch) == 100:
            yield batch
            batch = []
    if batch:
        yield batch
