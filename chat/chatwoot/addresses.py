"""Where a Chatwoot may be, and where a file may be fetched from besides: at listed hosts, at a checked address.

A name is resolved once, all that it stands for must be allowed, and we connect to that very address. So neither a
redirect nor a name server that changes its mind (rebinding) makes us ask something inside our network.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from chat.chatwoot.errors import Unreachable

Resolve = Callable[[str, int], Awaitable[list[str]]]
_GIVEN_TO_HOSTS = ipaddress.ip_network("2000::/3")  # outside lie old ways to write IPv4 addresses, and site-local ones
_USUAL_PORTS = (None, 80, 443)
_EMBEDDING = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address behind a gateway (NAT64)


class Uncheckable(Exception):
    """We may not ask there; the text says why, without the address, which is a bearer secret.

    ``host``: which is not listed, for operators.
    """

    def __init__(self, why: str, *, host: str = "") -> None:
        super().__init__(why)
        self.host = host


class Hosts:
    """``listed``: names, with a leading dot for all below; and addresses or networks that need not be public."""

    def __init__(self, listed: Iterable[str] = ()) -> None:
        self._names: list[str] = []
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for each in listed:
            if (network := as_network(each)) is not None:
                self._networks.append(network)
            self._names.append(each.strip("[]").lower())

    def admit(self, host: str) -> bool:
        host = host.lower().rstrip(".")
        return any(host == name or (name[:1] == "." and host.endswith(name)) for name in self._names)

    def admit_address(self, address: str) -> bool:
        return is_public(address) or any(_plain(address) in network for network in self._networks)


def is_plain_url(text: str, schemes: tuple[str, ...]) -> bool:
    """It has a host, and no user, password, query or fragment."""
    try:
        parts = urlsplit(text)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return False
    extras = parts.username or parts.password or parts.query or parts.fragment
    return parts.scheme in schemes and bool(parts.hostname) and not extras and port_is_valid and text.isascii()


def keeps_host(before: str, after: str) -> bool:
    """What was sent to the one address may be sent to the other: the same server hears it, and TLS is not given up."""
    schemes = ("http", "https", "ws", "wss")
    if not is_plain_url(before, schemes) or not is_plain_url(after, schemes):
        return before == after
    old, new = urlsplit(before), urlsplit(after)
    is_as_safe = new.scheme in (old.scheme, "https", "wss")
    is_same_port = old.port == new.port or (old.port in _USUAL_PORTS and new.port in _USUAL_PORTS)
    return is_as_safe and old.hostname == new.hostname and is_same_port


def as_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """None: it is a name."""
    try:
        return ipaddress.ip_network(text.strip("[]"))
    except ValueError:
        return None


class Pinned(NamedTuple):
    """A URL at the address that was checked, and what makes its server think that it was asked by name."""

    url: httpx.URL
    headers: dict[str, str]
    extensions: dict[str, Any]


async def resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


async def pin(url: str, hosts: Hosts, *, resolve: Resolve = resolve) -> Pinned:
    """Raises Uncheckable and Unreachable."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Uncheckable("its address cannot be read") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Uncheckable("its storage is not reached over http")
    if not hosts.admit(host):
        raise Uncheckable("its storage is none of ATTACHMENT_HOSTS", host=host)
    try:
        addresses = await resolve(host, port or (443 if parts.scheme == "https" else 80))
    except OSError:
        raise Unreachable("its storage has no address") from None
    if not addresses or not all(hosts.admit_address(each) for each in addresses):
        raise Uncheckable("its storage has an address inside a network that is not listed")
    address = sorted(addresses, key=lambda each: ":" in each)[0]  # IPv4 first: it works nearly everywhere
    try:
        pinned = httpx.URL(url).copy_with(host=address, username=None, password=None)
    except httpx.InvalidURL:
        raise Uncheckable("its address cannot be read") from None
    return Pinned(pinned, {"Host": parts.netloc.rpartition("@")[2]}, {"sni_hostname": host})


def is_public(address: str) -> bool:
    found = _plain(address)
    is_given = isinstance(found, ipaddress.IPv4Address) or found in _GIVEN_TO_HOSTS
    return bool(found.is_global and is_given and not found.is_multicast)


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found in _EMBEDDING:
            return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        return found.ipv4_mapped or found.sixtofour or found
    return found
