"""Only formulas. Where not said otherwise a function takes logits [B] (float32) and returns the mean over the batch."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

NEVER = -1e4
"""A logit whose probability is 0 in float32, and which is still a number where all are so."""
TINY = 1e-8


def discriminator_bce(real: Tensor, fake: Tensor) -> Tensor:
    """-E log D(x) - E log(1 - D(G(z))), on logits (Goodfellow et al. 2014, equation 1)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_bce(fake: Tensor) -> Tensor:
    """-E log D(G(z)): the non-saturating form of the generator's loss (Goodfellow et al. 2014, section 3)."""
    return F.softplus(-fake).mean()


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))) (Lim and Ye 2017)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def drift_field(
    x: Tensor, real: Tensor, fake: Tensor, same_real: Tensor, same_fake: Tensor, temperatures: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Where each generated image should move: towards real ones, off generated ones (Deng et al. 2026, algorithm 2).

    x [places, B, D], real [places, P, D], fake [places, M, D]: real images are about 1 apart. same_real bool [B, P],
    same_fake [B, M]: which pairs count. Affinities exp(-distance / temperature) are normalised over what x is near
    and over the images that share a neighbour; pull and push have equal weight, so the field vanishes where both sets
    lie alike. Returns it, [places, B, D] with mean square 1 and averaged over the temperatures, and its mean length
    over that of pull and push, a scalar in [0, 1].
    """
    distances = torch.cat([torch.cdist(x, real), torch.cdist(x, fake)], 2)
    counts = torch.cat([same_real, same_fake], 1)
    count_real = real.shape[1]
    fields, lengths = [], []
    for temperature in temperatures:
        logits = (-distances / temperature).masked_fill(~counts, NEVER)
        affinity = (logits.softmax(2) * logits.softmax(1)).sqrt() * counts
        near_real, near_fake = affinity[:, :, :count_real], affinity[:, :, count_real:]
        to_real = near_real * near_fake.sum(2, keepdim=True)
        to_fake = near_fake * near_real.sum(2, keepdim=True)
        weight = to_real.sum(2, keepdim=True)
        pull, push = to_real @ real - weight * x, to_fake @ fake - weight * x
        field = pull - push
        fields.append(field / (field.square().mean().sqrt() + TINY))
        lengths.append(field.norm(dim=2).mean() / ((pull.norm(dim=2) + push.norm(dim=2)).mean() + TINY))
    return torch.stack(fields).mean(0), torch.stack(lengths).mean()
