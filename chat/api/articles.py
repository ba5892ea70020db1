"""The articles of an inbox's help centre. They are public: no session is asked for, and nothing is stored."""

from typing import Annotated

from django.http import HttpResponse
from ninja import Router
from pydantic import Field

from chat.api.access import ApiRequest, check_origin, peer_of
from chat.api.answers import answer
from chat.articles import Articles, Found
from chat.models import Inbox
from chat.speaking import speech
from chat.wire import articles as wire
from chat.wire import calls
from chat.wire.errors import Code, Refusal

MOST_FOUND = 20
MOST_TOP = 6
Query = Annotated[str, Field(max_length=200)]
ArticleId = Annotated[str, Field(max_length=64)]
REFUSALS = dict.fromkeys((403, 404, 503), calls.Error)
router = Router(tags=["articles"])


@router.get("/{str:slug}/articles", response={200: wire.ArticleList, **REFUSALS})
async def list_articles(request: ApiRequest, slug: calls.Slug, query: Query = "", locale: str = "") -> HttpResponse:
    """Search the help centre; without a query the articles that are read most. Needs no session.

    Where the inbox has no help centre there are none. locale: a language tag, as of the inbox; a help centre that has
    nothing in that language answers in its own.
    """
    _, articles = await _shelf(request, slug)
    portals = request.conversations().portals
    found = await portals.search(articles, query, MOST_FOUND) if query.strip() else articles.top(MOST_TOP)
    return answer(wire.ArticleList(articles=[_line(each) for each in found]).model_dump_json().encode())


@router.get("/{str:slug}/articles/{str:article_id}", response={200: wire.ArticleView, **REFUSALS})
async def get_article(request: ApiRequest, slug: calls.Slug, article_id: ArticleId, locale: str = "") -> HttpResponse:
    """One article, by an id of a list in the same locale. Needs no session."""
    inbox, articles = await _shelf(request, slug)
    found = articles.get(article_id)
    if found is None:
        raise Refusal(Code.NOT_FOUND)
    text = await request.conversations().portals.text(inbox, found)
    view = wire.ArticleView(text=text, **_line(found).model_dump())
    return answer(view.model_dump_json().encode())


async def _shelf(request: ApiRequest, slug: str) -> tuple[Inbox, Articles]:
    """Raises Refusal."""
    request.gate().look_up(peer_of(request), slug)
    inbox = await request.conversations().inboxes.find(slug)
    check_origin(request, inbox)
    return inbox, await request.conversations().portals.articles(inbox, speech(request, inbox).language)


def _line(found: Found) -> wire.ArticleLine:
    return wire.ArticleLine(id=found.id, title=found.title, description=found.description)
