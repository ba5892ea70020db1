"""What a process does before it serves: refuse in words, and write the environment's inbox as a row."""

import logging
from collections.abc import Container, Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import Error, ProgrammingError

from chat import challenge, clock, failpoints
from chat.checks import TAG
from chat.clock import BadOffset
from chat.failpoints import BadFailpoints
from chat.fields import UnknownKey
from chat.models import Inbox, upsert_inbox

log = logging.getLogger(__name__)

KEY_HINT = "Put the old key into FIELD_KEYS, or, if the key was made from SECRET_KEY, that into SECRET_KEY_FALLBACKS"


@cache
def prepare_once() -> None:
    """``prepare``, unless it has succeeded in this process: ``serve`` asks before it listens, its application after."""
    prepare()


def prepare(*, told: Container[str] = ()) -> None:
    """Raises ImproperlyConfigured when this process must not serve. Synchronous; safe to repeat.

    ``told``: the ids of warnings that the caller tells itself; they are not logged.
    """
    try:
        clock.follow(settings.CLOCK_OFFSET_FILE)
        failpoints.configure(settings.FAILPOINTS)
        challenge.challenge_of(settings.SESSION_CHALLENGE)
        _prepare(told)
    except (BadOffset, BadFailpoints) as wrong:
        raise ImproperlyConfigured(str(wrong)) from None
    except Error as error:
        raise ImproperlyConfigured(describe(error, settings.DATABASES["default"])) from None
    except UnknownKey as unknown:
        raise ImproperlyConfigured(f"{unknown}. {KEY_HINT}") from None


def describe(error: Error, database: Mapping[str, Any]) -> str:
    """What is wrong with the database, in one line and without its password."""
    words = " ".join(str(error).split()) or type(error).__name__
    if password := database.get("PASSWORD"):
        words = words.replace(password, "***")
    lacks_tables = isinstance(error, ProgrammingError) or words.startswith("no such ")
    hint = "Run manage.py migrate, if DATABASE_URL names the right one" if lacks_tables else "DATABASE_URL names it"
    return f"The database {database['NAME']} cannot be used: {words}. {hint}"


def _prepare(told: Container[str]) -> None:
    found = _check()
    if errors := [message for message in found if message.is_serious()]:
        raise ImproperlyConfigured("\n".join(f"{error.msg}. {error.hint}" for error in errors))
    if write_inbox():
        found = _check()  # now with that inbox
    for message in found:
        if message.id not in told:
            log.warning("%s. %s", message.msg, message.hint)


def _check() -> list[checks.CheckMessage]:
    return checks.run_checks(tags=[TAG], include_deployment_checks=True)


def write_inbox() -> bool:
    """What the environment says of its inbox, as a row, if it says anything and there is one to say it of.

    What it does not say keeps what an operator wrote in the admin.
    """
    said = {
        "inbox_identifier": settings.CHATWOOT_INBOX_IDENTIFIER,
        "hmac_token": settings.CHATWOOT_HMAC_TOKEN,
        "allowed_origins": settings.ALLOWED_ORIGINS,
        "name": settings.CHATWOOT_INBOX_NAME,
        "portal": settings.CHATWOOT_PORTAL,
        "portal_url": settings.CHATWOOT_PORTAL_URL,
        "identity_secret": settings.IDENTITY_SECRET,
        "legacy_identity": settings.IDENTITY_LEGACY,
        "claims_once": settings.IDENTITY_ONCE,
        "requires_identity": settings.IDENTITY_REQUIRED,
        "trusts_claims": settings.IDENTITY_TRUSTED,
    }
    given: dict[str, Any] = {name: value for name, value in said.items() if value or value is False}
    if settings.IDENTITY_SECRET:  # the two belong together: what is taken away here must not go on to count
        given["identity_secret_old"] = settings.IDENTITY_SECRET_OLD
    server = _server_of(settings.CHATWOOT_INBOX_SLUG)
    if not given or server is None:
        return False
    try:
        upsert_inbox(slug=settings.CHATWOOT_INBOX_SLUG, **server, **given)
    except ValidationError as refused:
        raise ImproperlyConfigured(". ".join(refused.messages)) from None
    return True


def _server_of(slug: str) -> dict[str, str] | None:
    """As the environment says; else as `connect_chatwoot` or an operator wrote."""
    if settings.CHATWOOT_INBOX_IDENTIFIER:
        return {"url": settings.CHATWOOT_URL, "cable_url": settings.CHATWOOT_CABLE_URL}
    row = Inbox.objects.select_related("chatwoot").filter(slug=slug).first()
    return {"url": row.chatwoot.url, "cable_url": row.chatwoot.cable_url} if row else None
