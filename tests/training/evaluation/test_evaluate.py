import numpy as np
import pytest
from PIL import Image

from training.data import prepare
from training.evaluation.evaluate import against_floor, evaluate


class Averages:
    """An extractor of a user's own: the mean of each quarter of the image and channel."""

    name = "quarter-averages"
    sha256 = "ab" * 32

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.seen.append(np.array(images))
        side = images.shape[1] // 2
        quarters = images.reshape(len(images), 2, side, 2, side, -1).mean((2, 4))
        return (quarters.reshape(len(images), -1) / 64).astype(np.float32)


@pytest.fixture
def network() -> Averages:
    return Averages()


def images(count: int, seed: int = 0, mean: int = 128) -> np.ndarray:
    random = np.random.default_rng(seed)
    corners = np.clip(random.normal(mean, 30, (count, 2, 2, 3)), 0, 255)
    return corners.repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)


@pytest.fixture
def image_set(tmp_path):
    def make(count: int, fraction: float):
        for number, image in enumerate(images(count)):
            Image.fromarray(image).save(tmp_path / f"{number:04d}.png")
        return prepare(tmp_path, resolution=16, cache=tmp_path / ".cache", held_out_fraction=fraction)

    return make


def test_good_images_score_like_the_floor_and_others_do_not(network):
    reference, floor = images(200), images(200, seed=2)
    good = against_floor(reference, floor, images(200, seed=1), extractors=[network])
    bad = against_floor(reference, floor, images(200, seed=1, mean=200), extractors=[network])
    for distance in ("kid_quarter_averages", "frechet_quarter_averages"):
        assert bad[distance]["value"] > 20 * abs(good[distance]["value"])
        assert good[distance]["floor"] == bad[distance]["floor"]
    for figure in ("precision", "recall", "density", "coverage"):
        assert good[f"{figure}_quarter_averages"]["value"] > 0.7
        assert bad[f"{figure}_quarter_averages"]["value"] < 0.3


def test_each_figure_says_what_it_was_made_with(network):
    found = against_floor(images(20), images(20, seed=1), images(20, seed=2), extractors=[network])
    assert sorted(found) == sorted(
        f"{name}_quarter_averages" for name in ("kid", "frechet", "precision", "recall", "density", "coverage")
    )
    for figure in found.values():
        assert set(figure) == {"value", "floor", "extractor_sha256", "count"}
        assert figure["extractor_sha256"] == network.sha256
        assert figure["count"] == 20
        assert type(figure["value"]) is float


def test_very_few_images_have_distances_only(network):
    assert sorted(against_floor(images(4), images(4, seed=1), images(4, seed=2), extractors=[network])) == [
        "frechet_quarter_averages",
        "kid_quarter_averages",
    ]


def test_the_networks_of_the_package_are_used_by_default():
    found = against_floor(images(4), images(4, seed=1), images(4, seed=2))
    assert sorted(found) == sorted(f"{d}_{n}" for d in ("kid", "frechet") for n in ("efficientnet_lite0", "open_nsfw"))


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_are_refused(network, count):
    with pytest.raises(ValueError, match="at least 4 real and 2 generated"):
        against_floor(images(count), images(count), images(count), extractors=[network])


def test_no_more_are_looked_at_than_asked_for(image_set, network):
    evaluate(images(30, seed=1), image_set(100, 0.1), extractors=[network], limit=12)
    reference, _, floor = network.seen
    assert [len(seen) for seen in network.seen] == [12, 12, 12]
    assert not {image.tobytes() for image in reference} & {image.tobytes() for image in floor}


def test_sets_of_different_length_are_refused(network):
    with pytest.raises(ValueError, match=r"must have one length, not \[10, 11\]"):
        against_floor(images(10), images(11), images(10), extractors=[network])


def test_held_out_images_are_the_reference_and_training_images_the_floor(image_set, network):
    prepared = image_set(400, 0.3)
    evaluate(images(200, seed=1), prepared, extractors=[network])
    reference, generated, floor = network.seen
    assert len(reference) == len(generated) == len(floor) == 120
    held_out = {prepared.images[i].tobytes() for i in prepared.held_out}
    assert {image.tobytes() for image in reference} == held_out
    assert not {image.tobytes() for image in floor} & held_out


def test_few_held_out_images_are_topped_up_to_a_half(image_set, network):
    prepared = image_set(100, 0.1)
    evaluate(images(200, seed=1), prepared, extractors=[network])
    reference, _, floor = network.seen
    assert len(reference) == len(floor) == 50
    assert {prepared.images[i].tobytes() for i in prepared.held_out} <= {image.tobytes() for image in reference}
    assert not {image.tobytes() for image in floor} & {image.tobytes() for image in reference}


def test_evaluating_twice_gives_the_same(image_set, network):
    prepared = image_set(60, 0.1)
    generated = images(200, seed=1)
    assert evaluate(generated, prepared, extractors=[network]) == evaluate(generated, prepared, extractors=[network])
