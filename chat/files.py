"""Rows of files: what Chatwoot names of a message's, and what visitors uploaded to send it.

Chatwoot's URLs are bearer secrets: stored encrypted, never shown. A visitor's file lies in ``folder()`` until Chatwoot
has it; all processes of an installation need the same folder, since each may deliver what another accepted.
"""

import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q, QuerySet, Sum

from chat.chatwoot import resources
from chat.filetypes import clean_name
from chat.models import Attachment, Delivery, Message

UNSENT_MS = 86_400_000
DELIVERED_MS = 3_600_000
FETCHED = ("image", "audio", "video", "file")  # Chatwoot's other kinds name an address of anybody's (contract §2.8)


class Upload(NamedTuple):
    """A visitor's file as it goes to Chatwoot. ``url``: where Chatwoot has it, if it told."""

    path: Path
    name: str
    content_type: str
    size: int
    url: str

    def __repr__(self) -> str:  # a URL of Chatwoot's is a bearer secret
        return f"Upload({self.name!r}, {self.size} bytes)"


def folder() -> Path:
    """Where visitors' files lie; made with the first of them."""
    found: Path = settings.VAR_DIR / "uploads"
    return found


# Of a message


def attach(contact_id: uuid.UUID, file_ids: Sequence[uuid.UUID], message_id: uuid.UUID) -> None:
    """Make these uploads the files of a message, in this order. The caller has checked and keeps them."""
    for position, file_id in enumerate(file_ids):
        Attachment.objects.filter(id=file_id, contact=contact_id).update(message=message_id, position=position)


def shown(message_ids: list[uuid.UUID]) -> dict[uuid.UUID, list[dict[str, object]]]:
    """Their files as they travel outward, in order."""
    found: dict[uuid.UUID, list[dict[str, object]]] = {}
    if message_ids:
        for each in Attachment.objects.filter(message__in=message_ids).order_by("position", "chatwoot_id"):
            outward = {"id": each.id, "name": each.name, "type": each.file_type, "size": each.size}
            outward |= {"width": each.width, "height": each.height} if each.width and each.height else {}
            if each.message_id is not None:
                found.setdefault(each.message_id, []).append(outward)
    return found


def unsent(contact_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """Sizes of what this person uploaded and has not sent."""
    return dict(_unsent(contact_id).values_list("id", "size"))


def kept(contact_id: uuid.UUID, file_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Of these the sizes of those that are unsent; nobody sweeps them until the end of the transaction."""
    named = _unsent(contact_id).filter(id__in=list(file_ids)).order_by("id")
    return dict(named.select_for_update().values_list("id", "size"))


def _unsent(contact_id: uuid.UUID) -> QuerySet[Attachment]:
    return Attachment.objects.filter(contact=contact_id, message=None)


class Found(NamedTuple):
    """A file that somebody may have. ``path``: of ours, if it is still here. ``said_at``: when its message was."""

    id: uuid.UUID
    name: str
    content_type: str
    path: Path | None
    url: str
    said_at: int
    inbox_id: int | None

    def __repr__(self) -> str:
        return f"Found({self.id})"


def find(contact_id: uuid.UUID, attachment_id: uuid.UUID) -> Found | None:
    """A file of this person's conversations, or one that they have not sent yet; None looks the same for all others."""
    rows = Attachment.objects.filter(_seen_by(contact_id), id=attachment_id, file_type__in=FETCHED)
    row = rows.select_related("message").first()
    if row is None:
        return None
    path = folder() / row.path if row.path else None
    said_at, inbox_id = (row.message.at, row.message.inbox_id) if row.message else (0, None)
    return Found(row.id, row.name, row.content_type, path, row.chatwoot_url, said_at, inbox_id)


def among(contact_id: uuid.UUID, attachment_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Those that ``find`` would find, in the same order."""
    known = set(Attachment.objects.filter(_seen_by(contact_id), id__in=attachment_ids).values_list("id", flat=True))
    return [each for each in dict.fromkeys(attachment_ids) if each in known]


def _seen_by(contact_id: uuid.UUID) -> Q:
    return Q(message__contact=contact_id, message__deleted=False) | Q(contact=contact_id, message=None)


def learn_type(attachment_id: uuid.UUID, content_type: str) -> None:
    """What Chatwoot's file is by its first bytes."""
    Attachment.objects.filter(id=attachment_id, content_type="").update(content_type=content_type)


def uploaded_since(contact_id: uuid.UUID, since: int, *, but: uuid.UUID | None) -> int:
    """Bytes that this person has uploaded, sent or not."""
    own = Attachment.objects.filter(contact=contact_id, created_at__gt=since)
    own = own.exclude(id=but) if but else own
    return own.aggregate(bytes=Sum("size"))["bytes"] or 0


def ids_of(message_id: uuid.UUID) -> list[uuid.UUID]:
    """The uploads that a message was written with, in order."""
    own = Attachment.objects.filter(message=message_id, contact__isnull=False)
    return list(own.order_by("position").values_list("id", flat=True))


def of(message_id: uuid.UUID) -> tuple[Upload, ...]:
    """What a visitor's message carries, in order."""
    own = Attachment.objects.filter(message=message_id, contact__isnull=False).order_by("position")
    return tuple(
        Upload(folder() / each.path, each.name, each.content_type, each.size, each.chatwoot_url) for each in own
    )


def size_of(delivery_id: uuid.UUID) -> int:
    """Bytes of the files that a delivery carries."""
    carried = Attachment.objects.filter(message__delivery=delivery_id, contact__isnull=False)
    return carried.aggregate(bytes=Sum("size"))["bytes"] or 0


def are_equal(own: Iterable[Upload], told: Iterable[resources.Attachment]) -> bool:
    """Whether Chatwoot's files have the names and sizes of these."""
    return sorted((clean_name(each.name), each.size) for each in own) == sorted(_face(each) for each in told)


def _face(told: resources.Attachment) -> tuple[str, int]:
    return clean_name(told.name), told.file_size or 0


def keep(message_id: uuid.UUID, message: resources.Message) -> bool:
    """Make our attachments those of Chatwoot; True if that changed anything that is shown.

    Of a visitor's own message they are the same files: they keep their rows, and learn what Chatwoot calls them.
    """
    rows = list(Attachment.objects.filter(message=message_id).order_by("position"))
    told = {} if message.deleted else {each.id: each for each in message.attachments}
    known = {row.chatwoot_id for row in rows} - {None}
    gone = [row.id for row in rows if message.deleted or (row.contact_id is None and row.chatwoot_id not in told)]
    own = [row for row in rows if row.contact_id is not None and row.chatwoot_id is None and not message.deleted]
    changed = bool(gone)
    Attachment.objects.filter(id__in=gone).delete()
    new = [told[number] for number in told if number not in known]
    for each in sorted(new, key=lambda each: _match(own, each) is None):  # those that are found for certain first
        row = _match(own, each) or (own[0] if own else None)
        if row is not None:
            own.remove(row)
            row.chatwoot_id, row.chatwoot_url = each.id, each.data_url
            row.save(update_fields=["chatwoot_id", "chatwoot_url"])
        else:
            changed = True
            _add(message_id, each)
    return changed


def _match(own: Iterable[Attachment], told: resources.Attachment) -> Attachment | None:
    return next((row for row in own if (clean_name(row.name), row.size) == _face(told)), None)


def _add(message_id: uuid.UUID, told: resources.Attachment) -> None:
    Attachment.objects.create(
        message_id=message_id,
        chatwoot_id=told.id,
        name=told.name[:255],
        file_type=told.file_type[:20],
        size=told.file_size or 0,
        width=told.width,
        height=told.height,
        chatwoot_url=told.data_url,
    )


def drop(message_id: uuid.UUID) -> None:
    """A message was removed: its files go, too; those of ours with the next sweep."""
    Attachment.objects.filter(message=message_id).delete()


def remove(names: Iterable[str]) -> None:
    """Files whose rows are gone. What cannot be removed now goes with a sweep."""
    for name in names:
        with suppress(OSError):
            (folder() / name).unlink(missing_ok=True)


# What is no longer needed. Outside of the writer's transactions: statements of one kind of row, bounded.


def forget_unsent(now: int, *, most: int) -> int:
    """Uploads that nobody sent within a day. How many."""
    old = Attachment.objects.filter(message=None, created_at__lt=now - UNSENT_MS).exclude(path="")
    chosen = list(old.values_list("id", flat=True)[:most])
    count, _ = Attachment.objects.filter(id__in=chosen, message=None).delete()  # unless it was sent just now
    return count


def forget_delivered(now: int, *, most: int) -> int:
    """Files that Chatwoot has had for an hour; their rows stay. How many."""
    sent = Q(message__state=Message.State.SENT, message__delivery__state=Delivery.State.SENT)
    old = Attachment.objects.filter(sent, message__delivery__started_at__lt=now - DELIVERED_MS).exclude(path="")
    chosen = list(old.values_list("id", flat=True)[:most])
    return Attachment.objects.filter(id__in=chosen).update(path="")


def needed(names: Iterable[str]) -> set[str]:
    """Those of these files that a row still names."""
    return set(Attachment.objects.filter(path__in=list(names)).values_list("path", flat=True))
