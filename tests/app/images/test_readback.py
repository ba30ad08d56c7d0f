"""Files that carry no recipe, or a broken one, say so in one way."""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from app.images.encode import encode_jpeg, encode_webp
from app.images.png import encode_png, international_text
from app.images.readback import read_recipe

IMAGE = np.zeros((4, 4, 3), np.uint8)
Encoder = Callable[..., bytes]


def gif() -> bytes:
    file = io.BytesIO()
    Image.fromarray(IMAGE).save(file, "GIF")
    return file.getvalue()


@pytest.mark.parametrize("data", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", gif()], ids=repr)
def test_what_is_no_image_has_no_recipe(data: bytes) -> None:
    with pytest.raises(ValueError, match="no readable recipe"):
        read_recipe(data)


@pytest.mark.parametrize("encoder", [encode_png, encode_webp, encode_jpeg])
def test_an_image_without_a_recipe_has_none(encoder: Callable[[npt.NDArray[np.uint8]], bytes]) -> None:
    with pytest.raises(ValueError, match="carries no recipe"):
        read_recipe(encoder(IMAGE))


@pytest.mark.parametrize("text", ["{", "nonsense", "[1]", "7", "null"])
def test_a_recipe_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no readable recipe"):
        read_recipe(encode_png(IMAGE, [international_text("tessera", text)]))


@pytest.mark.parametrize("xmp", [b"<", b"<x/>", b"\xff\xfe", b"not xml"])
@pytest.mark.parametrize("encoder", [encode_webp, encode_jpeg])
def test_a_packet_without_a_recipe_is_refused(encoder: Encoder, xmp: bytes) -> None:
    with pytest.raises(ValueError, match="recipe"):
        read_recipe(encoder(IMAGE, xmp=xmp))
