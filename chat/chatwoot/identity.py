"""The two texts that Chatwoot compares byte for byte."""

import hashlib
import hmac
import json


def identifier_hash(hmac_token: str, identifier: str) -> str:
    """Chatwoot's proof of an identity: lower-case hex HMAC-SHA256 (contract §1.5). Never hand it to a visitor."""
    return hmac.new(hmac_token.encode(), identifier.encode(), hashlib.sha256).hexdigest()


def cable_identifier(pubsub_token: str) -> str:
    """Name of a contact's subscription; one serialisation only, as another spelling delivers twice (contract §3.4)."""
    if not pubsub_token:
        raise ValueError("a subscription without a token looks up NULL")  # contract §3.3
    return json.dumps({"channel": "RoomChannel", "pubsub_token": pubsub_token}, separators=(",", ":"))


def respelt_identifier(pubsub_token: str) -> str:
    """The same subscription under a second name, for Chatwoot another one: only to try what one socket carries."""
    return json.dumps({"pubsub_token": pubsub_token, "channel": "RoomChannel"}, separators=(",", ":"))
