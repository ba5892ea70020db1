"""The application's settings, read from an environment of the tests' own, and not from the developer's."""

import os
from pathlib import Path

_var_dir = Path(__file__).resolve().parent.parent / "var/tests"
_kept = dict(os.environ)
os.environ.clear()
os.environ.update(
    SECRET_KEY="only for tests " * 4,
    ALLOWED_HOSTS="testserver localhost 127.0.0.1",
    VAR_DIR=str(_var_dir),
    STATIC_BUILD="False",  # what is tested is what lies here
    DATABASE_URL=_kept.get("TEST_DATABASE_URL", ""),
)
try:
    # A star, because Django's settings are the names of a module, and its mypy plugin reads them here.
    from chatproxy.settings import *  # noqa: F403
    from chatproxy.settings import DATABASES, MIDDLEWARE
finally:
    os.environ.clear()
    os.environ.update(_kept)

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: the writer thread and other processes open it, too. Django deletes it at the end.
    DATABASES["default"]["TEST"] = {"NAME": str(_var_dir / f"{os.getpid()}.sqlite3")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MIDDLEWARE = ["tests.fixtures.canary.Watch", "tests.fixtures.declared.Declared", *MIDDLEWARE]
