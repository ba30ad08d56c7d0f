"""Does the generator copy its training images?

Generated images are compared with held-out ones, which are as new as an image can be: if the generated lie closer to
the training images than the held-out do, the generator has learnt them by heart (three-sample test, Meehan et al.
2020). Three tests, in each of two spaces (16x16 thumbnails, which noise hardly moves, and features, which see through
a mirror):

    nearer   distance to the nearest training image, in units of that image's distance to its own nearest neighbour
    ratio    distance to the nearest training image over that to the second nearest
    closest  share of generated images that are in both respects nearer than every held-out one

It copies if nearer and ratio agree, in one of the spaces, or if closest says so. Nearer alone is not enough: dull
images lie between all others, and so near to each. Closest finds a few copies among many new images.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.data.dataset import ImageSet
from training.data.phash import thumbnail
from training.evaluation.features import Extractor, extractor, to_rgb
from training.evaluation.neighbours import Neighbours, leave_one_out, neighbours
from training.evaluation.rank_tests import closest_share, stratified_mann_whitney
from training.facts import Verdict
from training.sheet import sheet

LEAST = 10
"""Images of each kind without which nothing can be said."""
ALPHA = 0.001
"""Of six tests each: together they may flag half a per cent of honest generators by chance."""
EFFECT = 0.6
"""Chance that a generated image is nearer than a held-out one; 0.5 without copying. Below this a difference may be
certain and still mean little: generators differ from their data in other ways too."""
SHARE = 0.05
"""Of generated images nearer than any held-out one, beyond the share of training images that have such a twin."""
GROUP = 50
"""Held-out images in a group of like density; fewer say too little."""
MAX_GROUPS = 10
MAX_TRAIN_FEATURES = 20_000
MAX_TWINS = 1000
PAIRS = 24
SHEET_COLUMNS = 8

Embed = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Finding:
    """One test. effect: see EFFECT, and for "closest" the share; p: how often chance alone would do as much;
    suspicious: both are beyond their limits."""

    space: str
    test: str
    effect: float
    p: float
    suspicious: bool


@dataclass(frozen=True)
class Pair:
    """A generated image and the training image nearest to it in pixels, as indices into what was given. distance: in
    units of the training image's distance to its own nearest neighbour; well below 1 it is a copy."""

    generated: int
    train: int
    distance: float


@dataclass(frozen=True)
class Audit:
    """verdict and summary are what the manifest keeps; closest: the pairs to look at, the closest first."""

    verdict: Verdict
    summary: str
    findings: tuple[Finding, ...]
    closest: tuple[Pair, ...]
    generated: int
    held_out: int
    train: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def audit(generated: np.ndarray, images: ImageSet, network: Extractor | None = None) -> Audit:
    """generated uint8 [N, H, W, C]: what the generator gives, nothing picked; 400 are enough.

    Raises ValueError if their size or channels are not those of the images.
    """
    return audit_arrays(generated, images.images[images.train], images.images[images.held_out], network)


def audit_arrays(
    generated: np.ndarray, train: np.ndarray, held_out: np.ndarray, network: Extractor | None = None
) -> Audit:
    """All uint8 [N, H, W, C]; network: for the feature space, EfficientNet-Lite0 by default. Of more than 20,000
    training images the feature space looks at 20,000, the pixel space at all."""
    if len({images.shape[1:] for images in (generated, train, held_out)}) > 1:
        raise ValueError(f"images differ in shape: {generated.shape[1:]}, {train.shape[1:]}, {held_out.shape[1:]}")
    counts = {"generated": len(generated), "held_out": len(held_out), "train": len(train)}
    if min(counts.values()) < LEAST:
        few = ", ".join(f"{count} {kind.replace('_', '-')}" for kind, count in counts.items())
        return Audit("not-audited", f"Needs {LEAST} images of each kind; there are {few}.", (), (), **counts)
    network = network or extractor("efficientnet-lite0")
    nearest, findings = _examine("pixels", thumbnails, generated, train, held_out)
    findings += _examine(network.name, network, generated, _at_most(train, MAX_TRAIN_FEATURES), held_out)[1]
    verdict: Verdict = "failed" if copies(findings) else "passed"
    return Audit(verdict, _summary(verdict, findings, counts), tuple(findings), _closest(nearest), **counts)


def contact_sheet(found: Audit, generated: np.ndarray, train: np.ndarray) -> np.ndarray:
    """The closest pairs, to the right of each generated image the training image: uint8 [H', W', C], four pairs a row.

    generated and train as they were given to the audit. Raises ValueError if nothing was audited.
    """
    if not found.closest:
        raise ValueError("nothing was audited, so there are no pairs to show")
    tiles = [image for pair in found.closest for image in (generated[pair.generated], train[pair.train])]
    return sheet(np.stack(tiles), SHEET_COLUMNS)


def _examine(
    space: str, embed: Embed, generated: np.ndarray, train: np.ndarray, held_out: np.ndarray
) -> tuple[Neighbours, list[Finding]]:
    points = embed(train).astype(np.float64)
    of_generated, of_held_out = neighbours(embed(generated), points), neighbours(embed(held_out), points)
    return of_generated, judge(space, of_generated, of_held_out, leave_one_out(points, MAX_TWINS))


def judge(space: str, generated: Neighbours, held_out: Neighbours, twins: Neighbours) -> list[Finding]:
    """The three tests. twins: some training images, each against the others, as if it had not been there."""
    groups = _groups(generated.scale, held_out.scale)
    findings = []
    for test in ("nearer", "ratio"):
        effect, p = stratified_mann_whitney(getattr(generated, test), getattr(held_out, test), *groups)
        findings.append(Finding(space, test, effect, p, p < ALPHA and effect >= EFFECT))
    share, p = closest_share(generated.measures, held_out.measures)
    usual, _ = closest_share(twins.measures, held_out.measures)
    findings.append(Finding(space, "closest", share, p, p < ALPHA and share >= usual + SHARE))
    return findings


def copies(findings: Sequence[Finding]) -> bool:
    """What the tests of all spaces amount to."""
    suspicious = {(finding.space, finding.test) for finding in findings if finding.suspicious}
    spaces = {finding.space for finding in findings}
    return any(
        {(space, "nearer"), (space, "ratio")} <= suspicious or (space, "closest") in suspicious for space in spaces
    )


def _groups(generated: np.ndarray, held_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Like with like: a generator that prefers the dense parts of the data is no copier for that."""
    count = int(np.clip(len(held_out) // GROUP, 1, MAX_GROUPS))
    edges = np.quantile(held_out, np.arange(1, count) / count)
    return np.searchsorted(edges, generated), np.searchsorted(edges, held_out)


def _closest(generated: Neighbours) -> tuple[Pair, ...]:
    order = np.argsort(generated.nearer, kind="stable")[:PAIRS]
    return tuple(Pair(int(i), int(generated.index[i]), float(generated.nearer[i])) for i in order)


def thumbnails(images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C] -> uint8 [N, 768]: the pixel space."""
    return np.stack([thumbnail(image).ravel() for image in to_rgb(images)])


def _at_most(images: np.ndarray, count: int) -> np.ndarray:
    if len(images) <= count:
        return images
    return images[np.sort(np.random.default_rng(0).choice(len(images), count, replace=False))]


def _summary(verdict: Verdict, findings: Sequence[Finding], counts: dict[str, int]) -> str:
    failed = verdict == "failed"
    said = "; ".join(_words(finding) for finding in findings if finding.suspicious or not failed)
    compared = f"{counts['generated']} generated and {counts['held_out']} held-out images were compared with the "
    compared += f"{counts['train']} training images."
    conclusion = "The generated are too near to them to be new" if failed else "The generated are no nearer to them"
    return f"{compared} {conclusion}: {said}."


def _words(finding: Finding) -> str:
    if finding.test == "closest":
        return f"{finding.effect:.0%} nearer than every held-out image ({finding.space})"
    measure = "distance" if finding.test == "nearer" else "against the second nearest"
    return f"nearer in {finding.effect:.0%} of comparisons, where 50% is chance ({finding.space}, {measure})"
