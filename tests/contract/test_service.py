"""Publish, serve, ask over HTTP, decode: the tiles in the answer are what the trainer's own arithmetic gives."""

import numpy as np
import pytest
import torch
from PIL import Image

from training.export import load
from training.latents import label, latent

SIDE, PADDING, TOLERANCE = 8, 2, 2


@pytest.fixture(scope="module")
def client(serve, models_dir):
    with serve(models_dir) as client:
        yield client


@pytest.fixture(scope="module")
def ask(client, decode):
    """POST /generate with these fields; the pixels of the answer."""
    return lambda **fields: decode(client.post("/generate", json=fields))


def tile(grid, index, columns, padding):
    row, column = divmod(index, columns)
    top, left = padding + row * (SIDE + padding), padding + column * (SIDE + padding)
    return grid[top : top + SIDE, left : left + SIDE]


def tiles(grid, count, columns, padding=PADDING):
    return np.stack([tile(grid, index, columns, padding) for index in range(count)])


@pytest.fixture(scope="module")
def expected(models_dir):
    """uint8 images of seeds, by the published file and the scalar reference alone."""

    def images(name, version, seeds, labels=None, psi=1.0, mean=0.0):
        generator = load((models_dir / name / str(version) / "generator.pt").read_bytes())
        z = torch.tensor([latent(seed, 10) for seed in seeds])
        with torch.no_grad():
            x = generator(mean + psi * (z - mean), torch.tensor(labels or [0] * len(seeds)))
        return ((x + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()

    return images


def assert_close(found, wanted):
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).max() <= TOLERANCE
    assert wanted.std() > 10  # a grid of one colour would prove nothing


def test_every_published_model_serves(client):
    assert client.get("/readyz").status_code == 200
    answer = client.get("/models").json()
    assert [model["ref"] for model in answer["models"]] == ["avatars@1", "avatars@2", "faces@1", "fashion@1"]
    assert answer["default"] == "avatars@2"


@pytest.mark.parametrize("ref", ["avatars@1", "avatars@2", "faces@1"])
def test_the_golden_seeds_over_http_are_golden_png(ask, models_dir, ref):
    grid = ask(model=ref, n=16, seed=0, columns=4, padding=0)
    with Image.open(models_dir / ref.replace("@", "/") / "golden.png") as golden:
        assert_close(grid, np.asarray(golden))


def test_the_preview_is_the_first_grid_that_anybody_asks_for(ask, models_dir):
    grid = ask(model="avatars@1", n=64, seed=0)
    with Image.open(models_dir / "avatars" / "1" / "preview.png") as preview:
        wanted = tiles(np.asarray(preview), 64, 8, padding=0)
    assert_close(tiles(grid, 64, 8), wanted)


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (5, 3), (7, 2), (33, 6)])
def test_every_tile_is_its_seed(ask, expected, n, columns):
    grid = ask(model="avatars@1", n=n, seed=1000, columns=columns)
    rows = -(-n // columns)
    pitch = SIDE + PADDING
    assert grid.shape == (rows * pitch + PADDING, columns * pitch + PADDING, 3)
    assert_close(tiles(grid, n, columns), expected("avatars", 1, range(1000, 1000 + n)))


@pytest.mark.parametrize("k", [0, 1, 9, 15])
def test_tile_k_can_be_asked_for_alone_and_is_the_same_to_the_bit(ask, k):
    grid = ask(n=16, seed=77)
    alone = ask(n=1, seed=77 + k, padding=0)
    np.testing.assert_array_equal(tile(grid, k, 4, PADDING), alone)


def test_seeds_wrap_at_32_bits(ask, expected):
    grid = ask(model="avatars@1", n=4, seed=2**32 - 2)
    assert_close(tiles(grid, 4, 2), expected("avatars", 1, [2**32 - 2, 2**32 - 1, 0, 1]))


def test_a_list_of_seeds_in_its_order(ask, expected):
    seeds = [9, 3, 4_000_000_000, 3]
    grid = ask(model="avatars@1", seeds=seeds)
    assert_close(tiles(grid, 4, 2), expected("avatars", 1, seeds))


@pytest.mark.parametrize(("name", "index"), [("shirt", 0), ("shoe", 1), ("bag", 2)])
def test_a_label_is_its_class(ask, expected, name, index):
    grid = ask(model="fashion", n=4, seed=5, label=name)
    assert_close(tiles(grid, 4, 2), expected("fashion", 1, range(5, 9), [index] * 4))


def test_without_a_label_the_seed_draws_one(ask, expected):
    labels = [label(seed, 3) for seed in range(9)]
    assert set(labels) == {0, 1, 2}
    grid = ask(model="fashion", n=9, seed=0)
    assert_close(tiles(grid, 9, 3), expected("fashion", 1, range(9), labels))


@pytest.mark.parametrize(("ref", "mean"), [("avatars@1", 0.0), ("avatars@2", 0.25)])
def test_truncation_pulls_towards_the_published_mean(ask, expected, ref, mean):
    grid = ask(model=ref, n=4, seed=5, truncation_psi=0.5)
    name, version = ref.split("@")
    wanted = expected(name, version, range(5, 9), psi=0.5, mean=mean)
    assert_close(tiles(grid, 4, 2), wanted)
    assert np.abs(wanted.astype(int) - expected(name, version, range(5, 9))).max() > TOLERANCE


def test_transparency_arrives(ask, expected):
    grid = ask(model="faces", n=4, seed=5)
    wanted = expected("faces", 1, range(5, 9))
    assert wanted.shape[-1] == 4
    assert_close(tiles(grid, 4, 2), wanted)
