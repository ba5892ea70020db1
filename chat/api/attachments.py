"""Files of the conversations, through our own address.

Apps send their token. Pictures, films and links of a page cannot: it buys tickets for all that it shows, in one call,
shortly before it shows them. None stands in a message's row, which is stored, compared and sent to several devices.
"""

from typing import Annotated, cast
from urllib.parse import quote
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from ninja import Path, Router
from ninja.security import APIKeyQuery

from chat import tickets
from chat.api.access import ApiRequest, Bearer, peer_of
from chat.api.answers import answer, refuse
from chat.chatwoot.fetching import Unsatisfiable
from chat.filetypes import clean_name, is_shown
from chat.ranges import Range
from chat.streams import Download
from chat.wire import calls
from chat.wire.errors import Code, Refusal

router = Router(tags=["attachments"])


class Guest:
    """Whoever holds a ticket."""

    def __init__(self, session_id: UUID, contact_id: UUID) -> None:
        self.pk, self.contact_id = session_id, contact_id


class Ticket(APIKeyQuery):
    """The answer to everything that is wrong with one is that of a file that is not there."""

    param_name = "ticket"
    is_async = True  # for ninja, which would call it on a thread

    async def authenticate(self, request: HttpRequest, key: str | None) -> Guest | None:
        if key is None:
            return None
        holder = await cast(ApiRequest, request).conversations().downloads.redeem(key, _named_by(request))
        gate = cast(ApiRequest, request).gate()
        gate.admit(peer_of(request), contact_id=holder.contact_id, slug=holder.slug)
        return Guest(holder.session_id, holder.contact_id)


def _named_by(request: HttpRequest) -> UUID:
    try:
        return UUID(request.resolver_match.kwargs["attachment_id"] if request.resolver_match else "")
    except ValueError:
        raise Refusal(Code.NOT_FOUND) from None


@router.post("/tickets", auth=Bearer(), response={200: calls.Tickets, 401: calls.Error, 422: calls.Error})
async def buy(request: ApiRequest, body: calls.BuyTickets) -> HttpResponse:
    """Addresses of files for <img>, <video> and links, which send no token. What is not yours is missing."""
    session_id, downloads = request.auth.pk, request.conversations().downloads
    found = await downloads.among(request.auth.contact_id, body.attachments)
    urls = {str(each): f"/api/v1/attachments/{each}?ticket={tickets.issue(session_id, each)}" for each in found}
    return answer(orjson.dumps({"urls": urls, "expires_in": int(tickets.FOR.total_seconds())}))


FILE = {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}
REFUSALS = dict.fromkeys((401, 404, 422, 429, 502, 503), calls.Error)
SENT = {
    200: {"description": "The file", **FILE},
    206: {"description": "A part", **FILE},
    304: {"description": "As the client has it"},
}
REFUSED_PART = {416: calls.Error}
ByTicket = [Ticket(), Bearer()]


@router.get("/{str:attachment_id}", auth=ByTicket, response=REFUSALS | REFUSED_PART, openapi_extra={"responses": SENT})
async def download(request: ApiRequest, attachment_id: Annotated[UUID, Path()]) -> HttpResponseBase:
    """The file, or the part that a Range header names. Retry-After says when one that is not there yet may be."""
    etag = f'"{attachment_id.hex}"'
    if request.headers.get("If-None-Match") == etag and await _is_there(request, attachment_id):
        return _remembered(HttpResponse(status=304), etag)
    found = await _opened(request, attachment_id, span=_wanted(request, etag))
    return found if isinstance(found, HttpResponse) else _described(Streamed(found), found)


@router.api_operation(["HEAD"], "/{str:attachment_id}", auth=ByTicket, response={200: None, **REFUSALS})
async def head(request: ApiRequest, attachment_id: Annotated[UUID, Path()]) -> HttpResponseBase:
    """What GET would say of the whole file."""
    found = await _opened(request, attachment_id)
    if isinstance(found, HttpResponse):
        return found
    await found.aclose()
    return _described(HttpResponse(), found)


async def _opened(request: ApiRequest, attachment_id: UUID, *, span: Range | None = None) -> Download | HttpResponse:
    """Or the answer, when there is nothing to send."""
    downloads, peer = request.conversations().downloads, peer_of(request)
    try:
        return await downloads.open(request.auth.contact_id, attachment_id, peer=peer, span=span)
    except Unsatisfiable as nothing:
        response = refuse(Refusal(Code.RANGE_INVALID))
        response["Content-Range"] = f"bytes */{nothing.total}"
        return response


async def _is_there(request: ApiRequest, attachment_id: UUID) -> bool:
    return bool(await request.conversations().downloads.among(request.auth.contact_id, [attachment_id]))


class Streamed(StreamingHttpResponse):
    """Leaving it closes the file."""

    def __init__(self, found: Download) -> None:
        self._chunks = found.chunks()
        super().__init__(self._chunks)

    def __aiter__(self) -> object:  # type: ignore[override]  # Django's wraps it, and leaves it to the collector
        return self._chunks


def _wanted(request: HttpRequest, etag: str) -> Range | None:
    span = Range.parse(request.headers.get("Range", ""))
    return span if request.headers.get("If-Range", etag) == etag else None


def _described(response: HttpResponseBase, found: Download) -> HttpResponseBase:
    extent = found.extent
    shown = is_shown(found.content_type)
    response["Content-Type"] = found.content_type
    response["Content-Disposition"] = disposition(found.name, kind="inline" if shown else "attachment")
    response["Content-Length"] = str(extent.length)
    response["Accept-Ranges"] = "bytes"
    _remembered(response, found.etag)
    if extent.is_part and response.status_code == 200:
        response.status_code = 206
        response["Content-Range"] = f"bytes {extent.first}-{extent.first + extent.length - 1}/{extent.total}"
    return response


def _remembered(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    protect(response)
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"  # who asks may have left, and the file may be deleted
    response["Referrer-Policy"] = "no-referrer"  # the address may hold a ticket
    return response


def protect(response: HttpResponseBase) -> None:
    """Bytes of somebody's: a browser does nothing with them but show or save them."""
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"  # a site that embeds us may show what it was given


def disposition(name: str, *, kind: str) -> str:
    """RFC 6266: what every client reads, and the whole name for those that read RFC 5987."""
    name = clean_name(name)[-150:] or "file"
    plain = "".join(each if each.isascii() and each not in "'()" else "_" for each in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
