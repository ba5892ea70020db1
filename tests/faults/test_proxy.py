"""The bad line is bad in the way that was asked for."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.eventually import eventually
from tests.faults.ports import HOST
from tests.faults.proxy import Proxy


class Echo:
    """A server that says everything again; `ended` counts the connections whose end it has seen."""

    async def open(self) -> None:
        self.taken = self.ended = 0
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            self.ended += 1
            writer.close()

    def close(self) -> None:
        self._server.close()


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[[Proxy], Awaitable[Stream]]


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    echo = Echo()
    await echo.open()
    yield echo
    echo.close()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[Proxy]:
    proxy = await Proxy([echo.port]).open()
    yield proxy
    await proxy.close()


@pytest.fixture
async def dial() -> AsyncIterator[Dial]:
    """Connections that are closed at the end."""
    streams: list[Stream] = []

    async def dial(proxy: Proxy) -> Stream:
        streams.append(await asyncio.open_connection(HOST, proxy.port))
        return streams[-1]

    yield dial
    for _, writer in streams:
        writer.close()


async def ask(stream: Stream, text: bytes) -> bytes:
    reader, writer = stream
    writer.write(text)
    return await asyncio.wait_for(reader.readexactly(len(text)), 5)


async def is_silent(stream: Stream) -> bool:
    try:
        async with asyncio.timeout(0.2):
            return not await stream[0].read(1)
    except TimeoutError:
        return True


async def test_what_one_side_says_the_other_hears(dial: Dial, proxy: Proxy) -> None:
    stream = await dial(proxy)

    assert await ask(stream, b"x" * 1_000_000) == b"x" * 1_000_000


async def test_an_end_is_passed_on(dial: Dial, proxy: Proxy, echo: Echo) -> None:
    _, writer = await dial(proxy)

    writer.close()

    await eventually(lambda: echo.ended == 1 and proxy.connections == 0)


async def test_latency_delays_and_a_narrow_line_takes_its_time(dial: Dial, proxy: Proxy) -> None:
    stream = await dial(proxy)
    begun = time.monotonic()
    proxy.up.latency_s = 0.2
    await ask(stream, b"late")
    proxy.up.latency_s, proxy.down.bytes_per_s = 0, 20_000

    await ask(stream, b"x" * 4_000)

    assert time.monotonic() - begun > 0.35


async def test_a_black_hole_holds_and_then_lets_through(dial: Dial, proxy: Proxy) -> None:
    stream = await dial(proxy)
    proxy.down.black_hole = True
    stream[1].write(b"held")
    assert await is_silent(stream)

    await proxy.heal()

    assert await stream[0].readexactly(4) == b"held"


async def test_a_line_is_cut_in_the_middle_of_an_answer(dial: Dial, proxy: Proxy) -> None:
    reader, writer = await dial(proxy)
    proxy.down.cut_after = 3
    writer.write(b"answer")

    assert await reader.read() == b"ans"


async def test_a_reset_is_no_end_but_an_error(dial: Dial, proxy: Proxy) -> None:
    reader, writer = await dial(proxy)
    proxy.down.cut_after, proxy.down.cut = 0, "reset"
    writer.write(b"answer")

    with pytest.raises(ConnectionResetError):
        await reader.read()


async def test_a_line_that_hangs_stays_dead_until_it_is_healed(dial: Dial, proxy: Proxy) -> None:
    stream = await dial(proxy)
    proxy.down.cut_after, proxy.down.cut = 2, "hang"
    stream[1].write(b"answer")
    assert await stream[0].readexactly(2) == b"an"
    assert await is_silent(stream)

    await proxy.heal()

    with pytest.raises(ConnectionResetError):
        await stream[0].read()
    assert await ask(await dial(proxy), b"again") == b"again"


async def test_half_open_keeps_the_end_of_a_client_from_the_server(dial: Dial, proxy: Proxy, echo: Echo) -> None:
    stream = await dial(proxy)
    await ask(stream, b"here")
    proxy.up.half_open = True
    stream[1].close()
    await asyncio.sleep(0.2)
    assert echo.ended == 0

    await proxy.heal()

    await eventually(lambda: echo.ended == 1)


async def test_every_connection_can_be_cut_at_once(dial: Dial, proxy: Proxy, echo: Echo) -> None:
    streams = [await dial(proxy) for _ in range(3)]
    for stream in streams:
        await ask(stream, b"here")

    proxy.cut("close")

    assert [await reader.read() for reader, _ in streams] == [b""] * 3
    await eventually(lambda: echo.ended == 3 and proxy.connections == 0)


async def test_refused_means_refused_and_the_port_stays_ours(dial: Dial, proxy: Proxy) -> None:
    await proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await dial(proxy)

    await proxy.heal()

    assert await ask(await dial(proxy), b"back") == b"back"


async def test_connections_go_round_the_targets_that_live(dial: Dial, echo: Echo) -> None:
    other, gone = Echo(), Echo()
    await other.open()
    await gone.open()
    gone.close()
    proxy = await Proxy([echo.port, gone.port, other.port]).open()

    for _ in range(6):
        await ask(await dial(proxy), b"here")

    assert min(echo.taken, other.taken) >= 2
    await proxy.close()
    other.close()


async def test_some_bytes_come_as_others(proxy: Proxy, dial: Dial) -> None:
    proxy.up.replace = (b"X-Request-Start", b"X-Removed-Start")
    reader, writer = await dial(proxy)
    writer.write(b"X-Request-Start: t=1")
    assert await reader.readexactly(20) == b"X-Removed-Start: t=1"
