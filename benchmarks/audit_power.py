"""How often the audit flags a planted copier, and how often an honest generator.

    python -m benchmarks.audit_power data/avatars data/emoji data/fashion data/animals-food

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


@dataclass(frozen=True)
class Trial:
    """How many images of each kind; a tenth of what was not kept back as unseen is held out, as in a real run."""

    train: int
    held_out: int
    generated: int

    @classmethod
    def of(cls, images: int, generated: int) -> "Trial":
        train = images * 2 // 3
        held_out = train // 9
        return cls(train, held_out, min(generated, images - train - held_out))


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
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--generated", type=int, default=200, help="generated images of a trial, at most (%(default)s)")
    parser.add_argument("--limit", type=int, default=4000, help="images of a folder that are used (%(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the table")
    options = parser.parse_args()
    report = Report("audit-power", "Does the audit find copiers, and spare the honest?")
    flagged = {}
    for folder in options.folders:
        images = load(folder, options.limit)
        trial = Trial.of(len(images), options.generated)
        report.add(
            f"{folder}: {trial.train} training and {trial.held_out} held-out images, {trial.generated} generated, "
            f"{options.trials} trials."
        )
        flagged[folder.name] = count(images, options.trials, trial)
    rows = [[one.name, *(f"{found[one.name]} of {options.trials}" for found in flagged.values())] for one in GENERATORS]
    report.table(["flagged", *flagged], rows)
    report.checks(*(check for name, found in flagged.items() for check in checks(name, found, options.trials)))
    return report.write(options.results)


def load(folder: Path, limit: int) -> np.ndarray:
    """At most `limit` images, uint8 [N, R, R, 3]."""
    with tempfile.TemporaryDirectory() as cache:
        images = prepare(folder, channels=3, cache=Path(cache)).images
        return images[np.sort(np.random.default_rng(0).permutation(len(images))[:limit])]


def count(images: np.ndarray, trials: int, trial: Trial) -> dict[str, int]:
    """How many of the trials the audit flags, for each generator."""
    network = extractor("efficientnet-lite0")
    embedded = {
        change: {"pixels": thumbnails(apply(images)), network.name: network(apply(images))}
        for change, apply in changes(images).items()
    }
    flagged = dict.fromkeys((one.name for one in GENERATORS), 0)
    for random in map(np.random.default_rng, range(trials)):
        known, kept, new = np.split(random.permutation(len(images)), [trial.train, trial.train + trial.held_out])
        replayed = random.choice(known, trial.generated)
        judges = {space: Judge(points, known, kept) for space, points in embedded["none"].items()}
        for one in GENERATORS:
            copied = round(one.copied * trial.generated)
            drawn = np.concatenate([replayed[:copied], new[: trial.generated - copied]])
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


def checks(folder: str, flagged: dict[str, int], trials: int) -> Iterator[Check]:
    for one in GENERATORS:
        if one.promised:
            share = flagged[one.name] / trials
            kept = share >= FLAGGED if one.copied else share <= TOLERATED
            limit = f"flagged in at least {FLAGGED:.0%}" if one.copied else f"flagged in at most {TOLERATED:.0%}"
            yield Check(f"{folder}, {one.name}: {limit}", f"{share:.0%}", kept)


if __name__ == "__main__":
    raise SystemExit(main())
