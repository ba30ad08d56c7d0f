"""What an answer holds: pixels, formats, files and what they say of themselves."""

import asyncio
import base64
import io
import json
import threading
import zipfile
from typing import Any

import numpy as np
import pytest

from app.errors import InvalidField
from app.images.readback import read_recipe
from app.inference.latents import labels_for, latents
from app.pipeline import Pipeline
from app.rendering import Form, Layout
from app.telemetry import Telemetry
from tests.app.kitchen import GRID, Open, order, pixels, run


def test_tile_k_of_a_grid_is_the_image_of_its_seed_alone(kitchen: Any) -> None:
    grid = pixels(run(kitchen, order([5, 6, 7, 8])).body)
    for k in range(4):
        alone = pixels(run(kitchen, order([5 + k])).body)
        row, column = divmod(k, 2)
        assert (grid[row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] == alone).all()


def test_latents_are_those_of_the_seeds(kitchen: Any) -> None:
    run(kitchen, order([3, 2**32 - 1]))
    asked = kitchen.avatars.batcher.asked[0]
    assert (asked.z == latents(np.array([3, 2**32 - 1], np.uint32), 32)).all()
    assert asked.label.tolist() == [0, 0]
    assert asked.client == "c"


def test_truncation_pulls_towards_the_manifests_mean(kitchen: Any) -> None:
    mean = [0.25] * 32
    kitchen.avatars.manifest.latent.mean = mean
    run(kitchen, order([3], truncation_psi=0.0))
    assert np.allclose(kitchen.avatars.batcher.asked[0].z, 0.25)


def test_without_a_label_each_seed_draws_its_own(kitchen: Any) -> None:
    seeds = np.arange(20, dtype=np.uint32)
    run(kitchen, order(seeds.tolist(), model="fashion"))
    assert kitchen.fashion.batcher.asked[0].label.tolist() == labels_for(seeds, 3).tolist()


def test_labels_by_name_and_index_reach_the_engine_and_the_file(kitchen: Any) -> None:
    wanted = order([1, 2], model="fashion@1", labels=["bag", 1], label_fields=["labels.0", "labels.1"])
    answer = run(kitchen, wanted)
    assert kitchen.fashion.batcher.asked[0].label.tolist() == [2, 1]
    recipe = read_recipe(answer.body)
    assert (recipe["labels"], recipe["seeds"]) == (["bag", "shoe"], [1, 2])


def test_the_file_says_what_it_is(kitchen: Any) -> None:
    recipe = read_recipe(run(kitchen, order([9], truncation_psi=0.5, layout=GRID)).body)
    assert (recipe["model"], recipe["version"], recipe["digest"]) == ("avatars", 1, "ab" * 32)
    assert (recipe["seeds"], recipe["truncation_psi"]) == ([9], 0.5)
    assert recipe["parameters"] == {"background": "#ffffff", "columns": None, "padding": 2, "scale": 1}


@pytest.mark.parametrize("form", list(Form))
def test_equal_orders_have_equal_bytes_and_tags(kitchen: Any, form: Form) -> None:
    first, second = (run(kitchen, order([1, 2, 3], form=form, layout=GRID)) for _ in range(2))
    other = run(kitchen, order([1, 2, 4], form=form, layout=GRID))
    assert (first.body, first.etag) == (second.body, second.etag)
    assert first.etag != other.etag
    assert first.media_type == form.media_type


@pytest.mark.parametrize("form", [Form.WEBP, Form.JPEG])
def test_other_formats_hold_the_same_picture(kitchen: Any, form: Form) -> None:
    png = pixels(run(kitchen, order([1, 2, 3], layout=GRID)).body).astype(int)
    other = pixels(run(kitchen, order([1, 2, 3], form=form, layout=GRID)).body).astype(int)
    assert other.shape == png.shape
    assert np.abs(other - png).mean() < (1 if form is Form.WEBP else 12)


def test_json_holds_single_images(kitchen: Any) -> None:
    body = json.loads(run(kitchen, order([1, 2], form=Form.JSON, model="fashion", layout=GRID)).body)
    assert (body["model"], body["width"], body["height"]) == ("fashion@1", 8, 8)
    assert [image["seed"] for image in body["images"]] == [1, 2]
    assert all(image["label"] in ("shirt", "shoe", "bag") for image in body["images"])
    file = base64.b64decode(body["images"][1]["b64_png"])
    assert (pixels(file) == pixels(run(kitchen, order([2], model="fashion")).body)).all()
    assert read_recipe(file)["seeds"] == [2]


def test_zip_holds_single_files_and_their_metadata(kitchen: Any) -> None:
    layout = Layout(None, 2, (255, 255, 255), 3)
    answer = run(kitchen, order([70, 7], form=Form.ZIP, layout=layout))
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["000000_70.png", "000001_7.png", "metadata.jsonl"]
        rows = [json.loads(line) for line in archive.read("metadata.jsonl").splitlines()]
        assert rows[1] == {"file_name": "000001_7.png", "seed": 7, "label": None}
        tile = pixels(archive.read("000001_7.png"))
    assert tile.shape == (24, 24, 3)
    assert (tile[::3, ::3] == pixels(run(kitchen, order([7])).body)).all()


def test_a_large_answer_is_encoded_off_the_loop_and_is_the_same(kitchen: Any) -> None:
    seeds = list(range(256))
    large = run(kitchen, order(seeds, layout=Layout(16, 0, (0, 0, 0), 3)))
    grid = pixels(large.body)
    assert grid.shape == (384, 384, 3)
    assert (grid[::3, ::3][8:16, :8] == pixels(run(kitchen, order([16])).body)).all()


@pytest.mark.parametrize(
    ("cores", "scale", "place"),
    [(8, 1, "MainThread"), (8, 2, "encode_0"), (2, 2, "MainThread"), (2, 3, "encode_0")],
)
def test_what_is_long_enough_for_the_machine_is_encoded_in_a_thread(
    kitchen: Any, monkeypatch: pytest.MonkeyPatch, cores: int, scale: int, place: str
) -> None:
    """256 images of 8x8x3: 49 kB of pixels at scale 1, 197 kB at 2, 442 kB at 3."""
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    pipeline = Pipeline(kitchen.registry, Open(), kitchen.lifecycle, Telemetry(), 4_000_000)  # type: ignore[arg-type]
    places = []

    def render(*_: Any) -> bytes:
        places.append(threading.current_thread().name)
        return b"picture"

    wanted = order(list(range(256)), layout=Layout(16, 0, (0, 0, 0), scale))
    assert asyncio.run(pipeline.generate(wanted, render)).body == b"picture"
    assert places == [place]
    pipeline.close()


def test_too_many_pixels_name_what_to_change(kitchen: Any) -> None:
    for form in (Form.PNG, Form.JSON):
        with pytest.raises(InvalidField, match="at most 4000000") as caught:
            run(kitchen, order(list(range(256)), form=form, layout=Layout(None, 0, (0, 0, 0), 16)))
        assert caught.value.field == "scale"
    assert kitchen.avatars.batcher.asked == []


def test_a_side_that_the_format_cannot_hold_is_refused(kitchen: Any, paint_model: Any) -> None:
    tall = Layout(1, 64, (0, 0, 0), 1)
    with pytest.raises(InvalidField, match="16383") as caught:
        run(kitchen, order(list(range(256)), form=Form.WEBP, layout=tall))
    assert caught.value.field == "format"
    assert pixels(run(kitchen, order(list(range(256)), layout=Layout(1, 0, (0, 0, 0), 1))).body).shape == (2048, 8, 3)


@pytest.mark.parametrize("form", [Form.PNG, Form.JPEG])
def test_a_transparent_background_needs_images_with_transparency(kitchen: Any, form: Form) -> None:
    with pytest.raises(InvalidField) as caught:
        run(kitchen, order([1], form=form, layout=Layout(None, 2, (1, 2, 3, 4), 1)))
    assert caught.value.field == "background"


def test_rgba_models_take_a_transparent_background(kitchen: Any, paint_model: Any) -> None:
    kitchen.registry.served.append(paint_model("icons", channels=4))
    clear = Layout(None, 2, (1, 2, 3, 4), 1)
    grid = pixels(run(kitchen, order([1], model="icons", layout=clear)).body)
    assert grid[0, 0].tolist() == [1, 2, 3, 4]
    with pytest.raises(InvalidField, match="JPEG"):
        run(kitchen, order([1], model="icons", form=Form.JPEG, layout=clear))


def test_the_time_is_told_in_its_parts(kitchen: Any) -> None:
    timings = run(kitchen, order([1])).timings
    assert (timings.queue, timings.infer) == (0.25, 0.125)
    assert timings.encode > 0
