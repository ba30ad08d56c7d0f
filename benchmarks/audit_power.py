"""How often the audit flags a planted copier, and how often an honest generator.

    python -m benchmarks.audit_power data/emoji [--trials 100]

Each trial splits the folder anew into training, held-out and unseen images. The honest generators give unseen images,
as they are or the worse for it, as a generator that has learnt makes them; the copiers give training images in
disguise. The embeddings are made once, so a trial is as good as `python -m training audit` on that split and takes
moments.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks.report import RESULTS, Check, Report
from training.data import prepare
from training.evaluation.features import extractor
from training.evaluation.memorisation import MAX_TWINS, Finding, copies, judge, thumbnails
from training.evaluation.neighbours import leave_one_out, neighbours

Change = Callable[[np.ndarray], np.ndarray]
FLAGGED, TOLERATED = 0.95, 0.05


@dataclass(frozen=True)
class Generator:
    """change: what it does to the images it gives; copied: the share of them that are training images."""

    name: str
    change: str
    copied: float
    promised: bool = True


GENERATORS = (
    Generator("honest: unseen images", "none", 0),
    Generator("honest: unseen, noise of 10 levels", "noise 10", 0),
    Generator("honest: unseen, blurred", "blur", 0),
    Generator("honest: unseen, half the contrast", "dull", 0),
    Generator("copier: as they are", "none", 1),
    Generator("copier: noise of 10 levels", "noise 10", 1),
    Generator("copier: noise of 25 levels", "noise 25", 1),
    Generator("copier: blurred", "blur", 1),
    Generator("copier: mirrored", "mirror", 1, promised=False),
    Generator("copier: half the images, noise of 10 levels", "noise 10", 0.5),
    Generator("copier: a tenth of the images, noise of 10 levels", "noise 10", 0.1, promised=False),
)


def changes(images: np.ndarray) -> dict[str, Change]:
    random = np.random.default_rng(0)
    mean = images.mean(axis=0)

    def noise(levels: float) -> Change:
        return lambda x: np.clip(x + random.normal(0, levels, x.shape), 0, 255).astype(np.uint8)

    return {
        "none": lambda x: x,
        "noise 10": noise(10),
        "noise 25": noise(25),
        "blur": lambda x: gaussian_filter(x.astype(np.float32), (0, 1, 1, 0)).astype(np.uint8),
        "dull": lambda x: ((x + mean) / 2).astype(np.uint8),
        "mirror": lambda x: x[:, :, ::-1],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--train", type=int, default=0, help="training images of a trial (default: two thirds)")
    parser.add_argument("--generated", type=int, default=200, help="generated images of a trial (%(default)s)")
    parser.add_argument("--limit", type=int, default=4000, help="images of the folder that are used (%(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the table")
    options = parser.parse_args()
    report = Report(f"audit-power-{options.folder.name}", "Does the audit find copiers, and spare the honest?")
    with tempfile.TemporaryDirectory() as cache:
        images = prepare(options.folder, channels=3, cache=Path(cache)).images
        images = images[np.sort(np.random.default_rng(0).permutation(len(images))[: options.limit])]
    train = options.train or len(images) * 2 // 3
    held_out = train // 9
    unseen = len(images) - train - held_out
    if unseen < options.generated:
        parser.error(f"{len(images)} images leave {unseen} unseen, fewer than --generated {options.generated}")
    flagged = count(images, options.trials, train, held_out, options.generated)
    report.add(
        f"{options.folder}: {train} training and {held_out} held-out images, {options.generated} generated, "
        f"{options.trials} trials."
    )
    report.table(
        ["generator", "flagged"], [[one.name, f"{flagged[one.name]} of {options.trials}"] for one in GENERATORS]
    )
    report.checks(*checks(flagged, options.trials))
    return report.write(options.results)


def count(images: np.ndarray, trials: int, train: int, held_out: int, generated: int) -> dict[str, int]:
    """How many of the trials the audit flags, for each generator."""
    network = extractor("efficientnet-lite0")
    embedded = {
        change: {"pixels": thumbnails(apply(images)), network.name: network(apply(images))}
        for change, apply in changes(images).items()
    }
    flagged = dict.fromkeys((one.name for one in GENERATORS), 0)
    for random in map(np.random.default_rng, range(trials)):
        known, kept, new = np.split(random.permutation(len(images)), [train, train + held_out])
        replayed = random.choice(known, generated)
        judges = {space: Judge(points, known, kept) for space, points in embedded["none"].items()}
        for one in GENERATORS:
            copied = round(one.copied * generated)
            drawn = np.concatenate([replayed[:copied], new[: generated - copied]])
            findings = [
                finding
                for space, points in embedded[one.change].items()
                for finding in judges[space].findings(space, points[drawn])
            ]
            flagged[one.name] += copies(findings)
    return flagged


class Judge:
    """One space of one trial: all that does not depend on the generator, once."""

    def __init__(self, points: np.ndarray, known: np.ndarray, kept: np.ndarray) -> None:
        self._train = points[known].astype(np.float64)
        self._held_out = neighbours(points[kept], self._train)
        self._twins = leave_one_out(self._train, MAX_TWINS)

    def findings(self, space: str, generated: np.ndarray) -> list[Finding]:
        return judge(space, neighbours(generated, self._train), self._held_out, self._twins)


def checks(flagged: dict[str, int], trials: int) -> Iterator[Check]:
    for one in GENERATORS:
        if one.promised:
            share = flagged[one.name] / trials
            kept = share >= FLAGGED if one.copied else share <= TOLERATED
            limit = f"flagged in at least {FLAGGED:.0%}" if one.copied else f"flagged in at most {TOLERATED:.0%}"
            yield Check(f"{one.name}: {limit}", f"{share:.0%}", kept)


if __name__ == "__main__":
    raise SystemExit(main())
