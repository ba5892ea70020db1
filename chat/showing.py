"""Tells the visitor what became of a delivery: at the row of the message, or of the question that was answered.

An answer that has not arrived stands beside Chatwoot's attributes of its question, so that every device shows it. It
leaves with its arrival, when Chatwoot's own word for it is there, and with the question.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from chat import rich, sql
from chat.feed import Pen
from chat.models import Delivery
from chat.records import AnyDelivery, MessageRecord
from chat.rich import ANSWERING

State = Delivery.State


def show(pen: Pen, delivery: AnyDelivery, state: str, reason: str = "") -> None:
    """Where the state means something new to them; ``sending`` looks like ``accepted``."""
    if delivery.kind == Delivery.Kind.ANSWER:
        _show_answer(pen, delivery, state)
        return
    record = sql.message(delivery.message_id) if delivery.message_id else None
    if record is not None and (record.state, record.reason) != (state, reason):
        pen.hold((record.contact_id,))  # it may have been adopted since the delivery was claimed
        pen.change_message(record._replace(state=state, reason=reason))


def _show_answer(pen: Pen, delivery: AnyDelivery, state: str) -> None:
    record = _question(delivery)
    waiting = record.content_attributes.get(ANSWERING) if record else None
    if record is None or waiting is None or waiting["delivery"] != delivery.id.hex:
        return  # another answer waits there now
    news = {key: value for key, value in record.content_attributes.items() if key != ANSWERING}
    if state != State.SENT:
        news[ANSWERING] = waiting | {"state": State.FAILED if state == State.FAILED else State.ACCEPTED}
    if news != record.content_attributes:
        pen.hold((record.contact_id,))
        pen.change_message(record._replace(content_attributes=news))


def _question(delivery: AnyDelivery) -> MessageRecord | None:
    number = delivery.payload.get("message_id")
    conversation = sql.conversation(delivery.conversation_id) if delivery.conversation_id else None
    return sql.message_by_chatwoot_id(conversation.inbox_id, number) if number and conversation else None


def answered(pen: Pen, question_id: uuid.UUID, delivery_id: uuid.UUID, values: Any) -> None:
    """The visitor's answer was accepted."""
    record = sql.message(question_id)
    assert record is not None
    waiting = {"values": values, "state": State.ACCEPTED, "delivery": delivery_id.hex}
    pen.change_message(record._replace(content_attributes=record.content_attributes | {ANSWERING: waiting}))


def is_answered(question_id: uuid.UUID, values: Any) -> bool:
    """So already, or soon."""
    record = sql.message(question_id)
    return record is not None and rich.is_answer(record.content_attributes, values)


def about(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a payload that has arrived: which message it was about."""
    return {key: value for key, value in payload.items() if key == "message_id"}
