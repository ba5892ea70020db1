"""Pages of other sites call the API as apps do: with a bearer token, without cookies, from origins that an inbox lists.

A browser asks first (a preflight), without a token or a body, so that nobody can know for which inbox: an origin that
some inbox lists may ask. The call itself is decided by its own inbox (``access.check_origin``): that of its session, or
the one that the body names. Who is refused there cannot read the answer either.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from chat.api.access import foreign_origin, peer_of
from chat.api.answers import refuse
from chat.api.guard import View
from chat.gate import Gate
from chat.logged import logged
from chat.wire.errors import Code, Refusal

logger = logging.getLogger(__name__)

METHODS = "GET, POST, PUT, PATCH, DELETE"
HEADERS = "Authorization, Content-Type, X-Challenge"
EXPOSED = "Retry-After"
PREFLIGHT_MAX_AGE_S = 600


def across_origins(view: View, gate: Callable[[], Gate]) -> View:
    @functools.wraps(view)
    async def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        await gate().ready()
        origin = foreign_origin(request)
        is_listed = origin is not None and gate().rules.origins.allows(origin)
        if origin is not None and _is_preflight(request):
            response: HttpResponseBase = _preflight(request, gate(), origin, is_listed=is_listed)
        else:
            response = await view(request, *args, **kwargs)
        if origin is not None and getattr(request, "is_welcome", is_listed):
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Expose-Headers"] = EXPOSED
        patch_vary_headers(response, ["Origin"])
        return response

    return answer


def _is_preflight(request: HttpRequest) -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def _preflight(request: HttpRequest, gate: Gate, origin: str, *, is_listed: bool) -> HttpResponse:
    try:
        gate.knock(peer_of(request))
    except Refusal as refusal:
        return refuse(refusal)
    if not is_listed:
        gate.note("origins", repr(origin[:200]))
        logger.warning(
            "refused origin %r at %s: no inbox lists it; if it is yours, add it (ALLOWED_ORIGINS, or the inbox in the"
            " admin)",
            origin[:200],
            request.path[:200],
        )
        return logged(refuse(Refusal(Code.FOREIGN_ORIGIN)))
    response = HttpResponse(status=204)
    response["Access-Control-Allow-Methods"] = METHODS
    response["Access-Control-Allow-Headers"] = HEADERS
    response["Access-Control-Max-Age"] = str(PREFLIGHT_MAX_AGE_S)
    return response
