"""An encoder for a finished generator, which stays as it is.

Loss: |E(G(z)) - z|^2 on what the generator draws, where the answer is known; and on real images, which it has never
drawn, |G(E(x)) - x| and the distance of the two in frozen features: the latent of the drawing most like them.
"""

import dataclasses

import torch
from torch import Tensor

from training.checkpoint import State
from training.config import EncoderConfig
from training.networks.encoder import EncodedGenerator, Encoder
from training.networks.frozen_features import FrozenFeatures, distance
from training.networks.generator import ImageGenerator
from training.precision import autocast
from training.recipes.restore import Parts, restore
from training.recipes.schedule import pace


class EncoderRecipe:
    """`generator`: as published. `sample`, real images [N, C, R, R], sets the scale of the features."""

    family = "encoder"

    def __init__(self, config: EncoderConfig, generator: ImageGenerator, device: torch.device, sample: Tensor) -> None:
        self.batch_size = config.batch_size
        self._asked = self._config = config
        self._device = device
        frozen = generator.requires_grad_(False)
        encoder = Encoder(generator.img_resolution, generator.img_channels, generator.z_dim)
        self._network = EncodedGenerator(frozen, encoder).eval().to(device).to(memory_format=torch.channels_last)
        self._features = FrozenFeatures().to(device).to(memory_format=torch.channels_last)
        self._features.calibrate(sample)
        self._adam = torch.optim.Adam(encoder.parameters(), config.lr, (config.beta1, config.beta2), fused=True)
        self._steps = 0

    @property
    def published(self) -> ImageGenerator:
        return self._network

    def step(self, images: Tensor, labels: Tensor, progress: float) -> dict[str, Tensor]:
        config = self._config
        pace(self._adam, config, self._steps, progress)
        images = images.contiguous(memory_format=torch.channels_last)
        z = torch.randn(len(images), self._network.z_dim, device=self._device)
        with autocast(self._device):
            with torch.no_grad():
                fakes = self._network(z, labels)
            of_fakes, of_reals = self._network.encode(torch.cat([fakes, images])).chunk(2)
            drawn = self._network(of_reals, labels)
        latents = (of_fakes - z).square().mean()
        pixels = (drawn - images).abs().mean()
        chosen = slice(None, None, config.feature_share)
        with torch.no_grad():
            goals = self._features(images[chosen])
        features = distance(self._features(drawn[chosen]), goals)
        self._adam.zero_grad()
        (latents + config.pixel_weight * pixels + config.feature_weight * features).backward()
        self._adam.step()
        self._steps += 1
        return {
            "Loss/latents": latents.detach(),
            "Loss/pixels": pixels.detach(),
            "Loss/features": features.detach(),
        }

    def gentler(self, times: int) -> None:
        """Half the learning rate each time."""
        self._config = dataclasses.replace(self._asked, lr=self._asked.lr / 2**times)

    def state(self) -> State:
        return {"steps": self._steps} | {name: part.state_dict() for name, part in self._parts().items()}

    def load(self, state: State) -> None:
        self._steps = state["steps"]
        restore(self._parts(), state)

    def _parts(self) -> Parts:
        return {"encoder": self._network.encoder, "adam": self._adam}
