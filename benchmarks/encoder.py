"""Time and bytes of this PNG encoder against the usual ones, on grids of real images, of noisy ones, and of noise.

    python -m benchmarks.encoder FOLDER [FOLDER ...] [--seconds 2] > benchmarks/results/encoder.md

A folder holds images of any size (also in folders within it); each becomes grids of 64 tiles of 64 x 64 pixels with a
padding of 2, so 530 x 530 pixels. "+1" is the same with Gaussian noise of one level, as a generator's output has it.
Every encoder makes its file in turn, round after round, so that all meet the same machine; the median counts.
"""

import argparse
import datetime
import io
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, features

from app.images.encode import encode_jpeg, encode_png, encode_webp
from app.images.grid import assemble

Pixels = npt.NDArray[np.uint8]
Encoder = Callable[[Pixels], bytes]
TILE, TILES = 64, 64
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
OURS, BASELINE = "tessera PNG", "Pillow PNG (its default)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each picture, all encoders together")
    arguments = parser.parse_args()
    encoders = {
        OURS: encode_png,
        **dict(peers()),
        "tessera WebP, lossless": encode_webp,
        "tessera JPEG, 90": encode_jpeg,
    }
    print(heading())
    for name, image in pictures(arguments.folders):
        print(table(name, image, encoders, arguments.seconds), flush=True)


def peers() -> Iterator[tuple[str, Encoder]]:
    """The encoders that are installed, as one calls them with an array in hand."""
    yield BASELINE, lambda image: pillow(image)
    yield "Pillow PNG, level 1", lambda image: pillow(image, compress_level=1)
    try:
        import cv2
    except ImportError:
        pass
    else:
        order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}

        def opencv(image: Pixels) -> bytes:
            channels = image.shape[2]
            return cv2.imencode(".png", cv2.cvtColor(image, order[channels]) if channels > 1 else image)[1].tobytes()

        yield "OpenCV PNG", opencv
    try:
        torch, codecs = import_module("torch"), import_module("torchvision.io")
    except ImportError:
        return

    def torchvision(image: Pixels) -> bytes:
        if image.shape[2] == 4:
            raise ValueError("torchvision writes no alpha")
        planes = torch.from_numpy(image).permute(2, 0, 1).contiguous()
        return bytes(codecs.encode_png(planes).numpy())

    torch.set_num_threads(1)
    yield "torchvision PNG", torchvision


def pillow(image: Pixels, **options: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(file, "PNG", **options)
    return file.getvalue()


def pictures(folders: list[Path]) -> Iterator[tuple[str, Pixels]]:
    numbers = np.random.default_rng(0)
    for folder in folders:
        name = f"{folder.parent.name}/{folder.name}"
        for mode in ("RGB", "RGBA", "L"):
            tiles = load(folder, mode)
            grid = assemble(tiles)
            yield f"{name}, {mode}", grid
            if mode == "RGB":
                yield f"{name}, RGB +1", noisy(grid, numbers)
                yield f"{name}, RGB, scale 4", assemble(tiles[:16], scale=4)
                yield f"{name}, RGB, one tile", tiles[0]
                yield f"{name}, RGB +1, one tile", noisy(tiles[0], numbers)
    yield "noise, RGB", numbers.integers(0, 256, (530, 530, 3), np.uint8)


def load(folder: Path, mode: str) -> Pixels:
    """TILES images spread over the folder, uint8 [N, TILE, TILE, C]; for RGB and grey laid over white."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if len(files) < TILES:
        raise SystemExit(f"{folder}: {TILES} images are needed, {len(files)} are there")
    tiles = []
    for path in files[:: len(files) // TILES][:TILES]:
        with Image.open(path) as file:
            tile = ImageOps.fit(file.convert("RGBA"), (TILE, TILE))
        if mode != "RGBA":
            tile = Image.alpha_composite(Image.new("RGBA", tile.size, "white"), tile).convert(mode)
        tiles.append(np.asarray(tile).reshape(TILE, TILE, -1))
    return np.stack(tiles)


def noisy(image: Pixels, numbers: np.random.Generator) -> Pixels:
    return np.clip(np.rint(image + numbers.normal(0, 1, image.shape)), 0, 255).astype(np.uint8)


def table(name: str, image: Pixels, encoders: dict[str, Encoder], seconds: float) -> str:
    times: dict[str, list[float]] = {}
    sizes: dict[str, int] = {}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times.get(OURS, ())) < 3:
        for encoder, encode in encoders.items():
            start = time.perf_counter()
            try:
                sizes[encoder] = len(encode(image))
            except ValueError:
                continue  # this one cannot hold such an image
            times.setdefault(encoder, []).append(time.perf_counter() - start)
    medians = {encoder: statistics.median(taken) for encoder, taken in times.items()}
    height, width, channels = image.shape
    lines = [
        f"\n### {name}: {width} x {height} x {channels}, {len(times[OURS])} rounds\n",
        "| encoder | ms | times as fast as Pillow | bytes | bytes / Pillow's |",
        "|---|--:|--:|--:|--:|",
    ]
    for encoder, median in medians.items():
        faster, larger = medians[BASELINE] / median, sizes[encoder] / sizes[BASELINE]
        lines.append(f"| {encoder} | {median * 1e3:.3f} | {faster:.1f} | {sizes[encoder]:,} | {larger:.2f} |")
    return "\n".join(lines)


def heading() -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    packages = ("isal", "numpy", "Pillow", "opencv-python-headless", "torchvision")
    return (
        "## PNG encoders\n\n"
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, commit {commit.stdout.strip() or 'unknown'}, one thread of "
        f"{processor()} ({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}); Python {platform.python_version()}, "
        + ", ".join(f"{name} {installed(name)}" for name in packages)
        + f"; zlib of Pillow: {features.version('zlib_ng') or features.version('zlib')}."
    )


def processor() -> str:
    with Path("/proc/cpuinfo").open() as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
