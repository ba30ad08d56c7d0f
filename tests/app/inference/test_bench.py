"""python -m app bench finds the model, checks it, and prints a table with no figure missing."""

import hashlib
import json

import pytest
import torch

from app.inference import bench
from app.inference.cost import multiplications
from app.inference.tape import record


@pytest.fixture
def models(tmp_path, networks, make_generator):
    for name, version in (("tiny", 1), ("tiny", 10), ("tiny", 2), ("other", 1)):
        network = networks["randomised"](networks["transposed"](), seed=version)
        folder = tmp_path / name / str(version)
        folder.mkdir(parents=True)
        data = make_generator(network)
        (folder / "generator.pt").write_bytes(data)
        spec = network.spec
        facts = {
            "name": name,
            "version": version,
            "files": {"generator.pt": {"sha256": hashlib.sha256(data).hexdigest()}},
            "latent": {"dim": spec.z_dim},
            "image": {"height": spec.height, "width": spec.width, "channels": spec.channels},
            "classes": [],
        }
        (folder / "manifest.json").write_text(json.dumps(facts))
    return tmp_path


@pytest.mark.parametrize(
    ("wanted", "found"), [("", "other@1"), ("tiny", "tiny@10"), ("tiny@2", "tiny@2"), ("other@1", "other@1")]
)
def test_the_highest_version_unless_one_is_named(models, wanted, found):
    assert bench.find(models, wanted).name == found


@pytest.mark.parametrize("wanted", ["absent", "tiny@3", "@7"])
def test_a_model_that_is_not_there_is_named_with_those_that_are(models, wanted, capsys):
    assert bench.main(["--models", str(models), "--model", wanted]) == 2
    assert "other@1, tiny@10, tiny@2, tiny@1" in capsys.readouterr().out


def test_an_empty_folder_is_said_so(tmp_path, capsys):
    assert bench.main(["--models", str(tmp_path)]) == 2
    assert "there is none" in capsys.readouterr().out


def test_a_generator_that_was_exchanged_is_not_run(models, capsys):
    (models / "other" / "1" / "generator.pt").write_bytes(b"something else")
    assert bench.main(["--models", str(models)]) == 2
    assert "is not the file that its manifest names" in capsys.readouterr().out


def test_the_report(models, capsys):
    encoded = []

    def encode(picture):
        encoded.append(picture.shape)
        return bytes(2048)

    command = ["--models", str(models), "--device", "cpu", "--seconds", "0.01", "--max-batch-size", "3"]
    assert bench.main(command, encode) == 0
    said = capsys.readouterr().out
    assert "other@1 on cpu-" in said
    assert "faster form, equal to the published one" in said
    assert "0.1 M multiplications an image" in said
    assert [line.split()[0] for line in said.splitlines() if line.endswith("%")] == ["1", "2", "3"]
    assert "one image: median" in said
    assert "encoder: 128 x 128 in" in said
    assert set(encoded) == {(128, 128, 3)}


def test_multiplications_are_those_of_the_published_layers(networks):
    def count(name):
        network = networks["randomised"](networks[name]())
        with torch.inference_mode():
            zeros = torch.zeros(3, dtype=torch.int64)
            return multiplications(record(network, torch.randn(3, network.spec.z_dim), zeros))

    assert count("transposed") == 16 * (10 * 24 + 24 * 12 * 16 + 12 * 3 * 64)
    assert count("upsampled") == 16 * 256 + 9 * (16 * 12 * 64 + 12 * 9 * 256 + 9 * 3 * 256)


def test_every_matrix_product_is_one_of_that_size(monkeypatch):
    torch.manual_seed(0)
    products = bench.matrix_products(33, torch.device("cpu"))
    torch.manual_seed(0)
    matrix = torch.rand(33, 33)
    wanted = [matrix @ matrix, matrix @ matrix.T]  # oneDNN's takes its weights as a layer does
    for product, result in zip(products, wanted, strict=False):
        torch.testing.assert_close(product(), result)
    monkeypatch.setattr(bench, "onednn_available", lambda: False)
    assert len(bench.matrix_products(33, torch.device("cpu"))) == 1
