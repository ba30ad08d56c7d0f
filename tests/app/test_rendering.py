"""What is known of a model's pictures decides how they are deflated, and nothing else about the answer."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from app.images.provenance import Recipe
from app.rendering import Form, Layout, render

IMAGES = np.random.default_rng(3).integers(0, 9, (4, 12, 12, 3), np.uint8).cumsum(axis=2, dtype=np.uint8)
RECIPE = Recipe("avatars", 1, "ab" * 32, [1, 2, 3, 4])
AS_MADE = Layout(None, 2, (255, 255, 255), 1)
ENLARGED = [replace(AS_MADE, scale=3), replace(AS_MADE, size=30)]


def rendered(filtered: bool | None, layout: Layout, form: Form = Form.PNG) -> bytes:
    return render(IMAGES, RECIPE._replace(filtered=filtered), form, layout)


@pytest.mark.parametrize("form", [Form.PNG, Form.ZIP, Form.JSON])
def test_pictures_as_the_model_made_them_go_the_usual_way(form: Form) -> None:
    assert rendered(True, AS_MADE, form) != rendered(False, AS_MADE, form)


def test_either_way_has_the_same_pixels() -> None:
    pictures = [np.asarray(Image.open(io.BytesIO(rendered(filtered, AS_MADE)))) for filtered in (None, True, False)]
    np.testing.assert_array_equal(pictures[1], pictures[0])
    np.testing.assert_array_equal(pictures[2], pictures[0])


def test_frames_go_the_usual_way_too() -> None:
    moving = replace(AS_MADE, frame_ms=40)
    assert rendered(True, moving) != rendered(False, moving)


@pytest.mark.parametrize("layout", [*ENLARGED, replace(AS_MADE, scale=3, frame_ms=40)])
def test_enlarged_ones_are_judged_for_themselves(layout: Layout) -> None:
    assert rendered(True, layout) == rendered(False, layout) == rendered(None, layout)
