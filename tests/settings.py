"""The application's settings, read from an environment of the tests' own, and not from the developer's."""

import atexit
import os
import shutil
import tempfile
from typing import Any

_var_dir = tempfile.mkdtemp(prefix="chatproxy-tests-")
atexit.register(shutil.rmtree, _var_dir, ignore_errors=True)

_kept = dict(os.environ)
os.environ.clear()
os.environ.update(
    SECRET_KEY="only for tests " * 4,
    ALLOWED_HOSTS="testserver localhost 127.0.0.1",
    VAR_DIR=_var_dir,
    DATABASE_URL=_kept.get("TEST_DATABASE_URL", ""),
)
try:
    from chatproxy import settings as _real
finally:
    os.environ.clear()
    os.environ.update(_kept)

globals().update({name: getattr(_real, name) for name in dir(_real) if name.isupper()})

DATABASES: dict[str, dict[str, Any]] = _real.DATABASES
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: the writer thread and other processes open it, too.
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(_var_dir, "test.sqlite3")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
