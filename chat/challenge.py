"""The site's own question to newcomers (``SESSION_CHALLENGE``): who is no machine."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from chat.models import Inbox
from chat.wire.errors import Code, Refusal

log = logging.getLogger(__name__)

CHALLENGE_S = 5.0

Challenge = Callable[[Any, Inbox], Awaitable[str | None]]  # of a request; text: why not


async def ask(challenge: Challenge, request: Any, inbox: Inbox) -> str | None:
    """Raises Refusal when there is no answer."""
    try:
        async with asyncio.timeout(CHALLENGE_S):
            return await challenge(request, inbox)
    except Exception as error:  # theirs: whoever it would have let through may come back
        log.error("SESSION_CHALLENGE failed, a newcomer was turned away", exc_info=error)
        raise Refusal(Code.UNAVAILABLE) from error


def challenge_of(path: str) -> Challenge | None:
    """What ``SESSION_CHALLENGE`` names; raise ImproperlyConfigured."""
    if not path:
        return None
    try:
        found: Challenge = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"SESSION_CHALLENGE is {path!r}, which cannot be imported: {error}") from None
    if not callable(found):
        raise ImproperlyConfigured(f"SESSION_CHALLENGE is {path!r}; write the dotted path of an async function")
    return found
