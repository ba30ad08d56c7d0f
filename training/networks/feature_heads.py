"""Small judges on frozen feature maps, one a stage, spectrally normalised (Projected GAN, Sauer et al. 2021)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

WIDTH = 64
LEAK = 0.2


class FeatureHeads(nn.Module):
    """maps as FrozenFeatures gives them, label [B] int64 -> logits [B, L] float32, one for each place of each stage.

    `shapes` holds [D, H, W] of each map.
    """

    def __init__(self, shapes: Sequence[Sequence[int]], num_classes: int = 0) -> None:
        super().__init__()
        self.bodies = nn.ModuleList(_body(channels, side) for channels, side, _ in shapes)
        self.outputs = nn.ModuleList(spectral_norm(nn.Conv2d(WIDTH, 1, 1)) for _ in shapes)
        self.embeddings = nn.ModuleList(nn.Embedding(num_classes, WIDTH) for _ in shapes) if num_classes else None

    def forward(self, maps: list[Tensor], label: Tensor) -> Tensor:
        logits = []
        for stage, (features, body, output) in enumerate(zip(maps, self.bodies, self.outputs, strict=True)):
            hidden = body(features)
            judged = output(hidden)
            if self.embeddings is not None:
                direction = F.normalize(self.embeddings[stage](label), dim=1)[:, :, None, None]
                judged = judged + (hidden * direction).sum(1, keepdim=True)
            logits.append(judged.flatten(1).float())
        return torch.cat(logits, 1)


def _body(channels: int, side: int) -> nn.Sequential:
    """Brings a map down to 4x4 (smaller ones stay) and looks at each place once more."""
    layers: list[nn.Module] = [spectral_norm(nn.Conv2d(channels, WIDTH, 1)), nn.LeakyReLU(LEAK)]
    while side > 4:
        layers += [spectral_norm(nn.Conv2d(WIDTH, WIDTH, 4, stride=2, padding=1)), nn.LeakyReLU(LEAK)]
        side //= 2
    layers += [spectral_norm(nn.Conv2d(WIDTH, WIDTH, 3, padding=1)), nn.LeakyReLU(LEAK)]
    return nn.Sequential(*layers)
