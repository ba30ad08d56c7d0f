"""Is a seed's image the same in every batch and at every slot? Proved on this device, on the bits, before serving.

PyTorch promises nothing of the kind, and it does not hold everywhere: another batch size may choose another kernel.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Compute = Callable[[Tensor, Tensor], Tensor]  # z [B, z_dim], label [B] -> floats [B, ...]


def same_in_every_bucket(compute: Compute, buckets: tuple[int, ...], z: Tensor, label: Tensor) -> bool:
    """Does every size give each image the bits it has alone, at every slot? z holds at least as many as the largest."""
    alone = torch.cat([compute(z[i : i + 1], label[i : i + 1]) for i in range(len(z))])
    for bucket in buckets:
        for start in range(0, len(z) - bucket + 1, bucket):
            rows = slice(start, start + bucket)
            if not torch.equal(compute(z[rows], label[rows]), alone[rows]):
                return False
    return True


def same_at_every_slot(compute: Compute, bucket: int, z: Tensor, label: Tensor) -> bool:
    """Does an image have the same bits at every slot of a batch of this size?"""
    here = compute(z[:bucket], label[:bucket])
    turns = {1, bucket // 2, bucket - 1} - {0}
    return all(
        torch.equal(compute(z[:bucket].roll(turn, 0), label[:bucket].roll(turn, 0)), here.roll(turn, 0))
        for turn in turns
    )
