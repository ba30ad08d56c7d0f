import base64
import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app.images.readback import read_recipe


def post(client: httpx.Client, route: str, **fields: Any) -> httpx.Response:
    return client.post(f"/{route}", json=fields)


def pixels(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def tile(client: httpx.Client, seed: int, **fields: Any) -> Any:
    return pixels(post(client, "generate", seed=seed, padding=0, **fields))


def test_a_strip_begins_and_ends_with_the_images_of_its_seeds(client: httpx.Client) -> None:
    answer = post(client, "interpolate", seeds=[1, 2], n=5, padding=0)
    strip = pixels(answer)
    assert strip.shape == (8, 40, 3)
    assert (strip[:, :8] == tile(client, 1)).all()
    assert (strip[:, -8:] == tile(client, 2)).all()
    assert answer.headers["x-tessera-seeds"] == "1,2"
    recipe = read_recipe(answer.content)
    assert recipe["seeds"] == [1, 2]
    assert recipe["parameters"]["frames"] == 5


def test_a_grid_and_a_class_for_all_frames(client: httpx.Client, registry: Any) -> None:
    assert pixels(post(client, "interpolate", seeds=[1, 2, 3], n=9, layout="grid", padding=1)).shape == (28, 28, 3)
    post(client, "interpolate", seeds=[1, 2], n=4, model="fashion", label="bag")
    assert registry.get("fashion").batcher.asked[-1].label.tolist() == [2] * 4
    post(client, "interpolate", seeds=[1, 2], n=4, model="fashion")
    assert len(set(registry.get("fashion").batcher.asked[-1].label.tolist())) == 1


def test_an_animation_shows_its_frames_endlessly(client: httpx.Client) -> None:
    answer = post(client, "interpolate", seeds=[1, 2], n=6, loop=True, layout="animation", frame_ms=50, scale=2)
    assert answer.headers["content-type"] == "image/webp"
    film = Image.open(io.BytesIO(answer.content))
    assert (film.n_frames, film.size, film.info["loop"]) == (6, (16, 16), 0)  # type: ignore[attr-defined]
    film.seek(3)
    frame = np.asarray(film.convert("RGB"))
    assert (frame[::2, ::2] == tile(client, 2)).all()
    assert film.info["duration"] == 50
    assert read_recipe(answer.content)["parameters"]["loop"] is True
    again = post(client, "interpolate", seeds=[1, 2], n=6, loop=True, layout="animation", frame_ms=50, scale=2)
    assert again.content == answer.content


def test_an_animated_png_for_those_who_want_one(client: httpx.Client) -> None:
    fields = {"seeds": [1, 2], "n": 4, "loop": True, "layout": "animation", "frame_ms": 50, "scale": 2}
    answer = post(client, "interpolate", format="apng", **fields)
    assert answer.headers["content-type"] == "image/apng"
    film = Image.open(io.BytesIO(answer.content))
    assert (film.n_frames, film.size, film.info["loop"]) == (4, (16, 16), 0)  # type: ignore[attr-defined]
    film.seek(2)
    assert (np.asarray(film)[::2, ::2] == tile(client, 2)).all()
    assert read_recipe(answer.content)["parameters"]["frame_ms"] == 50
    for accept in ("image/apng", "image/png", "image/avif,image/apng,image/webp;q=0.8"):
        asked = client.post("/interpolate", json=fields, headers={"accept": accept})
        assert asked.content == answer.content


def test_variations_lie_between_the_seed_and_their_own(client: httpx.Client) -> None:
    none = post(client, "variations", seed=7, n=1, strength=0, padding=0)
    assert (pixels(none) == tile(client, 7)).all()
    whole = post(client, "variations", seed=7, n=1, strength=1, padding=0)
    assert (pixels(whole) == tile(client, 8)).all()
    answer = post(client, "variations", seed=7, n=4, strength=0.5, padding=0)
    assert answer.headers["x-tessera-seeds"] == "8-11"
    third = post(client, "variations", seed=7, n=1, strength=0.5, variation_seed=10, padding=0)
    assert (pixels(third) == pixels(answer)[8:, :8]).all()
    assert read_recipe(third.content)["parameters"]["variation_of"] == 7


def test_variations_as_single_files(client: httpx.Client) -> None:
    body = post(client, "variations", seed=2**32 - 1, n=3, format="json", model="fashion").json()
    assert [image["seed"] for image in body["images"]] == [0, 1, 2]
    assert len({image["label"] for image in body["images"]}) == 1
    recipe = read_recipe(base64.b64decode(body["images"][1]["b64_png"]))
    assert (recipe["seeds"], recipe["parameters"]["variation_of"]) == ([1], 2**32 - 1)


def test_the_same_feedback_gives_the_same_children(client: httpx.Client) -> None:
    first, second = (post(client, "evolve", liked=[1, 5, 9], disliked=[2, 3], n=4, padding=0) for _ in range(2))
    assert first.content == second.content
    assert post(client, "evolve", liked=[1, 5, 9], disliked=[2], n=4, padding=0).content != first.content
    assert post(client, "evolve", liked=[1, 5, 9], disliked=[2, 3], n=4, seed=1).content != first.content
    seed = int(first.headers["x-tessera-seeds"].split("-")[0])
    child = post(client, "evolve", liked=[1, 5, 9], disliked=[2, 3], n=1, seed=seed + 2, padding=0)
    assert (pixels(child) == pixels(first)[8:, :8]).all()
    parameters = read_recipe(child.content)["parameters"]
    assert (parameters["liked"], parameters["disliked"]) == ([1, 5, 9], [2, 3])


@pytest.mark.parametrize(
    ("route", "fields", "field"),
    [
        ("interpolate", {}, "seeds"),
        ("interpolate", {"seeds": [1]}, "seeds"),
        ("interpolate", {"seeds": [1, 2**32]}, "seeds.1"),
        ("interpolate", {"seeds": [0] * 65}, "seeds"),
        ("interpolate", {"seeds": [1, 2, 3], "n": 2}, "n"),
        ("interpolate", {"seeds": [1, 2], "n": 257}, "n"),
        ("interpolate", {"seeds": [1, 2], "layout": "animation", "format": "png"}, "format"),
        ("interpolate", {"seeds": [1, 2], "columns": 2}, "columns"),
        ("interpolate", {"seeds": [1, 2], "format": "apng"}, "format"),
        ("interpolate", {"seeds": [1, 2], "layout": "animation", "frame_ms": 10_001}, "frame_ms"),
        ("interpolate", {"seeds": [1, 2], "format": "json"}, "format"),
        ("interpolate", {"seeds": [1, 2], "layout": "animation", "n": 256, "scale": 16}, "scale"),
        ("interpolate", {"seeds": [1, 2], "label": 0}, "label"),
        ("variations", {}, "seed"),
        ("variations", {"seed": 1, "strength": 1.1}, "strength"),
        ("variations", {"seed": 1, "n": 10**9}, "n"),
        ("variations", {"seed": 1, "timeout_ms": 5001}, "timeout_ms"),
        ("evolve", {}, "liked"),
        ("evolve", {"liked": []}, "liked"),
        ("evolve", {"liked": [1], "disliked": [-1]}, "disliked.0"),
        ("evolve", {"liked": [1], "n": 10**9}, "n"),
        ("evolve", {"liked": [1], "likes": [1]}, "likes"),
    ],
)
def test_a_wrong_request_is_told_which_field(client: httpx.Client, route: str, fields: Any, field: str) -> None:
    answer = post(client, route, **fields)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
