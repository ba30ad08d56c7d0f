"""Pictures travel inside the page: small, and to the pixel where that matters."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from training.report.pictures import picture
from training.sheet import png


def carried(element: str) -> np.ndarray:
    (data,) = re.findall(r'src="data:image/webp;base64,([^"]*)"', element)
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return np.asarray(image)


@pytest.mark.parametrize("channels", [3, 4])
def test_exact_is_exact(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, channels), np.uint8)
    pixels[..., 3:] |= 1  # what is wholly transparent may lose its colour
    (tmp_path / "sheet.png").write_bytes(png(pixels))
    element = picture(tmp_path / "sheet.png", 'a "sheet"', exact=True)
    np.testing.assert_array_equal(carried(element), pixels)
    assert 'alt="a &quot;sheet&quot;"' in element
    assert 'width="30" height="20"' in element


def test_grey_is_carried_too(tmp_path):
    (tmp_path / "grey.png").write_bytes(png(np.full((8, 8, 1), 77, np.uint8)))
    assert abs(int(carried(picture(tmp_path / "grey.png", "grey")).mean()) - 77) <= 2


def test_what_is_not_there_is_no_picture(tmp_path):
    assert picture(tmp_path / "none.png", "nothing") == ""
