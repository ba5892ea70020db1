"""Keys made here: a developer's SECRET_KEY, and the key for secrets at rest when the operator gives none."""

import base64
import hashlib
import os
import secrets
from pathlib import Path


def kept_in(path: Path) -> str:
    """The key in that file, written on first use, so that reloads and restarts keep the sessions."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        try:
            path.hardlink_to(draft)  # fails when another process was first; then its key is the one
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def fernet_key_from(secret: str) -> str:
    """A key of its own, so that what is encrypted and what is signed never share one."""
    return base64.urlsafe_b64encode(hashlib.sha256(b"chatproxy.fields:" + secret.encode()).digest()).decode()
