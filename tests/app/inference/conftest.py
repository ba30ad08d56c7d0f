"""Tiny generators of every shape the engine may meet, as the bytes of a generator.pt."""

import io
import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from app.inference.acceptance import GeneratorSpec


class Transposed(nn.Module):
    """The tutorial's kind: transposed convolutions from 1x1, BatchNorm with real statistics, ReLU in place, tanh."""

    spec = GeneratorSpec(10, 16, 16, 3, 0)

    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            *(nn.ConvTranspose2d(10, 24, 4, 1, 0, bias=False), nn.BatchNorm2d(24), nn.ReLU(inplace=True)),
            *(nn.ConvTranspose2d(24, 12, 4, 2, 1), nn.BatchNorm2d(12), nn.ReLU(inplace=True)),
            *(nn.ConvTranspose2d(12, 3, 4, 2, 1, bias=False), nn.Tanh()),
        )

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.main(z[:, :, None, None])


class Upsampled(nn.Module):
    """Linear, nearest upsampling and 3x3 convolutions with LeakyReLU, class embedding, a narrow last convolution."""

    spec = GeneratorSpec(8, 16, 16, 3, 5)

    def __init__(self, channels: int = 3):
        super().__init__()
        self.embed = nn.Embedding(5, 8)
        self.first = nn.Linear(16, 16 * 16)
        self.up1 = nn.Conv2d(16, 12, 3, padding=1)
        self.up2 = nn.Conv2d(12, 9, 3, padding=1, bias=False)
        self.last = nn.Conv2d(9, channels, 3, padding=1)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x = self.first(torch.cat([z, self.embed(label)], 1)).view(-1, 16, 4, 4)
        x = functional.leaky_relu(x, 0.2)
        x = functional.leaky_relu(self.up1(functional.interpolate(x, scale_factor=2.0)), 0.2)
        x = functional.leaky_relu(self.up2(functional.interpolate(x, scale_factor=2.0)), 0.2)
        return torch.tanh(self.last(x))


class Styled(nn.Module):
    """Weights computed from weights in each call, modulation by chunks, a residual, SiLU, GELU, sigmoid."""

    spec = GeneratorSpec(6, 8, 8, 4, 0)

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 12 * 16)
        self.style = nn.Linear(6, 2 * 10)
        self.up = nn.Parameter(torch.randn(10, 12, 3, 3) * 0.1)
        self.mix = nn.Conv2d(10, 10, 3, padding=1, groups=2)
        self.far = nn.Conv2d(10, 10, 3, padding=2, dilation=2)
        self.last = nn.Conv2d(10, 4, 1)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x = functional.silu(self.first(z)).view(z.size(0), 12, 4, 4).contiguous(memory_format=torch.channels_last)
        w = self.up * 0.5
        w4 = functional.pad(w, (0, 1, 0, 1)) + functional.pad(w, (1, 0, 1, 0))
        x = functional.conv_transpose2d(x, w4.flip(2, 3).transpose(0, 1), None, 2, 1)
        scale, shift = self.style(z)[:, :, None, None].chunk(2, 1)
        x = functional.gelu(x * (1 + scale) + shift)
        x = x + functional.relu(self.mix(x))
        x = self.far(x)
        return torch.sigmoid(self.last(x)) * 2 - 1


class Broad(nn.Module):
    """Sums long enough to be rounded differently by another kernel."""

    spec = GeneratorSpec(64, 16, 16, 3, 0)

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 128 * 16)
        self.up1 = nn.ConvTranspose2d(128, 64, 4, 2, 1)
        self.up2 = nn.ConvTranspose2d(64, 3, 4, 2, 1)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x = functional.relu(self.first(z).view(-1, 128, 4, 4))
        return torch.tanh(self.up2(functional.relu(self.up1(x))))


class Encoding(Transposed):
    """One that also encodes."""

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)).repeat(1, 4)[:, :10]


def randomised(module: nn.Module, seed: int = 0) -> nn.Module:
    """Weights and BatchNorm statistics away from the convenient values they begin with."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.15)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.copy_(torch.randn(part.running_mean.shape, generator=generator) * 0.3)
                part.running_var.copy_(torch.rand(part.running_var.shape, generator=generator) + 0.5)
    return module.eval()


def scripted(module: nn.Module) -> torch.jit.ScriptModule:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch.jit is deprecated; the format is TorchScript
        return torch.jit.script(module.eval())


def as_bytes(module: nn.Module) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.save(scripted(module), buffer)
    return buffer.getvalue()


GENERATORS = {"transposed": Transposed, "upsampled": Upsampled, "styled": Styled}


@pytest.fixture(scope="session", params=list(GENERATORS))
def network(request) -> nn.Module:
    """Each of the generators, with its `spec`."""
    return randomised(GENERATORS[request.param]())


@pytest.fixture(scope="session")
def make_generator():
    """bytes of a generator.pt from a module."""
    return as_bytes


@pytest.fixture(scope="session")
def networks():
    """The classes by name, and what prepares them."""
    return {"randomised": randomised, "scripted": scripted, "encoding": Encoding, "broad": Broad, **GENERATORS}
