"""What operators have laid down about who may come, and how much: origins and limits of the inboxes, and blocks.

Read as a whole every few seconds, and asked in memory from then on, since every call and every socket asks.
"""

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Q

from chat import sql
from chat.clock import moment
from chat.embedding import Origins
from chat.limits import BadLimit, Limits
from chat.models import Block, Inbox
from chat.networks import Address, Network, parse_network

log = logging.getLogger(__name__)

MOST_BLOCKS = 10_000
EVERYWHERE = ""  # in place of an inbox's slug


@dataclass(frozen=True, slots=True)
class Networks:
    """Blocked networks and the inboxes for which they are; a question costs one look for each length of prefix."""

    by_prefix: Mapping[tuple[int, int], Mapping[int, frozenset[str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, blocked: Iterable[tuple[Network, str]]) -> "Networks":
        found: dict[tuple[int, int], dict[int, frozenset[str]]] = {}
        for network, slug in blocked:
            starts = found.setdefault((network.version, network.prefixlen), {})
            start = int(network.network_address)
            starts[start] = starts.get(start, frozenset()) | {slug}
        return cls(found)

    def hold(self, address: Address, slug: str) -> bool:
        for (version, prefix), starts in self.by_prefix.items():
            if version == address.version:
                free = address.max_prefixlen - prefix
                slugs = starts.get(int(address) >> free << free, frozenset())
                if slug in slugs or EVERYWHERE in slugs:
                    return True
        return False


@dataclass(frozen=True, slots=True)
class Rules:
    """``limits``: of those inboxes only that have some of their own."""

    limits: Mapping[str, Limits] = field(default_factory=dict)
    origins: Origins = field(default_factory=lambda: Origins.of(()))  # of all inboxes together
    contacts: frozenset[uuid.UUID] = frozenset()
    networks: Networks = field(default_factory=Networks)

    def block(self, address: Address | None, contact_id: uuid.UUID | None, slug: str) -> bool:
        """Whether this contact is blocked, or anybody who comes from there to this inbox."""
        return contact_id in self.contacts or (address is not None and self.networks.hold(address, slug))


def read() -> Rules:
    inboxes = list(Inbox.objects.values_list("slug", "limits", "allowed_origins"))
    blocks = _blocks()
    return Rules(
        limits={slug: _limits(slug, written) for slug, written, _ in inboxes if written},
        origins=Origins.of(origin for _, _, origins in inboxes for origin in origins),
        contacts=frozenset(contact_id for contact_id, _, _ in blocks if contact_id),
        networks=Networks.of((parse_network(text), slug or EVERYWHERE) for _, text, slug in blocks if text),
    )


def mark_cap(slug: str, name: str) -> None:
    """For operators: this inbox has reached that limit, now."""
    Inbox.objects.filter(slug=slug).update(capped=name, capped_at=sql.database_now())


def _blocks() -> Sequence[tuple[uuid.UUID | None, str, str | None]]:
    """(contact, network, slug) of those that hold now; the newest, if there are too many."""
    holding = Block.objects.filter(Q(until=None) | Q(until__gt=moment())).order_by("-id")
    found = list(holding.values_list("contact", "network", "inbox__slug")[: MOST_BLOCKS + 1])
    if len(found) > MOST_BLOCKS:
        log.error("more than %d blocks: the oldest do not hold; block networks in place of addresses", MOST_BLOCKS)
    return found[:MOST_BLOCKS]


def _limits(slug: str, written: object) -> Limits:
    ours: Limits = settings.LIMITS
    try:
        return ours.over(written)  # type: ignore[arg-type]  # whatever a hand wrote into the database
    except (BadLimit, AttributeError) as bad:
        log.error("the limits of inbox %s cannot be read, those of all hold: %s", slug, bad)
        return ours
