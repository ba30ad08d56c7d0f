"""The default recipe: a relativistic game on pixels with both gradient penalties, and a judge on frozen features.

The pixel discriminator keeps variety; the frozen features, which know what clean images look like before the first
step, save most of the time a discriminator needs to learn it. Each counts as much as EXPERIMENTS.md found best.
"""

import dataclasses
import math

import torch
from torch import Tensor, nn

from training import ranks
from training.checkpoint import State
from training.config import TesseraConfig
from training.data.augment import augment
from training.ema import Ema
from training.losses import gradient_penalty, hinge, relativistic
from training.networks.feature_heads import FeatureHeads
from training.networks.frozen_features import FrozenFeatures
from training.networks.generator import ImageGenerator
from training.networks.tessera import Discriminator, Generator
from training.precision import autocast
from training.recipes.restore import Parts, restore

CALIBRATION_IMAGES = 256


class Tessera:
    """One generator, two judges. `sample`, real images [N, C, R, R], sets the scale of the features."""

    family = "tessera-gan"

    def __init__(self, config: TesseraConfig, device: torch.device, sample: Tensor) -> None:
        self.batch_size = config.batch_size
        self._asked = self._config = config
        self._device = device
        shape = (config.resolution, config.channels, config.num_classes)
        self._generator = Generator(*shape, config.z_dim).to(device).to(memory_format=torch.channels_last)
        self._discriminator = Discriminator(*shape).to(device).to(memory_format=torch.channels_last)
        self._features = FrozenFeatures().to(device).to(memory_format=torch.channels_last)
        self._heads = FeatureHeads(self._features.calibrate(sample), config.num_classes).to(device)
        self._ema = Ema(self._generator, config.ema_half_life)
        self._networks: dict[str, nn.Module] = {
            "generator": self._generator,
            "discriminator": self._discriminator,
            "heads": self._heads,
        }
        self._adams = {name: self._adam(network) for name, network in self._networks.items()}
        self._steps = 0

    @property
    def published(self) -> ImageGenerator:
        return self._ema.module

    def step(self, images: Tensor, labels: Tensor, progress: float) -> dict[str, Tensor]:
        self._schedule(progress)
        images = images.contiguous(memory_format=torch.channels_last)
        z = ranks.normal(len(images), self._config.z_dim, self._device)
        with autocast(self._device):
            fakes = self._generator(z, labels)
        numbers = self._train_discriminator(images, fakes.detach(), labels)
        loss = self._judged_by_pixels(images, fakes, labels)
        numbers["Loss/G"] = loss.detach()
        loss = loss + self._feature_weight(progress) * self._judged_by_features(images, fakes, labels, numbers)
        self._descend("generator", loss)
        self._steps += 1
        self._ema.update(self.batch_size, self._steps * self.batch_size)
        return numbers

    def _train_discriminator(self, images: Tensor, fakes: Tensor, labels: Tensor) -> dict[str, Tensor]:
        penalised = self._steps % self._config.penalty_every == 0
        images = images.detach().requires_grad_(penalised)
        fakes = fakes.requires_grad_(penalised)
        with autocast(self._device):
            judged = torch.cat([augment(half, self._config.augment) for half in (images, fakes)])
            real, fake = self._discriminator(judged, labels.repeat(2)).chunk(2)
        loss = relativistic(real, fake)
        numbers = {"Loss/D": loss.detach()}
        if penalised:
            r1, r2 = gradient_penalty(real, images), gradient_penalty(fake, fakes)
            numbers |= {"Penalty/R1": r1.detach(), "Penalty/R2": r2.detach()}
            loss = loss + self._config.gamma / 2 * self._config.penalty_every * (r1 + r2)
        self._descend("discriminator", loss)
        return numbers

    def _judged_by_pixels(self, images: Tensor, fakes: Tensor, labels: Tensor) -> Tensor:
        self._discriminator.requires_grad_(False)
        with autocast(self._device):
            with torch.no_grad():
                real = self._discriminator(augment(images, self._config.augment), labels)
            fake = self._discriminator(augment(fakes, self._config.augment), labels)
        self._discriminator.requires_grad_(True)
        return relativistic(fake, real)

    def _judged_by_features(self, images: Tensor, fakes: Tensor, labels: Tensor, numbers: dict[str, Tensor]) -> Tensor:
        """Trains the heads on the features of this batch, then lets them judge: one pass through the frozen network."""
        chosen = slice(None, None, self._config.feature_share)
        labels = labels[chosen]
        with torch.no_grad():
            real_maps = self._features(augment(images[chosen], self._config.augment))
        fake_maps = self._features(augment(fakes[chosen], self._config.augment))
        with autocast(self._device):
            loss = hinge(self._heads(real_maps, labels), self._heads([m.detach() for m in fake_maps], labels))
        self._descend("heads", loss)
        numbers["Loss/features"] = loss.detach()
        self._heads.requires_grad_(False)
        with autocast(self._device):
            judged = -self._heads(fake_maps, labels).mean()
        self._heads.requires_grad_(True)
        return judged

    def _feature_weight(self, progress: float) -> float:
        config = self._config
        faded = min(progress / config.feature_fade, 1.0)
        return config.feature_weight + faded * (config.feature_weight_final - config.feature_weight)

    def _schedule(self, progress: float) -> None:
        """A short linear warm-up, a plateau, a cosine."""
        config = self._config
        warm = min(1.0, (self._steps + 1) / config.warm_up_steps)
        position = max(0.0, progress - config.decay_from) / (1 - config.decay_from)
        decayed = config.final_lr + (1 - config.final_lr) * (1 + math.cos(math.pi * position)) / 2
        for adam in self._adams.values():
            for group in adam.param_groups:
                group["lr"] = config.lr * warm * decayed

    def _descend(self, which: str, loss: Tensor) -> None:
        self._adams[which].zero_grad()
        loss.backward()
        ranks.average_gradients(self._networks[which])
        self._adams[which].step()

    def _adam(self, network: nn.Module) -> torch.optim.Adam:
        config = self._config
        return torch.optim.Adam(network.parameters(), config.lr, (config.beta1, config.beta2), fused=True)

    def gentler(self, times: int) -> None:
        """Half the learning rate, twice the penalties and half the weight of the features each time."""
        asked, part = self._asked, 0.5**times
        self._config = dataclasses.replace(
            asked,
            lr=asked.lr * part,
            gamma=asked.gamma / part,
            feature_weight=asked.feature_weight * part,
            feature_weight_final=asked.feature_weight_final * part,
        )

    def state(self) -> State:
        return {"steps": self._steps} | {name: part.state_dict() for name, part in self._parts().items()}

    def load(self, state: State) -> None:
        self._steps = state["steps"]
        restore(self._parts(), state)

    def _parts(self) -> Parts:
        return (
            self._networks
            | {"average": self._ema.module}
            | {f"{name}_adam": adam for name, adam in self._adams.items()}
        )
