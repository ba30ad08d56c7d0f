"""Few seeds and many have their words from two pieces of code, which give the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inference import philox as module
from app.inference.philox import philox

SEEDS = st.lists(st.integers(0, 2**32 - 1), max_size=12)


@given(blocks=st.integers(1, 40), seeds=SEEDS, stream=st.integers(0, 2**32 - 1))
def test_both_ways_give_the_same_words(blocks, seeds, stream):
    keys = np.array(seeds, np.uint32)
    for integers, arrays in zip(
        module._as_integers(blocks, keys, stream), module._as_arrays(blocks, keys, stream), strict=True
    ):
        assert integers.dtype == arrays.dtype == np.uint64
        np.testing.assert_array_equal(integers, arrays)


@pytest.mark.parametrize("n", [0, 1, 256 // 25, 256 // 25 + 1, 100])
def test_the_way_depends_on_how_many_words_there_are(n, monkeypatch):
    taken = []
    for name in ("_as_integers", "_as_arrays"):
        way = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, way=way, name=name: taken.append(name) or way(*given))
    even, odd = philox(25, np.arange(n, dtype=np.uint32), 0)
    assert even.shape == odd.shape == (2, 25, n)
    assert taken == ["_as_integers" if n * 25 <= 256 else "_as_arrays"]
