"""What a scan found, counted and judged: which of it forbids training, and which is worth knowing before."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from training.data.decode import Fit
from training.data.folder import Layout
from training.data.report import LintReport
from training.data.scan import Look, Rejected

MIN_IMAGES = 16
"""Fewer cannot fill a batch with different images and leave some to hold out."""
FEW_IMAGES = 100
"""The smallest sets on which generators have been trained with success (DiffAugment, Zhao et al. 2020) are of this
size."""
UNBALANCED = 10
"""Times that the largest class may outnumber the smallest before it is worth a word."""
MANY_ALIKE = 0.1


def build_report(
    layout: Layout,
    fit: Fit,
    resolution: int,
    channels: int,
    looks: Sequence[Look],
    kept: np.ndarray,
    duplicates: Sequence[Sequence[int]],
    groups: np.ndarray,
    rejects: Sequence[Rejected],
) -> LintReport:
    """looks: every decoded image; kept and duplicates: indices into them; groups: near duplicates among the kept."""
    headers = [look.inspected.header for look in looks]
    sides = [header.side for header in headers] or [0]
    unique = [looks[i] for i in kept]
    labels = Counter(look.inspected.candidate.label for look in unique)
    classes = {name: labels[label] for label, name in enumerate(layout.class_names)}
    enlarged = sum(header.side < resolution for header in headers)
    alike = _named_groups(unique, groups)
    conflicts = [group for group in duplicates if len({looks[i].inspected.candidate.label for i in group}) > 1]
    return LintReport(
        folder=str(layout.folder),
        files=len(layout.candidates),
        usable=len(unique),
        resolution=resolution,
        channels=channels,
        fit=fit,
        rejects=tuple(rejects),
        ignored=layout.ignored,
        duplicates=tuple(tuple(looks[i].inspected.candidate.name for i in group) for group in duplicates),
        near_duplicates=alike,
        formats=dict(Counter(header.format for header in headers)),
        modes=dict(Counter(header.mode for header in headers)),
        sides=(min(sides), round(float(np.median(sides))), max(sides)),
        turned=sum(header.turned for header in headers),
        not_square=sum(header.width != header.height for header in headers),
        enlarged=enlarged,
        classes=classes,
        errors=_errors(layout, len(unique), rejects, len(looks) - len(unique)),
        warnings=(
            *_about_numbers(len(unique), classes),
            *_about_pixels(len(unique), resolution, enlarged, alike),
            *([f"{len(conflicts)} images are in more than one class; the first is used"] if conflicts else []),
        ),
    )


def _errors(layout: Layout, usable: int, rejects: Sequence[Rejected], doubles: int) -> tuple[str, ...]:
    if usable >= MIN_IMAGES:
        return ()
    message = f"{layout.folder} holds {usable} different images that can be used; at least {MIN_IMAGES} are needed"
    if rejects:
        message += f"; {len(rejects)} files were rejected, the first: {rejects[0].name}: {rejects[0].reason}"
    if doubles:
        message += f"; {doubles} were left out because they show the same as others"
    return (message,)


def _about_numbers(usable: int, classes: dict[str, int]) -> list[str]:
    found = []
    if MIN_IMAGES <= usable < FEW_IMAGES:
        found.append(
            f"{usable} images are few: below {FEW_IMAGES} a generator learns them by heart; audit it for copies"
        )
    if classes and max(classes.values()) > UNBALANCED * min(classes.values()):
        most, least = max(classes, key=classes.__getitem__), min(classes, key=classes.__getitem__)
        found.append(f"classes are unbalanced: {most} has {classes[most]} images, {least} has {classes[least]}")
    return found


def _about_pixels(usable: int, resolution: int, enlarged: int, alike: Sequence[Sequence[str]]) -> list[str]:
    found = []
    if enlarged:
        found.append(
            f"{enlarged} images are smaller than {resolution}x{resolution} and were enlarged, which blurs them"
        )
    repeated = sum(len(group) - 1 for group in alike)
    if repeated > MANY_ALIKE * usable:
        found.append(f"{repeated} of {usable} images look like another one: the set is smaller than it seems")
    return found


def _named_groups(unique: Sequence[Look], groups: np.ndarray) -> tuple[tuple[str, ...], ...]:
    members: dict[int, list[str]] = {}
    for look, group in zip(unique, groups.tolist(), strict=True):
        members.setdefault(group, []).append(look.inspected.candidate.name)
    return tuple(tuple(names) for names in members.values() if len(names) > 1)
