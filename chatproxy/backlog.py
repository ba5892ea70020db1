"""What a peer has not read yet, of what was written to it."""

import asyncio


class Backlog:
    """Twisted's ``IPushProducer``: a transport tells it when more than its buffer (64 KiB) is unread, and when not."""

    _cleared: asyncio.Future[None] | None = None

    @property
    def full(self) -> bool:
        return self._cleared is not None

    async def cleared(self, *, within_s: float | None = None) -> bool:
        """Wait until the peer has read on. False: it has not within that time."""
        if self._cleared is None:
            return True
        _, stalled = await asyncio.wait([self._cleared], timeout=within_s)
        return not stalled

    def pauseProducing(self) -> None:
        if self._cleared is None:
            self._cleared = asyncio.get_running_loop().create_future()

    def resumeProducing(self) -> None:
        cleared, self._cleared = self._cleared, None
        if cleared is not None and not cleared.done():
            cleared.set_result(None)

    stopProducing = resumeProducing
