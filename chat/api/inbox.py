"""What there is to know of an inbox, before anybody has a session. Chatwoot is not asked for it."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from ninja import Router

from chat import locales, look, policy, published
from chat.api.access import ApiRequest, check_origin
from chat.api.answers import answer
from chat.clock import moment
from chat.hours import Week, shown
from chat.models import Inbox
from chat.published import limits, openings, team, transcript
from chat.speaking import speech
from chat.wire import calls, site

router = Router(tags=["inbox"])


@router.get("/{str:slug}", response={200: site.InboxView, 403: calls.Error, 404: calls.Error})
async def get_inbox(request: ApiRequest, slug: calls.Slug, locale: str = "") -> HttpResponse:
    """Name, look, texts, limits, opening hours. Needs no session, stores nothing and asks Chatwoot nothing.

    locale: a language tag, in which the texts are wanted; else the inbox's language, else Accept-Language.
    """
    inbox = await request.conversations().inboxes.find(slug)
    check_origin(request, inbox)
    request.conversations().team.looked(inbox)
    return answer(view(inbox, now=moment(), language=speech(request, inbox).language).model_dump_json().encode())


def view(inbox: Inbox, *, now: datetime, language: str = locales.ENGLISH) -> site.InboxView:
    told = inbox.told
    week = Week.of(told)
    opening = week.next_opening(now) if week else None
    decided = policy.read(inbox.policy)
    return site.InboxView(
        slug=inbox.slug,
        name=published.name(inbox),
        look=_look(inbox.look),
        texts=look.texts(inbox.texts, language),
        limits=limits(),
        hours=_hours(week) if week and week.enabled else None,
        open=week.is_open(now) if week else None,
        next_opening=round(opening.timestamp() * 1000) if opening else None,
        csat=told.get("csat_survey_enabled"),
        openings=openings(week, now=now),
        ask=decided.ask,
        suggestions=decided.suggestions,
        resolved=decided.resolved,
        articles=bool(inbox.portal),
        team=team(inbox),
        transcript=transcript(inbox),
    )


def _look(written: Any) -> site.Look:
    chosen = {name: look.chosen(written, name) for name in look.CHOICES}
    return site.Look.model_validate(chosen | {"accent": look.accent(written), "locale": look.locale(written)})


def _hours(week: Week) -> site.Hours:
    days = [site.OpeningDay.model_validate(each) for each in shown(week)]
    return site.Hours(zone=str(week.zone), days=days)
