"""The service's arrays and the trainer's plain numbers are the same latents."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.inference import latents as served
from training import latents as reference

SEED = st.integers(0, 2**32 - 1)


def of_reference(seeds, z_dim):
    return np.array([reference.latent(seed, z_dim) for seed in seeds], np.float32)


@settings(deadline=None)
@given(seeds=st.lists(SEED, min_size=1, max_size=8), z_dim=st.integers(1, 130))
def test_latents_agree_to_the_last_bit_but_one(seeds, z_dim):
    """Words are exact; logarithm and cosine may differ in the last bit of a double, which a float32 hardly feels."""
    found = served.latents(np.array(seeds, np.uint32), z_dim)
    np.testing.assert_array_max_ulp(found, of_reference(seeds, z_dim), maxulp=1)


def test_of_a_hundred_thousand_latents_all_are_equal_but_a_few():
    seeds = range(1_600)
    unequal = served.latents(np.array(seeds, np.uint32), 64) != of_reference(seeds, 64)
    assert unequal.sum() <= 3


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1, 2**31, 2**32 - 1])
def test_the_ends_of_the_range(seed):
    np.testing.assert_array_max_ulp(
        served.latents(np.array([seed], np.uint32), 512), of_reference([seed], 512), maxulp=1
    )


@settings(deadline=None)
@given(seeds=st.lists(SEED, min_size=1, max_size=20), num_classes=st.integers(0, 1000))
def test_labels_agree(seeds, num_classes):
    found = served.labels_for(np.array(seeds, np.uint32), num_classes)
    assert found.tolist() == [reference.label(seed, num_classes) for seed in seeds]
