"""A published model read back: the same images, and nothing that is damaged."""

import json

import pytest
import torch
from torch import Tensor, nn

from training.facts import Dataset, TrainingFacts
from training.publish import publish
from training.published import read_published


class Stripes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.z_dim, self.num_classes, self.img_resolution, self.img_channels = 4, 2, 8, 3
        self.colour = nn.Linear(4, 3)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        colour = self.colour(z) + label[:, None]
        return colour[:, :, None, None].expand(-1, -1, 8, 8)


class Encoding(Stripes):
    def encode(self, x: Tensor) -> Tensor:
        return x.mean(3)[:, 0, :4]


FACTS = TrainingFacts(
    family="tessera-gan",
    dataset=Dataset("drawings", "0" * 64, count=100, held_out=10),
    recipe="tessera",
    config={},
    seed=5,
    images_seen=640,
    seconds=12.5,
    cpu_hours=0.007,
    commit="",
    device="cpu",
    versions={},
    classes=("even", "odd"),
)


@pytest.fixture
def folder(tmp_path):
    return publish(Stripes(), FACTS, tmp_path, "stripes", data_licence="CC0-1.0", weights_licence="CC0-1.0")


def test_it_draws_what_was_published(folder):
    torch.manual_seed(0)
    generator = Stripes()
    folder = publish(generator, FACTS, folder.parents[1], "other", data_licence="CC0-1.0", weights_licence="CC0-1.0")
    published = read_published(folder)
    z, label = torch.randn(5, 4), torch.tensor([0, 1, 0, 1, 1])
    assert torch.equal(published.generator(z, label), generator(z, label))
    assert published.manifest["training"]["seed"] == 5
    known = published.generator
    assert (known.z_dim, known.num_classes, known.img_resolution, known.img_channels) == (4, 2, 8, 3)


def test_it_encodes_where_the_model_does(folder):
    assert not hasattr(read_published(folder).generator, "encode")
    generator = Encoding()
    folder = publish(generator, FACTS, folder.parents[1], "other", data_licence="CC0-1.0", weights_licence="CC0-1.0")
    x = torch.rand(3, 3, 8, 8)
    assert torch.equal(read_published(folder).generator.encode(x), generator.encode(x))


def test_a_changed_generator_is_not_read(folder):
    data = bytearray((folder / "generator.pt").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "generator.pt").write_bytes(data)
    with pytest.raises(ValueError, match="not the file that its manifest names"):
        read_published(folder)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema_version": 2}'])
def test_a_manifest_that_is_none_is_refused(folder, content):
    (folder / "manifest.json").write_text(content)
    with pytest.raises(ValueError, match="manifest"):
        read_published(folder)


def test_a_manifest_with_a_wrong_field_is_refused(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["latent"]["dim"] = "four"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"latent\.dim"):
        read_published(folder)


def test_a_folder_without_a_manifest_is_said_to_be_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a published model"):
        read_published(tmp_path)
