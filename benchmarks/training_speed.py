"""Images a second in training: the recipe `dcgan` against a plain loop of the tutorial's kind with the same networks.

    python -m benchmarks.training_speed

The plain loop is the tutorial's own as it is written once its listing runs (docs/tutorial-errata.md): a DataLoader over
normalised tensors, NCHW, float32, Adam as it comes. The two take turns, a few steps each, so that whatever else the
machine does hits both alike (where that is much, processor time tells more). Noise costs as much as images do.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from training.config import DcganConfig
from training.data.order import Order
from training.data.training_set import TrainingSet
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
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, options.resolution, options.resolution, 3), np.uint8)
    loops = {"plain loop": plain_loop(config, pixels), "recipe dcgan": recipe_loop(config, pixels)}
    print("| | images/s on the clock | images/s of processor time |\n|---|--:|--:|")
    turns = alternate(loops, options.seconds, options.steps)
    images = options.steps * config.batch_size
    for name, spent in turns.items():
        on_the_clock, of_processor = (statistics.median(images / turn[clock] for turn in spent) for clock in (0, 1))
        print(f"| {name} | {on_the_clock:.1f} | {of_processor:.1f} |")
    plain, recipe = turns.values()
    ratios = [statistics.median(a[clock] / b[clock] for a, b in zip(plain, recipe, strict=True)) for clock in (0, 1)]
    print(f"| ratio, median of {len(plain)} turns | {ratios[0]:.2f} | {ratios[1]:.2f} |")
    return 0 if ratios[0] >= TARGET else 1


def alternate(loops: dict[str, Callable[[], None]], seconds: float, steps: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds on the clock, and of processor time, of every turn of each loop, after a step that does not count."""
    for step in loops.values():
        step()
    turns: dict[str, list[tuple[float, float]]] = {name: [] for name in loops}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, step in loops.items():
            began, began_processor = time.perf_counter(), time.process_time()
            for _ in range(steps):
                step()
            turns[name].append((time.perf_counter() - began, time.process_time() - began_processor))
    return turns


def recipe_loop(config: DcganConfig, pixels: np.ndarray) -> Callable[[], None]:
    """A step as training/loop.py makes it."""
    data = TrainingSet(pixels, np.zeros(len(pixels), np.int64), np.arange(len(pixels)))
    order, recipe = Order(len(data), config.batch_size, 0), Dcgan(config, CPU)

    def step() -> None:
        images, labels = data.batch(order.next(), CPU)
        recipe.step(images, labels, 0.0)

    return step


def plain_loop(config: DcganConfig, pixels: np.ndarray) -> Callable[[], None]:
    generator = Generator(config.resolution, config.channels, config.z_dim, config.width)
    discriminator = Discriminator(config.resolution, config.channels, config.width)
    criterion = nn.BCEWithLogitsLoss()
    generator_adam = torch.optim.Adam(generator.parameters(), config.lr, (config.beta1, config.beta2))
    discriminator_adam = torch.optim.Adam(discriminator.parameters(), config.lr, (config.beta1, config.beta2))
    batches = endless(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1, config.batch_size)

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
