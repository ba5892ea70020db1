"""Those that have ended are found among many that have not, and none is forgotten."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chatproxy.endings import Endings

SCOPE = {"type": "websocket"}


class Connection:
    """What Daphne's protocols are to its server."""

    def __init__(self) -> None:
        self.told: list[Exception] = []
        self.queue: asyncio.Queue[str]

    def handle_exception(self, error: Exception) -> None:
        self.told.append(error)


class Unwalked(dict[Any, dict[str, Any]]):
    def __iter__(self) -> Any:
        raise AssertionError("all that are connected were walked")

    items = values = keys = __iter__


class Stage:
    def __init__(self, application: Callable[..., Any]) -> None:
        self.server = Endings(application, endpoints=["tcp:0"], signal_handlers=False, application_close_timeout=0)
        self.server.connections = Unwalked()

    def comes(self) -> Connection:
        connection = Connection()
        self.server.protocol_connected(connection)
        connection.queue = self.server.create_application(connection, dict(SCOPE))
        return connection

    def task(self, connection: Connection) -> asyncio.Task[None]:
        task: asyncio.Task[None] = self.server.connections[connection]["application_instance"]
        return task

    @property
    def known(self) -> int:
        return len(self.server.connections)


async def waits(scope: Any, receive: Callable[[], Any], send: Any) -> None:
    if (await receive()) == "fail":
        raise ValueError("no good")


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage(waits)
    yield stage
    for details in dict.values(stage.server.connections):
        if task := details.get("application_instance"):
            task.cancel()


async def test_whoever_only_is_there_is_not_looked_at(stage: Stage) -> None:
    for _ in range(3):
        stage.comes()
    stage.server.look()
    assert stage.known == 3


async def test_it_is_forgotten_when_its_application_and_its_peer_have_gone(stage: Stage) -> None:
    stays, goes = stage.comes(), stage.comes()
    stage.task(goes).cancel()
    await asyncio.wait([stage.task(goes)])
    stage.server.look()
    assert stage.known == 2  # its peer is there
    stage.server.protocol_disconnected(goes)
    stage.server.look()
    assert stage.known == 1
    assert not stage.task(stays).done()


async def test_an_application_that_outstays_its_peer_is_cancelled_and_forgotten(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    connection = stage.comes()
    task = stage.task(connection)
    stage.server.protocol_disconnected(connection)
    await asyncio.sleep(0.01)
    stage.server.look()
    await asyncio.wait([task])
    assert task.cancelled()
    assert "did not end with its connection" in caplog.text
    stage.server.look()
    assert stage.known == 0


@pytest.mark.parametrize("is_gone", [False, True])
async def test_an_application_that_fails_is_logged_and_its_peer_told_while_it_is_there(
    stage: Stage, caplog: pytest.LogCaptureFixture, is_gone: bool
) -> None:
    connection = stage.comes()
    connection.queue.put_nowait("fail")
    await asyncio.wait([stage.task(connection)])
    if is_gone:
        stage.server.protocol_disconnected(connection)
    stage.server.look()
    assert [each.levelno for each in caplog.records if "no good" in each.getMessage()] == [logging.ERROR]
    assert len(connection.told) == (0 if is_gone else 1)


async def test_one_is_forgotten_once_although_its_task_ends_just_before_the_look(stage: Stage) -> None:
    """A task has ended before its callbacks run."""
    connection = stage.comes()
    stage.server.protocol_disconnected(connection)
    connection.queue.put_nowait("end")
    asyncio.get_running_loop().call_soon(stage.server.look)
    await asyncio.sleep(0.01)
    assert stage.known == 0
    stage.server.look()


async def test_one_that_cannot_be_told_keeps_nobody_else_from_being_forgotten(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = stage.comes(), stage.comes()
    first.handle_exception = broken  # type: ignore[method-assign]
    first.queue.put_nowait("fail")
    await asyncio.wait([stage.task(first)])
    stage.task(second).cancel()
    await asyncio.wait([stage.task(second)])
    stage.server.protocol_disconnected(second)
    stage.server.look()
    assert stage.known == 1
    assert "could not be told" in caplog.text


def broken(error: Exception) -> None:
    raise ValueError("an answer has begun")


async def test_a_peer_that_is_hung_up_on_because_of_a_failure_is_forgotten_too(stage: Stage) -> None:
    connection = stage.comes()
    connection.handle_exception = lambda error: stage.server.protocol_disconnected(connection)  # type: ignore[method-assign]
    connection.queue.put_nowait("fail")
    await asyncio.wait([stage.task(connection)])
    stage.server.look()
    stage.server.look()
    assert stage.known == 0
