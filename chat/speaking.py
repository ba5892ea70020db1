"""How a page of ours, or the launcher on somebody else's, speaks and looks: what request and inbox say of it."""

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from chat import colours, locales, look
from chat.frontend import address
from chat.locales import Speech
from chat.models import Inbox

# As sdk.js calls them, and as catalogues do, below ``launcher``.
LABELS = {
    "labelWord": "chat",
    "label": "open",
    "labelClose": "close",
    "labelUnread": "unread",
    "labelLoading": "loading",
    "labelUnreachable": "unreachable",
}


def speech(request: HttpRequest, inbox: Inbox) -> Speech:
    """The host's wish (``?locale=``), then the inbox's language, then what the browser accepts."""
    wish, header = request.GET.get("locale", ""), request.headers.get("Accept-Language", "")
    return locales.choose(wish, look.locale(inbox.look), accepted=header, otherwise=settings.LANGUAGE_CODE)


def manner(request: HttpRequest, inbox: Inbox) -> dict[str, Any]:
    """What the config of a chat page carries of it. English comes with the code: its catalogue has no address."""
    spoken = speech(request, inbox)
    texts = look.texts(inbox.texts, spoken.language)
    theme = request.GET.get("theme")
    return {
        "colours": colours.properties(look.accent(inbox.look)),
        "theme": theme if theme in look.CHOICES["theme"] else look.chosen(inbox.look, "theme"),
        "language": spoken.language,
        "locale": spoken.locale,
        "dir": spoken.direction,
        "catalogue": "" if spoken.language == locales.ENGLISH else address(f"chat/locales/{spoken.language}.js"),
        "texts": texts,
        "greeting": texts.get("greeting", ""),
    }


def shell(language: str, *, name: str) -> dict[str, str]:
    """The few words that a page must say before its scripts run, or without them."""
    said = {each: locales.phrase(language, f"page.{each}") for each in ("with", "lost", "noscript")}
    return said | {"with": said["with"].replace("{name}", name), "retry": locales.phrase(language, "retry")}


def launcher(request: HttpRequest, inbox: Inbox) -> dict[str, str]:
    """What sdk.js reads of a script element, as the inbox would have it written there (``data-…``)."""
    spoken = speech(request, inbox)
    own = look.texts(inbox.texts, spoken.language)
    words = {label: _launcher_word(name, spoken.language, own) for label, name in LABELS.items()}
    said = {
        "inbox": inbox.slug,
        "accent": look.accent(inbox.look),
        **{name: look.chosen(inbox.look, name) for name in look.CHOICES},
        "words": json.dumps(words | {"lang": spoken.language}),
    }
    if locales.language_of(request.GET.get("locale", "")):
        said["locale"] = spoken.locale
    return {name: value for name, value in said.items() if value}


def prelude(request: HttpRequest, inbox: Inbox) -> str:
    """A line before sdk.js that fills in what the host's script element leaves open, as if it was written there."""
    values = json.dumps(launcher(request, inbox))
    # `document.currentScript` may be an <img name="currentScript"> of the page's.
    script = 'Reflect.get(Document.prototype,"currentScript",document)'
    return f"(e=>{{if(e)for(const[k,v]of Object.entries({values}))e.dataset[k]??=v}})({script});\n"


def _launcher_word(name: str, language: str, own: dict[str, str]) -> str:
    path = f"launcher.{name}"
    return own.get(path) or str(locales.phrase(language, path))
