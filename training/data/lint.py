"""Says what is in a folder of images and what is wrong with it, before any time is spent on training.

survey() reads headers, examine() decodes; prepare() of dataset.py takes the same two steps and keeps the pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.data.decode import Fit
from training.data.findings import build_report
from training.data.folder import Layout, read_layout
from training.data.phash import near_duplicates, perceptual_hashes
from training.data.report import LintReport
from training.data.scan import Inspected, Look, Progress, Rejected, decode_all, inspect_all

RESOLUTIONS = (32, 64, 128)


@dataclass(frozen=True)
class Survey:
    """A folder after its headers were read."""

    layout: Layout
    files: list[Inspected]
    rejects: list[Rejected]
    fit: Fit


@dataclass(frozen=True)
class Examination:
    """A folder after its images were decoded. kept: indices into looks, exact duplicates left out; groups: a number for
    each kept image, the same for near duplicates."""

    looks: list[Look]
    kept: np.ndarray
    groups: np.ndarray
    suggested_channels: int
    report: LintReport


def lint(
    folder: Path,
    *,
    resolution: int | None = None,
    channels: int | None = None,
    fit: Fit = "crop",
    progress: Progress | None = None,
) -> LintReport:
    """Looks at everything, changes and writes nothing. Raises DataError if the folder has no usable layout."""
    return examine(survey(folder, fit, progress), resolution, channels, lambda _: None, progress).report


def survey(folder: Path, fit: Fit, progress: Progress | None = None) -> Survey:
    """Raises DataError (see read_layout)."""
    layout = read_layout(folder)
    files, rejects = inspect_all(layout.candidates, fit, progress)
    return Survey(layout, files, rejects, fit)


def examine(
    found: Survey,
    resolution: int | None,
    channels: int | None,
    write: Callable[[np.ndarray], object],
    progress: Progress | None = None,
) -> Examination:
    """Decodes everything at the resolution, None for the automatic choice; `write` is given each of the looks'
    pixels."""
    resolution = resolution or choose_resolution(found.files)
    looks, rejects = decode_all(found.files, resolution, found.fit, write, progress)
    suggested = choose_channels(looks)
    channels = channels or suggested
    kept, duplicates = _exact_duplicates(looks)
    groups = _look_alike([looks[i] for i in kept])
    every_reject = sorted([*found.rejects, *rejects], key=lambda reject: reject.name)
    report = build_report(found.layout, found.fit, resolution, channels, looks, kept, duplicates, groups, every_reject)
    return Examination(looks, kept, groups, suggested, report)


def choose_resolution(files: Sequence[Inspected]) -> int:
    """The largest of 32, 64 and 128 that is not above the median of the shorter sides; 32 if they are smaller still."""
    median = float(np.median([file.header.side for file in files])) if files else 0
    return max([side for side in RESOLUTIONS if side <= median], default=RESOLUTIONS[0])


def choose_channels(looks: Sequence[Look]) -> int:
    """4 if most images have transparency, otherwise 1 if all are grey, otherwise 3."""
    if sum(look.transparent for look in looks) > len(looks) / 2:
        return 4
    return 1 if looks and all(look.grey for look in looks) else 3


def _look_alike(looks: Sequence[Look]) -> np.ndarray:
    if not looks:
        return np.empty(0, np.int64)
    thumbnails = np.stack([look.thumbnail for look in looks])
    return near_duplicates(perceptual_hashes(thumbnails), thumbnails)


def _exact_duplicates(looks: Sequence[Look]) -> tuple[np.ndarray, tuple[tuple[int, ...], ...]]:
    """(the first of each picture, the groups of more than one), as indices into looks."""
    groups: dict[bytes, list[int]] = {}
    for index, look in enumerate(looks):
        groups.setdefault(look.pixel_hash, []).append(index)
    first = np.array([group[0] for group in groups.values()], np.int64)
    return first, tuple(tuple(group) for group in groups.values() if len(group) > 1)
