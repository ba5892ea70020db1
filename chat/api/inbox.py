"""What there is to know of an inbox, before anybody has a session. Chatwoot is not asked for it."""

from datetime import datetime

from django.conf import settings
from django.http import HttpResponse
from ninja import Router

from chat import look
from chat.api.access import ApiRequest, check_origin
from chat.api.answers import answer
from chat.clock import moment
from chat.filetypes import EXTENSIONS
from chat.hours import Week, shown
from chat.models import Inbox
from chat.wire import calls, site
from chat.wire.text import MAX_FILES, MAX_TEXT

router = Router(tags=["inbox"])


@router.get("/{str:slug}", response={200: site.InboxView, 403: calls.Error, 404: calls.Error})
async def get_inbox(request: ApiRequest, slug: calls.Slug) -> HttpResponse:
    """Name, look, texts, limits, opening hours. Needs no session, stores nothing and asks Chatwoot nothing."""
    inbox = await request.conversations().inboxes.find(slug)
    check_origin(request, inbox)
    return answer(view(inbox, now=moment()).model_dump_json().encode())


def view(inbox: Inbox, *, now: datetime) -> site.InboxView:
    told = inbox.told
    week = Week.of(told)
    opening = week.next_opening(now) if week else None
    return site.InboxView(
        slug=inbox.slug,
        name=inbox.name or told.get("name") or inbox.slug,
        look=site.Look(accent=look.accent(inbox.look)),
        texts=look.texts(inbox.texts),
        limits=_limits(),
        hours=_hours(week) if week and week.enabled else None,
        open=week.is_open(now) if week else None,
        next_opening=round(opening.timestamp() * 1000) if opening else None,
        csat=told.get("csat_survey_enabled"),
    )


def _limits() -> site.Limits:
    return site.Limits(
        text=MAX_TEXT, files=MAX_FILES, upload_bytes=settings.UPLOAD_MAX_BYTES, upload_types=sorted(EXTENSIONS)
    )


def _hours(week: Week) -> site.Hours:
    days = [site.OpeningDay.model_validate(each) for each in shown(week)]
    return site.Hours(zone=str(week.zone), days=days)
