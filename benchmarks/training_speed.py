"""Images a second in training: the recipe `dcgan` against a plain loop of the tutorial's kind with the same networks.

    python -m benchmarks.training_speed

The plain loop is the tutorial's own as it is written once its listing runs (docs/tutorial-errata.md): a DataLoader over
normalised tensors, NCHW, float32, Adam as it comes. Each has a process of its own, as in life: in one they would share
the heap, and what the trainer asks of it (training/memory.py). They take turns, a few steps each, so that whatever else
the machine does hits both alike (where that is much, processor time tells more). Noise costs as much as images do.
"""

import argparse
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from training.config import DcganConfig
from training.data.order import Order
from training.data.training_set import TrainingSet
from training.memory import keep_freed_memory
from training.networks.dcgan import Discriminator, Generator
from training.recipes.dcgan import Dcgan

TARGET = 1.3
CPU = torch.device("cpu")
IMAGES = 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=100.0, help="in all (default: %(default)s)")
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--steps", type=int, default=2, help="in a turn (default: %(default)s)")
    options = parser.parse_args()
    config = DcganConfig(options.resolution, 3)
    with ExitStack() as processes:
        loops = {
            name: processes.enter_context(in_a_process(make, config))
            for name, make in {"plain loop": plain_loop, "recipe dcgan": recipe_loop}.items()
        }
        turns = alternate(loops, options.seconds, options.steps)
    print("| | images/s on the clock | images/s of processor time |\n|---|--:|--:|")
    images = options.steps * config.batch_size
    for name, spent in turns.items():
        on_the_clock, of_processor = (statistics.median(images / turn[clock] for turn in spent) for clock in (0, 1))
        print(f"| {name} | {on_the_clock:.1f} | {of_processor:.1f} |")
    plain, recipe = turns.values()
    ratios = [statistics.median(a[clock] / b[clock] for a, b in zip(plain, recipe, strict=True)) for clock in (0, 1)]
    print(f"| ratio, median of {len(plain)} turns | {ratios[0]:.2f} | {ratios[1]:.2f} |")
    return 0 if ratios[0] >= TARGET else 1


Turn = Callable[[int], tuple[float, float]]
"""Makes so many steps; returns seconds on the clock, and of processor time."""


def alternate(loops: dict[str, Turn], seconds: float, steps: int) -> dict[str, list[tuple[float, float]]]:
    """What every turn of each loop took, after a step that does not count."""
    for turn in loops.values():
        turn(1)
    turns: dict[str, list[tuple[float, float]]] = {name: [] for name in loops}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, turn in loops.items():
            turns[name].append(turn(steps))
    return turns


@contextmanager
def in_a_process(make: Callable[[DcganConfig], Callable[[], None]], config: DcganConfig) -> Iterator[Turn]:
    """The loop that `make` makes, in a process that does nothing between its turns."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=take_turns, args=(make, config, theirs), daemon=True)
    process.start()

    def turn(steps: int) -> tuple[float, float]:
        ours.send(steps)
        took: tuple[float, float] = ours.recv()
        return took

    yield turn
    ours.send(0)
    process.join()


def take_turns(make: Callable[[DcganConfig], Callable[[], None]], config: DcganConfig, asked: Connection) -> None:
    step = make(config)
    while steps := asked.recv():
        began, began_processor = time.perf_counter(), time.process_time()
        for _ in range(steps):
            step()
        asked.send((time.perf_counter() - began, time.process_time() - began_processor))


def noise(resolution: int) -> np.ndarray:
    """Pixels uint8 [IMAGES, R, R, 3]."""
    return np.random.default_rng(0).integers(0, 256, (IMAGES, resolution, resolution, 3), np.uint8)


def recipe_loop(config: DcganConfig) -> Callable[[], None]:
    """A step as training/loop.py makes it."""
    keep_freed_memory()
    pixels = noise(config.resolution)
    data = TrainingSet(pixels, np.zeros(len(pixels), np.int64), np.arange(len(pixels)))
    order, recipe = Order(len(data), config.batch_size, 0), Dcgan(config, CPU)

    def step() -> None:
        images, labels = data.batch(order.next(), CPU)
        recipe.step(images, labels, 0.0)

    return step


def plain_loop(config: DcganConfig) -> Callable[[], None]:
    generator = Generator(config.resolution, config.channels, config.z_dim, config.width)
    discriminator = Discriminator(config.resolution, config.channels, config.width)
    criterion = nn.BCEWithLogitsLoss()
    generator_adam = torch.optim.Adam(generator.parameters(), config.lr, (config.beta1, config.beta2))
    discriminator_adam = torch.optim.Adam(discriminator.parameters(), config.lr, (config.beta1, config.beta2))
    batches = endless(
        torch.from_numpy(noise(config.resolution)).permute(0, 3, 1, 2).float() / 127.5 - 1, config.batch_size
    )

    def step() -> None:
        real = next(batches)
        ones, zeros = torch.ones(len(real)), torch.zeros(len(real))

        discriminator.zero_grad()
        loss_real = criterion(discriminator(real), ones)
        loss_real.backward()
        fake = generator(torch.randn(len(real), config.z_dim), None)
        loss_fake = criterion(discriminator(fake.detach()), zeros)
        loss_fake.backward()
        discriminator_adam.step()

        generator.zero_grad()
        criterion(discriminator(fake), ones).backward()
        generator_adam.step()

    return step


def endless(images: Tensor, batch_size: int) -> Iterator[Tensor]:
    loader = DataLoader(TensorDataset(images.contiguous()), batch_size, shuffle=True, drop_last=True)
    while True:
        for (batch,) in loader:
            yield batch


if __name__ == "__main__":
    sys.exit(main())
