"""Visitors' pictures are drawn anew: what they show stays, what was hidden in them goes, bombs harm nobody."""

import io
import os
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from chat import reencoding
from chat.pictures import redraw, run
from chat.wire.errors import Refusal

PLACE = b"N 52 31 12"


def secret_exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, PLACE.decode()
    exif.get_ifd(0x8825)[1] = PLACE.decode()
    return exif


def drawn(kind: str, *, frames: int = 1, **options: Any) -> bytes:
    """Red at the left, green at the right; later frames are blue. Full of secrets, and a ZIP behind it."""
    first = Image.new("RGB", (64, 32), (255, 0, 0))
    first.paste((0, 255, 0), (32, 0, 64, 32))
    rest = [Image.new("RGB", (64, 32), (60 * (number % 2), 0, 200)) for number in range(frames - 1)]
    file = io.BytesIO()
    many = {"save_all": True, "append_images": rest, "duration": 70, "loop": 0} if rest else {}
    hidden = {"comment": PLACE} if kind in ("GIF", "JPEG") else {}
    if kind != "GIF":
        hidden["exif"] = secret_exif(6 if kind in ("JPEG", "WEBP", "PNG") and not rest else 1)
    first.save(file, kind, **many, **hidden, **options)
    return file.getvalue() + b"PK\x03\x04" + PLACE


def redrawn(tmp_path: Path, content: bytes, *, most_bytes: int = 40_000_000) -> bytes:
    path = tmp_path / "picture"
    path.write_bytes(content)
    redraw(path, most_bytes=most_bytes)
    assert [each.name for each in tmp_path.iterdir()] == ["picture"]
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_still_picture_keeps_what_it_shows_the_right_way_up(tmp_path: Path, kind: str) -> None:
    told = redrawn(tmp_path, drawn(kind))
    assert PLACE not in told and b"PK\x03\x04" not in told
    with Image.open(io.BytesIO(told)) as image:
        assert (image.format, dict(image.getexif())) == (kind, {})
        assert image.size == ((64, 32) if kind == "GIF" else (32, 64))
        shown = image.convert("RGB")
        top, bottom = shown.getpixel((4, 4)), shown.getpixel((image.width - 4, image.height - 4))
    assert isinstance(top, tuple) and isinstance(bottom, tuple)
    assert top[0] > 200 > 60 > top[1]
    assert bottom[1] > 200 > 60 > bottom[0]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_a_moving_picture_goes_on_moving(tmp_path: Path, kind: str) -> None:
    told = redrawn(tmp_path, drawn(kind, frames=5))
    assert PLACE not in told
    with Image.open(io.BytesIO(told)) as image:
        assert (image.format, getattr(image, "n_frames", 1), image.info.get("loop", 0)) == (kind, 5, 0)
        image.seek(3)
        image.load()
        assert image.info["duration"] == 70
        colour = image.convert("RGB").getpixel((5, 5))
    assert isinstance(colour, tuple) and colour[2] > 150 > colour[0]


def test_a_photo_of_several_pictures_becomes_the_first(tmp_path: Path) -> None:
    """Many telephones write those."""
    file = io.BytesIO()
    frames = [Image.new("RGB", (64, 32), colour) for colour in ("red", "blue")]
    frames[0].save(file, "MPO", save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(redrawn(tmp_path, file.getvalue()))) as image:
        assert (image.format, image.convert("RGB").getpixel((5, 5))) == ("JPEG", (254, 0, 0))


def huge_png(width: int, height: int) -> bytes:
    """Says that it is that large, and is nearly nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def many_frames(count: int, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    frames = [Image.new("L", size, number % 250) for number in range(count)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


BOMBS = {
    "51 megapixels": lambda: huge_png(10_000, 5_100),
    "a gigapixel": lambda: huge_png(40_000, 40_000),
    "one row": lambda: huge_png(2_000_000_000, 1),
    "201 frames": lambda: many_frames(201, (4, 4)),
    "large frames": lambda: many_frames(11, (1_360, 1_360)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_t28_a_bomb_is_refused_before_it_is_drawn(tmp_path: Path, name: str) -> None:
    bomb = BOMBS[name]()
    begun = time.process_time()
    with pytest.raises(Refusal, match="megapixels") as refused:
        redrawn(tmp_path, bomb)
    assert refused.value.code == "file_refused"
    assert time.process_time() - begun < 2
    assert [each.name for each in tmp_path.iterdir()] == ["picture"]


BROKEN = {
    "cut": drawn("PNG")[:120],
    "cut JPEG": drawn("JPEG")[:40],
    "a page": b"\x89PNG\r\n\x1a\n<html>",
    "less than it says": huge_png(2_000, 2_000),
    "nothing": b"GIF89a",
    "another kind": b"RIFF\0\0\0\0WEBP" + drawn("PNG"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_t28_what_cannot_be_drawn_anew_is_refused_in_words(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refusal, match="cannot be read"):
        redrawn(tmp_path, BROKEN[name])


def test_t28_a_drawing_that_is_too_big_is_not_kept(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.effect_noise((300, 300), 90).save(file, "PNG")
    with pytest.raises(Refusal, match="cannot be read"):
        redrawn(tmp_path, file.getvalue(), most_bytes=10_000)


def test_t28_it_is_drawn_in_bounded_memory_and_time(tmp_path: Path) -> None:
    """By another process, which can be killed: with less memory than a picture takes, it is refused."""
    assert reencoding.MEMORY_BYTES <= 1_000_000_000 and reencoding.CPU_S <= 5
    script = tmp_path / "mean.py"
    script.write_text(Path(reencoding.__file__).read_text().replace("1_000_000_000", "100_000_000"))
    (tmp_path / "in.png").write_bytes(huge_png(7_000, 7_000))
    assert _code(script, tmp_path) == reencoding.REFUSED
    script.write_text("while True: pass")
    assert _code(script, tmp_path, lasts_s=0.5) is None


def test_t28_chats_come_before_it(tmp_path: Path) -> None:
    script = tmp_path / "telling.py"
    telling = "os.getpriority(os.PRIO_PROCESS, 0)"
    script.write_text(
        Path(reencoding.__file__).read_text().replace("_draw(image, target, int(widest))\n", f"{telling}\n", 1)
    )
    (tmp_path / "in.png").write_bytes(drawn("PNG"))
    assert _code(script, tmp_path) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)


def _code(script: Path, folder: Path, *, lasts_s: float = 60) -> int | None:
    return run(script, folder / "in.png", folder / "out", most_bytes=1_000_000, lasts_s=lasts_s)
