"""What a visitor may see of a question, a card or an article: Chatwoot's ``content_attributes`` by allow-list, bounded.

Agents' bots put there what they like, ids of Chatwoot's among it. What cannot be read is left out; addresses are http,
https, mailto or tel, as in the text (``chat.markdown``). Pure.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from chat.markdown import is_address

ANSWERING = "chatproxy_answering"  # ours, beside Chatwoot's: an answer that has not arrived there, and its delivery
MAX_ITEMS = 100
MAX_TEXT = 2_000
FIELD_TYPES = ("text", "email", "text_area", "select")

Item = dict[str, Any]


def shown(content_type: str, told: Mapping[str, Any], picture: Callable[[str], str]) -> dict[str, Any]:
    """Attributes as they travel: ``items`` by content type, ``display_type``, ``answer``.

    ``picture`` makes an address at our site of where a card's picture is.
    """
    attributes: dict[str, Any] = {}
    if isinstance(display := told.get("display_type"), str):
        attributes["display_type"] = display[:20]
    read = partial(_card, picture=picture) if content_type == "cards" else _ITEMS.get(content_type)
    if read is not None:
        attributes["items"] = list(_items(told.get("items"), read))
    if (answer := _answer(told)) is not None:
        attributes["answer"] = answer
    return attributes


def is_answer(told: Mapping[str, Any], values: Any) -> bool:
    """Whether this is what was answered already, and nothing failed since."""
    answer = _answer(told)
    return answer is not None and answer["values"] == values and answer["state"] != "failed"


def _answer(told: Mapping[str, Any]) -> dict[str, Any] | None:
    """What waits here first; then what Chatwoot has, which had passed our own rules unless agents wrote it."""
    waiting = told.get(ANSWERING)
    if isinstance(waiting, dict):
        return {"values": waiting["values"], "state": waiting["state"]}
    values = told.get("submitted_values")
    if not values and isinstance(email := told.get("submitted_email"), str):
        values = {"value": email}
    return {"values": values, "state": "sent"} if values and isinstance(values, dict | list) else None


def _items(items: Any, read: Callable[[Item], Item | None]) -> Iterator[Item]:
    for item in items[:MAX_ITEMS] if isinstance(items, list) else ():
        if isinstance(item, dict) and (kept := read(item)) is not None:
            yield kept


def _choice(item: Item) -> Item | None:
    """The value goes back as it came."""
    title, value = _text(item.get("title")), item.get("value")
    if not isinstance(value, str | int | float | bool):
        value = title
    return {"title": title or _text(value), "value": value} if title or _text(value) else None


def _field(item: Item) -> Item | None:
    name = item.get("name")
    if not isinstance(name, str) or not name:
        return None
    kind = item.get("type")
    field: Item = {
        "name": name,
        "type": kind if kind in FIELD_TYPES else "text",
        "required": item.get("required") is True,
    }
    for key in ("label", "placeholder", "pattern", "default"):
        if text := _text(item.get(key)):
            field[key] = text
    if hint := _text(item.get("pattern_error")) or _text(item.get("title")):
        field["error"] = hint
    if field["type"] == "select":
        field["options"] = list(_items(item.get("options"), _option))
    return field


def _option(item: Item) -> Item | None:
    choice = _choice({"title": item.get("label"), "value": item.get("value")})
    return choice and {"label": choice["title"], "value": choice["value"]}


def _card(item: Item, *, picture: Callable[[str], str]) -> Item | None:
    actions = list(_items(item.get("actions"), _action))
    card: Item = {"title": _text(item.get("title")), "description": _text(item.get("description")), "actions": actions}
    url = item.get("media_url")
    if isinstance(url, str) and url.startswith(("https://", "http://")) and is_address(url):
        card["picture"] = picture(url)
    return card if any(card.values()) else None


def _action(item: Item) -> Item | None:
    text = _text(item.get("text"))
    if item.get("type") == "postback":
        return {"type": "postback", "text": text} if text else None
    uri = item.get("uri")
    return {"type": "link", "text": text or uri, "uri": uri} if isinstance(uri, str) and is_address(uri) else None


def _article(item: Item) -> Item | None:
    article = {"title": _text(item.get("title")), "description": _text(item.get("description"))}
    link = item.get("link")
    if isinstance(link, str) and is_address(link):
        article["link"] = link
    return article if any(article.values()) else None


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)[:MAX_TEXT]


_ITEMS: Mapping[str, Callable[[Item], Item | None]] = {
    "input_select": _choice,
    "form": _field,
    "article": _article,
}
