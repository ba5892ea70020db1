"""Whose a request is: the address of the client, read from what our own proxies say and from nothing else. No I/O.

Each proxy appends to X-Forwarded-For the address it was called from. So the list is read from its right end, and only
as far as those who wrote it are trusted; what stands further left anybody may have made up.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MOST_HOPS = 20  # proxies of ours in a row
LONGEST = 64  # signs of one entry; a full IPv6 address in brackets with a port has 47
V6_BITS = 64  # what one customer has at least: each of its addresses would be a client of its own
NOWHERE = "nowhere"  # the key of those who came without an address, such as by a unix socket


class BadNetwork(ValueError):
    """Not a network; the message says what one looks like."""


def parse(text: str) -> Address | None:
    """An address as it is compared (IPv4 inside IPv6 is IPv4, without zone); None: it is none."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(found, IPv6Address) and found.ipv4_mapped) or found


def parse_network(text: str) -> Network:
    """``203.0.113.0/24``, or a single address; raise BadNetwork."""
    try:
        found = ip_network(text.strip(), strict=False)
    except ValueError:
        raise BadNetwork(f"{text!r} is no network; write one like 10.0.0.0/8, 2001:db8::/32 or 203.0.113.7") from None
    if isinstance(found, IPv6Network) and found.prefixlen >= 96 and (mapped := found.network_address.ipv4_mapped):
        return IPv4Network((int(mapped), found.prefixlen - 96))
    return found


def key(address: Address | None) -> str:
    """Under which name a client is counted: an IPv4 address, or the /64 of an IPv6 address."""
    if address is None:
        return NOWHERE
    if isinstance(address, IPv4Address):
        return str(address)
    return f"{IPv6Address(int(address) >> (128 - V6_BITS) << (128 - V6_BITS))}/{V6_BITS}"


def client(peer: str, forwarded: Iterable[str], trusted: Sequence[Network]) -> Address | None:
    """The address of the client. ``forwarded``: the values of X-Forwarded-For, in the order of their lines.

    An entry that cannot be read ends the walk: the last address that a trusted proxy was called from counts.
    """
    found = parse(peer)
    if found is None or not is_in(found, trusted):
        return found
    for text in _from_the_right(forwarded):
        hop = _parse_entry(text)
        if hop is None:
            break
        found = hop
        if not is_in(found, trusted):
            break
    return found


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _from_the_right(forwarded: Iterable[str]) -> list[str]:
    """The entries nearest to us, the nearest first; one more than are read would be the unsplit rest."""
    entries = ",".join(forwarded).rsplit(",", MOST_HOPS)
    return entries[::-1][:MOST_HOPS]


def _parse_entry(text: str) -> Address | None:
    """``203.0.113.7``, ``2001:db8::7``, and with a port, as some proxies write it."""
    text = text.strip()
    if len(text) > LONGEST:
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return parse(text)
