"""Parameters as Rails reads them."""

from typing import Any

import pytest

from chat.sandbox.params import Malformed, UploadedFile, boolean, has_nul, parse, text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"a=1&b=", {"a": "1", "b": ""}),
        (b"a[b]=1&a[c]=2", {"a": {"b": "1", "c": "2"}}),
        (b"a[]=1&a[]=2", {"a": ["1", "2"]}),
        (b"a[b][]=1&a[b][]=2", {"a": {"b": ["1", "2"]}}),
        (b"q=%C3%A9+x", {"q": "é x"}),
    ],
)
def test_bracketed_names_become_objects_and_lists(query: bytes, expected: dict[str, Any]) -> None:
    assert parse(query, "", b"") == expected


def test_the_body_wins_over_the_query() -> None:
    assert parse(b"a=1&b=2", "application/json", b'{"a": 3}') == {"a": 3, "b": "2"}


def test_nulls_vanish_from_lists_but_not_from_objects() -> None:
    assert parse(b"", "application/json", b'{"a": [1, null, {"b": null}]}') == {"a": [1, {"b": None}]}


@pytest.mark.parametrize("kind", ["text/plain", "", "application/octet-stream"])
def test_an_unknown_content_type_is_ignored_silently(kind: str) -> None:
    assert parse(b"", kind, b'{"a": 1}') == {}


def test_a_body_that_is_not_what_it_says_is_malformed() -> None:
    with pytest.raises(Malformed):
        parse(b"", "application/json", b"{bad")
    with pytest.raises(Malformed):
        parse(b"", "multipart/form-data", b"no boundary")
    with pytest.raises(Malformed):
        parse(b"a=1&a[b]=2", "", b"")


def test_multipart_files_keep_name_type_and_bytes() -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="content"\r\n\r\nsee\r\n'
        b'--x\r\nContent-Disposition: form-data; name="attachments[]"; filename="a b.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x89PNG\r\n--x--\r\n"
    )
    params = parse(b"", "multipart/form-data; boundary=x", body)
    assert params == {"content": "see", "attachments": [UploadedFile("a b.png", "image/png", b"\x89PNG")]}


@pytest.mark.parametrize(
    ("value", "expected"), [("a", "a"), (5, "5"), (True, "t"), (None, None), ({"a": 1}, None), ([1], None)]
)
def test_a_text_column_casts_scalars_and_drops_the_rest(value: object, expected: str | None) -> None:
    assert text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("false", False), ("0", False), (False, False), ("yes", True), (None, False)]
)
def test_a_boolean_column_knows_its_words(value: object, expected: bool) -> None:
    assert boolean(value) is expected


def test_nul_is_found_wherever_it_hides() -> None:
    assert has_nul({"a": [{"b": "x\0"}]}) and has_nul({"\0": 1}) and not has_nul({"a": ["b", 1, None]})
