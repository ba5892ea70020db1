import pytest

from chat import wire
from chat.wire.close import POLICIES
from chat.wire.errors import ANSWERS


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "text_empty"),
        (" \n\t", "text_empty"),
        ("x" * 10_001, "text_too_long"),
        ("a\0b", "text_invalid"),
        ("\ud83d", "text_invalid"),
        ("a\udc00", "text_invalid"),
    ],
)
def test_a_text_that_cannot_be_kept_is_refused(text, code):
    with pytest.raises(wire.Refusal) as refused:
        wire.validate_text(text)
    assert (refused.value.code, refused.value.status) == (code, 422)


@pytest.mark.parametrize("text", ["x" * 10_000, "👍🏽", " leading and trailing ", "a\u200bb", "عربي"])
def test_a_text_is_kept_as_it_was_written(text):
    assert wire.validate_text(text) == text


def test_every_code_has_a_status_and_words():
    assert set(ANSWERS) == set(wire.Code)


def test_a_refusal_has_the_one_shape():
    refusal = wire.Refusal("no_such_message", "It is gone.")
    assert refusal.body == {"error": {"code": "no_such_message", "message": "It is gone."}}
    assert refusal.status == 404


def test_every_close_has_a_policy():
    assert set(POLICIES) == set(wire.Close)
    assert wire.Close.SLOW.policy is wire.Policy.AT_ONCE
