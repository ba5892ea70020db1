"""Who a device is: an opaque refresh token, of which the database holds only the hash, and short signed access tokens.

A session, its contact and its contact inbox begin with the first thing a visitor does; nothing is stored before that.

Each use of a refresh token makes the next one. It is *derived* from the one before, so that an answer that was lost, or
two tabs that ask at once, lead to the same token. The one before is good for a minute more, and for as long as nobody
has come with an access token of the new generation: until then the new one may never have arrived. Later it is a copy
that somebody else uses, or its owner beside a thief: the session ends, and both have to begin anew.
"""

import base64
import hashlib
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.core import signing
from django.db import models, transaction
from django.db.models import F, Q
from django.utils.crypto import salted_hmac

from chat import sql
from chat.clock import moment
from chat.models import Contact, ContactInbox, Inbox, Session
from chat.wire.errors import Code, Refusal

ACCESS_FOR = timedelta(minutes=15)
GRACE = timedelta(seconds=60)
PREFIX = "cpr_"  # so that scanners for leaked secrets recognise one
_signer = signing.Signer(salt="chat.sessions.access")


class Span(NamedTuple):
    """How long a session lives."""

    idle: timedelta
    most: timedelta


ANONYMOUS = Span(idle=timedelta(days=30), most=timedelta(days=180))
VERIFIED = Span(idle=timedelta(hours=24), most=timedelta(days=30))  # the next one at a shared computer is somebody else


class UnknownToken(Refusal):
    """Never issued, altered, expired or revoked; which of these is nobody's business."""

    def __init__(self) -> None:
        super().__init__(Code.UNKNOWN_TOKEN)


class Reused(UnknownToken):
    """A refresh token came back after its successor was in use: end this session."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session


@dataclass(frozen=True, slots=True)
class Opened:
    """expires_in: seconds, of the access token."""

    session: Session
    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class Admission:
    """What a socket needs to know of a session: one row and no secrets, for after a restart everybody comes at once.

    ``news``: the generation to ``confirm``, or 0.
    """

    session_id: uuid.UUID
    contact_id: uuid.UUID
    inbox: str
    allowed_origins: list[str]
    news: int = 0


# Beginning


def open_anonymous(inbox: Inbox, *, kind: str = Session.Kind.BROWSER, now: datetime | None = None) -> Opened:
    """A new person with a new device. Chatwoot does not hear of it. Raises Refusal: identity_required."""
    if inbox.requires_identity:
        raise Refusal(Code.IDENTITY_REQUIRED)
    with transaction.atomic():
        contact = Contact.objects.create(inbox=inbox)
        ContactInbox.objects.create(contact=contact, inbox=inbox, source_id=str(uuid.uuid4()))
        return begin(contact, kind=kind, now=now)


def begin(contact: Contact, *, kind: str, now: datetime | None = None) -> Opened:
    """A new device of this person."""
    now = now or moment()
    token = PREFIX + secrets.token_urlsafe(32)
    expires_at = now + _span(contact).idle
    session = Session.objects.create(contact=contact, token_hash=_hash(token), kind=kind, expires_at=expires_at)
    return _opened(session, token, now)


# Going on


def of_refresh(token: str, *, now: datetime | None = None) -> Session:
    """The session that this refresh token stands for; raise UnknownToken, Reused."""
    now, hashed = now or moment(), _hash(token)
    session = _alive(now).filter(Q(token_hash=hashed) | Q(previous_hash=hashed)).first()
    if session is None:
        raise UnknownToken
    if session.token_hash != hashed and _is_spent(session, now):
        raise Reused(session)
    return session


def refresh(token: str, *, now: datetime | None = None) -> Opened:
    """The next refresh token, with an access token. Asking again in time gives the same one.

    Raises UnknownToken, Reused, and Refusal where people have to sign in; nothing has changed then.
    """
    now = now or moment()
    session, successor = of_refresh(token, now=now), _successor(token)
    if session.contact.inbox.requires_identity and session.contact.identifier is None:
        raise Refusal(Code.IDENTITY_REQUIRED)
    if session.token_hash == _hash(token):
        _rotate(session, successor, now)
        session = of_refresh(successor, now=now)  # made by us, or by another process at the same moment
    if session.token_hash != _hash(successor):
        raise UnknownToken  # SECRET_KEY was changed between the two answers
    return _opened(session, successor, now)


def _rotate(session: Session, successor: str, now: datetime) -> None:
    """Conditional: nothing, where it was ended or rotated since it was read."""
    span = _span(session.contact)
    unchanged = Session.objects.filter(pk=session.pk, token_hash=session.token_hash, revoked_at=None)
    unchanged.update(
        previous_hash=session.token_hash,
        token_hash=_hash(successor),
        generation=F("generation") + 1,
        rotated_at=now,
        expires_at=min(now + span.idle, session.created_at + span.most),
    )


def _is_spent(session: Session, now: datetime) -> bool:
    """Of the token before the current one."""
    rotated_at = session.rotated_at or session.created_at
    return now > rotated_at + GRACE and session.confirmed >= session.generation


def _successor(token: str) -> str:
    derived = salted_hmac("chat.sessions.successor", token, algorithm="sha256").digest()
    return PREFIX + base64.urlsafe_b64encode(derived).decode().rstrip("=")


def _span(contact: Contact) -> Span:
    return ANONYMOUS if contact.identifier is None else VERIFIED


# Being asked


def check_access(token: str, *, now: datetime | None = None) -> Session:
    """The session of an access token, with its contact and inbox; raise UnknownToken."""
    now = now or moment()
    session = _alive(now).filter(pk=_read(token, now).session_id).first()
    if session is None:
        raise UnknownToken
    return session


def admit(token: str, *, now: datetime | None = None) -> Admission:
    """The same for a socket, at a tenth of the cost; raise UnknownToken."""
    now = now or moment()
    access = _read(token, now)
    known = sql.admission(access.session_id, now)
    if known is None:
        raise UnknownToken
    contact_id, slug, origins, generation, confirmed = known
    return Admission(access.session_id, contact_id, slug, origins, _news(access, generation, confirmed))


def news(token: str, session: Session) -> int:
    """The generation that the use of this access token confirms; 0 when that is known already."""
    return _news(_read(token, None), session.generation, session.confirmed)


def confirm(session_id: uuid.UUID, generation: int) -> None:
    """The newest refresh token has arrived: the one before it is of no use any more, except to a thief."""
    Session.objects.filter(pk=session_id, generation=generation, confirmed__lt=generation).update(confirmed=generation)


def is_alive(session_id: uuid.UUID, *, now: datetime | None = None) -> bool:
    return _alive(now or moment()).filter(pk=session_id).exists()


class _Access(NamedTuple):
    session_id: uuid.UUID
    generation: int
    expires_at: datetime


def _read(token: str, now: datetime | None) -> _Access:
    """``now``: None for one that was checked before."""
    try:
        key, generation, expiry = _signer.unsign(token).split(".")
        access = _Access(uuid.UUID(key), int(generation), datetime.fromtimestamp(int(expiry), UTC))
    except (signing.BadSignature, UnicodeError, ValueError):
        raise UnknownToken from None
    if now is not None and now >= access.expires_at:
        raise UnknownToken
    return access


def _news(access: _Access, generation: int, confirmed: int) -> int:
    return generation if access.generation == generation > confirmed else 0


# Ending


def end(session: Session) -> None:
    """Ends it for good. Its sockets and polls elsewhere learn of it by the next comparison (at most 5 s)."""
    Session.objects.filter(pk=session.pk, revoked_at=None).update(revoked_at=moment())


def owns(session: Session, token: str) -> bool:
    """Whether this refresh token is, or just was, the session's."""
    return _hash(token) in (session.token_hash, session.previous_hash)


def _alive(now: datetime) -> models.QuerySet[Session]:
    return Session.objects.filter(revoked_at=None, expires_at__gt=now).select_related("contact__inbox")


def _opened(session: Session, token: str, now: datetime) -> Opened:
    expires_at = int((now + ACCESS_FOR).timestamp())
    access = _signer.sign(f"{session.pk}.{session.generation}.{expires_at}")
    return Opened(session, token, access, int(ACCESS_FOR.total_seconds()))


def _hash(token: str) -> str:
    # Plain SHA-256: the token is 256 random bits, so there is nothing to guess slowly.
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def cookie_name(slug: str, *, secure: bool) -> str:
    """Of a browser's refresh token. The prefix makes browsers refuse it from sub-domains and over plain http; locally
    there is no https."""
    return f"__Host-chatproxy-{slug}" if secure else f"chatproxy-{slug}"
