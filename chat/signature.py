"""How a receiver of ours knows that it was us, and when: ``t=…,v1=HMAC-SHA256(secret, t + "." + body)``.

While a secret is being replaced there are two ``v1``: whoever knows either of them is served.
"""

import hashlib
import hmac
from collections.abc import Iterable

HEADER = "Chatproxy-Signature"


def sign(body: bytes, *, secrets: Iterable[str], at_s: int) -> str:
    """The header's value. ``at_s``: Unix seconds."""
    return ",".join([f"t={at_s}", *(f"v1={_mac(secret, at_s, body)}" for secret in secrets)])


def _mac(secret: str, at_s: int, body: bytes) -> str:
    return hmac.new(secret.encode(), b"%d." % at_s + body, hashlib.sha256).hexdigest()
