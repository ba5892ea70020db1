"""How wide and high a picture is, by its first bytes. It decides how much room a page keeps free, and nothing else."""

from struct import error, unpack

ENOUGH_BYTES = 65_536  # a JPEG may hold a colour profile before its frame
NONE = (0, 0)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG's markers that begin one


def dimensions(head: bytes) -> tuple[int, int]:
    """In pixels; (0, 0) where they cannot be read."""
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = unpack(">II", head[16:24])
        elif head.startswith((b"GIF87a", b"GIF89a")):
            width, height = unpack("<HH", head[6:10])
        elif head.startswith(b"\xff\xd8"):
            width, height = _jpeg(head)
        elif head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            width, height = _webp(head)
        else:
            return NONE
    except (error, IndexError):
        return NONE
    return (width, height) if width and height else NONE


def _jpeg(head: bytes) -> tuple[int, int]:
    at = 2
    while head[at] == 0xFF:
        if head[at + 1] in _FRAMES:
            height, width = unpack(">HH", head[at + 5 : at + 9])
            return width, height
        (length,) = unpack(">H", head[at + 2 : at + 4])
        at += 2 + length
    return NONE


def _webp(head: bytes) -> tuple[int, int]:
    match head[12:16]:
        case b"VP8X" if len(head) >= 30:
            return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
        case b"VP8L":
            (bits,) = unpack("<I", head[21:25])
            return 1 + (bits & 0x3FFF), 1 + ((bits >> 14) & 0x3FFF)
        case b"VP8 ":
            width, height = unpack("<HH", head[26:30])
            return width & 0x3FFF, height & 0x3FFF
    return NONE
