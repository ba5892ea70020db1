"""What of an agent's question, card or article travels to visitors."""

from typing import Any

import pytest

from chat import rich
from chat.rich import ANSWERING, MAX_ITEMS, MAX_TEXT


def shown(content_type: str, told: dict[str, Any]) -> dict[str, Any]:
    return rich.shown(content_type, told, "ours: {}".format)


@pytest.mark.parametrize(
    ("content_type", "item", "becomes"),
    [
        ("input_select", {"title": "Brass", "value": "b", "id": 7}, {"title": "Brass", "value": "b"}),
        ("input_select", {"title": "Two", "value": 2}, {"title": "Two", "value": 2}),
        ("input_select", {"title": "Brass", "value": ["b"]}, {"title": "Brass", "value": "Brass"}),
        ("input_select", {"title": "", "value": None}, None),
        ("input_select", "Brass", None),
        ("article", {"title": "A", "link": "https://a.example/x"}, {"title": "A", "description": "", "link": "https://a.example/x"}),
        ("article", {"title": "A", "link": "javascript:alert(1)"}, {"title": "A", "description": ""}),
        ("article", {"title": "A", "link": "https://a.example/\u202egpj"}, {"title": "A", "description": ""}),
        ("form", {"name": "size", "type": "select", "options": [{"label": "S", "value": "s"}, 7]},
         {"name": "size", "type": "select", "required": False, "options": [{"label": "S", "value": "s"}]}),
        ("form", {"name": "mail", "type": "email", "label": "E-mail", "required": True, "title": "Hint", "secret": "x"},
         {"name": "mail", "type": "email", "label": "E-mail", "required": True, "error": "Hint"}),
        ("form", {"name": "x", "type": "file"}, {"name": "x", "type": "text", "required": False}),
        ("form", {"label": "nameless"}, None),
    ],
)  # fmt: skip
def test_an_item_is_read_by_an_allow_list(content_type: str, item: Any, becomes: Any):
    assert shown(content_type, {"items": [item]}) == {"items": [becomes] if becomes else []}


def test_a_card_keeps_what_can_be_opened_or_said():
    actions: list[Any] = [
        {"type": "link", "text": "Look", "uri": "https://shop.example/1"},
        {"type": "link", "text": "Run", "uri": "javascript:alert(1)"},
        {"type": "link", "text": "Data", "uri": "data:text/html,x"},
        {"type": "postback", "text": "Mine", "payload": "internal"},
        {"type": "unheard", "text": "Other"},
    ]
    card = {"title": "Cup", "description": 5, "media_url": "", "actions": actions}
    kept = [{"type": "link", "text": "Look", "uri": "https://shop.example/1"}, {"type": "postback", "text": "Mine"}]
    assert shown("cards", {"items": [card]}) == {"items": [{"title": "Cup", "description": "5", "actions": kept}]}


@pytest.mark.parametrize("url", ["https://cdn.example/cup.png", "http://chatwoot.internal/rails/active_storage/x"])
def test_a_card_names_its_picture_by_an_address_of_ours(url: str):
    items = [{"media_url": url}, {"media_url": f"{url}?2", "title": "Cup"}]
    nothing_else = {"title": "", "description": "", "actions": []}
    assert shown("cards", {"items": items})["items"] == [
        nothing_else | {"picture": f"ours: {url}"},
        nothing_else | {"title": "Cup", "picture": f"ours: {url}?2"},
    ]
    (article,) = shown("article", {"items": [{"media_url": url, "title": "A"}]})["items"]
    assert article == {"title": "A", "description": ""}


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:image/png;base64,x", "mailto:a@b.example", "/x.png", "https://a.example/\u202e", 7],
)
def test_what_is_no_address_of_a_picture_is_left_out(url: Any):
    assert shown("cards", {"items": [{"title": "Cup", "media_url": url}]})["items"] == [
        {"title": "Cup", "description": "", "actions": []}
    ]
    assert shown("cards", {"items": [{"media_url": url}]})["items"] == []


def test_nothing_else_of_the_attributes_travels_and_all_is_bounded():
    told = {"items": [{"title": "x" * 9_999, "value": "v"}] * 200, "in_reply_to": 7, "external_error": "500", "bot": 1}
    (items,) = shown("input_select", told).values()
    assert (len(items), len(items[0]["title"])) == (MAX_ITEMS, MAX_TEXT)
    assert shown("text", told) == {}
    assert shown("input_csat", {"display_type": "x" * 99}) == {"display_type": "x" * 20}
    assert shown("input_select", {"items": [{"title": True, "value": "v"}]}) == {
        "items": [{"title": "v", "value": "v"}]
    }
    assert shown("form", {"items": "none"}) == {"items": []}


def test_an_answer_that_waits_stands_for_the_one_before():
    arrived = {"submitted_values": [{"value": "a"}]}
    waiting = {ANSWERING: {"values": [{"value": "b"}], "state": "accepted", "delivery": "d"}}
    assert shown("input_select", arrived)["answer"] == {"values": [{"value": "a"}], "state": "sent"}
    assert shown("input_select", arrived | waiting)["answer"] == {"values": [{"value": "b"}], "state": "accepted"}
    assert shown("input_email", {"submitted_email": "a@b.example"})["answer"]["values"] == {"value": "a@b.example"}
    assert "answer" not in shown("input_select", {"submitted_values": []})
