"""T24: no look or text of an inbox's row is anything but a colour, a choice or text."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import locales, look

NAMES = st.text() | st.sampled_from(
    ["accent", "theme", "position", "launcher", "locale", "greeting", "de", "header.plain"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)


@given(JSON)
def test_t24_whatever_the_row_holds_a_look_is_a_colour_and_texts_are_text(written: Any):
    assert re.fullmatch(r"(#([0-9a-fA-F]{3}){1,2})?", look.accent(written))
    assert all(look.chosen(written, name) in choices for name, choices in look.CHOICES.items())
    assert look.locale(written) == "" or locales.language_of(look.locale(written))
    for name, text in look.texts(written, "de").items():
        assert re.fullmatch("[A-Za-z_.]+", name)
        assert isinstance(text, str) and "\0" not in text


@given(JSON)
def test_whatever_is_written_what_is_wrong_with_it_is_said_and_the_rest_is_kept(written: Any):
    for fault in (*look.look_faults(written), *look.text_faults(written)):
        assert isinstance(fault, str) and fault
    if isinstance(written, dict) and not look.look_faults(written):
        assert all(look.chosen(written, name) == written.get(name, look.CHOICES[name][0]) for name in look.CHOICES)


@pytest.mark.parametrize(
    "accent",
    [
        *(
            "red",
            "red;}*{display:none",
            "#12",
            "#12345",
            "#1234567",
            "#12345g",
            "#1f6f5c;background:url(//x)",
            "#GGGGGG",
        ),
        *("url(javascript:1)", "url(//evil.test)", "var(--x)", "#fff;", "#fff}", "#fff\n", "expression(1)"),
        *("##ffffff", "#\u0663\u0663\u0663", 7),
    ],
)
def test_t24_no_colour_carries_anything_else(accent: Any):
    assert look.accent({"accent": accent}) == ""
    assert look.look_faults({"accent": accent}) == [f"accent is {accent!r}; write a colour such as #1f6f5c."]


def test_a_colour_and_texts_are_kept():
    assert look.accent({"accent": "#1f6F5c"}) == "#1f6F5c"
    written = {"greeting": "<b>Hi</b>", "out_of_office": "Back soon.", "Bad Name": "x", "number": 7, "cut": "\ud83d"}
    assert look.texts(written) == {"greeting": "<b>Hi</b>", "out_of_office": "Back soon."}
    assert look.texts({"greeting": "x" * 2_001}) == {}


def test_choices_are_kept_and_anything_else_is_the_usual():
    written = {"theme": "dark", "position": "left", "launcher": ["pill"], "locale": "de-AT"}
    assert [look.chosen(written, name) for name in look.CHOICES] == ["dark", "end", "round"]
    assert look.locale(written) == "de-AT"
    assert look.locale({"locale": "tlh"}) == ""


def test_a_wrong_look_is_said_in_words():
    written = {"theme": "black", "accent": "#1f6f5c", "locale": "tlh", "colour": "red", "position": "start"}
    theme, locale, colour = look.look_faults(written)
    assert theme == "theme is 'black'; write one of auto, light, dark."
    assert locale.startswith("locale is 'tlh', which is not among the languages: ar, de, en, ")
    assert colour == "A look has no 'colour'; it has accent, theme, position, launcher and locale."


def test_texts_are_for_all_languages_and_for_one():
    written = {"greeting": "Hello", "header.plain": "Soon", "de": {"greeting": "Guten Tag"}, "fr": "no texts"}
    assert look.texts(written, "de") == {"greeting": "Guten Tag", "header.plain": "Soon"}
    assert look.texts(written, "fr") == {"greeting": "Hello", "header.plain": "Soon"}
    assert look.texts(written) == {"greeting": "Hello", "header.plain": "Soon"}


def test_a_text_that_nobody_would_see_is_said_in_words():
    fine = {"greeting": "Hi", "header.speaking": "{name} is here", "out_of_office": "Later", "app_banner": "x"}
    assert look.text_faults(fine | {"de": {"left": "{count} übrig"}}) == []
    faults = look.text_faults(
        {
            "greting": "Hi",
            "header": "x",
            "header.speaking": "You talk to {nmae} of {team}",
            "tlh": {"greeting": "nuqneH"},
            "send": 7,
            "de": "Guten Tag",
            "fr": {"placeholder": "x" * 3_000},
        }
    )
    assert faults == [
        "For all languages, 'greting': there is no such text; names of your own begin with app_.",
        "For all languages, 'header': there is no such text; names of your own begin with app_.",
        "For all languages, 'header.speaking': nothing fills {nmae}, {team}.",
        f"For all languages, 'tlh': this is no language that there is ({', '.join(locales.languages())}).",
        "For all languages, 'send': write a text of up to 2,000 characters.",
        'Write the texts for de as pairs: {"de": {"greeting": "…"}}.',
        "For fr, 'placeholder': write a text of up to 2,000 characters.",
    ]
