"""Where pages find their scripts and stylesheets: in the build, where one is to be used, else as they lie."""

import gzip
import hashlib
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.templatetags.static import static
from django.utils.cache import get_conditional_response

from chat import joining
from chat.release import Release

STATIC = settings.BASE_DIR / "static"
SCRIPT_MAX_AGE_S = 300
LAZY_MODULES = {
    "messages": "messages",
    "parts": "parts",
    "rich": "elements/rich",
    "media": "elements/media",
    "help": "help",
    "list": "elements/chat-list",
    "choice": "elements/chat-choice",
    "composer": "composer/attaching",
    "emoji": "composer/emoji",
    "recording": "composer/recording",
    "questions": "composer/first-questions",
}


def first_files() -> dict[str, Any]:
    """Addresses of what a chat page names in its head."""
    main, messages, team = (release().file(f"chat/frame/{name}.js") for name in ("main", "messages", "team"))
    return {
        "script": static(main.name),
        "modules": [static(name) for name in main.needs],
        "sheet": address("chat/first.css"),
        "messages": static(messages.name),
        "messages_sheet": address("chat/lazy/message.css"),
        "team": static(team.name),
        "team_sheet": address("chat/lazy/team.css"),
    }


def lazy_styles() -> dict[str, str]:
    """Addresses of the stylesheets that a page links when it first needs them, by name."""
    return {sheet.stem: address(f"chat/lazy/{sheet.name}") for sheet in sorted((STATIC / "chat/lazy").glob("*.css"))}


def lazy_modules() -> dict[str, str]:
    """Addresses of the modules that a page asks for once more where they were lost, by name."""
    return {name: address(f"chat/frame/{source}.js") for name, source in LAZY_MODULES.items()}


def address(source: str) -> str:
    """Of a script or stylesheet by its source, such as ``chat/locales/de.js``."""
    return static(release().file(source).name)


def script(request: HttpRequest, source: str, *, before: bytes = b"") -> HttpResponseBase:
    """A script for pages of other people, at an address that stays: kept for minutes, then asked for by its tag.

    ``before``: what it is to begin with for this request.
    """
    content = before + _source(release().file(source).name)
    is_small = "gzip" in re.findall(r"[\w-]+", request.headers.get("Accept-Encoding", ""))
    body = _gzipped(content) if is_small else content
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    response = HttpResponse(body, content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={SCRIPT_MAX_AGE_S}"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["Access-Control-Allow-Origin"] = "*"  # import() asks as a page of another origin
    response["ETag"] = etag
    response["Vary"] = "Accept-Encoding"
    if is_small:
        response["Content-Encoding"] = "gzip"
    return get_conditional_response(request, etag=etag, response=response) or response


def release() -> Release:
    """While developing it is looked at anew each time, so that a change of the sources is seen at once."""
    return _release.__wrapped__() if settings.DEBUG else _release()


@cache
def _release() -> Release:
    return Release.read(STATIC) if settings.STATIC_BUILD else Release()


def _source(name: str) -> bytes:
    return _read.__wrapped__(name) if settings.DEBUG else _read(name)


@cache
def _read(name: str) -> bytes:
    found = finders.find(name)
    if not isinstance(found, str):
        raise Http404(f"static/{name} is not there")
    # What is not built is served as it lies, and for other people's pages as one script.
    return joining.joined(Path(found))


@lru_cache(maxsize=64)
def _gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
