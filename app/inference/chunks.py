"""How a batch of any size is cut into pieces of the sizes that were warmed up and proved."""

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Chunk:
    """Images start .. start + count of the batch, run as a batch of `bucket` (the rest of it is padding)."""

    start: int
    count: int
    bucket: int


def powers_of_two(limit: int) -> tuple[int, ...]:
    """1, 2, 4 ... up to `limit`, and `limit` itself."""
    sizes = [1 << power for power in range(limit.bit_length())]
    return (*(size for size in sizes if size < limit), limit)


@lru_cache(maxsize=1024)
def unpadded(start: int, count: int, buckets: tuple[int, ...], lanes: int) -> tuple[Chunk, ...]:
    """Exact sizes only, and enough of them to keep every lane busy. buckets: ascending, from 1."""
    fair_share = -(-count // lanes)
    usable = [size for size in buckets if size <= fair_share]
    chunks: list[Chunk] = []
    for size in reversed(usable):
        while count >= size:
            chunks.append(Chunk(start, size, size))
            start, count = start + size, count - size
    return tuple(chunks)


@lru_cache(maxsize=1024)
def padded(start: int, count: int, buckets: tuple[int, ...]) -> tuple[Chunk, ...]:
    """As few as possible, each in the smallest bucket that holds it. buckets: ascending."""
    chunks: list[Chunk] = []
    while count:
        size = min(count, buckets[-1])
        chunks.append(Chunk(start, size, next(bucket for bucket in buckets if bucket >= size)))
        start, count = start + size, count - size
    return tuple(chunks)
