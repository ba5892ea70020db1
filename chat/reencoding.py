"""A program that draws a picture anew: nothing is left of what was hidden in its file (place, camera, other files).

``python -I reencoding.py FROM TO MOST_BYTES WIDEST``, in a process of its own whose memory and time are bounded: a
decoder that goes astray, or a picture that is a bomb, harms nobody else. WIDEST: pixels, or 0. Imports nothing of ours.
"""

import os
import resource
import sys
import warnings
from typing import Any

MEMORY_BYTES = 1_000_000_000  # of addresses: 50 megapixels, once more turned upright, and the libraries
CPU_S = 5
NICE = 10  # chats come before pictures
MOST_PIXELS = 50_000_000
MOST_FRAMES = 200
MOST_FRAME_PIXELS = 20_000_000  # of all frames together: each is drawn anew
DONE, REFUSED, TOO_MUCH = 0, 3, 4
FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
COLOURS_BYTES = 65_536  # of a colour profile that is kept: without it a picture looks wrong


def main(source: str, target: str, most_bytes: str, widest: str) -> int:
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most_bytes), int(most_bytes)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(source, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                return TOO_MUCH
            return _draw(image, target, int(widest))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return TOO_MUCH
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, TypeError, KeyError, IndexError, OverflowError):
        return REFUSED  # Pillow raises them all for one broken file or another


def _draw(image: Any, target: str, widest: int) -> int:
    kind = "JPEG" if image.format == "MPO" else image.format  # of several pictures in one, the first
    frames = 1 if kind == "JPEG" or widest else getattr(image, "n_frames", 1)
    if frames > MOST_FRAMES or (frames > 1 and frames * image.width * image.height > MOST_FRAME_PIXELS):
        return TOO_MUCH
    if frames == 1:
        _still(image, kind, target, widest)
    else:
        _moving(image, kind, target, frames)
    return DONE


def _still(image: Any, kind: str, target: str, widest: int) -> None:
    from PIL import ImageOps, JpegImagePlugin

    options: dict[str, Any] = {"icc_profile": _colours(image)}
    if kind == "JPEG":  # as coarse as it was: finer would make it larger, and no better
        sampling = JpegImagePlugin.get_sampling(image)
        options |= {"qtables": image.quantization, "subsampling": sampling if sampling >= 0 else 0, "optimize": True}
    elif kind == "WEBP":
        options |= {"quality": 90, "lossless": _is_lossless(image)}
    upright = ImageOps.exif_transpose(image)
    _forget(upright)
    if widest and upright.width > widest:
        if upright.mode == "P":  # a few colours cannot be mixed
            upright, kind = upright.convert("RGBA"), "PNG"
        upright.thumbnail((widest, 4 * widest))
    upright.save(target, kind, **options)


def _moving(image: Any, kind: str, target: str, frames: int) -> None:
    drawn, durations = [], []
    for number in range(frames):
        image.seek(number)
        image.load()  # before it, a WebP does not know how long this one is shown
        durations.append(image.info.get("duration", 100) or 100)
        drawn.append(image.convert("RGBA") if kind != "PNG" else image.copy())
        _forget(drawn[-1])
    options: dict[str, Any] = {"disposal": 2} if kind == "GIF" else {"quality": 90} if kind == "WEBP" else {}
    drawn[0].save(
        target,
        kind,
        save_all=True,
        append_images=drawn[1:],
        duration=durations,
        loop=image.info.get("loop", 0),
        **options,
    )


def _forget(image: Any) -> None:
    """All but what its colours mean."""
    image.info = {name: value for name, value in image.info.items() if name in ("transparency", "background", "gamma")}


def _colours(image: Any) -> bytes | None:
    profile = image.info.get("icc_profile")
    return profile if profile and len(profile) <= COLOURS_BYTES else None


def _is_lossless(image: Any) -> bool:
    """Its first chunk says so, or the one after its header."""
    image.fp.seek(0)
    return b"VP8L" in image.fp.read(4096)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
