"""An upload becomes a code as the published encoder gives it, of pixels that training would have made of the file."""

import base64
import io
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from app.errors import InvalidField
from app.images.decode import decode_upload
from app.images.fitting import fitted
from training.data.colour import to_channels
from training.data.decode import decode as trained_on
from training.data.errors import Reject
from training.export import load

SIDE = 8


def picture(width, height, mode="RGBA"):
    """Smooth colours under noise, transparent in parts."""
    y, x = np.mgrid[:height, :width]
    planes = [(x * 7 + y) % 256, (y * 5) % 256, (x * 3 + y * 2) % 256, np.clip(x * 9, 0, 255)]
    noise = np.random.default_rng(0).integers(0, 20, (height, width, 4))
    return Image.fromarray((np.stack(planes, 2) * 0.9 + noise).astype(np.uint8), "RGBA").convert(mode)


def saved(image, form="PNG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def turned(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return {"exif": exif}


SIXTEEN = Image.fromarray(np.random.default_rng(1).integers(0, 65_536, (40, 50), dtype=np.uint16))
FILES = {
    "its-own-size": saved(picture(16, 16)),
    "wide": saved(picture(63, 40)),
    "tall": saved(picture(33, 100)),
    "enlarged": saved(picture(9, 12)),
    "huge": saved(picture(501, 333)),
    "opaque": saved(picture(120, 77, "RGB")),
    "grey": saved(picture(60, 41, "L")),
    "grey-alpha": saved(picture(60, 41, "LA")),
    "palette": saved(picture(60, 41, "RGB").quantize(16)),
    "clear-colour": saved(picture(60, 41, "RGB").quantize(16), transparency=3),
    "16-bit": saved(SIXTEEN),
    "jpeg": saved(picture(700, 500, "RGB"), "JPEG"),
    "jpeg-progressive": saved(picture(301, 200, "RGB"), "JPEG", progressive=True),
    "jpeg-cmyk": saved(picture(90, 70, "CMYK"), "JPEG"),
    "webp": saved(picture(77, 50), "WEBP", lossless=True),
    **{f"turned-{value}": saved(picture(41, 64, "RGB"), "JPEG", **turned(value)) for value in range(1, 9)},
    "turned-png": saved(picture(40, 61), **turned(7)),
}


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("name", FILES)
def test_an_upload_is_the_picture_that_training_would_see(name, fit, channels):
    for side in (16, 32):
        take = partial(fitted, shape=(side, side, channels), fit=fit)
        found = decode_upload(FILES[name], take)
        np.testing.assert_array_equal(found, to_channels(trained_on(FILES[name], side, fit), channels))


@pytest.mark.parametrize(("size", "fit"), [((7, 30), "crop"), ((30, 7), "pad"), ((33, 8), "crop"), ((8, 33), "crop")])
def test_both_refuse_the_same(size, fit):
    file = saved(picture(*size))
    with pytest.raises(Reject):
        trained_on(file, 16, fit)
    with pytest.raises(InvalidField):
        decode_upload(file, partial(fitted, shape=(16, 16, 3), fit=fit))


def test_a_model_that_is_not_square_gets_its_proportions():
    take = partial(fitted, shape=(10, 20, 3), fit="crop")
    assert decode_upload(saved(picture(80, 40, "RGB")), take).shape == (10, 20, 3)
    whole = decode_upload(saved(picture(80, 40, "RGB")), take)
    on_its_side = saved(picture(80, 40, "RGB").transpose(Image.Transpose.ROTATE_90), **turned(6))
    np.testing.assert_allclose(decode_upload(on_its_side, take), whole, atol=1)  # resampled in the other order
    padded = decode_upload(saved(picture(40, 40, "L")), partial(fitted, shape=(10, 20, 3), fit="pad"))
    assert (padded[:, :5] == 255).all()
    assert (padded[:, 5:15] != 255).any()


@pytest.fixture(scope="module")
def client(serve, models_dir):
    with serve(models_dir) as client:
        yield client


@pytest.fixture(scope="module")
def encoder(models_dir):
    (name,) = [folder for folder in models_dir.iterdir() if b'"encode"' in (folder / "1/manifest.json").read_bytes()]
    return name.name, load((name / "1" / "generator.pt").read_bytes())


def test_the_code_is_the_published_encoders_and_the_image_the_generators(client, encoder, decode):
    name, module = encoder
    image = client.get(f"/models/{name}").json()["image"]
    file = saved(picture(30, 20))
    form = {"model": name, "format": "json"}
    body = client.post("/reconstruct", files={"image": file}, data=form).json()
    pixels = to_channels(trained_on(file, SIDE), image["channels"])
    x = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        z = module.encode(x)
        made = module(z, torch.zeros(1, dtype=torch.int64))
    np.testing.assert_allclose(body["code"], z[0].numpy(), atol=1e-5)
    with Image.open(io.BytesIO(base64.b64decode(body["b64_png"]))) as reconstructed:
        shown = np.asarray(reconstructed).reshape(SIDE, SIDE, -1).astype(int)
    wanted = ((made[0] + 1) * 127.5).round().clamp(0, 255).permute(1, 2, 0).numpy()
    assert np.abs(shown - wanted).max() <= 1
    variation = {"model": name, "code": body["code"], "n": 1, "strength": 0, "padding": 0}
    np.testing.assert_array_equal(decode(client.post("/variations", json=variation)), shown)
    again = client.post("/variations", files={"image": file}, data={"model": name, "n": "1", "strength": "0"})
    assert (
        again.content
        == client.post("/variations", files={"image": file}, data={"model": name, "n": "1", "strength": "0"}).content
    )


def test_one_that_only_generates_cannot(client):
    answer = client.post("/reconstruct", files={"image": saved(picture(30, 20))}, data={"model": "fashion"})
    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_encode")
