"""From a folder to a trained run: lint -> dataset -> recipe -> loop. Also takes up a run that was stopped."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training import ranks
from training import run as runs
from training.budget import Budget
from training.config import (
    AutoencoderConfig,
    Config,
    DcganConfig,
    TesseraConfig,
    autoencoder_config,
    tessera_config,
)
from training.data.dataset import ImageSet, prepare
from training.data.training_set import TrainingSet
from training.energy import EnergyMeter
from training.evaluation.features import EfficientNetLite0
from training.judge import Judge, reference_of
from training.loop import Outcome, train
from training.recipes.autoencoder import AutoencoderRecipe
from training.recipes.dcgan import Dcgan
from training.recipes.recipe import Recipe
from training.recipes.tessera import CALIBRATION_IMAGES, EXAMPLES, Examples, Tessera

RECIPES = ("tessera", "dcgan", "autoencoder")
CACHE = "cache"


@dataclass(frozen=True)
class FitOptions:
    """What `fit` was asked for. Either `images` or `minutes`; resolution and channels None: chosen from the folder.

    processor_time: the minutes are of processor time (training/budget.py), to compare recipes. profile: see
    training/profiling.py.
    """

    folder: Path
    recipe: str = "tessera"
    minutes: float | None = None
    images: int | None = None
    resolution: int | None = None
    channels: int | None = None
    seed: int = 0
    device: str = "auto"
    processor_time: bool = False
    profile: bool = False


def fit(options: FitOptions, out: Path, head_start: float = 0.0) -> tuple[Path, Outcome]:
    """Trains on a folder and returns the run's folder. head_start: seconds already spent, of the minutes too.

    Raises DataError when the folder cannot be trained on, ValueError when the budget or the device makes no sense.
    """
    limits = {"minutes": options.minutes, "images": options.images, "processor_time": options.processor_time}
    budget = budget_of(limits, head_start)
    choose_device(options.device)
    begun = _begin(options, out, limits) if ranks.rank() == 0 else None
    run = ranks.from_first(lambda: begun[0] if begun else out)
    return run, _train(run, begun[1] if begun else images_of(run), budget, options.profile)


def resume(run: Path, head_start: float = 0.0) -> tuple[Path, Outcome]:
    """Goes on with a run from its latest checkpoint until its budget is spent. head_start as in `fit`.

    Fewer processes than it was begun with, if their number divides that, go on to the bit as those would have.
    """
    options = runs.read_options(run)
    budget = budget_of(options["budget"], head_start)
    with ranks.in_shares(options.get("ranks", 1)):
        return run, _train(run, images_of(run), budget)


def _begin(options: FitOptions, out: Path, limits: dict[str, Any]) -> tuple[Path, ImageSet]:
    """Makes the run's folder, with its options and its cache of images."""
    folder = options.folder.resolve()
    run = runs.create(out, f"{folder.name}-{options.recipe}")
    images = prepare(
        folder, resolution=options.resolution, channels=options.channels, cache=run / CACHE, seed=options.seed
    )
    config = _configure(options.recipe, images)
    runs.write_json(run / runs.LINT, images.report.to_json())
    runs.write_options(run, _describe(options, folder, images, config, limits))
    return run, images


def images_of(run: Path) -> ImageSet:
    """The images that a run was begun with. Raises ValueError when they have changed since."""
    options = runs.read_options(run)
    data = options["dataset"]
    images = prepare(
        Path(data["path"]),
        resolution=data["resolution"],
        channels=data["channels"],
        cache=run / CACHE,
        seed=options["seed"],
    )
    if images.sha256 != data["sha256"]:
        raise ValueError(f"{data['path']}: the images have changed since {run.name} began; start a new run with `fit`")
    return images


def config_of(options: dict[str, Any]) -> Config:
    """The frozen configuration that a run's options hold."""
    kinds: dict[str, type[Config]] = {
        "dcgan": DcganConfig,
        "tessera": TesseraConfig,
        "autoencoder": AutoencoderConfig,
    }
    return kinds[options["recipe"]](**options["config"])


def _configure(recipe: str, images: ImageSet) -> Config:
    resolution, channels = images.images.shape[1], images.images.shape[3]
    if recipe == "dcgan":
        return DcganConfig(resolution, channels)
    if recipe == "autoencoder":
        return autoencoder_config(resolution, channels, len(images.class_names))
    return tessera_config(resolution, channels, len(images.class_names))


def _describe(
    options: FitOptions,
    folder: Path,
    images: ImageSet,
    config: Config,
    limits: dict[str, Any],
) -> dict[str, Any]:
    dataset = {
        "name": images.name,
        "path": str(folder),
        "sha256": images.sha256,
        "count": len(images.images),
        "held_out": len(images.held_out),
        "class_names": list(images.class_names),
        "resolution": images.images.shape[1],
        "channels": images.images.shape[3],
    }
    return {
        "recipe": options.recipe,
        "config": dataclasses.asdict(config),
        "dataset": dataset,
        "budget": limits,
        "seed": options.seed,
        "device": str(choose_device(options.device)),
        "threads": torch.get_num_threads(),
        "ranks": ranks.shares(),
        **runs.environment(),
    }


def _train(run: Path, images: ImageSet, budget: Budget, profile: bool = False) -> Outcome:
    options = runs.read_options(run)
    config = config_of(options)
    _check_shares(config.batch_size)
    device = ranks.device(choose_device(options["device"]))
    torch.set_num_threads(options["threads"])  # sums are rounded otherwise with other threads
    log = runs.RunLog(run) if ranks.rank() == 0 else runs.SilentLog()
    try:
        log.say(images.report.table())
        log.say(f"{run}: {options['recipe']} on {device}, {images.images.shape[1]} pixels, {len(images.train)} images")
        if ranks.shares() != (begun_with := options.get("ranks", 1)):
            log.say(f"begun by {begun_with} and now {ranks.size()} processes: from here on sums are rounded otherwise")
        if device.type == "cpu" or ranks.size() == 1:  # of several GPUs a process counts its own only
            budget.meter = EnergyMeter(device)
        data = TrainingSet(images.images, images.labels, images.train)
        torch.manual_seed(options["seed"])
        recipe = _build(config, data, device, options["seed"])
        return train(
            run, recipe, data, budget, judge_of(images, options["threads"]), log, device, options["seed"], profile
        )
    finally:
        log.close()


def _check_shares(batch_size: int) -> None:
    """Every share has to hold pairs of images: the heads of the default recipe look at every second one."""
    if batch_size % (2 * ranks.shares()):
        raise ValueError(f"a batch of {batch_size} images cannot be shared by {ranks.shares()} processes: use fewer")


def judge_of(images: ImageSet, threads: int) -> Judge:
    """What the loop compares its pictures with: held-out images, where there are enough."""
    return Judge(EfficientNetLite0(threads=threads), reference_of(images.images, images.held_out, images.train))


def budget_of(limits: dict[str, Any], head_start: float = 0.0) -> Budget:
    """From the `budget` of a run's options."""
    minutes = limits["minutes"]
    seconds = None if minutes is None else minutes * 60
    return Budget(limits["images"], seconds, limits["processor_time"], head_start)


def _build(config: Config, data: TrainingSet, device: torch.device, seed: int) -> Recipe:
    if isinstance(config, DcganConfig):
        return Dcgan(config, device)
    if isinstance(config, AutoencoderConfig):
        return AutoencoderRecipe(config, device, sample_of(data, device, seed), len(data))
    return Tessera(config, device, _examples(data, device, seed))


def _examples(data: TrainingSet, device: torch.device, seed: int) -> Examples:
    """The set in a random order, cut into turns; the last one goes on into the first."""
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(data))
    count = min(EXAMPLES, len(data))

    def turn(number: int) -> tuple[Tensor, Tensor]:
        return data.batch(np.take(order, np.arange(number * count, (number + 1) * count), mode="wrap"), device)

    return turn


def sample_of(data: TrainingSet, device: torch.device, seed: int) -> Tensor:
    """Some of the training images, float32 [N, C, R, R]: what the scale of frozen features is taken from."""
    chosen = np.random.Generator(np.random.PCG64(seed)).permutation(len(data))[:CALIBRATION_IMAGES]
    images, _ = data.batch(np.sort(chosen), device)
    return images


def choose_device(name: str) -> torch.device:
    """`auto` is the GPU when there is one. Raises ValueError for a device that this machine does not have."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, index = name.partition(":")
    count = {"cpu": 1, "cuda": torch.cuda.device_count()}.get(kind, 0)
    if not (index or "0").isdigit() or int(index or 0) >= count:
        raise ValueError(f"--device {name}: not a device of this machine; give auto, cpu or, with a GPU, cuda")
    return torch.device(name)
