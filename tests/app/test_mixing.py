import numpy as np
import pytest

from app.inference.latents import latents
from app.mixing import Around, Children, Path, slerp


def z_of(*seeds: int, dim: int = 64) -> np.ndarray:
    return latents(np.array(seeds, np.uint32), dim)


def test_slerp_ends_at_its_ends_and_keeps_to_the_sphere() -> None:
    a, b = z_of(1, 2)
    assert (slerp(a, b, 0.0) == a).all()
    assert (slerp(a, b, 1.0) == b).all()
    lengths = [float(np.linalg.norm(slerp(a, b, t))) for t in (0.25, 0.5, 0.75)]
    ends = sorted(float(np.linalg.norm(end)) for end in (a, b))
    assert all(0.9 * ends[0] < length < 1.1 * ends[1] for length in lengths)
    assert float(np.linalg.norm((a + b) / 2)) < 0.9 * ends[0]  # the straight line would not
    angles = [float(slerp(a, b, t) @ a / np.linalg.norm(slerp(a, b, t))) for t in (0.0, 0.3, 0.6, 1.0)]
    assert angles == sorted(angles, reverse=True)


@pytest.mark.parametrize("factor", [0.0, 1.0, 2.0, -1.0])
def test_slerp_has_an_answer_where_there_is_no_plane(factor: float) -> None:
    (a,) = z_of(1)
    middle = slerp(a, np.float32(factor) * a, 0.5)
    assert np.isfinite(middle).all()
    assert np.allclose(middle, (1 + factor) / 2 * a, atol=1e-5)


def test_a_path_goes_through_its_seeds() -> None:
    z = z_of(1, 2, 3)
    frames = Path(3, 9, False).mixed(z)
    assert frames.shape == (9, 64)
    assert (frames[[0, 4, 8]] == z).all()
    loop = Path(3, 9, True).mixed(z)
    assert (loop[[0, 3, 6]] == z).all()
    assert not any((loop[-1] == end).all() for end in z)
    assert (Path(2, 2, False).mixed(z[:2]) == z[:2]).all()


def test_strength_leads_from_the_seed_to_the_other() -> None:
    z = z_of(7, 8, 9)
    assert (Around(7, 2, 0.0).mixed(z) == z[[0, 0]]).all()
    assert (Around(7, 2, 1.0).mixed(z) == z[1:]).all()
    near, far = (np.linalg.norm(Around(7, 2, strength).mixed(z) - z[0], axis=1) for strength in (0.2, 0.6))
    assert (near < far).all()


def children(
    liked: list[int], disliked: list[int], own: list[int], strength: float = 0.2
) -> tuple[Children, np.ndarray]:
    mix = Children(liked, disliked, own, strength)
    return mix, mix.mixed(z_of(*liked, *disliked, *own))


def test_a_child_depends_on_its_own_seed_and_the_feedback_alone() -> None:
    _, together = children([1, 5, 9], [2], [20, 21, 22])
    _, alone = children([1, 5, 9], [2], [21])
    assert (together[1] == alone[0]).all()
    assert not np.allclose(together[0], together[1])
    many = list(range(20, 52))
    one, other = (children([1, 5, 9], disliked, many)[1] for disliked in ([2], [3]))
    assert np.any(np.abs(one - other).max(axis=1) > 0.01)


def test_without_strength_a_child_lies_between_two_liked_ones() -> None:
    _, lone = children([4], [], [20, 21], 0.0)
    assert np.allclose(lone, z_of(4, 4))
    mix, pair = children([4, 6], [], [20, 21, 22], 0.0)
    for child, owner in zip(pair, mix.owners, strict=True):
        basis = np.linalg.qr(z_of(4, 6).T.astype(np.float64))[0]
        assert np.allclose(basis @ (basis.T @ child), child, atol=1e-4)
        assert owner in (0, 1)


def test_children_do_not_lean_towards_the_disliked() -> None:
    liked, disliked = list(range(4)), list(range(100, 104))
    _, made = children(liked, disliked, list(range(200, 232)))
    _, heedless = children(liked, [], list(range(200, 232)))
    good, bad = z_of(*liked).mean(axis=0), z_of(*disliked).mean(axis=0)
    unwanted = bad - good * (bad @ good) / (good @ good)
    assert (heedless @ unwanted).max() > 1
    assert (made @ unwanted).max() < 1e-3
    assert np.allclose(np.linalg.norm(made, axis=1), np.linalg.norm(heedless, axis=1), rtol=1e-4)
    assert np.isfinite(children([1], [1], [2])[1]).all()
