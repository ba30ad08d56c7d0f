"""Which weights a finding belongs to."""

import hashlib

from torch import nn


def weights_sha256(generator: nn.Module) -> str:
    """Of every tensor of the state, in order of the names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(generator.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()
