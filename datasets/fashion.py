"""fashion: Fashion-MNIST (Zalando Research, MIT), 70,000 grey photographs of 28x28 pixels in ten classes."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from datasets.images import count, counted, write_missing
from datasets.sources import SourceError, debian_package

PACKAGE = "dataset-fashion-mnist"
CLASSES = (
    "t-shirt-top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle-boot",
)
# In the order of the numbering: training pictures are 00000 to 59999 over all classes, test pictures 60000 to 69999.
PARTS = (("train", 60_000), ("t10k", 10_000))
TOTAL = sum(size for _, size in PARTS)


def make(folder: Path, cache: Path) -> int:
    """One folder a class; the number in the file name is the picture's place in the published set."""
    if count(folder) != TOTAL:
        source = debian_package(PACKAGE, cache) / "usr/share/datasets/fashion-mnist"
        write_missing(_pictures(source, folder))
    return counted(folder, TOTAL)


def _pictures(source: Path, folder: Path) -> Iterator[tuple[Path, Image.Image]]:
    first = 0
    for part, size in PARTS:
        images = read_idx(source / f"{part}-images-idx3-ubyte.gz")
        labels = read_idx(source / f"{part}-labels-idx1-ubyte.gz")
        if images.shape != (size, 28, 28) or labels.shape != (size,) or labels.max() >= len(CLASSES):
            raise SourceError(f"{source}: {part} holds {images.shape} images and {labels.shape} labels")
        for number, (image, label) in enumerate(zip(images, labels, strict=True), start=first):
            yield folder / CLASSES[label] / f"{number:05d}.png", Image.fromarray(image)
        first += size


def read_idx(path: Path) -> np.ndarray:
    """A gzipped IDX file of unsigned bytes (two zeros, type 8, the number of axes, big-endian sizes, the bytes).

    Raises SourceError.
    """
    try:
        data = gzip.decompress(path.read_bytes())
        axes = data[3] if data[:3] == b"\x00\x00\x08" else 0
        shape = np.frombuffer(data, ">u4", count=axes, offset=4)
        return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)
    except (EOFError, IndexError, OSError, ValueError, zlib.error) as error:
        raise SourceError(f"{path} is no gzipped IDX file of unsigned bytes: {error}") from None
