import numpy as np
import pytest

from training.evaluation.precision_recall import precision_recall


def normal(count: int, seed: int, mean: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, scale, (count, 4)).astype(np.float32)


def by_the_book(real: np.ndarray, generated: np.ndarray, k: int) -> dict[str, float]:
    """The four definitions, one loop each."""

    def radius(points: np.ndarray, i: int) -> float:
        return sorted(np.linalg.norm(points[i] - other) for j, other in enumerate(points) if j != i)[k - 1]

    real_radii = [radius(real, i) for i in range(len(real))]
    generated_radii = [radius(generated, i) for i in range(len(generated))]
    inside = [[np.linalg.norm(x - y) < r for y in generated] for x, r in zip(real, real_radii, strict=True)]
    return {
        "precision": np.mean([any(row[j] for row in inside) for j in range(len(generated))]),
        "recall": np.mean(
            [any(np.linalg.norm(x - y) < r for y, r in zip(generated, generated_radii, strict=True)) for x in real]
        ),
        "density": np.sum(inside) / (k * len(generated)),
        "coverage": np.mean([any(row) for row in inside]),
    }


@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_four_numbers_are_their_definitions(k):
    real, generated = normal(40, 0), normal(30, 1, mean=0.5)
    assert precision_recall(real, generated, k) == pytest.approx(by_the_book(real, generated, k), rel=1e-6)


def test_two_samples_of_one_distribution_are_good_and_diverse():
    found = precision_recall(normal(300, 0), normal(300, 1))
    assert min(found.values()) > 0.8


def test_far_away_is_neither():
    assert set(precision_recall(normal(50, 0), normal(50, 1, mean=100)).values()) == {0.0}


def test_a_narrow_generator_is_precise_and_not_diverse():
    found = precision_recall(normal(300, 0), normal(300, 1, scale=0.2))
    assert found["precision"] > 0.9
    assert found["recall"] < 0.5
    assert found["coverage"] < 0.8


def test_too_few_are_refused():
    with pytest.raises(ValueError, match="more than 5 real and generated images are needed, not 5, 50"):
        precision_recall(normal(5, 0), normal(50, 1))


def test_nothing_is_printed(capsys):
    precision_recall(normal(10, 0), normal(10, 1))
    assert capsys.readouterr().out == ""
