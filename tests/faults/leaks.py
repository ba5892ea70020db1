"""K6: no secret in any byte that reached a visitor or a log, in any form in which it could be hidden by accident."""

import base64
import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote

LEAST = 8  # shorter ones are found everywhere


def forms(secret: str) -> set[bytes]:
    """Plain, in a URL, in JSON, and in the middle of something encoded with base64."""
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        # The first and last signs also hold bits of the neighbours.
        found.add(encoded[4 if shift else 0 : len(encoded) - 4])
    return {form for form in found if len(form) >= LEAST}


def find(secrets: Iterable[str], places: Mapping[str, bytes]) -> list[str]:
    """In words, where one of them stands; the secret itself is not repeated."""
    wrong = []
    for secret in secrets:
        if len(secret) < LEAST:
            continue
        hidden = forms(secret)
        for place, heard in places.items():
            if any(form in heard for form in hidden):
                wrong.append(f"K6 {secret[:4]}… ({len(secret)} signs) stands in {place}")
    return wrong
