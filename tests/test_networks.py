"""Whose a request is, whatever it claims."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import networks

PROXIES = [networks.parse_network(text) for text in ("10.0.0.0/8", "2001:db8:a::/48", "192.0.2.9")]
CLIENT = "203.0.113.7"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        (CLIENT, [], CLIENT),
        (CLIENT, ["6.6.6.6"], CLIENT),  # nobody trusts this peer
        ("10.0.0.1", [CLIENT], CLIENT),
        ("10.0.0.1", [f"6.6.6.6, {CLIENT}"], CLIENT),  # leftmost is what the client made up
        ("10.0.0.1", ["6.6.6.6", CLIENT], CLIENT),  # two lines are one list
        ("10.0.0.1", [f"6.6.6.6, {CLIENT}, 10.0.0.2, 192.0.2.9"], CLIENT),  # several proxies of ours
        ("10.0.0.1", [f"10.0.0.3, {CLIENT}"], CLIENT),  # a client that claims to be a proxy
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),  # somebody inside
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", [f"{CLIENT}, garbage"], "10.0.0.1"),
        ("10.0.0.1", [f"{CLIENT}, garbage, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [f"6.6.6.6, {CLIENT},"], "10.0.0.1"),
        ("10.0.0.1", ["6.6.6.6, " + "9" * 5_000], "10.0.0.1"),
        ("10.0.0.1", [", ".join(["10.0.0.2"] * 5_000)], "10.0.0.2"),
        ("10.0.0.1", [f"{CLIENT}:4711"], CLIENT),
        ("10.0.0.1", ["[2001:db8:b::7]:4711"], "2001:db8:b::7"),
        ("10.0.0.1", ["2001:db8:b::7"], "2001:db8:b::7"),
        ("::ffff:10.0.0.1", [f"::ffff:{CLIENT}"], CLIENT),
        ("2001:db8:a::1", [CLIENT], CLIENT),
        ("fe80::1%eth0", [], "fe80::1"),
        ("10.0.0.1", ["203.0.113.07"], "10.0.0.1"),
        ("10.0.0.1", ["٢٠٣.0.113.7"], "10.0.0.1"),
    ],
)
def test_t38_the_client_is_what_the_last_proxy_of_ours_was_called_from(peer, forwarded, client):
    assert str(networks.client(peer, forwarded, PROXIES)) == client


def test_t38_without_trusted_proxies_nobody_is_believed():
    assert str(networks.client("127.0.0.1", [CLIENT], [])) == "127.0.0.1"


@given(forged=st.lists(st.text(max_size=80), max_size=40), peer=st.sampled_from([CLIENT, "10.0.0.1"]))
def test_t38_nothing_that_a_client_writes_changes_what_its_proxy_saw(forged, peer):
    lines = [*forged, CLIENT] if peer != CLIENT else forged
    assert str(networks.client(peer, lines, PROXIES)) == CLIENT


@pytest.mark.parametrize("peer", ["", "/run/socket", "localhost"])
def test_who_comes_without_an_address_is_counted_under_one_name(peer):
    assert networks.key(networks.client(peer, [CLIENT], PROXIES)) == networks.NOWHERE


@pytest.mark.parametrize(
    ("address", "key"),
    [
        (CLIENT, CLIENT),
        ("::ffff:203.0.113.7", CLIENT),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
    ],
)
def test_an_ipv6_client_is_its_64(address, key):
    assert networks.key(networks.parse(address)) == key


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("203.0.113.7", "203.0.113.7/32"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ],
)
def test_a_network_has_one_spelling(text, network):
    assert str(networks.parse_network(text)) == network


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "proxy.example", "10.0.0.0-10.0.0.9"])
def test_what_is_no_network_is_refused_in_words(text):
    with pytest.raises(networks.BadNetwork, match="write one like"):
        networks.parse_network(text)
