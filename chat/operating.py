"""What an operator does to a delivery, from a page of the admin: a thread that has no event loop."""

import uuid
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from django.db import transaction

from chat import outbox
from chat.feed import Pen
from chat.models import Delivery
from chat.runtime import Runtime
from chat.writer import BUSY, Priority

T = TypeVar("T")

WAIT_S = 30.0
TROUBLE = (*BUSY, TimeoutError)  # then it may or may not be stored: look again


def requeue(delivery: Delivery, *, running: Runtime | None) -> bool:
    """Send again what failed or was never confirmed; False: it is neither any more. Raises one of ``TROUBLE``.

    It goes through the writer of the runtime of this process, which tells who is here at once; without one (another
    process serves the visitors) they see it at their next poll.
    """
    contact_id = delivery.contact_inbox.contact_id
    change = partial(_requeue, delivery_id=delivery.pk, contact_id=contact_id)
    return _post(running, change, contact_id) if running else _write(change, contact_id)


def _requeue(pen: Pen, *, delivery_id: uuid.UUID, contact_id: uuid.UUID) -> bool:
    found = Delivery.objects.select_related("message").filter(id=delivery_id, contact_inbox__contact=contact_id)
    delivery = found.first()
    return delivery is not None and outbox.requeue(pen, delivery)


def _write(change: Callable[[Pen], T], contact_id: uuid.UUID) -> T:
    with transaction.atomic():
        pen = Pen(None, (contact_id,))
        result = change(pen)
        pen.close()
    return result


def _post(running: Runtime, change: Callable[[Pen], T], contact_id: uuid.UUID) -> T:
    future: Future[T] = Future()

    def done(result: Any, error: BaseException | None) -> None:
        if error is None:
            running.courier.wake()
            future.set_result(result)
        else:
            future.set_exception(error)

    running.writer.post(change, contacts=(contact_id,), priority=Priority.ATTEMPT, done=done)
    return future.result(timeout=WAIT_S)
