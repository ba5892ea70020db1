"""An upload that is swept away while a message that names it is accepted. On PostgreSQL the two meet."""

import threading
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from django.db import connection

from chat import acceptance, files
from chat.audience import Audience
from chat.feed import Pen
from chat.models import Attachment
from chat.reader import Reader
from chat.writer import Priority, Writer
from tests.fixtures.people import NOW, Person

MEET_S = 0.5  # on SQLite the sweep waits for the whole transaction
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    reader = Reader(threads=1)
    yield reader
    await reader.stop()


@pytest.fixture
async def writer(inbox: Any) -> AsyncIterator[Writer]:
    writer = Writer(Audience())
    writer.start()
    yield writer
    await writer.stop()


class Sweep:
    """Comes when a statement is about to run that begins so."""

    def __init__(self, statement: str) -> None:
        self._statement = statement
        self._thread = threading.Thread(target=self._run)

    def __call__(self, execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
        if statement.startswith(self._statement):
            self._thread.start()
            self._thread.join(MEET_S)
        return execute(statement, *rest)

    def _run(self) -> None:
        try:
            files.forget_unsent(NOW, most=9)
        finally:
            connection.close()

    def end(self) -> None:
        self._thread.join()


async def test_an_upload_that_a_message_names_is_not_swept_meanwhile(
    writer: Writer, reader: Reader, alice: Person
) -> None:
    old = {"contact_id": alice.id, "name": "a.txt", "file_type": "file", "size": 3, "path": "x", "created_at": 0}
    upload = await reader.run(lambda: Attachment.objects.create(**old))
    sweep = Sweep('UPDATE "chat_attachment"')

    def accept(pen: Pen) -> acceptance.Accepted:
        with connection.execute_wrapper(sweep):
            named = {"echo_id": uuid.uuid4(), "conversation_id": None, "text": "", "file_ids": [upload.id]}
            return acceptance.accept(pen, alice.id, **named)

    said = await writer.write(accept, contacts=(alice.id,), priority=Priority.ACCEPT)
    await reader.run(sweep.end)
    assert await reader.run(files.ids_of, said.message_id) == [upload.id]
