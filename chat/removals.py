"""What is to be deleted at Chatwoot of people who were erased here: kept until that is done, and nothing else of them.

``note`` runs inside the transaction that erases them. Several processes may do the rest: each row is claimed first.
"""

import uuid

from django.conf import settings
from django.db.models import Q, QuerySet

from chat.models import ContactInbox, Delivery, Removal

UNDER_WAY_MS = 125_000  # how long an attempt that began before may still make a contact (``settling.Timing``)
FIRST_MS = 30_000  # after it Chatwoot no longer counts them as online
LONGEST_MS = 3_600_000
CLAIMED_MS = 120_000
MOST = 20  # in one round


def served() -> str:
    """The address of the Chatwoot that the administrator's token is for: the one that was written beside it, since
    staff who may not have the token may write addresses into the database. Empty: none."""
    return settings.CHATWOOT_URL if settings.CHATWOOT_ADMIN_TOKEN else ""


def safe_at(contact_id: uuid.UUID, *, now: int) -> int:
    """From when on no attempt for this person can take effect that began before."""
    doubtful = _tried(contact_id).filter(state__in=Delivery.IN_DOUBT).values_list("started_at", flat=True)
    return max([now, *(min(each, now) + UNDER_WAY_MS for each in doubtful)])


def planned(contact_id: uuid.UUID, *, now: int, due_at: int) -> list[Removal]:
    """Of a person who is here, not stored: all sessions that Chatwoot has, or may have by an attempt under way."""
    tried = set(_tried(contact_id).values_list("contact_inbox", flat=True))
    rows = ContactInbox.objects.filter(contact=contact_id).select_related("inbox__chatwoot").order_by("pk")
    return [
        Removal(
            contact_id=contact_id,
            inbox=row.inbox,
            source_id=row.source_id,
            chatwoot_contact_id=row.chatwoot_contact_id,
            due_at=due_at,
            created_at=now,
        )
        for row in rows
        if row.chatwoot_contact_id or row.pubsub_token or row.pk in tried
    ]


def _tried(contact_id: uuid.UUID) -> QuerySet[Delivery]:
    return Delivery.objects.filter(contact_inbox__contact=contact_id, attempt__gt=0)


def note(contact_id: uuid.UUID, *, now: int, soonest_ms: int = FIRST_MS) -> int:
    """Before they are erased. How many."""
    due_at = max(now + soonest_ms, safe_at(contact_id, now=now))
    return len(Removal.objects.bulk_create(planned(contact_id, now=now, due_at=due_at)))


def of(contact_id: uuid.UUID) -> list[Removal]:
    """Of a person who was erased."""
    return list(_rows().filter(contact_id=contact_id))


def sessions() -> set[str]:
    """Of everybody who was erased, by source_id."""
    return {row.source_id for row in Removal.objects.all()}


def sessions_here(row: Removal, contact: int) -> set[str]:
    """Of people who are here, and whom Chatwoot has as this contact."""
    here = ContactInbox.objects.filter(chatwoot_contact_id=contact, inbox__chatwoot=row.inbox.chatwoot_id)
    return {each.source_id for each in here}


def due(now: int, *, url: str) -> list[Removal]:
    """At this Chatwoot, the longest waiting first. What lies further ahead than anybody sets it counts as past."""
    past = Q(due_at__lte=now) | Q(due_at__gt=now + LONGEST_MS)
    return list(_rows().filter(past, is_held=False, inbox__chatwoot__url=url)[:MOST])


def waiting(now: int, *, but_at: str = "") -> int:
    """How many are due at other Chatwoots than this one."""
    return _rows().filter(is_held=False, due_at__lte=now).exclude(inbox__chatwoot__url=but_at).count()


def claim(row: Removal, *, now: int) -> bool:
    """Ours for two minutes, unless another process has it."""
    mine = Removal.objects.filter(pk=row.pk, due_at=row.due_at)
    return bool(mine.update(due_at=now + CLAIMED_MS, attempts=row.attempts + 1))


def put_off(row: Removal, *, now: int, reason: str, is_held: bool = False) -> None:
    wait_ms = min(LONGEST_MS, FIRST_MS * 2 ** min(row.attempts, 20))
    Removal.objects.filter(pk=row.pk).update(reason=reason[:255], due_at=now + wait_ms, is_held=is_held)


def done(row: Removal) -> None:
    Removal.objects.filter(pk=row.pk).delete()


def _rows() -> QuerySet[Removal]:
    return Removal.objects.select_related("inbox__chatwoot").order_by("due_at", "pk")
