"""The size of a picture by its first bytes."""

import io
from typing import Any

import pytest
from PIL import Image

from chat.acceptance import Accepted
from chat.chatwoot import resources
from chat.dimensions import NONE, dimensions
from tests.fixtures.people import Person, hear, told


def drawn(kind: str, **options: Any) -> bytes:
    kept = io.BytesIO()
    Image.new("RGBA" if options.pop("clear", False) else "RGB", (321, 123)).save(kept, kind, **options)
    return kept.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("GIF", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "icc_profile": b"profile" * 500}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"clear": True, "icc_profile": b"profile"}),
    ],
)
def test_each_kind_that_we_draw_tells_its_size_and_no_part_of_it_does_harm(kind: str, options: dict[str, Any]):
    picture = drawn(kind, **options)
    assert dimensions(picture) == (321, 123)
    for end in range(min(len(picture), 400)):
        assert dimensions(picture[:end]) in (NONE, (321, 123))


def test_a_table_before_the_frame_of_a_jpeg_is_not_taken_for_it():
    picture = drawn("JPEG")
    table = b"\xff\xc4\x00\x0c" + b"\x08\x00\x07\x00\x09" * 2
    assert dimensions(picture[:2] + table + picture[2:]) == (321, 123)


@pytest.mark.parametrize("head", [b"", b"%PDF-1.7", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x00" * 9, b"RIFF1234WEBPVP9 "])
def test_what_is_no_picture_has_no_size(head: bytes):
    assert dimensions(head) == NONE


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("told_of", "travels"),
    [((480, 320.0), (480, 320)), ((None, None), None), ((480, None), None), ((-1, 3), None), ((10**9, 1), None)],
)  # fmt: skip
def test_a_picture_of_chatwoots_travels_with_its_size(alice: Person, hello: Accepted, told_of: Any, travels: Any):
    payload = {"id": 1, "file_type": "image", "data_url": "https://c.example/a.png", "file_size": 9}
    picture = resources.Attachment.parse(payload | dict(zip(("width", "height"), told_of, strict=True)))
    hear(alice, told(5, attachments=(picture,)))
    (file,) = alice.messages()[1]["attachments"]
    assert ((file["width"], file["height"]) if "width" in file else None) == travels
