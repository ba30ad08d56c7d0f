"""The encoder of every size, and a generator with one beside it."""

import pytest
import torch

from training.export import capabilities, export, load
from training.networks.encoder import EncodedGenerator, Encoder
from training.networks.tessera import Generator


@pytest.mark.parametrize("resolution", [32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_image_becomes_so_many_numbers(resolution: int, channels: int) -> None:
    codes = Encoder(resolution, channels, dim=7)(torch.rand(2, channels, resolution, resolution))
    assert codes.shape == (2, 7)
    assert codes.dtype == torch.float32
    assert not torch.equal(codes[0], codes[1])


def test_a_generator_with_an_encoder_is_exported_with_both() -> None:
    generator = Generator(32, 3, num_classes=2, z_dim=6)
    both = EncodedGenerator(generator, Encoder(32, 3, 6)).eval()
    saved = load(export(both))
    assert capabilities(both) == capabilities(saved) == ["generate", "encode"]
    z, labels, x = torch.randn(3, 6), torch.tensor([0, 1, 1]), torch.rand(3, 3, 32, 32)
    torch.testing.assert_close(saved(z, labels), generator.eval()(z, labels))
    torch.testing.assert_close(saved.encode(x), both.encoder(x))
