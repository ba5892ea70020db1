"""Nobody makes us ask something inside our network."""

import pytest

from chat.addresses import Inside, address_of, is_public, resolve

INSIDE = [
    "10.0.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
]


class Names:
    """A name server whose answers change from question to question."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers.pop(0)


@pytest.mark.parametrize("address", INSIDE)
async def test_t31_an_address_inside_is_refused(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(Inside):
        await address_of("inside.example", 443, resolve=Names([address]).resolve)


async def test_t31_one_address_inside_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(Inside):
        await address_of("mixed.example", 443, resolve=Names(["93.184.216.34", "127.0.0.1"]).resolve)


async def test_t31_a_name_is_resolved_once_and_its_answer_used() -> None:
    names = Names(["93.184.216.34"], ["127.0.0.1"])
    assert await address_of("rebinding.example", 443, resolve=names.resolve) == "93.184.216.34"
    assert names.asked == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "::1", "::ffff:127.0.0.1"])
async def test_t31_a_loopback_in_any_spelling_is_refused(host: str) -> None:
    with pytest.raises((Inside, OSError)):
        await address_of(host, 443)


@pytest.mark.parametrize("host", ["", "a" * 70 + ".example", "xn--\x00.example", "..", "no such host"])
async def test_t42_what_is_no_host_is_none(host: str) -> None:
    with pytest.raises((OSError, Inside)):
        await address_of(host, 443)


async def test_where_it_is_allowed_an_address_inside_is_used() -> None:
    assert await address_of("127.0.0.1", 80, may_be_inside=True) == "127.0.0.1"
    assert await resolve("127.0.0.1", 80) == ["127.0.0.1"]


async def test_a_name_without_an_address_is_none() -> None:
    with pytest.raises(OSError):
        await address_of("nowhere.example", 443, resolve=Names([]).resolve)


def test_other_addresses_are_public() -> None:
    assert is_public("93.184.216.34") and is_public("2606:2800:220:1:248:1893:25c8:1946")
