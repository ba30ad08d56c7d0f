import numpy as np
import pytest
from PIL import Image

from training.data.phash import MAX_BITS, MAX_RMS, near_duplicates, perceptual_hashes, thumbnail


def thumbnails(*pictures: Image.Image) -> np.ndarray:
    return np.stack([thumbnail(np.asarray(picture)) for picture in pictures])


def groups(images: np.ndarray) -> list[int]:
    return near_duplicates(perceptual_hashes(images), images).tolist()


@pytest.mark.parametrize("side", [8, 16, 28, 32, 50, 64, 128])
def test_a_thumbnail_is_the_average_of_its_part(side):
    flat = np.full((side, side, 3), 77, np.uint8)
    assert (thumbnail(flat) == 77).all()
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    assert thumbnail(image).shape == (16, 16, 3)
    assert abs(thumbnail(image).mean() - image.mean()) < 1


def test_a_thumbnail_of_twice_the_size_averages_four_pixels():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    expected = image.reshape(16, 2, 16, 2, 3).mean((1, 3))
    assert np.abs(thumbnail(image) - expected).max() <= 0.5


def test_other_compression_and_size_are_found(draw, encoded):
    import io

    picture = draw(1, 64)
    pressed = Image.open(io.BytesIO(encoded(picture, "JPEG", quality=60)))
    smaller = picture.resize((40, 40)).resize((64, 64))
    assert groups(thumbnails(picture, pressed, smaller, draw(2, 64))) == [0, 0, 0, 3]


def test_other_pictures_are_not_found(draw):
    assert groups(thumbnails(*(draw(seed, 64) for seed in range(200)))) == list(range(200))


def test_the_same_drawing_in_another_colour_is_another_image(draw):
    picture = np.asarray(draw(1, 64))
    assert groups(np.stack([thumbnail(picture), thumbnail(picture[..., ::-1].copy())])) == [0, 1]


def test_flat_images_differ_by_their_colour():
    flat = [np.full((16, 16, 3), level, np.uint8) for level in (0, 1, 100, 255)]
    assert groups(np.stack(flat)) == [0, 0, 2, 3]


def test_small_steps_do_not_tie_a_chain_together():
    chain = np.stack([np.full((16, 16, 3), 4 * step, np.uint8) for step in range(20)])
    first = near_duplicates(np.zeros(20, np.uint64), chain)
    assert len(set(first.tolist())) > 5
    assert (first[first] == first).all()


def test_hashes_within_the_bits_are_found_wherever_the_bits_are():
    random = np.random.default_rng(0)
    alike = np.zeros((2, 16, 16, 3), np.uint8)
    for _ in range(300):
        base = random.integers(0, 2**63)
        flipped = base
        for bit in random.choice(63, MAX_BITS, replace=False):
            flipped ^= 1 << int(bit)
        assert near_duplicates(np.array([base, flipped], np.uint64), alike).tolist() == [0, 0]


def test_hashes_beyond_the_bits_are_not():
    alike = np.zeros((2, 16, 16, 3), np.uint8)
    assert near_duplicates(np.array([0, 2 ** (MAX_BITS + 1) - 1], np.uint64), alike).tolist() == [0, 1]


def test_it_agrees_with_comparing_every_pair():
    random = np.random.default_rng(1)
    hashes = random.integers(0, 2**20, 300).astype(np.uint64)
    images = random.integers(0, 16, (300, 1, 1, 3), dtype=np.uint8) + np.zeros((300, 16, 16, 3), np.uint8)
    expected = list(range(300))
    for i in range(300):
        for j in range(i + 1, 300):
            alike = int(hashes[i] ^ hashes[j]).bit_count() <= MAX_BITS
            alike = alike and np.sqrt(((images[i].astype(float) - images[j]) ** 2).mean()) <= MAX_RMS
            if alike and expected[i] == i and expected[j] == j:
                expected[j] = i
    assert near_duplicates(hashes, images).tolist() == expected
    assert expected != list(range(300))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_images(count):
    images = np.zeros((count, 16, 16, 3), np.uint8)
    assert groups(images) == [0] * count


def test_thousands_alike_are_one_group():
    images = np.zeros((3_000, 16, 16, 3), np.uint8)
    assert set(groups(images)) == {0}
