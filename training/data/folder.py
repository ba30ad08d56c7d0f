"""Which files of a folder are candidates for training, in which order, with which label. Names only; opens no image
whole.

Either the images lie in the folder itself (flat), or every subfolder is a class and the images lie in it, at any depth.
A single subfolder is no class: its images count as flat. Order: by class, then by path, by code point; it is the same
everywhere. Passed over without a word: names that begin with a dot, and what desktop systems and archives leave behind.
Linked files are followed, linked folders only where they stand for a class, so that no loop can be entered.
"""

import os
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from training.data.decode import format_of
from training.data.errors import DataError

LITTER = {"__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir", "$RECYCLE.BIN"}
IMAGE_SUFFIXES = {
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib"),
    *(".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".ico", ".svg", ".psd", ".tga", ".exr", ".hdr"),
}
"""A file of such a name was meant as an image: if it is not one that can be read, that is worth a word."""


@dataclass(frozen=True)
class Candidate:
    """A file to try. `name` is its path below the folder, fit to print; `label` is an index into the class names, or
    0."""

    path: Path
    name: str
    label: int


@dataclass(frozen=True)
class Layout:
    """class_names is empty for a flat folder. `ignored` names files that neither are images nor claim to be."""

    folder: Path
    name: str
    candidates: tuple[Candidate, ...]
    class_names: tuple[str, ...]
    ignored: tuple[str, ...]


def read_layout(folder: Path) -> Layout:
    """Raises DataError if there is no such folder, it cannot be listed, or it is mixed: images beside classes."""
    try:
        return _read_layout(folder)
    except OSError as error:
        raise DataError(f"{error.filename or folder} cannot be listed: {error.strerror}") from error


def _read_layout(folder: Path) -> Layout:
    _require_folder(folder)
    loose, subfolders = _split(folder)
    images, ignored = _sift(loose)
    classes = [(subfolder, *_sift(_files_below(subfolder))) for subfolder in subfolders]
    filled = [(subfolder, found) for subfolder, found, _ in classes if found]
    ignored += [file for _, _, passed_over in classes for file in passed_over]
    if filled and any(_format(path) for path in images):
        raise DataError(
            f"{folder} holds images both directly ({printable(images[0].name)}) and in subfolders "
            f"({printable(filled[0][0].name)}): put all of them into one folder, or each into the folder of its class"
        )
    found = [(path, 0) for path in images]
    found += [(path, label if len(filled) > 1 else 0) for label, (_, paths) in enumerate(filled) for path in paths]
    return Layout(
        folder=folder,
        name=printable(folder.resolve().name) or "images",
        candidates=tuple(Candidate(path, _name(path, folder), label) for path, label in found),
        class_names=_class_names([subfolder for subfolder, _ in filled]) if len(filled) > 1 else (),
        ignored=tuple(_name(path, folder) for path in ignored),
    )


def printable(name: str) -> str:
    """A file name as text that any terminal, JSON file and log can hold: NFC; control characters and stray bytes
    escaped."""
    text = unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "backslashreplace"))
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _require_folder(folder: Path) -> None:
    if not folder.exists():
        raise DataError(f"{folder} does not exist")
    if not folder.is_dir():
        packed = folder.suffix.lower() in {".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"}
        raise DataError(f"{folder} is a file, not a folder of images{'; unpack it first' if packed else ''}")


def _split(folder: Path) -> tuple[list[Path], list[Path]]:
    """The files and the folders directly in a folder, sorted. A link that leads to the folder itself or above is
    neither."""
    entries = sorted(path for path in folder.iterdir() if not _passed_over(path.name))
    folders = [path for path in entries if path.is_dir() and not _leads_up(path, folder)]
    return [path for path in entries if not path.is_dir()], folders


def _files_below(folder: Path) -> list[Path]:
    found: list[Path] = []

    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not _passed_over(name)]
        found += [Path(parent, name) for name in files if not _passed_over(name)]
    return sorted(found)


def _sift(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """(those that are images, or are called one; the others)."""
    images = [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES or _format(path)]
    chosen = set(images)
    return images, [path for path in paths if path not in chosen]


def _format(path: Path) -> str | None:
    """The format by the first bytes; None for anything that cannot be read, and for pipes and devices, unopened."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            return format_of(file.read(16))
    except OSError:
        return None


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name in LITTER


def _leads_up(path: Path, folder: Path) -> bool:
    return path.is_symlink() and folder.resolve().is_relative_to(path.resolve())


def _name(path: Path, folder: Path) -> str:
    return printable(path.relative_to(folder).as_posix())


def _class_names(folders: list[Path]) -> tuple[str, ...]:
    names = tuple(printable(folder.name) for folder in folders)
    if len(set(names)) < len(names):
        raise DataError("two class folders have the same name once written in plain Unicode; rename one of them")
    return names
