"""A file is what it contains; what is not surely harmless is refused."""

import io
from pathlib import Path

import pytest
from PIL import Image

from chat.filetypes import MAX_NAME, content_type_of, file_type_of, fitting_name

MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\xf2\x81\4B\xf3\x81\x08B\x82\x84webm"
WAV = b"RIFF\x24\0\0\0WAVEfmt "
OPUS = b"OggS\0\2" + b"\0" * 20 + b"\1\x13OpusHead"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(file, kind)
    return file.getvalue()


def kind_of(tmp_path: Path, content: bytes) -> str | None:
    path = tmp_path / "upload"
    path.write_bytes(content)
    return content_type_of(path)


@pytest.mark.parametrize(
    ("content", "content_type", "file_type"),
    [
        (picture("JPEG"), "image/jpeg", "image"),
        (picture("PNG"), "image/png", "image"),
        (picture("GIF"), "image/gif", "image"),
        (picture("WEBP"), "image/webp", "image"),
        (PDF, "application/pdf", "file"),
        ("Grüße, 5 < 6 und a<b\n".encode(), "text/plain", "file"),
        (b"ID3\4\0\0\0\0\0\0", "audio/mpeg", "audio"),
        (WAV, "audio/wav", "audio"),
        (OPUS, "audio/ogg", "audio"),
        (MP4, "video/mp4", "video"),
        (WEBM, "video/webm", "video"),
        (WEBM + b"\x86\x86A_OPUS", "audio/webm", "audio"),  # as a browser records a voice
        (WEBM + b"\x86\x85V_VP8" + b"\x86\x86A_OPUS", "video/webm", "video"),
    ],
)
def test_it_is_known_by_its_content(tmp_path: Path, content: bytes, content_type: str, file_type: str) -> None:
    assert kind_of(tmp_path, content) == content_type
    assert file_type_of(content_type) == file_type


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><p>hello",
        b"\xef\xbb\xbf  <svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><a/>",
        b"hello\n<script>alert(1)</script>",
        b"x" * 65_530 + b"<script>",  # across two pieces
        b"#!/bin/sh\nrm -rf /",
        b"\x7fELF\2\1\1\0",
        b"MZ\x90\0\3\0\0\0",
        b"PK\3\4\x14\0\0\0",
        b"\x1f\x8b\x08\0",
        b"\0\0\0\x18ftypheic",
        b"half a character \xc3",
        b"caf\xe9 in Latin-1",
        b"a\0b",
    ],
)
def test_everything_else_is_refused(tmp_path: Path, content: bytes) -> None:
    assert kind_of(tmp_path, content) is None


@pytest.mark.parametrize(
    ("name", "content_type", "fitting"),
    [
        ("Photo 1.JPG", "image/jpeg", "Photo 1.JPG"),
        ("évil.exe", "text/plain", "évil.exe.txt"),
        ("page.html", "image/png", "page.html.png"),
        ("..\\..\\a/b:c%20\u202etxt.png", "image/png", "-..-a-b-c-20-txt.png"),
        ("", "application/pdf", "file.pdf"),
        (".pdf", "application/pdf", ".pdf.pdf"),
        ("a\r\nb\0.txt", "text/plain", "ab.txt"),
    ],
)
def test_its_name_is_harmless_and_fits_it(name: str, content_type: str, fitting: str) -> None:
    assert fitting_name(name, content_type).lstrip(".") == fitting.lstrip(".")


def test_a_long_name_keeps_its_extension() -> None:
    name = fitting_name("a" * 300 + ".jpeg", "image/jpeg")
    assert name.endswith(".jpeg") and len(name) == MAX_NAME
