"""What a process does before it serves: refuse in words, and write the environment's inbox as a row."""

import logging

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured, ValidationError

from chat.checks import TAG
from chat.models import upsert_inbox

log = logging.getLogger(__name__)


def prepare() -> None:
    """Raises ImproperlyConfigured when this process must not serve. Synchronous; safe to repeat."""
    found = checks.run_checks(tags=[TAG], include_deployment_checks=True)
    if errors := [message for message in found if message.is_serious()]:
        raise ImproperlyConfigured("\n".join(f"{error.msg}. {error.hint}" for error in errors))
    if settings.CHATWOOT_URL:
        write_inbox()
    for message in found:
        log.warning("%s. %s", message.msg, message.hint)


def write_inbox() -> None:
    """What the environment does not say keeps what an operator wrote in the admin."""
    said = {
        "inbox_identifier": settings.CHATWOOT_INBOX_IDENTIFIER,
        "hmac_token": settings.CHATWOOT_HMAC_TOKEN,
        "allowed_origins": settings.ALLOWED_ORIGINS,
        "name": settings.CHATWOOT_INBOX_NAME,
    }
    try:
        upsert_inbox(
            slug=settings.CHATWOOT_INBOX_SLUG,
            url=settings.CHATWOOT_URL,
            cable_url=settings.CHATWOOT_CABLE_URL,
            **{name: value for name, value in said.items() if value},
        )
    except ValidationError as refused:
        raise ImproperlyConfigured(". ".join(refused.messages)) from None
