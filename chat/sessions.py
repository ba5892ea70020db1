"""Who a device is: an opaque refresh token, of which the database holds only the hash, and short signed access tokens.

A session, its contact and its contact inbox begin with the first thing a visitor does; nothing is stored before that.
"""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async
from django.core import signing
from django.db import models, transaction

from chat import sql
from chat.clock import moment
from chat.models import Contact, ContactInbox, Inbox, Session
from chat.wire.errors import Code, Refusal

ACCESS_FOR = timedelta(minutes=15)
IDLE_FOR = timedelta(days=30)
PREFIX = "cpr_"  # so that scanners for leaked secrets recognise one
_RENEW_AFTER = timedelta(hours=1)  # The expiry is written no more often than this.
_signer = signing.Signer(salt="chat.sessions.access")


class UnknownToken(Refusal):
    """Never issued, altered, expired or revoked; which of these is nobody's business."""

    def __init__(self) -> None:
        super().__init__(Code.UNKNOWN_TOKEN)


@dataclass(frozen=True, slots=True)
class Opened:
    """expires_in: seconds, of the access token."""

    session: Session
    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class Admission:
    """What a socket needs to know of a session: one row and no secrets, for after a restart everybody comes at once."""

    session_id: uuid.UUID
    contact_id: uuid.UUID
    inbox: str
    allowed_origins: list[str]


def open_anonymous(inbox: Inbox, *, kind: str = Session.Kind.BROWSER, now: datetime | None = None) -> Opened:
    """A new person with a new device. Chatwoot does not hear of it."""
    now = now or moment()
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        contact = Contact.objects.create(inbox=inbox)
        ContactInbox.objects.create(contact=contact, inbox=inbox, source_id=str(uuid.uuid4()))
        session = Session.objects.create(contact=contact, token_hash=_hash(token), kind=kind, expires_at=now + IDLE_FOR)
    return _opened(session, token, now)


def refresh(token: str, *, now: datetime | None = None) -> Opened:
    """A new access token for a refresh token, which lives on (``renew`` when ``is_due``); raise UnknownToken."""
    now = now or moment()
    hashed = _hash(token)
    session = _alive(now).filter(token_hash=hashed).first()
    if session is None or not hmac.compare_digest(session.token_hash, hashed):
        raise UnknownToken
    return _opened(session, token, now)


def is_due(session: Session, *, now: datetime | None = None) -> bool:
    """Its expiry is to be written again."""
    return session.expires_at < (now or moment()) + IDLE_FOR - _RENEW_AFTER


def renew(session_id: uuid.UUID, *, now: datetime | None = None) -> None:
    """Conditional: a session that is ended at this moment stays ended."""
    Session.objects.filter(pk=session_id, revoked_at=None).update(expires_at=(now or moment()) + IDLE_FOR)


def check_access(token: str, *, now: datetime | None = None) -> Session:
    """The session of an access token, with its contact and inbox; raise UnknownToken."""
    now = now or moment()
    session = _alive(now).filter(pk=_session_of(token, now)).first()
    if session is None:
        raise UnknownToken
    return session


def admit(token: str, *, now: datetime | None = None) -> Admission:
    """The same for a socket, at a tenth of the cost; raise UnknownToken."""
    now = now or moment()
    session_id = _session_of(token, now)
    known = sql.admission(session_id, now)
    if known is None:
        raise UnknownToken
    return Admission(session_id, *known)


def _session_of(token: str, now: datetime) -> uuid.UUID:
    try:
        key, _, expiry = _signer.unsign(token).partition(".")
        session_id, expires_at = uuid.UUID(key), datetime.fromtimestamp(int(expiry), UTC)
    except (signing.BadSignature, UnicodeError, ValueError):
        raise UnknownToken from None
    if now >= expires_at:
        raise UnknownToken
    return session_id


def end(session: Session) -> None:
    """Ends it for good. Its sockets and polls learn of it by the next comparison (at most 5 s)."""
    Session.objects.filter(pk=session.pk, revoked_at=None).update(revoked_at=moment())


def _alive(now: datetime) -> models.QuerySet[Session]:
    return Session.objects.filter(revoked_at=None, expires_at__gt=now).select_related("contact__inbox")


def _opened(session: Session, token: str, now: datetime) -> Opened:
    access = _signer.sign(f"{session.pk}.{int((now + ACCESS_FOR).timestamp())}")
    return Opened(session, token, access, int(ACCESS_FOR.total_seconds()))


def _hash(token: str) -> str:
    # Plain SHA-256: the token is 256 random bits, so there is nothing to guess slowly.
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


P = ParamSpec("P")
T = TypeVar("T")


def _off_loop(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """The same for the event loop; a connection that broke is replaced."""
    wrapped: Callable[P, Awaitable[T]] = database_sync_to_async(function)
    return wrapped


acheck_access = _off_loop(check_access)
aadmit = _off_loop(admit)
