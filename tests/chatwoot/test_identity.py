import json

import pytest

from chat.chatwoot.identity import cable_identifier, identifier_hash


def test_the_hash_is_the_hex_hmac_of_the_identifier():
    """The example of RFC 4231, test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert identifier_hash("Jefe", "what do ya want for nothing?") == expected


def test_the_cable_identifier_has_one_spelling():
    assert cable_identifier("tok") == '{"channel":"RoomChannel","pubsub_token":"tok"}'
    assert json.loads(cable_identifier('a"b')) == {"channel": "RoomChannel", "pubsub_token": 'a"b'}


def test_an_empty_token_is_never_subscribed():
    with pytest.raises(ValueError, match="NULL"):
        cable_identifier("")
