"""The tutorial's recipe, as it stands there once its listing is made to run (docs/tutorial-errata.md)."""

import copy

import torch
from torch import Tensor

from training import ranks
from training.checkpoint import State
from training.config import DcganConfig
from training.losses import discriminator_bce, generator_bce
from training.networks.dcgan import Discriminator, Generator
from training.networks.generator import ImageGenerator
from training.recipes.restore import Parts, restore
from training.shares import InShares, mean_loss


class Dcgan:
    """BCE on logits, two Adams, one step each, no labels, no averaging; float32, because bfloat16 made its
    collapses more (EXPERIMENTS.md).

    BatchNorm sees each share of a batch by itself, as it would on several ranks (training/shares.py).
    """

    family = "dcgan"

    def __init__(self, config: DcganConfig, device: torch.device) -> None:
        self.batch_size = config.batch_size
        self._generator = Generator(config.resolution, config.channels, config.z_dim, config.width)
        self._discriminator = Discriminator(config.resolution, config.channels, config.width)
        for network in (self._generator, self._discriminator):
            network.to(device).to(memory_format=torch.channels_last)
        self._draw, self._judge = InShares(self._generator), InShares(self._discriminator)
        betas = (config.beta1, config.beta2)
        self._generator_adam = torch.optim.Adam(self._generator.parameters(), config.lr, betas, fused=True)
        self._discriminator_adam = torch.optim.Adam(self._discriminator.parameters(), config.lr, betas, fused=True)
        self._device = device
        self._lr = config.lr

    @property
    def published(self) -> ImageGenerator:
        return copy.deepcopy(self._generator).eval()

    def step(self, images: Tensor, labels: Tensor, progress: float) -> dict[str, Tensor]:
        z = ranks.normal(len(images), self._generator.z_dim, self._device)
        fakes = self._draw(z, labels)
        loss_d = mean_loss(discriminator_bce, self._judge(images), self._judge(fakes.detach()))
        self._discriminator_adam.zero_grad()
        loss_d.backward()
        self._judge.average_gradients()
        self._discriminator_adam.step()

        self._discriminator.requires_grad_(False)
        loss_g = mean_loss(generator_bce, self._judge(fakes))
        self._discriminator.requires_grad_(True)
        self._generator_adam.zero_grad()
        loss_g.backward()
        self._draw.average_gradients()
        self._generator_adam.step()
        return {"Loss/D": loss_d.detach(), "Loss/G": loss_g.detach()}

    def gentler(self, times: int) -> None:
        """Half the learning rate each time."""
        for adam in (self._generator_adam, self._discriminator_adam):
            for group in adam.param_groups:
                group["lr"] = self._lr / 2**times

    def state(self) -> State:
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load(self, state: State) -> None:
        restore(self._parts(), state)

    def _parts(self) -> Parts:
        return {
            "generator": self._generator,
            "discriminator": self._discriminator,
            "generator_adam": self._generator_adam,
            "discriminator_adam": self._discriminator_adam,
        }
