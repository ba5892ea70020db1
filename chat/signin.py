"""What becomes of a visitor who proves who they are. One verified person at one inbox is one Contact on all devices.

Whoever was here without a name takes along what *this session* has said, and nothing else. If that person is new here,
the nameless contact simply becomes theirs; else its contact inbox moves to the Contact that they have, its rows get
numbers above that one's head, and what is on its way to Chatwoot goes on. In either case the device gets a new session
and the old one ends, so that nobody who knew its tokens before comes in as somebody.

A device where somebody else is signed in changes hands: that session ends, and nothing of it is shown any more.
"""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import IntegrityError, transaction

from chat import profile, sessions
from chat.clock import moment
from chat.feed import Pen
from chat.identity import SKEW_S, BadIdentity, Identity
from chat.models import Attachment, Contact, ContactInbox, Delivery, Inbox, Message, Session, UsedClaim
from chat.sessions import Opened
from chat.wire.errors import Code, Refusal

MOST_CLAIMS = 10_000  # of one inbox, used and not yet expired


@dataclass(frozen=True, slots=True)
class SignedIn:
    """``ended``: the sessions that this one replaces."""

    opened: Opened
    ended: tuple[Session, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """Where somebody signs in: what session it has, if any, and the refresh token that shows it is its own."""

    kind: str
    session: Session | None = None
    refresh_token: str | None = None

    @property
    def contact_id(self) -> uuid.UUID | None:
        return self.session.contact_id if self.session else None

    def is_of_another(self, identity: Identity) -> bool:
        """Somebody else is signed in here, of whom nothing is taken along."""
        return self.session is not None and self.session.contact.identifier not in (None, identity.identifier)


def parties(inbox: Inbox, identity: Identity, device: Device) -> list[uuid.UUID]:
    """The contacts that signing in is about to change, as far as one can know before."""
    known = Contact.objects.filter(inbox=inbox, identifier=identity.identifier).values_list("id", flat=True)
    return [*known, *([device.contact_id] if device.contact_id else [])]


def sign_in(pen: Pen, inbox: Inbox, identity: Identity, device: Device, *, now: datetime | None = None) -> SignedIn:
    """Raises BadIdentity for a claim that may be used once and was, UnknownToken, Reused; nothing has changed then."""
    now = now or moment()
    _check_unused(inbox, identity, now)
    before = _still(device.session)
    if before is not None and before.contact.identifier == identity.identifier and device.refresh_token:
        signed_in = SignedIn(sessions.refresh(device.refresh_token, now=now))
    else:
        contact, leaving = _contact(pen, inbox, identity, before)
        contact.inbox = inbox  # read already; the event loop could not
        signed_in = SignedIn(sessions.begin(contact, kind=device.kind, now=now), leaving)
        for session in leaving:
            sessions.end(session)
    _remember(pen, signed_in.opened.session.contact, identity)
    _use(inbox, identity, now)
    return signed_in


def _still(session: Session | None) -> Session | None:
    """As it is now: another tab may have signed in since it was read."""
    alive = Session.objects.select_related("contact__inbox").filter(revoked_at=None)
    return alive.filter(pk=session.pk).first() if session is not None else None


def _contact(pen: Pen, inbox: Inbox, identity: Identity, before: Session | None) -> tuple[Contact, tuple[Session, ...]]:
    """Whose the device is from now on, and the sessions that end."""
    if before is None:
        return _known_or_new(inbox, identity), ()
    if before.contact.identifier is not None:
        return _known_or_new(inbox, identity), (before,)
    leaving = tuple(Session.objects.select_related("contact").filter(contact=before.contact_id, revoked_at=None))
    return _named(pen, before.contact, identity), leaving


def _known_or_new(inbox: Inbox, identity: Identity) -> Contact:
    contact, is_new = Contact.objects.get_or_create(inbox=inbox, identifier=identity.identifier)
    if is_new:
        _introduce(contact)
    return contact


def _introduce(contact: Contact) -> None:
    """A contact inbox by which Chatwoot hears who this is, once there is something to say."""
    ContactInbox.objects.create(
        contact=contact, inbox_id=contact.inbox_id, source_id=str(uuid.uuid4()), identified=True
    )


# Adoption


def _named(pen: Pen, nameless: Contact, identity: Identity) -> Contact:
    known = Contact.objects.filter(inbox=nameless.inbox_id, identifier=identity.identifier).first()
    if known is None and _has_become(nameless, identity):
        return nameless  # what they have said of themselves Chatwoot knows
    contact = known or Contact.objects.get(inbox=nameless.inbox_id, identifier=identity.identifier)
    _move(pen, nameless, contact)
    return contact


def _has_become(nameless: Contact, identity: Identity) -> bool:
    """False: another process has just made that person."""
    try:
        with transaction.atomic():
            Contact.objects.filter(pk=nameless.pk).update(identifier=identity.identifier)
    except IntegrityError:
        return False
    nameless.identifier = identity.identifier
    if not _identify(nameless):
        _introduce(nameless)
    return True


def _identify(nameless: Contact) -> int:
    """Let Chatwoot hear by its contact inboxes who this is, where it has not heard of them yet. How many these are.

    Of those that it knows as nobody's it cannot hear any more (contract §1.4).
    """
    asked_for = Delivery.objects.filter(
        contact_inbox__contact=nameless, kind=Delivery.Kind.CONTACT, attempt__gt=0
    ).values("contact_inbox")
    unknown = ContactInbox.objects.filter(contact=nameless, pubsub_token="").exclude(pk__in=asked_for)
    return unknown.update(identified=True)


def _move(pen: Pen, nameless: Contact, contact: Contact) -> None:
    _identify(nameless)
    moving = list(ContactInbox.objects.filter(contact=nameless).values_list("pk", flat=True))
    ContactInbox.objects.filter(pk__in=moving).update(contact=contact)
    is_news = profile.take_along(nameless, to=contact)
    told = ContactInbox.objects.filter(contact=contact)
    profile.tell(pen, contact, told if is_news else told.filter(pk__in=moving))
    Attachment.objects.filter(contact=nameless).update(contact=contact)
    own = Message.objects.filter(contact=contact).exclude(echo_id=None)
    for message in Message.objects.filter(contact=nameless, echo_id__in=own.values("echo_id")).only("pk"):
        # A client that uses one echo_id for two people. It stays one of the visitor's own messages.
        Message.objects.filter(pk=message.pk).update(echo_id=uuid.uuid4())
    pen.move(nameless.id, to=contact.id)


# What a claim leaves behind


def _remember(pen: Pen, contact: Contact, identity: Identity) -> None:
    """What the site says of this person; Chatwoot hears what is new of it, as far as it knows them."""
    pen.hold((contact.pk,))
    if profile.sign(contact, name=identity.name, email=identity.email, phone=identity.phone):
        profile.tell(pen, contact, ContactInbox.objects.filter(contact=contact))


def _check_unused(inbox: Inbox, identity: Identity, now: datetime) -> None:
    if not inbox.claims_once:
        return
    if not identity.jti:
        raise BadIdentity("it has no jti, and this inbox takes each claim only once")
    used = UsedClaim.objects.filter(inbox=inbox)
    if used.filter(jti_hash=_hash(identity.jti)).exists():
        raise BadIdentity("it was used before (jti)")
    if used.filter(expires_at__gt=now).count() >= MOST_CLAIMS:
        raise Refusal(Code.UNAVAILABLE)


def _use(inbox: Inbox, identity: Identity, now: datetime) -> None:
    if inbox.claims_once:
        UsedClaim.objects.filter(expires_at__lte=now).delete()
        expires_at = datetime.fromtimestamp(identity.expires_at + SKEW_S, UTC)  # another process's clock may be behind
        UsedClaim.objects.create(inbox=inbox, jti_hash=_hash(identity.jti), expires_at=expires_at)


def _hash(jti: str) -> str:
    return hashlib.sha256(jti.encode()).hexdigest()
