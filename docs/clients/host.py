"""What *your server* does, and never an app: it says who its user is, in a token that it signs for a few minutes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
import uuid
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "var" / "demo"


def identity_token(secret: str, user_id: str, inbox: str = "main", **verified: str) -> str:
    """A JWT with HS256. `verified`: `name`, `email`, `phone`, as far as you have checked them yourself."""

    def part(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    now = int(time.time())
    claims = {"aud": inbox, "sub": user_id, "iat": now, "exp": now + 300, "jti": uuid.uuid4().hex, **verified}
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (signed + b"." + part(hmac.new(secret.encode(), signed, hashlib.sha256).digest())).decode()


def secret() -> str:
    """The one that your server shares with chatproxy: here what `make run` has made for its inbox."""
    kept = Path(os.environ.get("VAR_DIR") or DEMO) / "identity_secret"
    return os.environ.get("IDENTITY_SECRET") or kept.read_text().strip()
