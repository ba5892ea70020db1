"""Owned exchanges: a caller that goes away kills nothing; eight at once; nothing waits for ever."""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from chat.chatwoot.transport import CONCURRENCY, OwnedTransport, open_http
from tests.eventually import eventually


class Slow(httpx.AsyncBaseTransport):
    """Answers when told to, and counts."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.running = self.most = self.done = 0
        self.closed = False
        self.contexts: list[contextvars.Context] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.contexts.append(contextvars.copy_context())
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.go.wait()
        finally:
            self.running -= 1
        self.done += 1
        return httpx.Response(200, json={})

    async def aclose(self) -> None:
        self.closed = True


async def test_a_cancelled_caller_does_not_kill_its_request():
    slow = Slow()
    async with open_http("http://chatwoot.test", transport=slow) as http:
        caller = asyncio.create_task(http.get("/"))
        await eventually(lambda: slow.running == 1)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert slow.running == 1
        slow.go.set()
        await eventually(lambda: slow.done == 1)


async def test_at_most_eight_at_once():
    slow = Slow()
    async with open_http("http://chatwoot.test", transport=slow) as http:
        callers = [asyncio.create_task(http.get("/")) for _ in range(50)]
        await eventually(lambda: slow.running == CONCURRENCY)
        slow.go.set()
        answers = await asyncio.gather(*callers)
    assert {each.status_code for each in answers} == {200}
    assert (slow.most, slow.done) == (CONCURRENCY, 50)


async def test_callers_that_leave_while_they_wait_do_not_cost_a_slot():
    slow = Slow()
    async with open_http("http://chatwoot.test", transport=slow) as http:
        callers = [asyncio.create_task(http.get("/")) for _ in range(30)]
        await eventually(lambda: slow.running == CONCURRENCY)
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        assert slow.running == CONCURRENCY
        slow.go.set()
        assert (await http.get("/")).status_code == 200


async def test_waiting_for_a_turn_has_an_end_and_certainly_sent_nothing():
    slow = Slow()
    transport = OwnedTransport([slow] * CONCURRENCY, queue_s=0.01)
    callers = [asyncio.create_task(transport.handle_async_request(httpx.Request("GET", "http://x"))) for _ in range(8)]
    await eventually(lambda: slow.running == CONCURRENCY)
    with pytest.raises(httpx.PoolTimeout):
        await transport.handle_async_request(httpx.Request("GET", "http://x"))
    slow.go.set()
    await asyncio.gather(*callers)


async def test_an_exchange_has_an_end():
    transport = OwnedTransport([Slow()], total_s=0.01)
    with pytest.raises(httpx.ReadTimeout):
        await transport.handle_async_request(httpx.Request("GET", "http://x"))


async def test_after_exchanges_that_were_cut_all_places_serve_on():
    """Over real sockets: each has a connection of its own, which was cut in the middle of an answer."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    heard, left = 0, list[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        while b"HTTP" in await reader.read(4096):
            heard += 1
            writer.write(answer if heard <= CONCURRENCY else answer + b"{}")
        writer.close()
        left.append(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, open_http(f"http://127.0.0.1:{port}") as http:
        hanging = [asyncio.create_task(http.get("/", extensions={"total_s": 0.3})) for _ in range(CONCURRENCY)]
        assert {type(end) for end in await asyncio.gather(*hanging, return_exceptions=True)} == {httpx.ReadTimeout}
        for _ in range(2):
            answers = await asyncio.gather(*(http.get("/") for _ in range(CONCURRENCY)))
            assert [each.text for each in answers] == ["{}"] * CONCURRENCY
        await http.aclose()
        await eventually(lambda: len(left) == 2 * CONCURRENCY)


async def test_an_answer_has_a_size():
    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 1024 * 1024

    class Endless(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, stream=Drip())

    with pytest.raises(httpx.ReadError, match="too big"):
        await OwnedTransport([Endless()]).handle_async_request(httpx.Request("GET", "http://x"))


async def test_exchanges_start_in_an_empty_context():
    language = contextvars.ContextVar("language", default="")
    language.set("de")
    slow = Slow()
    slow.go.set()
    async with open_http("http://chatwoot.test", transport=slow) as http:
        await http.get("/")
    assert language not in slow.contexts[0]


async def test_closing_lets_running_exchanges_end():
    slow = Slow()
    http = open_http("http://chatwoot.test", transport=slow)
    caller = asyncio.create_task(http.get("/"))
    await eventually(lambda: slow.running == 1)
    closing = asyncio.create_task(http.aclose())
    await asyncio.sleep(0)
    assert not slow.closed
    slow.go.set()
    await closing
    assert (await caller).status_code == 200
    assert slow.closed


async def test_closing_does_not_wait_for_ever():
    slow = Slow()
    transport = OwnedTransport([slow], close_s=0.01)
    caller = asyncio.create_task(transport.handle_async_request(httpx.Request("GET", "http://x")))
    await eventually(lambda: slow.running == 1)
    await transport.aclose()
    assert slow.closed
    with pytest.raises(httpx.ReadError):
        await caller


async def test_it_asks_plainly_and_follows_nothing():
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["accept"] == "application/json"
        assert request.headers["accept-encoding"] == "identity"
        return httpx.Response(302, headers={"location": "http://elsewhere.test/"})

    async with open_http("http://chatwoot.test", transport=httpx.MockTransport(answer)) as http:
        assert (await http.get("/")).status_code == 302
        assert http.trust_env is False


async def test_over_real_sockets(caplog: pytest.LogCaptureFixture):
    """A server that answers once, then hangs up in the middle of an answer."""
    caplog.set_level(logging.DEBUG)
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answers.pop(0))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, open_http(f"http://127.0.0.1:{port}") as http:
        assert (await http.get("/secret")).json() == {}
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get("/secret")
    with pytest.raises(httpx.ConnectError):
        async with open_http(f"http://127.0.0.1:{port}") as http:
            await http.get("/secret")
    assert "secret" not in caplog.text
