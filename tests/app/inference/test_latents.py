"""The stream of a seed is written down in constants: no upgrade of any library may change an image unnoticed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inference.latents import labels_for, latents, truncate

SEED = st.integers(0, 2**32 - 1)


def philox(counter, key):
    """Philox4x32-10 a word at a time, straight from the paper's description."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return c0, c1, c2, c3


def scalar_latents(seed, z_dim):
    z = []
    for block in range(math.ceil(z_dim / 4)):
        w = philox((block, 0, 0, 0), (seed, 0))
        for a, b in (w[:2], w[2:]):
            radius = math.sqrt(-2 * math.log((a + 1) / 2**32))
            angle = 2 * math.pi * (b / 2**32)
            z += [radius * math.cos(angle), radius * math.sin(angle)]
    return np.array(z[:z_dim], np.float32)


def uint32(*values):
    return np.array(values, np.uint32)


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_the_reference_of_this_test_gives_the_known_answers_of_random123(counter, key, words):
    assert philox(counter, key) == words


GOLDEN = {
    (0, 8): [0.991137683, -0.92466259, -0.617608964, -0.482068598, -0.153638229, 0.180825904, 0.831735134, 0.197439715],
    (1, 5): [0.380400747, -0.296277881, -0.249233425, -1.00383723, 0.62694788],
    (42, 4): [-0.97018981, 0.19401896, -1.23562074, 1.92392671],
    (4294967295, 8): [
        0.279561937,
        -0.0341584906,
        -0.708244741,
        0.0404303074,
        0.708530307,
        -0.875340164,
        0.91899246,
        0.198992848,
    ],
}


@pytest.mark.parametrize(("seed", "z_dim"), list(GOLDEN))
def test_golden_latents(seed, z_dim):
    np.testing.assert_array_equal(latents(uint32(seed), z_dim)[0], np.array(GOLDEN[seed, z_dim], np.float32))


@given(seed=SEED, z_dim=st.integers(1, 130))
def test_every_seed_follows_the_scalar_reference(seed, z_dim):
    np.testing.assert_allclose(latents(uint32(seed), z_dim)[0], scalar_latents(seed, z_dim), rtol=3e-7, atol=0)


@given(seeds=st.lists(SEED, min_size=1, max_size=40), z_dim=st.sampled_from([1, 3, 4, 64, 100, 511]))
def test_a_seed_gives_the_same_latents_alone_as_at_any_slot_of_any_batch(seeds, z_dim):
    together = latents(uint32(*seeds), z_dim)
    for slot, seed in enumerate(seeds):
        np.testing.assert_array_equal(together[slot], latents(uint32(seed), z_dim)[0])


def test_slots_on_both_sides_of_every_internal_chunk_border_agree_with_the_seed_alone():
    seeds = np.arange(5000, dtype=np.uint32)
    together = latents(seeds, 100)
    for slot in [*range(0, 5000, 163), *range(160, 170), 4999]:
        np.testing.assert_array_equal(together[slot], latents(seeds[slot : slot + 1], 100)[0])


def test_shape_type_and_layout():
    z = latents(uint32(1, 2, 3), 7)
    assert z.shape == (3, 7)
    assert z.dtype == np.float32
    assert z.flags["C_CONTIGUOUS"]
    assert latents(uint32(), 7).shape == (0, 7)


def test_neighbouring_seeds_are_independent_standard_normals():
    z = latents(np.arange(20_000, dtype=np.uint32), 64)
    assert abs(z.mean()) < 0.004
    assert abs(z.var() - 1) < 0.01
    assert np.abs(np.corrcoef(z.T) - np.eye(64)).max() < 0.04
    assert abs((z[1:] * z[:-1]).mean()) < 0.004
    assert np.unique(z, axis=0).shape[0] == 20_000


def test_the_largest_and_smallest_word_give_finite_latents():
    """u1 lies in (0, 1]: no logarithm of zero, wherever the words fall."""
    assert np.isfinite(latents(np.arange(2**32 - 30_000, 2**32, dtype=np.uint64).astype(np.uint32), 8)).all()


@given(seeds=st.lists(SEED, min_size=1, max_size=20), num_classes=st.integers(1, 1000))
def test_labels_follow_the_second_stream(seeds, num_classes):
    expected = [philox((0, 0, 0, 1), (seed, 0))[0] % num_classes for seed in seeds]
    drawn = labels_for(uint32(*seeds), num_classes)
    assert drawn.dtype == np.int64
    assert drawn.tolist() == expected


def test_labels_of_an_unconditional_model_are_zeros():
    drawn = labels_for(uint32(5, 6), 0)
    assert drawn.dtype == np.int64
    assert drawn.tolist() == [0, 0]


GOLDEN_LABELS = [5, 9, 0, 8, 2, 6, 7, 7, 4, 5, 1, 9]


def test_golden_labels():
    assert labels_for(np.arange(12, dtype=np.uint32), 10).tolist() == GOLDEN_LABELS


def test_truncation_off_changes_no_bit():
    z = latents(uint32(3), 16)
    assert truncate(z, 1.0, np.ones(16, np.float32)) is z


def test_truncation_pulls_towards_the_mean():
    z, mean = latents(uint32(3, 4), 16), np.linspace(-1, 1, 16, dtype=np.float32)
    np.testing.assert_array_equal(truncate(z, 0.0, None), np.zeros((2, 16), np.float32))
    np.testing.assert_allclose(truncate(z, 0.0, mean), np.stack([mean, mean]))
    np.testing.assert_allclose(truncate(z, 0.5, mean), (z + mean) / 2, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(truncate(z, 0.25, None), z / 4)
    assert truncate(z, 0.7, mean).dtype == np.float32


@given(psi=st.floats(0, 1), seeds=st.lists(SEED, min_size=2, max_size=8))
def test_truncation_is_independent_of_the_batch(psi, seeds):
    z, mean = latents(uint32(*seeds), 12), np.linspace(-1, 1, 12, dtype=np.float32)
    np.testing.assert_array_equal(truncate(z, psi, mean)[1:2], truncate(z[1:2], psi, mean))
