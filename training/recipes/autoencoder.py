"""The autoencoder recipe: reconstruct, by pixels and by frozen features, and keep the codes small and without holes.

Loss: |y - x|^2; the same over the standardised maps of a frozen network, which keeps the edges that the square alone
would blur; and |code|^2 (RAE-L2, Ghosh et al. 2020). Noise on the code makes neighbouring codes decode alike, so that
what the prior draws between the codes of real images is an image too.
"""

import copy
import dataclasses

import torch
from torch import Tensor

from training import ranks
from training.checkpoint import State
from training.config import AutoencoderConfig
from training.networks.autoencoder import Autoencoder
from training.networks.frozen_features import FrozenFeatures, distance
from training.networks.generator import ImageGenerator
from training.precision import autocast
from training.recipes.recent_codes import RecentCodes
from training.recipes.restore import restore
from training.recipes.schedule import pace
from training.shares import InShares


class AutoencoderRecipe:
    """`sample`, real images [N, C, R, R], sets the scale of the features; `count` is how many there are to train on."""

    family = "autoencoder"

    def __init__(self, config: AutoencoderConfig, device: torch.device, sample: Tensor, count: int) -> None:
        self.batch_size = config.batch_size
        self._asked = self._config = config
        self._device = device
        shape = (config.resolution, config.channels, config.num_classes)
        network = Autoencoder(*shape, config.code_dim, config.components)
        self._network = network.to(device).to(memory_format=torch.channels_last)
        self._features = FrozenFeatures().to(device).to(memory_format=torch.channels_last)
        self._features.calibrate(sample)
        self._parts = [InShares(part) for part in (network.encoder, network.decoder)]
        self._look = InShares(self._features)
        self._adam = torch.optim.Adam(network.parameters(), config.lr, (config.beta1, config.beta2), fused=True)
        self._codes = RecentCodes(max(config.batch_size, min(count, config.prior_codes)), config.code_dim, device)
        self._steps = 0
        self._fitted_at = 0

    @property
    def published(self) -> ImageGenerator:
        """With a prior for the latest codes; to fit that takes a second or so, once a step."""
        if self._fitted_at != self._steps:
            self._codes.fit(self._network.prior)
            self._fitted_at = self._steps
        return copy.deepcopy(self._network).eval()

    def step(self, images: Tensor, labels: Tensor, progress: float) -> dict[str, Tensor]:
        config = self._config
        pace(self._adam, config, self._steps, progress)
        encode, decode = self._parts
        images = images.contiguous(memory_format=torch.channels_last)
        with autocast(self._device):
            codes = encode(images)
            drawn = decode(codes + config.noise * ranks.normal(len(codes), config.code_dim, self._device), labels)
        pixels = (drawn - images).square().mean()
        chosen = slice(None, None, config.feature_share)
        with torch.no_grad():
            goals = self._look(images[chosen])
        features = distance(self._look(drawn[chosen]), goals)
        size = codes.square().sum(1).mean()
        self._adam.zero_grad()
        (pixels + config.feature_weight * features + config.code_weight * size).backward()
        for part in self._parts:
            part.average_gradients()
        self._adam.step()
        self._codes.add(ranks.gathered(codes), ranks.gathered(labels))
        self._steps += 1
        numbers = {"Loss/pixels": pixels, "Loss/features": features, "Loss/codes": size}
        return {name: value.detach() for name, value in numbers.items()}

    def gentler(self, times: int) -> None:
        """Half the learning rate each time."""
        self._config = dataclasses.replace(self._asked, lr=self._asked.lr / 2**times)

    def state(self) -> State:
        return {
            "steps": self._steps,
            "codes": self._codes.state(),
            "published": self.published.state_dict(),
            "adam": self._adam.state_dict(),
        }

    def load(self, state: State) -> None:
        self._steps = self._fitted_at = state["steps"]
        self._codes.load(state["codes"])
        restore({"published": self._network, "adam": self._adam}, state)
