"""Whom we ask when somebody else names the host: who is reached from outside, too, at the address that was checked.

A name is resolved once, and the answer used: a second look-up may answer otherwise (DNS rebinding).
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable

Resolve = Callable[[str, int], Awaitable[list[str]]]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # the last 32 bits are an IPv4 address


class Inside(Exception):
    """It has an address inside a network, which strangers must not make us ask."""


async def resolve(host: str, port: int) -> list[str]:
    """Raises OSError."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # no host can be called so
        raise OSError("no host name") from None
    return [str(each[4][0]) for each in found]


async def address_of(host: str, port: int, *, may_be_inside: bool = False, resolve: Resolve = resolve) -> str:
    """Where to connect to. Raises Inside, and OSError when there is no such host."""
    addresses = await resolve(host, port)
    if not addresses:
        raise OSError("no address")
    if not may_be_inside and not all(is_public(each) for each in addresses):
        raise Inside
    return addresses[0]


def is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and (inner := _within(found)):
        return is_public(str(inner))
    return bool(found.is_global and not found.is_multicast)


def _within(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address to which a gateway may take it."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
