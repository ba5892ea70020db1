"""Names, addresses and attributes as they are kept."""

from typing import Any

import pytest

from chat.wire.errors import Refusal
from chat.wire.profile import clean_attributes, clean_email, clean_name, clean_phone


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("=HYPERLINK(A1)", "HYPERLINK(A1)"),
        (" =+-@Ada", "Ada"),
        ("\u200b=1+1", "1+1"),
        ("@ada", "ada"),
        ("Jean-Luc", "Jean-Luc"),
        ("a\0b\nc\td", "ab c d"),
        ("=", ""),
        ("x" * 80, "x" * 80),
    ],
)
def test_t21_a_name_neither_calculates_nor_controls(written: str, kept: str):
    assert clean_name(written) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("\u202egnp.exe", "gnp.exe"),  # turns the direction
        ("\u2066Ada\u2069", "Ada"),
        ("A\u200bd\u2060a\ufeff", "Ada"),  # zero width
        ("Ada\U000e0041", "Ada"),  # a tag
        ("e\u0301", "\u00e9"),  # one spelling
        ("\u0646\u200c\u0645", "\u0646\u200c\u0645"),  # a letter to those who write Persian
        ("👩\u200d🚀", "👩\u200d🚀"),
    ],
)
def test_t51_a_name_shows_all_that_is_in_it(written: str, kept: str):
    assert clean_name(written) == kept


@pytest.mark.parametrize("name", ["x" * 81, "cut \ud83d"])
def test_a_name_that_cannot_be_kept_is_refused(name: str):
    with pytest.raises(Refusal, match="profile_invalid"):
        clean_name(name)


@pytest.mark.parametrize("email", ["", "a", "a@", "@b", "a b@c", "a@b\0", "a@" + "b" * 300, "a@\u202eb", "a\n@b"])
def test_what_is_no_address_is_refused(email: str):
    with pytest.raises(Refusal, match="profile_invalid"):
        clean_email(email)
    assert clean_email("ada@example.com") == "ada@example.com"


@pytest.mark.parametrize("phone", ["", "7", "abc+15551234567", "+1 555\n1234", "+" + "1" * 40])
def test_what_is_no_phone_number_is_refused(phone: str):
    with pytest.raises(Refusal, match="profile_invalid"):
        clean_phone(phone)
    assert clean_phone("+1 (555) 123-4567") == "+1 (555) 123-4567"


@pytest.mark.parametrize(
    "attributes",
    [
        {"a": []},
        {"a": {}},
        {"a": "x" * 501},
        {"a": "\0"},
        {"a": float("nan")},
        {"a": 10**40},
        {"": 1},
        {"1a": 1},
        {"a.b": 1},
        {"x" * 41: 1},
        {"unverified_email": "a@b.c"},
        {"signed_email": "a@b.c"},
        {"Signed_email": "a@b.c"},
        {"Consent": "2026-11"},
        {"email": "a@b.c"},
        {"Phone_Number": "+15551234567"},
        {"blocked": False},
        {f"key{number}": 1 for number in range(21)},
    ],
)
def test_attributes_are_few_and_simple(attributes: Any):
    with pytest.raises(Refusal, match="profile_invalid"):
        clean_attributes(attributes)


def test_an_inbox_may_say_which_attributes_it_takes():
    values = {"plan": "pro", "seats": 3, "trial": False, "old": None}
    assert clean_attributes(values) == clean_attributes(values, named=list(values), only=True) == values
    with pytest.raises(Refusal, match="profile_invalid"):
        clean_attributes(values, named=["plan"], only=True)


def test_what_chatwoot_says_itself_a_visitor_may_say_where_the_inbox_names_it():
    assert clean_attributes({"referer": "a friend", "plan": "pro"}, named=["referer"]) == {
        "referer": "a friend",
        "plan": "pro",
    }
    with pytest.raises(Refusal, match="profile_invalid"):
        clean_attributes({"referer": "a friend"}, named=["plan"])
