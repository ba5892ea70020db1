"""The help centre's public pages as JSON (contract §1.11): nobody authenticates, and the host decides what is shown."""

from typing import Any
from urllib.parse import urlsplit

from chat.sandbox.context import Context, iso
from chat.sandbox.entities import JSON, Article, Portal
from chat.sandbox.http import HTML_404, Area, Request, Response, Router, Unauthorized, json_response
from chat.sandbox.params import text

MOST_PER_PAGE = 100
STRANGER = (
    "Domain: {host} is not registered with us. Please send us an email at support@chatwoot.com with the custom domain "
    "name and account API key"
)
router = Router(Area.OTHER, "/hc/:slug")


@router.on("GET", "/:locale.json")
def show_portal(ctx: Context, request: Request) -> Response:
    portal = _portal(ctx, request)
    if portal is None:
        return missing()
    locale = request.path_params["locale"]
    meta = {
        "articles_count": len(_published(ctx, portal, locale)),
        "categories_count": 0,
        "default_locale": portal.default_locale,
    }
    return json_response(
        {
            "custom_domain": portal.custom_domain,
            "header_text": None,
            "homepage_link": None,
            "name": portal.name,
            "page_title": None,
            "slug": portal.slug,
            "categories": [],
            "meta": meta,
        }
    )


@router.on("GET", "/:locale/articles.json")
def list_articles(ctx: Context, request: Request) -> Response:
    """Everything unless ``per_page`` is given; in the order of their positions, or of their views."""
    portal = _portal(ctx, request)
    if portal is None:
        return missing()
    found = _published(ctx, portal, request.path_params["locale"])
    by_views = request.params.get("sort") == "views"
    found.sort(key=lambda article: -article.views if by_views else article.position)
    shown = _page(found, request.params)
    return json_response(
        {"payload": [_shape(article, portal) for article in shown], "meta": {"articles_count": len(found)}}
    )


def missing() -> Response:
    return Response(404, HTML_404, "text/html; charset=UTF-8")


def _portal(ctx: Context, request: Request) -> Portal | None:
    """Of this address; another portal's own domain is as good as Chatwoot's, as there. Raises `Unauthorized`."""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    known = {urlsplit(ctx.front_url).hostname} | {portal.custom_domain for portal in ctx.store.all(Portal)}
    if host not in known:
        raise Unauthorized(STRANGER.format(host=host))
    return ctx.store.first(Portal, lambda row: row.slug == request.path_params["slug"])


def _published(ctx: Context, portal: Portal, locale: str) -> list[Article]:
    def is_shown(row: Article) -> bool:
        return row.portal_id == portal.id and row.locale == locale and row.status == "published"

    return ctx.store.where(Article, is_shown)


def _page(found: list[Article], params: dict[str, Any]) -> list[Article]:
    if not (per_page := text(params.get("per_page"))):
        return found
    size = min(int(per_page) if per_page.isdecimal() else 25, MOST_PER_PAGE) or 25
    page = text(params.get("page")) or "1"
    start = (max(int(page) if page.isdecimal() else 1, 1) - 1) * size
    return found[start : start + size]


def _shape(article: Article, portal: Portal) -> JSON:
    return {
        "id": article.id,
        "category_id": None,
        "title": article.title,
        "content": article.content,
        "description": article.description,
        "status": article.status,
        "position": article.position,
        "account_id": article.account_id,
        "last_updated_at": iso(article.updated_at),
        "slug": article.slug,
        "views": article.views,
        "associated_articles": [],
        "link": f"hc/{portal.slug}/articles/{article.slug}",
    }
