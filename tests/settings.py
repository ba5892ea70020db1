"""The application's settings, read from an environment of the tests' own, and not from the developer's."""

import atexit
import os
import shutil
import tempfile

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
    # A star, because Django's settings are the names of a module, and its mypy plugin reads them here.
    from chatproxy.settings import *  # noqa: F403
    from chatproxy.settings import DATABASES
finally:
    os.environ.clear()
    os.environ.update(_kept)

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: the writer thread and other processes open it, too.
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(_var_dir, "test.sqlite3")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
