"""A device begins a session, and renews its access token."""

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Router

from chat.api.access import (
    ApiRequest,
    check_origin,
    check_own_origin,
    cookie_name,
    foreign_origin,
    peer_of,
    set_cookie,
)
from chat.api.answers import answer
from chat.models import Inbox, Session
from chat.sessions import Opened, UnknownToken
from chat.wire import calls
from chat.wire.errors import Code, Refusal

router = Router(tags=["session"])


@router.post("", response={201: calls.Session, 200: calls.Session, 403: calls.Error, 404: calls.Error})
async def open_session(request: ApiRequest, body: calls.OpenSession) -> HttpResponse:
    """Begin as a new person. A browser that still has its session's cookie goes on with that (200)."""
    inbox = await _inbox(body.inbox)
    check_origin(request, inbox)
    kind = Session.Kind.APP.value if foreign_origin(request) else body.kind  # no cookie of ours for another site
    if kind == Session.Kind.BROWSER.value:
        try:
            return _answer(request, inbox, await _refresh_cookie(request, inbox))
        except UnknownToken:
            pass  # The usual case: there is none yet, or it has ended.
    await request.gate().begin(request, inbox)
    return _answer(request, inbox, await request.conversations().open_session(inbox, kind=kind), status=201)


@router.post("/refresh", response={200: calls.Session, 401: calls.Error, 403: calls.Error, 404: calls.Error})
async def refresh_session(request: ApiRequest, body: calls.RefreshSession) -> HttpResponse:
    """By the cookie of the named inbox, from our own pages only; or by an app's refresh token."""
    if body.refresh_token is not None:
        opened = await request.conversations().refresh_session(body.refresh_token)
        check_origin(request, opened.session.contact.inbox)
        await _admit(request, opened)
        return _answer(request, opened.session.contact.inbox, opened)
    if body.inbox is None:
        raise Refusal(Code.BAD_REQUEST, "Name the inbox, or give the refresh_token.")
    inbox = await _inbox(body.inbox)
    check_own_origin(request, inbox)
    return _answer(request, inbox, await _refresh_cookie(request, inbox))


async def _refresh_cookie(request: ApiRequest, inbox: Inbox) -> Opened:
    opened = await request.conversations().refresh_session(request.COOKIES.get(cookie_name(request, inbox.slug), ""))
    if opened.session.contact.inbox_id != inbox.pk:
        raise UnknownToken
    await _admit(request, opened)
    return opened


async def _admit(request: ApiRequest, opened: Opened) -> None:
    contact = opened.session.contact
    request.gate().admit(peer_of(request), contact_id=contact.pk, slug=contact.inbox.slug)


async def _inbox(slug: str) -> Inbox:
    try:
        return await sync_to_async(Inbox.objects.get)(slug=slug)
    except Inbox.DoesNotExist:
        raise Refusal(Code.NO_SUCH_INBOX) from None


def _answer(request: HttpRequest, inbox: Inbox, opened: Opened, *, status: int = 200) -> HttpResponse:
    is_app = opened.session.kind == Session.Kind.APP.value or foreign_origin(request) is not None
    body = calls.Session(
        access_token=opened.access_token,
        expires_in=opened.expires_in,
        contact=opened.session.contact_id,
        refresh_token=opened.refresh_token if is_app else None,
    )
    response = answer(body.model_dump_json(exclude_none=True).encode(), status=status)
    if not is_app:
        set_cookie(request, response, inbox.slug, opened.refresh_token)
    return response
