"""The words of Philox are known answers; the rest follows models/README.md, whose table is checked here."""

import math
import re
import statistics
import struct
from pathlib import Path

import pytest

from training.latents import label, latent, philox

README = Path(__file__).parents[2] / "models" / "README.md"


def test_known_answer_of_random123():
    """kat_vectors of the Random123 library: philox4x32-10, counter and key zero."""
    assert philox(0, 0, 0) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)


def readme_rows():
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| `([0-9a-f ]+)` \| ([-0-9. ]+) \|$", README.read_text(), re.M)
    assert len(rows) == 3
    return rows


@pytest.mark.parametrize(("seed", "stream", "block", "words", "numbers"), readme_rows())
def test_the_table_of_the_format(seed, stream, block, words, numbers):
    assert philox(int(block), int(stream), int(seed)) == tuple(int(word, 16) for word in words.split())
    expected = [float(number) for number in numbers.split()]
    assert latent(int(seed), 4) == [struct.unpack("<f", struct.pack("<f", number))[0] for number in expected]


def test_more_dimensions_only_add():
    assert latent(7, 130)[:5] == latent(7, 5)
    assert [len(latent(1, n)) for n in range(1, 10)] == list(range(1, 10))


def test_every_number_is_a_float32():
    for number in latent(123, 64):
        assert struct.unpack("<f", struct.pack("<f", number))[0] == number


def test_normal_and_different():
    numbers = [number for seed in range(300) for number in latent(seed, 64)]
    assert abs(statistics.fmean(numbers)) < 0.03
    assert abs(statistics.pstdev(numbers) - 1) < 0.02
    assert len(set(numbers)) > 19_000
    assert all(math.isfinite(number) for number in numbers)


@pytest.mark.parametrize("seed", [-1, 2**32, 2**64])
def test_seeds_are_32_bits(seed):
    with pytest.raises(ValueError, match="seed"):
        latent(seed, 4)
    with pytest.raises(ValueError, match="seed"):
        label(seed, 4)


def test_labels_come_from_the_second_stream():
    assert [label(seed, 10) for seed in range(12)] == [5, 9, 0, 8, 2, 6, 7, 7, 4, 5, 1, 9]
    assert label(5, 0) == 0
    assert label(5, 1) == 0
