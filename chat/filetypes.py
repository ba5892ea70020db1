"""What a file is, by its content and never by what its name or its sender says; and a name that fits it.

Allowed are pictures, PDF, plain text, and the usual sound and film. Everything else is refused, and whatever a browser
or a shell might run above all: markup in any disguise, scripts, executables, archives.
"""

import codecs
import re
from pathlib import Path
from typing import BinaryIO

MAX_NAME = 100  # characters; Chatwoot's storages take 255 bytes
CHUNK_BYTES = 65_536
# The first is what a name gets that has none of them.
EXTENSIONS: dict[str, tuple[str, ...]] = {
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "image/gif": ("gif",),
    "image/webp": ("webp",),
    "application/pdf": ("pdf",),
    "text/plain": ("txt", "text", "log", "csv", "md"),
    "audio/mpeg": ("mp3",),
    "audio/wav": ("wav",),
    "audio/ogg": ("ogg", "oga", "opus"),
    "audio/flac": ("flac",),
    "audio/mp4": ("m4a",),
    "audio/webm": ("weba", "webm"),
    "video/mp4": ("mp4", "m4v"),
    "video/quicktime": ("mov",),
    "video/webm": ("webm",),
}
HEAD_BYTES = 512
_SIGNATURES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_BRANDS = {b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"qt  ": "video/quicktime"}
_FILMS = (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"dash", b"M4V ", b"MSNV")
_MARKUP = re.compile(rb"<(?:!doctype|!--|\?|html|head|body|svg|script|iframe|object|embed|style|title|img|a\s)", re.I)
_CONTROLS = bytes(each for each in range(32) if each not in b"\t\n\f\r\x1b")
# What Active Storage turns into hyphens (`Filename#sanitized`); it must not have to, since we recognise by the name.
_FORBIDDEN = str.maketrans(dict.fromkeys('%$|:;/<>?*"\\\u202e', "-"))


def content_type_of(path: Path) -> str | None:
    """One of EXTENSIONS, or None: this file is refused. Reads the whole file, in pieces; call it on a thread.

    Whether a picture is one, whoever draws it anew finds out (``pictures``), and not here: a decoder is a risk.
    """
    with path.open("rb") as file:
        return content_type_by_head(file.read(HEAD_BYTES)) or _text(file)


def content_type_by_head(head: bytes) -> str | None:
    """The same by the first HEAD_BYTES alone, which is enough for what is only passed on. Never text."""
    return next((kind for magic, kind in _SIGNATURES.items() if head.startswith(magic)), None) or (
        "image/webp" if head.startswith(b"RIFF") and head[8:12] == b"WEBP" else _by_magic(head)
    )


def is_shown(content_type: str) -> bool:
    """Inside a page; anything else is only saved."""
    return content_type.startswith(("image/", "audio/", "video/")) and content_type in EXTENSIONS


def file_type_of(content_type: str) -> str:
    """Chatwoot's word for it (contract §1.8): image, audio, video or file."""
    kind = content_type.partition("/")[0]
    return kind if kind in ("image", "audio", "video") else "file"


def fitting_name(name: str, content_type: str) -> str:
    """The visitor's name for it as far as it is harmless, with an extension of its type."""
    name = clean_name(name)
    extensions = EXTENSIONS[content_type]
    stem, _, extension = name.rpartition(".")
    if not stem or extension.lower() not in extensions:
        stem, extension = name, extensions[0]
    return f"{stem[: MAX_NAME - len(extension) - 1].strip(' .') or 'file'}.{extension}"


def clean_name(name: str) -> str:
    """As Active Storage stores it."""
    kept = "".join(each for each in name if each.isprintable() or each == "\u202e")
    return kept.strip().translate(_FORBIDDEN)


def _by_magic(head: bytes) -> str | None:
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    if head.startswith(b"ID3") or (head[:1] == b"\xff" and head[1:2] in (b"\xfb", b"\xfa", b"\xf3", b"\xf2")):
        return "audio/mpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "audio/wav"
    if head.startswith(b"OggS") and (b"OpusHead" in head or b"\x01vorbis" in head or b"\x7fFLAC" in head):
        return "audio/ogg"
    if head.startswith(b"fLaC"):
        return "audio/flac"
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return _BRANDS.get(brand) or ("video/mp4" if brand in _FILMS else None)
    if head.startswith(b"\x1aE\xdf\xa3") and b"webm" in head[:64]:
        # What a browser records names its tracks at once; sound alone has no track of pictures.
        return "audio/webm" if b"A_OPUS" in head and b"V_" not in head else "video/webm"
    return None


def _text(file: BinaryIO) -> str | None:
    """UTF-8 from end to end, no control characters, no markup that a browser would take for a page."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    before = b""
    first = True
    while chunk := file.read(CHUNK_BYTES):
        if first and chunk.lstrip(b"\xef\xbb\xbf \t\r\n\f").startswith((b"<", b"#!")):
            return None
        first = False
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError:
            return None
        if len(chunk.translate(None, _CONTROLS)) < len(chunk) or _MARKUP.search(before + chunk):
            return None
        before = chunk[-16:]
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return "text/plain"
