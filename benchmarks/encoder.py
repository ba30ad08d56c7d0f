"""Time and bytes of this PNG encoder against the usual ones, on grids of real images, of noisy ones, and of noise.

    python -m benchmarks.encoder FOLDER [FOLDER ...] [--seconds 2]        (about half a minute a folder)

A folder holds images of any size (also in folders within it); each becomes grids of 64 tiles of 64 x 64 pixels with a
padding of 2, so 530 x 530 pixels. "+1" is the same with Gaussian noise of one level, as a generator's output has it.
Every encoder makes its file in turn, round after round, so that all meet the same machine; the median counts.
"""

import io
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, features

from app.images.encode import encode_jpeg, encode_png, encode_webp
from app.images.grid import assemble
from benchmarks.report import Check, Report, installed, parser

Pixels = npt.NDArray[np.uint8]
Encoder = Callable[[Pixels], bytes]
TILE, TILES = 64, 64
SIDE = 8 * (TILE + 2) + 2
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
OURS, BASELINE = "tessera PNG", "Pillow PNG (its default)"


@dataclass(frozen=True)
class Found:
    """Medians in seconds and sizes in bytes, by encoder; each has what it can encode."""

    rounds: int
    seconds: dict[str, float]
    sizes: dict[str, int]

    @property
    def faster(self) -> float:
        return self.seconds[BASELINE] / self.seconds[OURS]

    @property
    def larger(self) -> float:
        return self.sizes[OURS] / self.sizes[BASELINE]


def main() -> int:
    parse = parser(__doc__, seconds=2)
    parse.add_argument("folders", nargs="+", type=Path)
    options = parse.parse_args()
    report = Report("encoder", "PNG encoders, one thread")
    zlib = features.version("zlib_ng") or features.version("zlib")
    report.add(
        f"opencv {installed('opencv-python-headless')}, torchvision {installed('torchvision')}; Pillow's zlib: {zlib}."
    )
    encoders = {
        OURS: encode_png,
        **dict(peers()),
        "tessera WebP, lossless": encode_webp,
        "tessera JPEG, 90": encode_jpeg,
    }
    promised: list[Found] = []
    for name, image in pictures(options.folders):
        found = measure(image, encoders, options.seconds)
        tell(report, name, image, found)
        if image.shape[1:] == (SIDE, 3) and "scale" not in name and "noise" not in name:
            promised.append(found)
    slowest, largest = min(found.faster for found in promised), max(found.larger for found in promised)
    report.checks(
        Check(f"{SIDE} x {SIDE} RGB, the slowest of {len(promised)}: >= 8x as fast", f"{slowest:.1f}x", slowest >= 8),
        Check(f"{SIDE} x {SIDE} RGB, the largest of them: <= 1.2x the bytes", f"{largest:.2f}x", largest <= 1.2),
    )
    return report.write(options.results)


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


def measure(image: Pixels, encoders: dict[str, Encoder], seconds: float) -> Found:
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
    return Found(len(times[OURS]), {encoder: statistics.median(taken) for encoder, taken in times.items()}, sizes)


def tell(report: Report, name: str, image: Pixels, found: Found) -> None:
    height, width, channels = image.shape
    report.add(f"### {name}: {width} x {height} x {channels}, {found.rounds} rounds")
    seconds, size = found.seconds[BASELINE], found.sizes[BASELINE]
    rows = [
        [
            encoder,
            f"{median * 1e3:.3f}",
            f"{seconds / median:.1f}",
            f"{found.sizes[encoder]:,}",
            f"{found.sizes[encoder] / size:.2f}",
        ]
        for encoder, median in found.seconds.items()
    ]
    report.table(["encoder", "ms", "times as fast as Pillow", "bytes", "bytes / Pillow's"], rows)


if __name__ == "__main__":
    sys.exit(main())
