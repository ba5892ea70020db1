import json

import pytest

from chat import wire
from chat.wire import frames

ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ({"type": "hello", "token": "t", "since": None, "visible": True}, frames.Hello),
        ({"type": "hello", "token": "t", "since": "0a1b2c3d.7"}, frames.Hello),
        ({"type": "ack", "cursor": "0a1b2c3d.7"}, frames.Ack),
        ({"type": "send", "echo_id": ID, "conversation": None, "text": "hi"}, frames.Send),
        ({"type": "typing", "conversation": ID, "on": False}, frames.Typing),
        ({"type": "seen", "conversation": ID, "message": ID}, frames.Seen),
        ({"type": "retry", "message": ID}, frames.Retry),
        ({"type": "discard", "message": ID}, frames.Discard),
        ({"type": "resolve", "conversation": ID}, frames.Resolve),
        ({"type": "answer", "message": ID, "values": [{"value": "a"}]}, frames.Answer),
        ({"type": "ping", "visible": False}, frames.Ping),
        ({"type": "ping"}, frames.Ping),
    ],
)
def test_every_frame_of_the_table_is_read(payload, kind):
    assert type(wire.parse(json.dumps(payload))) is kind


def test_unknown_fields_are_ignored():
    assert wire.parse('{"type": "ping", "visible": true, "new_in_v2": 1}') == frames.Ping(type="ping")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 60_000, "not JSON"),
        ("1" * 6_000, "not JSON"),
        ("[]", "must be an object"),
        ("null", "must be an object"),
        ("{}", "type is missing"),
        ('{"type": "drop table"}', "type is unknown"),
        ('{"type": ["send"]}', "type is unknown"),
        ('{"type": "ping", "visible": "yes"}', "visible: "),
        ('{"type": "hello"}', "token: "),
        ('{"type": "hello", "token": 7}', "token: "),
        (json.dumps({"type": "hello", "token": "t" * 2_000}), "token: "),
        (json.dumps({"type": "ack", "cursor": "c" * 2_000}), "cursor: "),
        ('{"type": "send", "echo_id": "no", "text": "hi"}', "echo_id: "),
        (json.dumps({"type": "send", "echo_id": ID, "text": 7}), "text: "),
        ('{"type": "retry"}', "^message: "),
        ('{"type": "discard", "message": 7}', "^message: "),
        ('{"type": "resolve", "conversation": "mine"}', "^conversation: "),
        (json.dumps({"type": "answer", "message": ID}), "^values: "),
    ],
)
def test_a_bad_frame_is_explained_in_words(text, words):
    with pytest.raises(wire.BadFrame, match=words):
        wire.parse(text)


def test_an_explanation_does_not_quote_what_was_sent():
    with pytest.raises(wire.BadFrame) as refused:
        wire.parse('{"type": "cpr_secret"}')
    assert "cpr_secret" not in str(refused.value)


def test_a_lone_surrogate_in_a_text_is_for_validate_text_to_refuse():
    frame = wire.parse(json.dumps({"type": "send", "echo_id": ID, "text": "half \ud83d"}))
    assert isinstance(frame, frames.Send)
    with pytest.raises(wire.Refusal) as refused:
        wire.validate_text(frame.text)
    assert refused.value.code == wire.Code.TEXT_INVALID


def test_tokens_and_texts_do_not_print():
    hello = wire.parse('{"type": "hello", "token": "cpr_secret"}')
    send = wire.parse(json.dumps({"type": "send", "echo_id": ID, "text": "my password"}))
    answer = wire.parse(json.dumps({"type": "answer", "message": ID, "values": {"value": "my password"}}))
    assert "cpr_secret" not in repr(hello)
    assert "my password" not in repr(answer)
    assert "my password" not in repr(send)
