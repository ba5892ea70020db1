"""A device begins a session, as somebody or as nobody, renews its access token, and ends the session."""

import logging
from functools import partial
from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from chat import identity, sessions
from chat.api.access import (
    ApiRequest,
    Bearer,
    bearer,
    check_origin,
    check_own_page,
    clear_cookie,
    cookie,
    foreign_origin,
    peer_of,
    set_cookie,
)
from chat.api.answers import answer
from chat.clock import moment
from chat.identity import BadIdentity, Identity
from chat.models import Inbox, Session
from chat.sessions import Opened, UnknownToken
from chat.wire import calls
from chat.wire.errors import Code, Refusal

log = logging.getLogger(__name__)
router = Router(tags=["session"])
REFUSED = dict.fromkeys((401, 403, 404), calls.Error)


@router.post("", response={201: calls.Session, 200: calls.Session, **REFUSED})
async def open_session(request: ApiRequest, body: calls.OpenSession) -> HttpResponse:
    """Begin as a new person, or as the one whom ``identity_token`` names, or ``identifier`` with its hash.

    A browser that still has its session's cookie goes on with that (200). Who signs in takes along what this device has
    said so far without a name; an app shows by its access token which session that is.
    """
    inbox = await request.conversations().inboxes.find(body.inbox)
    check_origin(request, inbox)
    devices = request.conversations().devices
    kind = Session.Kind.APP.value if foreign_origin(request) else body.kind  # no cookie of ours for another site
    token = cookie(request, inbox) if kind == Session.Kind.BROWSER.value else ""
    if body.claims_nothing:
        try:
            return _answer(request, await devices.refresh(token, kind=kind, inbox=inbox))
        except UnknownToken:
            pass  # The usual case: there is none yet, or it has ended.
        await request.gate().begin(request, inbox)
        return _answer(request, await devices.open(inbox, kind=kind), status=201)
    try:
        who = _identity(inbox, body)
        await request.gate().begin(request, inbox, proven=who.identifier)
        session = await bearer(request)
        admit = partial(_admit, request, inbox.slug)
        opened = await devices.sign_in(inbox, who, kind=kind, session=session, refresh_token=token, admit=admit)
    except BadIdentity as bad:
        log.info("inbox %s: a sign-in was refused: %s", inbox.slug, bad.why)
        raise
    return _answer(request, opened, status=200 if opened.session.generation else 201)


@router.post("/refresh", response={200: calls.Session, **REFUSED})
async def refresh_session(request: ApiRequest, body: calls.RefreshSession) -> HttpResponse:
    """By the cookie of the named inbox, from our own pages only; or by an app's refresh token, which is spent by it.

    When no answer comes, ask again with the same token: it leads to the same answer, as long as that was not used.
    """
    devices = request.conversations().devices
    if body.refresh_token is not None:
        opened = await devices.refresh(body.refresh_token, kind=Session.Kind.APP)
        check_origin(request, opened.session.contact.inbox)
        return _answer(request, opened)
    if body.inbox is None:
        raise Refusal(Code.BAD_REQUEST, "Name the inbox, or give the refresh_token.")
    inbox = await request.conversations().inboxes.find(body.inbox)
    check_own_page(request)
    kind = Session.Kind.BROWSER
    return _answer(request, await devices.refresh(cookie(request, inbox), kind=kind, inbox=inbox))


@router.delete("", auth=Bearer(), response={204: None, 401: calls.Error})
async def end_session(request: ApiRequest) -> HttpResponse:
    """Sign this device out. Its sockets and polls end, and its tokens are worth nothing any more."""
    session = request.auth
    await request.conversations().devices.end(session)
    response, slug = HttpResponse(status=204), session.contact.inbox.slug
    if sessions.owns(
        session, request.COOKIES.get(sessions.cookie_name(slug, secure=request.is_secure()), "")
    ):  # and not another tab's newer one
        clear_cookie(request, response, slug)
    return response


def _identity(inbox: Inbox, body: calls.OpenSession) -> Identity:
    secrets = (inbox.identity_secret, inbox.identity_secret_old)
    if not any(secrets):
        raise BadIdentity("the inbox has no identity secret")
    if body.identity_token is not None:
        if (body.identifier, body.identifier_hash) != (None, None):
            raise BadIdentity("it came twice, as a token and with a hash")
        now = moment().timestamp()
        return identity.read_claim(body.identity_token, secrets=secrets, audience=inbox.slug, now=now)
    if not inbox.legacy_identity:
        raise BadIdentity("identifier_hash is switched off for this inbox")
    return identity.read_hash(body.identifier, body.identifier_hash, secrets=secrets)


def _admit(request: ApiRequest, slug: str, contact_id: UUID) -> None:
    request.gate().admit(peer_of(request), contact_id=contact_id, slug=slug)


def _answer(request: ApiRequest, opened: Opened, *, status: int = 200) -> HttpResponse:
    contact = opened.session.contact
    _admit(request, contact.inbox.slug, contact.pk)
    is_app = opened.session.kind == Session.Kind.APP.value
    body = calls.Session(
        access_token=opened.access_token,
        expires_in=opened.expires_in,
        contact=opened.session.contact_id,
        refresh_token=opened.refresh_token if is_app else None,
    )
    response = answer(body.model_dump_json(exclude_none=True).encode(), status=status)
    if not is_app:
        set_cookie(request, response, opened)
    return response
