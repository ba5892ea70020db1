"""An append-only file of JSON lines: one line per transaction, on the disk before its answer leaves.

A line is ``{"rows": {"Message": [[id, {column: value} or null], …]}, "sequences": {"Message": 7}}``; null is a removed
row. A torn last line was never answered and is dropped.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

Line = dict[str, Any]


class Unreadable(Exception):
    """The state file cannot be read or written; the text says why."""


class Journal:
    """Without a path nothing is written and `settled` returns at once."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._file = -1
        self._pending: list[bytes] = []
        self._appended = self._synced = 0
        self._sync: asyncio.Task[None] | None = None

    def lines(self) -> Iterator[Line]:
        """What was written before, oldest first. Raises `Unreadable`."""
        if self.path is None or not self.path.exists():
            return
        try:
            parts = self.path.read_bytes().split(b"\n")
        except OSError as error:
            raise Unreadable(f"cannot read {self.path}: {error.strerror}") from error
        for number, part in enumerate(parts[:-1], 1):
            try:
                yield orjson.loads(part)
            except orjson.JSONDecodeError as error:
                raise Unreadable(f"{self.path} line {number} is not JSON: {error}") from error

    def compact(self, snapshot: Line) -> None:
        """Replace everything by one line, atomically, and open for appending. Raises `Unreadable`."""
        if self.path is None:
            return
        fresh = self.path.with_name(self.path.name + ".new")
        try:
            fresh.touch(mode=0o600)  # it holds tokens
            with fresh.open("wb") as file:
                file.write(orjson.dumps(snapshot) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            raise Unreadable(f"cannot write {self.path}: {error.strerror}") from error

    def append(self, line: Line) -> None:
        if self._file >= 0:
            self._pending.append(orjson.dumps(line) + b"\n")
            self._appended += 1

    async def settled(self) -> None:
        """Return once every line appended so far is on the disk."""
        wanted = self._appended
        while self._synced < wanted:
            if self._sync is None:
                self._sync = asyncio.create_task(self._write_out(), name="journal")
            await asyncio.shield(self._sync)

    async def _write_out(self) -> None:
        batch, self._pending, appended = b"".join(self._pending), [], self._appended
        try:
            await asyncio.to_thread(self._write, batch)
            self._synced = appended
        finally:
            self._sync = None

    def _write(self, batch: bytes) -> None:
        view = memoryview(batch)
        while view:
            view = view[os.write(self._file, view) :]
        os.fdatasync(self._file)
