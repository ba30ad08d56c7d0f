"""A few steps of the default recipe, as one rank of however many the environment speaks of. Run by test_ranks.py."""

import json
import sys

import torch

from training import precision, ranks
from training.config import TesseraConfig
from training.recipes.tessera import Tessera

CPU = torch.device("cpu")


def follow(steps: int) -> dict[str, list[float]]:
    """The losses of each step by name, and the sum of each of the generator's weights."""
    torch.manual_seed(0)
    with ranks.joined():
        images, labels = torch.rand(16, 1, 32, 32) * 2 - 1, torch.arange(16) % 2
        recipe = Tessera(TesseraConfig(32, 1, num_classes=2, batch_size=16), CPU, lambda turn: (images, labels))
        said = []
        for _ in range(steps):
            numbers = recipe.step(ranks.share(images), ranks.share(labels), 0.1)
            said.append(ranks.averages(numbers))
        found = {name: [step[name] for step in said] for name in ("Loss/G", "Loss/heads", "Drift/length")}
        return found | {"weights": [float(weight.double().sum()) for weight in recipe.published.parameters()]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    precision.native_bfloat16 = lambda device: False
    print(json.dumps(follow(int(sys.argv[1]))))
