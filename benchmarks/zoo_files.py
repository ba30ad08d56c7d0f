"""The zoo: more than two hundred odd and broken files, made and not stored. tests/ holds that training copes with them,
benchmarks/zoo.py what that costs."""

import io
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SAVED: list[tuple[str, str, dict]] = [
    ("png", "PNG", {}),
    ("png", "PNG", {"compress_level": 0}),
    ("apng.png", "PNG", {"save_all": True}),
    ("jpg", "JPEG", {}),
    ("jpeg", "JPEG", {"progressive": True}),
    ("JPG", "JPEG", {"quality": 100, "subsampling": 0}),
    ("webp", "WEBP", {}),
    ("webp", "WEBP", {"lossless": True}),
    ("gif", "GIF", {}),
    ("gif", "GIF", {"interlace": 0}),
    ("bmp", "BMP", {}),
]
MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA", "L"),
    "GIF": ("1", "L", "P", "RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
}
SIZES = [(8, 8), (8, 32), (32, 8), (9, 13), (31, 33), (100, 60), (60, 100), (64, 64), (257, 255), (1200, 900)]
NAMES = [
    "plain",
    "spa ce",
    "日本",
    "🎨",
    "e\u0301",
    "new\nline",
    "a'b\"c",
    "-rf",
    "%s",
    "CON",
    "x" * 200,
    "dot.ted.name",
]


@dataclass(frozen=True)
class Zoo:
    """good: the names that can be trained on; bad: the others, with a pattern of what their reason must say."""

    folder: Path
    good: frozenset[str]
    bad: dict[str, str]


def draw(seed: int, width: int = 48, height: int | None = None) -> Image.Image:
    """A smooth RGB picture, another for each seed."""
    corners = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(corners).resize((width, height or width), Image.Resampling.BICUBIC)


def encoded(picture: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    """The bytes of the file."""
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, rows: bytes = b"", extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (chunk(b"IHDR", header), extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def in_mode(picture: Image.Image, mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    if mode in ("RGBA", "LA"):
        picture = picture.convert("RGBA")
        picture.paste((0, 0, 0, 0), (0, 0, 5, 5))
    return picture.quantize(32) if mode == "P" else picture.convert(mode)


def good_files() -> Iterator[tuple[str, bytes]]:
    """(name, content)."""
    seeds = count(1)
    for suffix, format, options in SAVED:
        for mode in MODES[format]:
            seed = next(seeds)
            frames = {"append_images": [draw(seed + 1000, 40)]} if options.get("save_all") and mode == "RGB" else {}
            yield f"mode-{mode}-{seed}.{suffix}", encoded(in_mode(draw(seed, 40), mode), format, **options, **frames)
    for width, height in SIZES:
        for suffix, format in (("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")):
            yield f"size-{width}x{height}.{suffix}", encoded(draw(next(seeds), width, height), format)
    for orientation in range(10):
        for suffix, format in (("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")):
            exif = Image.Exif()
            exif[0x0112] = orientation
            yield f"exif-{orientation}.{suffix}", encoded(draw(next(seeds), 50, 40), format, exif=exif)
    for name in NAMES:
        yield f"{name}.png", encoded(draw(next(seeds)))
    yield "lying.png", encoded(draw(next(seeds)), "JPEG")
    yield "lying.jpg", encoded(draw(next(seeds)))
    yield "none", encoded(draw(next(seeds)))
    yield "UPPER.PNG", encoded(draw(next(seeds)))
    yield "trailing.png", encoded(draw(next(seeds))) + bytes(1000)
    yield "trailing.jpg", encoded(draw(next(seeds)), "JPEG") + b"MotionPhoto" * 100
    yield "exif-broken.jpg", encoded(draw(next(seeds)), "JPEG", exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff")
    yield "profile-broken.png", encoded(draw(next(seeds)), icc_profile=b"no profile")
    yield "profile-broken.jpg", encoded(draw(next(seeds)), "JPEG", icc_profile=b"no profile")
    key = in_mode(draw(next(seeds), 40), "P")
    yield "palette-key.png", encoded(key, transparency=0)
    yield "palette-alphas.png", encoded(in_mode(draw(next(seeds), 40), "P"), transparency=bytes(range(32)))
    yield "palette-key.gif", encoded(in_mode(draw(next(seeds), 40), "P"), "GIF", transparency=0)
    frames = [draw(next(seeds)) for _ in range(3)]
    for suffix, format in (("gif", "GIF"), ("webp", "WEBP")):
        yield f"animated.{suffix}", encoded(frames.pop(), format, save_all=True, append_images=frames)


def bad_files() -> Iterator[tuple[str, bytes, str]]:
    """(name, content, what the reason says)."""
    for suffix, format, options in SAVED:
        if "save_all" in options:
            continue
        whole = encoded(draw(1, 40), format, **options)
        for share in (0.05, 0.3, 0.6, 0.95):
            number = f"{len(whole)}-{share}"
            yield f"truncated-{number}.{suffix}", whole[: int(len(whole) * share)], "broken|not an image"
    whole = encoded(draw(1, 40))
    yield "damaged.png", whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], "checksum"
    yield "zero.png", b"", "empty file"
    yield "zero.jpg", b"", "empty file"
    yield "nothing.png", bytes(1000), "not an image"
    yield "text.png", b"I am no image", "not an image"
    yield "page.jpg", b"<!DOCTYPE html><html>404</html>", "not an image"
    yield "drawing.svg", b"<svg/>", "not an image"
    yield "pointer.png", b"version https://git-lfs.github.com/spec/v1\n", "not an image"
    yield "photograph.tiff", encoded(draw(1), "TIFF"), "not an image"
    yield "photograph.heic", b"\0\0\0\x18ftypheic" + bytes(100), "not an image"
    yield "icon.ico", encoded(draw(1), "ICO"), "not an image"
    for suffix, start in (
        ("png", b"\x89PNG\r\n\x1a\n"),
        ("jpg", b"\xff\xd8\xff\xe0"),
        ("gif", b"GIF89a"),
        ("bmp", b"BM"),
    ):
        yield f"only-the-beginning.{suffix}", start, "broken|not an image"
        yield f"noise.{suffix}", start + np.random.default_rng(0).bytes(5000), "broken|too|not an image"
    yield "1x1.png", encoded(draw(1, 1, 1)), "too small: 1x1"
    yield "7x7.gif", encoded(draw(1, 7), "GIF"), "too small: 7x7"
    yield "10000x1.png", encoded(draw(1, 10000, 1)), "too small: 10000x1"
    yield "1x10000.bmp", encoded(draw(1, 1, 10000), "BMP"), "too small: 1x10000"
    yield "1000x10.jpg", encoded(draw(1, 1000, 10), "JPEG"), "too long: 1000x10"
    yield "bomb-2g.png", png(50000, 50000), "too large"
    yield "bomb-large.png", png(2**31 - 1, 2**31 - 1), "too large"
    yield "bomb-text.png", png(16, 16, bytes(49 * 16), chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(10**7)))), "broken"
    yield (
        "bomb.gif",
        b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0;",
        "large",
    )
    bmp_header = struct.pack("<IiiHHIIiiII", 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0)
    yield "bomb.bmp", b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + bmp_header, "too large"
    scans = encoded(draw(1), "JPEG", progressive=True)
    yield "scans.jpg", scans + b"\xff\xda" * 1000, "scans"


def fill(folder: Path) -> Zoo:
    """Writes them all, and what is no regular file, into an empty folder."""
    good: set[str] = set()
    bad: dict[str, str] = {}
    for name, data in good_files():
        (folder / name).write_bytes(data)
        good.add(name)
    for name, data, reason in bad_files():
        (folder / name).write_bytes(data)
        bad[name] = reason
    for name, target in (("loop.png", "loop.png"), ("gone.png", "nowhere"), ("device.png", "/dev/zero")):
        (folder / name).symlink_to(target)
        bad[name] = "cannot be read|not a regular file"
    os.mkfifo(folder / "pipe.png")
    bad["pipe.png"] = "not a regular file"
    if sys.platform == "linux":
        (folder / "unreadable.png").symlink_to("/proc/self/mem")
        bad["unreadable.png"] = "cannot be read"
    with (folder / "huge.png").open("wb") as file:
        file.truncate(200_000_000)
    bad["huge.png"] = "too large: 200 MB"
    (folder / "up").symlink_to(folder)
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "labels.csv").write_text("a,b\n")
    (folder / os.fsdecode(b"latin\xe9.png")).write_bytes(encoded(draw(5000)))
    good.add(os.fsdecode(b"latin\xe9.png"))
    return Zoo(folder, frozenset(good), bad)
