"""What is judged: the generator of a run or of a published model, and the real images that it is held against."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.data.dataset import ImageSet, prepare
from training.fit import images_of
from training.manifest import FILE
from training.networks.generator import ImageGenerator
from training.published import read_published
from training.snapshot import load_generator


@dataclass(frozen=True)
class Subject:
    """generator: eval mode, float32, CPU. images: of its size and channels; held out are those that training never saw,
    if they are the folder that it was trained on. labels int64 [M]: the classes to draw, each as often as it is to
    come."""

    generator: ImageGenerator
    images: ImageSet
    labels: np.ndarray


def of_run(run: Path) -> Subject:
    """A run beside the images it was begun with. Raises ValueError when they have changed since."""
    images = images_of(run)
    return Subject(load_generator(run).generator, images, images.labels)


def of(path: Path, folder: Path | None, cache: Path) -> Subject:
    """A run, beside its own images if no folder is named, or a published model beside a folder.

    cache: where the folder's images are decoded to; the subject needs it as long as it lives. Raises FileNotFoundError
    if `path` is neither, ValueError for a published model without a folder or one that is damaged.
    """
    if (path / FILE).is_file():
        if folder is None:
            raise ValueError(f"{path} is a published model: name the folder of images to compare it with, too")
        published = read_published(path)
        training = published.manifest["training"]
        return _beside(published.generator, tuple(published.manifest["classes"]), training["seed"], folder, cache)
    if folder is None:
        return of_run(path)
    snapshot = load_generator(path)
    classes = tuple(snapshot.options["dataset"]["class_names"])
    return _beside(snapshot.generator, classes, snapshot.options["seed"], folder, cache)


def _beside(generator: ImageGenerator, classes: tuple[str, ...], seed: int, folder: Path, cache: Path) -> Subject:
    """With the seed of training the folder of training falls into the same parts again."""
    images = prepare(
        folder, resolution=generator.img_resolution, channels=generator.img_channels, cache=cache, seed=seed
    )
    if generator.num_classes and images.class_names != classes:
        return Subject(generator, images, np.arange(generator.num_classes))
    return Subject(generator, images, images.labels)
