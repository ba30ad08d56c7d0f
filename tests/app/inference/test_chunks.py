"""Whatever the size, the chunks cover the batch once, in sizes that were warmed up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.inference.chunks import Chunk, padded, powers_of_two, unpadded


@pytest.mark.parametrize(
    ("limit", "sizes"), [(1, (1,)), (2, (1, 2)), (16, (1, 2, 4, 8, 16)), (20, (1, 2, 4, 8, 16, 20)), (3, (1, 2, 3))]
)
def test_powers_of_two_up_to_and_with_the_limit(limit, sizes):
    assert powers_of_two(limit) == sizes


@given(start=st.integers(0, 100), count=st.integers(1, 500), limit=st.integers(1, 64), lanes=st.integers(1, 70))
def test_exact_chunks_cover_the_batch_once(start, count, limit, lanes):
    buckets = powers_of_two(limit)
    chunks = unpadded(start, count, buckets, lanes)
    assert [i for chunk in chunks for i in range(chunk.start, chunk.start + chunk.count)] == list(
        range(start, start + count)
    )
    assert all(chunk.count == chunk.bucket and chunk.bucket in buckets for chunk in chunks)
    assert max(chunk.count for chunk in chunks) <= -(-count // lanes)


@given(start=st.integers(0, 100), count=st.integers(1, 500), limit=st.integers(1, 64))
def test_padded_chunks_cover_the_batch_once_and_waste_less_than_half(start, count, limit):
    buckets = powers_of_two(limit)
    chunks = padded(start, count, buckets)
    assert [i for chunk in chunks for i in range(chunk.start, chunk.start + chunk.count)] == list(
        range(start, start + count)
    )
    assert len(chunks) == -(-count // limit)
    assert all(chunk.bucket in buckets and chunk.count <= chunk.bucket < 2 * chunk.count for chunk in chunks)


def test_work_is_spread_over_the_lanes():
    assert unpadded(0, 64, (1, 2, 4, 8, 16), 2) == tuple(Chunk(start, 16, 16) for start in (0, 16, 32, 48))
    assert unpadded(0, 5, (1, 2, 4, 8, 16), 2) == (Chunk(0, 2, 2), Chunk(2, 2, 2), Chunk(4, 1, 1))
    assert unpadded(0, 3, (1, 2, 4, 8, 16), 8) == tuple(Chunk(start, 1, 1) for start in range(3))
