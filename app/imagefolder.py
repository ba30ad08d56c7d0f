"""The layout that image-folder loaders read: names of the files, and metadata.jsonl with a line for each.

`file_name` is the column that Hugging Face's imagefolder looks for; with a folder for each class the same files are
also what torchvision's ImageFolder and this project's own trainer read.
"""

import json
import re
from collections.abc import Iterator, Sequence

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

METADATA = "metadata.jsonl"

# What some file system refuses in a name, or reads as something else.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')
_LONGEST = 100
_AT_ONCE = 1000  # lines in one part


class ImageFolder:
    """seeds uint32 [n]; classes int64 [n], indices of `names`, which is empty for a model without classes."""

    def __init__(
        self, seeds: NDArray[np.uint32], classes: NDArray[np.int64], names: Sequence[str], *, by_class: bool
    ) -> None:
        self._seeds = seeds
        self._classes = classes
        self._labels = [json.dumps(name) for name in names] or ["null"]
        self._folders = [f"{folder}/" for folder in folders(names)] if by_class else []

    def name(self, i: int) -> str:
        """Of the file of image i."""
        folder = self._folders[self._classes[i]] if self._folders else ""
        return f"{folder}{i:06d}_{self._seeds[i]}.png"

    def metadata(self) -> Iterator[bytes]:
        """metadata.jsonl, in parts."""
        for start in range(0, len(self._seeds), _AT_ONCE):
            yield "".join(map(self._line, range(start, min(start + _AT_ONCE, len(self._seeds))))).encode()

    def measure(self) -> tuple[int, int]:
        """Size and CRC-32 of metadata.jsonl."""
        size = checksum = 0
        for part in self.metadata():
            size += len(part)
            checksum = isal_zlib.crc32(part, checksum)
        return size, checksum

    def _line(self, i: int) -> str:
        name = json.dumps(self.name(i)) if self._folders else f'"{self.name(i)}"'
        return f'{{"file_name": {name}, "seed": {self._seeds[i]}, "label": {self._labels[self._classes[i]]}}}\n'


def folders(names: Sequence[str]) -> list[str]:
    """A folder name for each class: its own where every file system takes that, different for all in any case."""
    made = [_UNSAFE.sub("-", name)[:_LONGEST].strip(" .") for name in names]
    folded = [name.casefold() for name in made]
    return [f"{i:03d}-{name}" if not name or folded.count(folded[i]) > 1 else name for i, name in enumerate(made)]
