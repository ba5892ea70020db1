"""T24: no look or text of an inbox's row is anything but a colour or text."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import look

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("accent"), inner, max_size=3),
)


@given(JSON)
def test_t24_whatever_the_row_holds_a_look_is_a_colour_and_texts_are_text(written: Any):
    assert re.fullmatch(r"(#([0-9a-fA-F]{3}){1,2})?", look.accent(written))
    for name, text in look.texts(written).items():
        assert re.fullmatch("[a-z_]+", name)
        assert isinstance(text, str) and "\0" not in text


@pytest.mark.parametrize(
    "accent", ["red", "#12", "#1f6f5c;background:url(//x)", "url(javascript:1)", "#GGGGGG", "#fff\n", 7]
)
def test_t24_no_colour_carries_anything_else(accent: Any):
    assert look.accent({"accent": accent}) == ""


def test_a_colour_and_texts_are_kept():
    assert look.accent({"accent": "#1f6F5c"}) == "#1f6F5c"
    written = {"greeting": "<b>Hi</b>", "out_of_office": "Back soon.", "Bad Name": "x", "number": 7, "cut": "\ud83d"}
    assert look.texts(written) == {"greeting": "<b>Hi</b>", "out_of_office": "Back soon."}
    assert look.texts({"greeting": "x" * 2_001}) == {}
