"""Tickets: an address for one file, for one device and a few minutes, where no bearer token can be sent.

A page's pictures, films and links carry no header. A ticket is worth no more than the session that it names: it is
looked up each time, and so is the message.
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.core import signing

from chat import sql
from chat.clock import moment
from chat.wire.errors import Code, Refusal

FOR = timedelta(minutes=10)
_signer = signing.Signer(salt="chat.tickets")


def issue(session_id: uuid.UUID, attachment_id: uuid.UUID, *, now: datetime | None = None) -> str:
    expires = int(((now or moment()) + FOR).timestamp())
    return _signer.sign(f"{session_id.hex}.{attachment_id.hex}.{expires}")


class Holder(NamedTuple):
    session_id: uuid.UUID
    contact_id: uuid.UUID
    slug: str  # of the inbox


def redeem(ticket: str, attachment_id: uuid.UUID, *, now: datetime | None = None) -> Holder:
    """For whom it was issued. Raises Refusal: whatever is wrong with it looks the same."""
    now = now or moment()
    try:
        session, attachment, expires = _signer.unsign(ticket).split(".")
        session_id, is_over = uuid.UUID(session), datetime.fromtimestamp(int(expires), UTC) <= now
    except (signing.BadSignature, UnicodeError, ValueError):
        raise Refusal(Code.NOT_FOUND) from None
    known = None if is_over or attachment != attachment_id.hex else sql.admission(session_id, now)
    if known is None:
        raise Refusal(Code.NOT_FOUND)
    return Holder(session_id, *known[:2])
