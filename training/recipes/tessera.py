"""The default recipe: drifting on frozen features, from small pictures to large ones.

The drift (training/drift.py) leads the generator to real images as a pretrained network sees them, and keeps its
variety; small heads on the same features, trained against it, sharpen what the drift leaves soft (Projected GAN, Sauer
et al. 2021). Within the minutes that a small team has this beat every game on pixels that was tried (EXPERIMENTS.md).
"""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training import ranks
from training.checkpoint import State
from training.config import TesseraConfig
from training.drift import Drift
from training.ema import Ema
from training.losses import hinge
from training.networks.descriptors import describe
from training.networks.feature_heads import FeatureHeads
from training.networks.frozen_features import FrozenFeatures
from training.networks.generator import ImageGenerator
from training.networks.tessera import Generator
from training.precision import autocast
from training.recipes.restore import Parts, restore
from training.recipes.schedule import pace
from training.shares import InShares

EXAMPLES = 2048
"""Real images that the generator is compared with at a time; a larger folder takes turns."""
TURN_STEPS = 256
CALIBRATION_IMAGES = 256
DESCRIBED_AT_ONCE = 64

Examples = Callable[[int], tuple[Tensor, Tensor]]
"""A turn, 0, 1, ... -> at most EXAMPLES real images [N, C, R, R] float32 in [-1, 1] and their labels int64 [N]; always
the same for the same turn."""


class Tessera:
    """One generator. It draws R x R pictures from the last of `config.grow_at` on, and smaller ones before."""

    family = "tessera-gan"

    def __init__(self, config: TesseraConfig, device: torch.device, examples: Examples) -> None:
        self.batch_size = config.batch_size
        self._asked = self._config = config
        self._device = device
        self._examples = examples
        self._side = self._side_at(0.0)
        self._features = FrozenFeatures().to(device).to(memory_format=torch.channels_last)
        shapes = self._features.calibrate(examples(0)[0][:CALIBRATION_IMAGES])
        self._generator = Generator(config.resolution, config.channels, config.num_classes, config.z_dim)
        self._heads = FeatureHeads(shapes, config.num_classes)
        self._networks: dict[str, nn.Module] = {"generator": self._generator, "heads": self._heads}
        for network in self._networks.values():
            network.to(device).to(memory_format=torch.channels_last)
        self._in_shares = {name: InShares(network) for name, network in self._networks.items()}
        self._look = InShares(self._features)
        self._adams = {
            name: torch.optim.Adam(network.parameters(), config.lr, (beta1, config.beta2), fused=True)
            for (name, network), beta1 in zip(self._networks.items(), (config.beta1, 0.0), strict=True)
        }
        self._ema = Ema(self._generator, config.ema_half_life)  # it always draws in full
        self._steps = 0
        self._compare()

    @property
    def published(self) -> ImageGenerator:
        return self._ema.module

    def step(self, images: Tensor, labels: Tensor, progress: float) -> dict[str, Tensor]:
        self._schedule(progress)
        if self._side != self._side_at(progress):
            self._side = self._side_at(progress)
            self._compare()
        elif self._turns and self._steps % TURN_STEPS == 0:
            self._compare(self._drift.state())
        z = ranks.normal(len(images), self._config.z_dim, self._device)
        with autocast(self._device):
            fakes = self._in_shares["generator"](z, labels)
        maps = self._look(fakes)
        drift, length = self._drift.loss(describe(fakes, maps), labels)
        judged, loss_heads = self._judged_by_heads(self._smaller(images), maps, labels)
        loss = drift + self._config.heads_weight * judged
        self._descend("generator", loss)
        self._steps += 1
        self._ema.update(self.batch_size, self._steps * self.batch_size)
        return {"Loss/G": loss.detach(), "Loss/heads": loss_heads, "Drift/length": length}

    def _judged_by_heads(self, images: Tensor, fake_maps: list[Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
        """Trains the heads on real and generated images, then lets them judge; returns both losses."""
        heads = self._in_shares["heads"]
        chosen = slice(None, None, self._config.heads_share)
        labels = labels[chosen]
        fake_maps = [m[chosen] for m in fake_maps]
        with torch.no_grad():
            real_maps = self._look(images[chosen])
        with autocast(self._device):
            loss = hinge(heads(real_maps, labels), heads([m.detach() for m in fake_maps], labels))
        self._descend("heads", loss)
        self._heads.requires_grad_(False)
        with autocast(self._device):
            judged = -heads(fake_maps, labels).mean()
        self._heads.requires_grad_(True)
        return judged, loss.detach()

    def _descend(self, which: str, loss: Tensor) -> None:
        self._adams[which].zero_grad()
        loss.backward()
        self._in_shares[which].average_gradients()
        self._adams[which].step()

    @torch.no_grad()
    def _compare(self, remembered: State | None = None) -> None:
        """From now on with this turn's real images, at the present side; `remembered`: the state of the last Drift."""
        self._generator.side = self._side
        # The scale of the features is that of the first turn always, so that a resumed run finds the same.
        self._features.calibrate(self._smaller(self._examples(0)[0][:CALIBRATION_IMAGES]))
        images, labels = self._examples(self._steps // TURN_STEPS)
        self._turns = len(images) == EXAMPLES
        batches = [self._smaller(part) for part in images.split(DESCRIBED_AT_ONCE)]
        described = [describe(batch, self._features(batch)) for batch in batches]
        self._drift = Drift([torch.cat(parts, 1) for parts in zip(*described, strict=True)], labels)
        if remembered is not None:
            self._drift.load(remembered)

    def _smaller(self, images: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(images, self._side).contiguous(memory_format=torch.channels_last)

    def _side_at(self, progress: float) -> int:
        grown = sum(progress >= begin for begin in self._config.grow_at)
        return self._config.resolution >> (len(self._config.grow_at) - grown)

    def _schedule(self, progress: float) -> None:
        for adam in self._adams.values():
            pace(adam, self._config, self._steps, progress)

    def gentler(self, times: int) -> None:
        """Half the learning rate and half the weight of the heads each time."""
        asked, part = self._asked, 0.5**times
        self._config = dataclasses.replace(asked, lr=asked.lr * part, heads_weight=asked.heads_weight * part)

    def state(self) -> State:
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return {"steps": self._steps, "side": self._side, "drift": self._drift.state(), **parts}

    def load(self, state: State) -> None:
        self._steps, self._side = state["steps"], state["side"]
        restore(self._parts(), state)
        self._compare(state["drift"])

    def _parts(self) -> Parts:
        adams = {f"{name}_adam": adam for name, adam in self._adams.items()}
        return {**self._networks, "average": self._ema.module, **adams}
