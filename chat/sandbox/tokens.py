"""Random values in the shapes Chatwoot gives them."""

import hashlib
import hmac
import secrets
import uuid

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ADJECTIVES = ("autumn", "billowing", "bold", "crimson", "damp", "dawn", "divine", "falling", "frosty", "hidden", "icy")
NOUNS = ("bird", "breeze", "brook", "cloud", "dew", "feather", "field", "forest", "frog", "glade", "lake", "leaf")


_beginning = ""


def begin_with(canary: str) -> None:
    """Every token from now on, so that tests recognise one wherever it is."""
    global _beginning
    _beginning = canary


def base58_token() -> str:
    """24 base58 characters: inbox identifiers, hmac, pubsub and access tokens."""
    return _beginning + "".join(secrets.choice(BASE58) for _ in range(24 - len(_beginning)))


def source_id() -> str:
    return str(uuid.uuid4())


def haiku() -> str:
    """The name of a contact that gave none, such as ``autumn-frog-832``."""
    return f"{secrets.choice(ADJECTIVES)}-{secrets.choice(NOUNS)}-{secrets.randbelow(1000)}"


def identifier_hash(hmac_token: str, identifier: str) -> str:
    """Lower-case hex HMAC-SHA256, contract §1.5."""
    return hmac.new(hmac_token.encode(), identifier.encode(), hashlib.sha256).hexdigest()
