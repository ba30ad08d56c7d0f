"""Is a seed's image the same in every batch and at every slot? Proved on this device, on the bits, before serving.

PyTorch promises nothing of the kind, and it does not hold everywhere: another batch size may choose another kernel. On
a GPU it is the small batches that have kernels of their own.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Compute = Callable[[Tensor, Tensor], Tensor]  # z [B, z_dim], label [B] -> floats [B, ...]


def agreeing(compute: Compute, buckets: tuple[int, ...], z: Tensor, label: Tensor) -> tuple[int, ...]:
    """The largest buckets, as far down as all of them give every image the same bits, at every slot.

    buckets: ascending; z and label hold as many as the largest. Empty if not even the largest agrees with itself.
    """
    largest = buckets[-1]
    expected = compute(z, label)
    for turn in {1, largest // 2, largest - 1} - {0, largest}:
        if not torch.equal(compute(z.roll(turn, 0), label.roll(turn, 0)), expected.roll(turn, 0)):
            return ()
    agree = [largest]
    for bucket in reversed(buckets[:-1]):
        if not _same(compute, bucket, z, label, expected):
            break
        agree.append(bucket)
    return tuple(reversed(agree))


def _same(compute: Compute, bucket: int, z: Tensor, label: Tensor, expected: Tensor) -> bool:
    """Do batches of this size give what is expected of each image?"""
    for start in range(0, len(z) - bucket + 1, bucket):
        rows = slice(start, start + bucket)
        if not torch.equal(compute(z[rows], label[rows]), expected[rows]):
            return False
    return True
