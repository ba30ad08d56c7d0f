import json
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from training.data import prepare
from training.evaluation.memorisation import LEAST, Audit, Finding, audit, audit_arrays, contact_sheet, copies

SIDE = 16


@dataclass
class Colours:
    """A quick stand-in for the feature network, blind to where things are: the sorted values of each channel."""

    name: str = "colours"
    sha256: str = "00" * 32

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return np.sort(images.reshape(len(images), -1, images.shape[3]), axis=1)[:, ::8].reshape(len(images), -1)


def world(count: int, seed: int) -> np.ndarray:
    """Images of one distribution: twelve numbers each, drawn smoothly over a square, uint8 [count, 16, 16, 3]."""
    corners = np.random.default_rng(seed).integers(0, 256, (count, 2, 2, 3), dtype=np.uint8)
    pictures = [Image.fromarray(c).resize((SIDE, SIDE), Image.Resampling.BILINEAR) for c in corners]
    return np.stack([np.asarray(picture) for picture in pictures])


def noisy(images: np.ndarray, levels: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, levels, images.shape)
    return np.clip(images + noise, 0, 255).astype(np.uint8)


def trial(kind: str, seed: int, train: int = 200, held_out: int = 24, generated: int = 100) -> Audit:
    images = world(train + held_out + generated, seed)
    known, kept, new = np.split(images, [train, train + held_out])
    match kind:
        case "copier":
            drawn = noisy(known[np.random.default_rng(seed).integers(0, train, generated)], 8, seed)
        case "honest":
            drawn = new
        case "honest but noisy":
            drawn = noisy(new, 8, seed)
        case "honest but dull":
            drawn = ((new.astype(int) + known.mean(axis=0)) / 2).astype(np.uint8)
        case "some copies":
            drawn = np.concatenate([known[: generated // 2], new[: generated - generated // 2]])
        case "mirrored":
            drawn = known[:generated, :, ::-1]
    return audit_arrays(drawn, known, kept, Colours())


@pytest.mark.parametrize("kind", ["copier", "some copies", "mirrored"])
def test_a_planted_copier_is_flagged_in_95_of_100(kind):
    assert sum(trial(kind, seed).verdict == "failed" for seed in range(40)) >= 38


@pytest.mark.parametrize("kind", ["honest", "honest but noisy", "honest but dull"])
def test_an_honest_generator_is_flagged_in_at_most_5_of_100(kind):
    assert sum(trial(kind, seed).verdict == "failed" for seed in range(40)) <= 2


@pytest.mark.parametrize(
    ("suspicious", "expected"),
    [
        ([], False),
        ([("pixels", "nearer")], False),
        ([("pixels", "ratio")], False),
        ([("pixels", "nearer"), ("features", "ratio")], False),
        ([("pixels", "nearer"), ("pixels", "ratio")], True),
        ([("features", "closest")], True),
    ],
)
def test_what_the_findings_amount_to(suspicious, expected):
    found = [
        Finding(space, test, 0.5, 0.5, (space, test) in suspicious)
        for space in ("pixels", "features")
        for test in ("nearer", "ratio", "closest")
    ]
    assert copies(found) is expected


def test_every_finding_is_told():
    found = trial("copier", 0)
    assert [(finding.space, finding.test) for finding in found.findings] == [
        (space, test) for space in ("pixels", "colours") for test in ("nearer", "ratio", "closest")
    ]
    assert all(0 <= finding.p <= 1 and 0 <= finding.effect <= 1 for finding in found.findings)
    assert (found.generated, found.held_out, found.train) == (100, 24, 200)


def test_the_verdict_is_said_in_words_and_in_json():
    failed, passed = trial("copier", 0), trial("honest", 0)
    assert "100 generated and 24 held-out images were compared with the 200 training images" in failed.summary
    assert "too near to them to be new: nearer in" in failed.summary
    assert "no nearer to them: nearer in" in passed.summary
    assert passed.summary.count(";") == 5
    assert failed.summary.count("%") >= 6
    assert json.loads(json.dumps(failed.to_json()))["verdict"] == "failed"


def test_the_closest_pairs_are_the_copies():
    known, kept = np.split(world(230, 0), [200])
    new = world(30, 99)
    generated = np.concatenate([new, noisy(known[50:60], 3, 0)])
    found = audit_arrays(generated, known, kept, Colours())
    assert {(pair.generated, pair.train) for pair in found.closest[:10]} == {(30 + n, 50 + n) for n in range(10)}
    distances = [pair.distance for pair in found.closest]
    assert distances == sorted(distances)
    assert max(distances[:10]) < 0.5 < min(distances[10:])
    picture = contact_sheet(found, generated, known)
    assert picture.shape == (6 * SIDE, 8 * SIDE, 3)
    first = found.closest[0]
    np.testing.assert_array_equal(picture[:SIDE, :SIDE], generated[first.generated])
    np.testing.assert_array_equal(picture[:SIDE, SIDE : 2 * SIDE], known[first.train])


def test_a_generator_that_prefers_the_dense_half_is_no_copier():
    """Half of the data are alike, so their neighbours are near; what draws only those may yet draw new ones."""
    dense = (world(500, 1) // 8 + 100).astype(np.uint8)
    sparse = world(400, 2)
    known = np.concatenate([dense[:300], sparse[:300]])
    kept = np.concatenate([dense[300:350], sparse[300:350]])
    assert audit_arrays(dense[350:], known, kept, Colours()).verdict == "passed"


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_all_channels_are_audited(channels):
    images = world(200, 0)
    images = np.concatenate([images, np.full_like(images[..., :1], 255)], axis=3)
    images = images[..., :1] if channels == 1 else images[..., :channels]
    found = audit_arrays(images[:50], images[:170], images[170:], Colours())
    assert found.verdict == "failed"
    assert contact_sheet(found, images[:50], images[:170]).shape[2] == channels


@pytest.mark.parametrize(("generated", "train", "held_out"), [(LEAST - 1, 50, 50), (50, 50, LEAST - 1), (50, 5, 50)])
def test_too_few_images_are_not_audited(generated, train, held_out):
    found = audit_arrays(world(generated, 0), world(train, 1), world(held_out, 2), Colours())
    assert found.verdict == "not-audited"
    assert f"{held_out} held-out" in found.summary
    assert found.findings == found.closest == ()
    with pytest.raises(ValueError, match="nothing was audited"):
        contact_sheet(found, world(1, 0), world(1, 1))


def test_images_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        audit_arrays(world(20, 0)[..., :1], world(50, 1), world(20, 2), Colours())


def test_a_prepared_folder_is_audited_on_its_own_split(tmp_path):
    for number, image in enumerate(world(120, 0)):
        Image.fromarray(image).save(tmp_path / f"{number:03d}.png")
    images = prepare(tmp_path, resolution=SIDE, cache=tmp_path / ".cache", held_out_fraction=0.2)
    found = audit(images.images[images.train][:60], images, Colours())
    assert (found.verdict, found.held_out, found.train) == ("failed", 24, 96)
    assert audit(world(60, 7), images, Colours()).verdict == "passed"


def test_the_network_of_the_package_is_used_by_default():
    found = audit_arrays(world(12, 0), world(20, 1), world(12, 2))
    assert {finding.space for finding in found.findings} == {"pixels", "efficientnet-lite0"}
