import numpy as np
import pytest
import torch
from torch import nn

from training.golden import cycled_labels, render
from training.latents import latent


class Echo(nn.Module):
    """Each output pixel is a latent, shifted by the label."""

    def __init__(self, values=None):
        super().__init__()
        self.values = values

    def forward(self, z, label):
        assert z.dtype == torch.float32
        assert label.dtype == torch.int64
        values = z if self.values is None else torch.tensor(self.values).expand(len(z), -1)
        return (values + label[:, None]).view(len(z), -1, 1, 1).expand(-1, -1, 2, 3)


def test_latents_become_images_tile_by_tile():
    images = render(Echo(), [5, 9], None, 3)
    assert images.shape == (2, 2, 3, 3)
    assert images.dtype == np.uint8
    assert images.flags["C_CONTIGUOUS"]
    expected = [[min(255, max(0, round((x + 1) * 127.5))) for x in latent(seed, 3)] for seed in (5, 9)]
    np.testing.assert_array_equal(images[:, 0, 0], expected)
    np.testing.assert_array_equal(images[:, 1, 2], expected)


def test_levels_are_rounded_and_clamped():
    """0 lies half-way between 127 and 128 and goes to the even one; it is the only half that float32 can express."""
    values = [-1.0, 1.0, 0.0, -7.0, 7.0, 0.4 / 127.5 - 1, 0.6 / 127.5 - 1, 200.4 / 127.5 - 1, 200.6 / 127.5 - 1]
    assert render(Echo(values), [0], None, 4)[0, 0, 0].tolist() == [0, 255, 128, 0, 255, 0, 1, 200, 201]


def test_labels_reach_the_generator():
    plain, shifted = render(Echo([-1.0]), [0, 0], None, 4), render(Echo([-1.0]), [0, 0], [0, 2], 4)
    assert plain[:, 0, 0, 0].tolist() == [0, 0]
    assert shifted[:, 0, 0, 0].tolist() == [0, 255]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_diverged_generator_is_refused(value):
    with pytest.raises(ValueError, match="diverged"):
        render(Echo([value]), [0], None, 4)


def test_labels_cycle():
    assert cycled_labels(range(5), 3) == [0, 1, 2, 0, 1]
    assert cycled_labels(range(5), 0) is None
