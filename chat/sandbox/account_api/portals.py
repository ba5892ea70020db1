"""Portals of the help centre and their articles, as far as somebody who writes them needs it."""

from typing import Any

from chat.sandbox.account_api.access import account_id, require_administrator
from chat.sandbox.context import Context
from chat.sandbox.entities import Article, Portal
from chat.sandbox.http import Area, Crash, Invalid, NotFound, Request, Response, Router, json_response
from chat.sandbox.params import Params, blank, mapping, text

STATUSES = ("draft", "published", "archived")
router = Router(Area.ACCOUNT, "/api/v1/accounts/:account_id/portals")


@router.on("POST", "")
def create_portal(ctx: Context, request: Request) -> Response:
    require_administrator(ctx)
    given = _required(request.params, "portal")
    columns = _texts(given, "name", "slug", "custom_domain")
    if blank(columns.get("name")):
        raise Invalid(("name", "can't be blank"))
    locale = text((mapping(given.get("config")) or {}).get("default_locale")) or "en"
    portal = ctx.add(Portal(account_id=account_id(ctx), default_locale=locale, **columns))
    return json_response({"id": portal.id, "slug": portal.slug, "name": portal.name})


@router.on("POST", "/:slug/articles")
def create_article(ctx: Context, request: Request) -> Response:
    """``status`` comes as a number, as the dashboard sends it: 0 draft, 1 published, 2 archived."""
    require_administrator(ctx)
    portal = _portal(ctx, request)
    given = _required(request.params, "article")
    columns: dict[str, Any] = _texts(given, "title", "description", "content", "locale")
    status = given.get("status", 0)
    columns["status"] = STATUSES[status] if status in range(len(STATUSES)) else "draft"
    columns["views"] = given.get("views", 0)  # for tests; there nobody can set it
    article = ctx.add(Article(account_id=account_id(ctx), portal_id=portal.id, **columns))
    article.slug, article.position = f"{article.id}-article", article.id * 10
    ctx.save(article)
    return json_response({"payload": {"id": article.id, "slug": article.slug, "status": article.status}})


@router.on("PATCH", "/:slug/articles/:id")
def update_article(ctx: Context, request: Request) -> Response:
    require_administrator(ctx)
    portal = _portal(ctx, request)
    article = ctx.store.get(Article, request.number("id"))
    if article is None or article.portal_id != portal.id:
        raise NotFound
    given = _required(request.params, "article")
    for name, value in _texts(given, "title", "description", "content").items():
        setattr(article, name, value)
    if given.get("status") in range(len(STATUSES)):
        article.status = STATUSES[given["status"]]
    ctx.save(article)
    return json_response({"payload": {"id": article.id, "slug": article.slug, "status": article.status}})


def _portal(ctx: Context, request: Request) -> Portal:
    slug = request.path_params["slug"]
    portal = ctx.store.first(Portal, lambda row: row.slug == slug and row.account_id == account_id(ctx))
    if portal is None:
        raise NotFound
    return portal


def _required(params: Params, name: str) -> Params:
    given = mapping(params.get(name))
    if given is None:
        raise Crash
    return given


def _texts(given: Params, *names: str) -> dict[str, Any]:
    return {name: text(given[name]) for name in names if name in given}
