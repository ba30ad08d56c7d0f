"""A folder of images as one array: decoded once, without duplicates, split, and kept on disk for the next time."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.data import cache as disk
from training.data.colour import CHANNELS, to_channels
from training.data.decode import MIN_SIDE, RULE, Fit
from training.data.errors import DataError
from training.data.lint import Examination, Survey, choose_resolution, examine, survey
from training.data.report import LintReport
from training.data.scan import Progress
from training.data.split import hold_out

CACHE_VERSION = 2
BLOCK = 1024
MAX_SIDE = 1024


@dataclass(frozen=True)
class ImageSet:
    """images uint8 [N, R, R, C], memory-mapped read-only, R the resolution, C in {1, 3, 4}; in the order of the
    folder's classes and names. labels int64 [N], all 0 if class_names is empty. train and held_out: int64 indices,
    ascending, disjoint, together all. files: the name of each image. sha256 (hex) depends on the pixels and class
    names, not on file names."""

    name: str
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    train: np.ndarray
    held_out: np.ndarray
    files: tuple[str, ...]
    sha256: str
    report: LintReport


def prepare(
    folder: Path,
    *,
    resolution: int | None = None,
    channels: int | None = None,
    cache: Path,
    held_out_fraction: float = 0.1,
    seed: int = 0,
    fit: Fit = "crop",
    progress: Progress | None = None,
) -> ImageSet:
    """Lints the folder, decodes it (see decode.py for the rule) and keeps the result in `cache`, from where it is
    taken the next time if no file and no option has changed. resolution and channels None: chosen from the images (see
    lint.py).

    Raises DataError if the folder cannot be trained on, ValueError for an option out of range, OSError if the cache
    cannot be written.
    """
    _check(resolution, channels)
    found = survey(folder, fit, progress)
    asked = _Asked(resolution or choose_resolution(found.files), channels, held_out_fraction, seed)
    kept = _load(cache, found, asked)
    if kept is None:
        _decode_into(cache, found, asked, progress)
        kept = _load(cache, found, asked)
    if kept is None:
        raise OSError(f"the image cache in {cache} cannot be read back")
    return _image_set(found, *kept)


@dataclass(frozen=True)
class _Asked:
    resolution: int
    channels: int | None
    held_out_fraction: float
    seed: int


def _check(resolution: int | None, channels: int | None) -> None:
    if resolution is not None and not MIN_SIDE <= resolution <= MAX_SIDE:
        raise ValueError(f"resolution must be between {MIN_SIDE} and {MAX_SIDE}, not {resolution}")
    if channels is not None and channels not in CHANNELS:
        raise ValueError(f"channels must be 1, 3 or 4, not {channels}")


def _load(cache: Path, found: Survey, asked: _Asked) -> tuple[np.ndarray, dict[str, Any]] | None:
    """What is asked for by name and what would be chosen for it are one cache."""
    for channels in CHANNELS if asked.channels is None else (asked.channels,):
        kept = disk.load(cache, _key(found, asked, channels))
        if kept is not None and (asked.channels or kept[1]["suggested_channels"] == channels):
            return kept
    return None


def _key(found: Survey, asked: _Asked, channels: int) -> str:
    """Changes whenever the outcome could."""
    content = {
        "rule": [RULE, CACHE_VERSION, found.fit, asked.resolution, channels, asked.held_out_fraction, asked.seed],
        "classes": found.layout.class_names,
        "files": [[file.candidate.name, file.candidate.label, file.sha256] for file in found.files],
        "rejects": [[reject.name, reject.reason] for reject in found.rejects],
        "ignored": found.layout.ignored,
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _decode_into(cache: Path, found: Survey, asked: _Asked, progress: Progress | None) -> None:
    side = asked.resolution
    with disk.scratch(cache) as raw:
        examination = examine(found, side, asked.channels, lambda pixels: raw.write(pixels.data), progress)
        report = examination.report
        if not report.ok:
            raise DataError("; ".join(report.errors))
        raw.flush()
        rgba = np.memmap(raw.name, np.uint8, "r", shape=(len(examination.looks), side, side, 4))
        shape = (len(examination.kept), side, side, report.channels)
        key = _key(found, asked, report.channels)
        facts = _facts(found, examination, asked.held_out_fraction, asked.seed)
        disk.store(cache, key, _blocks(rgba, examination.kept, report.channels), shape, facts)


def _blocks(rgba: np.ndarray, kept: np.ndarray, channels: int) -> Iterator[np.ndarray]:
    for start in range(0, len(kept), BLOCK):
        yield to_channels(rgba[kept[start : start + BLOCK]], channels)


def _facts(found: Survey, examination: Examination, fraction: float, seed: int) -> dict[str, Any]:
    looks = [examination.looks[i] for i in examination.kept]
    train, held_out = hold_out([look.pixel_hash for look in looks], examination.groups, fraction, seed)
    labels = [look.inspected.candidate.label for look in looks]
    names = found.layout.class_names or ("",)
    lines = sorted(f"{names[label]}\t{look.pixel_hash.hex()}" for look, label in zip(looks, labels, strict=True))
    shape = f"{examination.report.resolution} {examination.report.channels}"
    return {
        "sha256": hashlib.sha256("\n".join([shape, *lines]).encode()).hexdigest(),
        "labels": labels,
        "train": train.tolist(),
        "held_out": held_out.tolist(),
        "files": [look.inspected.candidate.name for look in looks],
        "suggested_channels": examination.suggested_channels,
        "report": examination.report.to_json(),
    }


def _image_set(found: Survey, images: np.ndarray, facts: dict[str, Any]) -> ImageSet:
    return ImageSet(
        name=found.layout.name,
        images=images,
        labels=np.array(facts["labels"], np.int64),
        class_names=found.layout.class_names,
        train=np.array(facts["train"], np.int64),
        held_out=np.array(facts["held_out"], np.int64),
        files=tuple(facts["files"]),
        sha256=facts["sha256"],
        report=LintReport.from_json(facts["report"]),
    )
