"""Settings of the sandbox alone: no database, no environment, nothing to configure."""

import secrets

SECRET_KEY = secrets.token_urlsafe(50)
INSTALLED_APPS = ["chat.sandbox"]
DATABASES: dict[str, dict[str, str]] = {}
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_CHARSET = "utf-8"
LOGGING_CONFIG = None

# Chatwoot checks neither size nor number of files of an API inbox (contract §1.8).
FILE_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4096
DATA_UPLOAD_MAX_NUMBER_FILES = 128
