"""An encoder for the generator of a finished run, trained in the run's folder, from where publish takes it.

RUN/encoder is a run folder of its own kind: options, log, curves and checkpoints. Its options hold the fingerprint of
the generator that it was trained for, and it serves no other.
"""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import torch

from training import checkpoint
from training import run as runs
from training.config import EncoderConfig
from training.data.training_set import TrainingSet
from training.energy import EnergyMeter
from training.fit import budget_of, choose_device, images_of, judge_of, sample_of
from training.loop import Outcome, train
from training.recipes.encoder import EncoderRecipe
from training.snapshot import ENCODER, load_bare
from training.weights import weights_sha256


def add_encoder(run: Path, limits: dict[str, Any], device: str = "auto", head_start: float = 0.0) -> Outcome:
    """Trains an encoder until the budget is spent; goes on with one that was stopped, whose limits then hold.

    limits: {"minutes", "images", "processor_time"}, as in a run's options; head_start as in `fit`. Raises
    FileNotFoundError or CheckpointError where there is no run to read, ValueError when its generator has an encoder of
    its own or the images have changed.
    """
    budget_of(limits)  # before anything is begun
    choose_device(device)
    snapshot = load_bare(run)
    if hasattr(snapshot.generator, "encode"):
        raise ValueError(f"{run}: an {snapshot.options['recipe']} encodes already")
    images, made_for = images_of(run), weights_sha256(snapshot.generator)
    folder = run / ENCODER
    if not _unfinished(folder, made_for):
        _begin(folder, made_for, limits, device)
    options = runs.read_options(folder)
    chosen, seed, threads = choose_device(options["device"]), snapshot.options["seed"], options["threads"]
    torch.set_num_threads(threads)
    config = EncoderConfig(**options["config"])
    log = runs.RunLog(folder)
    try:
        log.say(f"{folder}: an encoder for {snapshot.options['recipe']} on {chosen}, {len(images.train)} images")
        budget = budget_of(options["budget"], head_start)
        budget.meter = EnergyMeter(chosen)
        data = TrainingSet(images.images, images.labels, images.train)
        torch.manual_seed(seed)
        sample = sample_of(data, chosen, seed)
        recipe = EncoderRecipe(config, snapshot.generator, chosen, sample)
        return train(folder, recipe, data, budget, judge_of(images, threads), log, chosen, seed)
    finally:
        log.close()


def _unfinished(folder: Path, made_for: str) -> bool:
    """Is there one for this very generator, stopped before its budget was spent?"""
    path = checkpoint.latest(folder)
    if path is None or runs.read_options(folder)["generator_sha256"] != made_for:
        return False
    return bool(checkpoint.read(path)["budget"]["progress"] < 1)


def _begin(folder: Path, made_for: str, limits: dict[str, Any], device: str) -> None:
    """In the place of an earlier one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    options = {
        "config": dataclasses.asdict(EncoderConfig()),
        "generator_sha256": made_for,
        "budget": limits,
        "device": str(choose_device(device)),
        "threads": torch.get_num_threads(),
        **runs.environment(),
    }
    runs.write_options(folder, options)
