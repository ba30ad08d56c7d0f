"""Only formulas. Every function takes logits [B] (float32) and returns a scalar, the mean over the batch."""

import torch
from torch import Tensor
from torch.nn import functional as F


def discriminator_bce(real: Tensor, fake: Tensor) -> Tensor:
    """-E log D(x) - E log(1 - D(G(z))), on logits (Goodfellow et al. 2014, equation 1)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_bce(fake: Tensor) -> Tensor:
    """-E log D(G(z)): the non-saturating form of the generator's loss (Goodfellow et al. 2014, section 3)."""
    return F.softplus(-fake).mean()


def relativistic(better: Tensor, worse: Tensor) -> Tensor:
    """E softplus(worse - better): each image is judged against one of the other kind (Jolicoeur-Martineau 2018).

    The discriminator minimises it with better = real, the generator with better = fake (R3GAN, Huang et al. 2024).
    """
    return F.softplus(worse - better).mean()


def gradient_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """E |d logits / d images|^2, without a factor: R1 on real images, R2 on generated ones (Mescheder et al. 2018).

    `images` [B, C, H, W] must require gradients and `logits` depend on them; the result can be differentiated again.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.float().square().sum((1, 2, 3)).mean()


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))) (Lim and Ye 2017)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
