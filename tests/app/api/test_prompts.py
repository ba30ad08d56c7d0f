"""`prompt` over HTTP: which classes it takes is said, and an image of a seed and a prompt is one image."""

import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app.images.readback import read_recipe


def pixels(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_the_answer_says_what_was_taken(client: httpx.Client, registry: Any) -> None:
    asked = {"model": "fashion", "prompt": "shoes, bags", "n": 40, "seed": 3}
    answer = client.post("/generate", json=asked)
    assert answer.headers["x-tessera-labels"] == "shoe;w=0.5, bag;w=0.5"
    recipe = read_recipe(answer.content)
    assert recipe["parameters"]["label_shares"] == {"shoe": 0.5, "bag": 0.5}
    assert set(recipe["labels"]) == {"shoe", "bag"}
    assert registry.get("fashion").batcher.asked[-1].label.tolist() == [
        ["shirt", "shoe", "bag"].index(label) for label in recipe["labels"]
    ]
    body = client.post("/generate", json=asked | {"format": "json"}).json()
    assert body["label_shares"] == {"shoe": 0.5, "bag": 0.5}
    assert [image["label"] for image in body["images"]] == recipe["labels"]
    without = client.post("/generate", json={"model": "fashion"})
    assert "x-tessera-labels" not in without.headers


def test_by_meaning(client: httpx.Client) -> None:
    asked = {"model": "fashion", "prompt": "footwear"}
    answer = client.post("/generate", json=asked, timeout=60)  # the first use reads the encoder
    assert answer.headers["x-tessera-labels"] == "shoe;w=1"


def test_an_image_of_a_seed_and_a_prompt_is_one_image(client: httpx.Client) -> None:
    asked = {"model": "fashion", "prompt": "shirts or bags", "padding": 0}
    grid = pixels(client.post("/generate", json=asked | {"n": 9, "seed": 5, "columns": 9}))
    for k in range(9):
        alone = pixels(client.post("/generate", json=asked | {"seed": 5 + k}))
        assert (alone == grid[:, 8 * k : 8 * (k + 1)]).all()


@pytest.mark.parametrize(
    ("route", "fields"),
    [("interpolate", {"seeds": [1, 2]}), ("variations", {"seed": 7}), ("evolve", {"liked": [1, 2]})],
)
def test_the_latent_tools_take_one_too(client: httpx.Client, route: str, fields: dict[str, Any]) -> None:
    answer = client.post(f"/{route}", json={"model": "fashion", "prompt": "bags", **fields})
    assert answer.headers["x-tessera-labels"] == "bag;w=1"
    assert set(read_recipe(answer.content)["labels"]) == {"bag"}


@pytest.mark.parametrize(
    ("route", "fields", "says"),
    [
        ("generate", {"model": "avatars", "prompt": "bags"}, "no classes"),
        ("generate", {"model": "fashion", "prompt": "?!"}, "shirt, shoe, bag"),
        ("generate", {"model": "fashion", "prompt": ""}, "at least 1"),
        ("generate", {"model": "fashion", "prompt": "x" * 201}, "at most 200"),
        ("generate", {"model": "fashion", "prompt": 3}, "string"),
        ("generate", {"model": "fashion", "prompt": "bag", "label": 0}, "one of them"),
        ("generate", {"model": "fashion", "prompt": "bag", "labels": [0]}, "one of them"),
        ("evolve", {"model": "fashion", "prompt": "bag", "label": 0, "liked": [1]}, "not both"),
        ("variations", {"model": "avatars", "prompt": "bag", "seed": 1}, "no classes"),
    ],
)
def test_a_wrong_prompt_is_told(client: httpx.Client, route: str, fields: dict[str, Any], says: str) -> None:
    answer = client.post(f"/{route}", json=fields)
    assert (answer.status_code, answer.json()["field"]) == (422, "prompt")
    assert says in answer.text
