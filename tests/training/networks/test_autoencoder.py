"""The autoencoder as it is published: every size can be exported, and encode leads back to the image."""

import pytest
import torch

from training.export import export, load
from training.networks.autoencoder import Autoencoder, baked_autoencoder


def fitted(resolution: int, channels: int, num_classes: int) -> Autoencoder:
    torch.manual_seed(0)
    autoencoder = Autoencoder(resolution, channels, num_classes, code_dim=8, components=3)
    autoencoder.prior.fit(torch.randn(400, 8) * 3 + 1, torch.arange(400) % max(1, num_classes))
    return autoencoder.eval()


@pytest.mark.parametrize(("resolution", "channels", "num_classes"), [(32, 1, 0), (64, 4, 3), (128, 3, 2)])
def test_it_is_exported_with_its_prior_and_its_encoder(resolution: int, channels: int, num_classes: int) -> None:
    autoencoder = fitted(resolution, channels, num_classes)
    saved = load(export(autoencoder))
    assert autoencoder.z_dim == 9
    z, labels = torch.randn(5, 9), torch.arange(5) % max(1, num_classes)
    with torch.no_grad():
        images = autoencoder(z, labels)
        torch.testing.assert_close(saved(z, labels), images, atol=1e-5, rtol=0)
        torch.testing.assert_close(saved.encode(images), autoencoder.encode(images), atol=1e-5, rtol=0)


def test_encode_and_forward_are_the_way_through_the_code_whatever_the_label() -> None:
    autoencoder = fitted(32, 3, num_classes=3)
    x = torch.rand(6, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        straight = autoencoder.decoder(autoencoder.encoder(x), torch.zeros(6).long())
        for labels in (torch.zeros(6).long(), torch.arange(6) % 3):
            torch.testing.assert_close(autoencoder(autoencoder.encode(x), labels), straight, atol=1e-4, rtol=0)


def test_the_label_chooses_what_a_seed_becomes() -> None:
    autoencoder = fitted(32, 3, num_classes=2)
    codes = torch.cat([torch.randn(200, 8) - 5, torch.randn(200, 8) + 5])
    autoencoder.prior.fit(codes, torch.arange(400) // 200)
    z = torch.randn(1, 9)
    assert not torch.equal(autoencoder(z, torch.tensor([0])), autoencoder(z, torch.tensor([1])))


def test_baking_changes_nothing() -> None:
    autoencoder = fitted(32, 3, 0)
    z, label = torch.randn(2, 9), torch.zeros(2).long()
    before = autoencoder(z, label)
    torch.testing.assert_close(baked_autoencoder(autoencoder)(z, label), before, atol=1e-5, rtol=0)
