"""POST /variations and /reconstruct on painted models that encode: what an upload becomes, and every bad one named."""

import base64
import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app.api.forms import MAX_BODY
from app.errors import EngineFailed, QueueFull
from app.images.decode import MAX_BYTES
from app.images.readback import read_recipe
from app.settings import Settings

SIDE = 8


@pytest.fixture(scope="module")
def registry(paint_model: Any, paint_registry: Any) -> Any:
    return paint_registry(
        paint_model("garments", classes=("shirt", "7"), encodes=True),
        paint_model("plain"),
        paint_model("faces", version=2, encodes=True),
    )


@pytest.fixture(scope="module")
def client(start: Any, registry: Any, admission: Any) -> Iterator[httpx.Client]:
    settings = Settings(host="127.0.0.1", port=0, timeout_ms=5000, max_body_bytes=4096, max_pixels=1_000_000)
    with start(registry, settings, admission) as client:
        yield client


def saved(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def photo(width: int = SIDE, height: int = SIDE, mode: str = "RGB") -> Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(levels).convert(mode)


def send(client: httpx.Client, route: str, file: bytes | None = None, name: str = "image", **fields: Any) -> Any:
    files = {name: ("cat.bin", saved(photo()) if file is None else file, "text/plain")}
    return client.post(f"/{route}", files=files, data={key: str(value) for key, value in fields.items()})


def pixels(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_a_reconstruction_is_what_the_model_makes_of_the_code(client: httpx.Client) -> None:
    answer = send(client, "reconstruct")
    row = np.asarray(photo())[0]
    made = pixels(answer)
    assert made.shape == (SIDE, SIDE, 3)
    assert np.abs(made[-1].astype(int) - row).max() <= 1
    assert answer.headers["x-tessera-model"] == "faces@2"
    assert "x-tessera-seeds" not in answer.headers
    recipe = read_recipe(answer.content)
    assert recipe["seeds"] == []
    assert len(recipe["parameters"]["codes"]["0"]) == 64


def test_json_holds_the_code_which_the_other_routes_take(client: httpx.Client) -> None:
    body = send(client, "reconstruct", format="json", scale=2).json()
    assert (body["width"], body["height"], body["label"], len(body["code"])) == (16, 16, None, 32)
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(body["b64_png"]))))
    same = client.post("/variations", json={"code": body["code"], "n": 1, "strength": 0, "padding": 0, "scale": 2})
    assert (pixels(same) == image).all()
    way = {"codes": [body["code"], 5], "n": 3, "padding": 0}
    strip = client.post("/interpolate", json=way)
    assert (pixels(strip)[:, :SIDE] == image[::2, ::2]).all()
    assert (pixels(strip)[:, -SIDE:] == pixels(client.post("/generate", json={"seed": 5, "padding": 0}))).all()
    assert strip.headers["x-tessera-seeds"] == "5"
    assert read_recipe(strip.content)["parameters"]["codes"].keys() == {"0"}
    assert client.post("/interpolate", json=way).content == strip.content


def test_the_same_upload_gives_the_same_bytes(client: httpx.Client) -> None:
    for strength in (0, 0.5):
        first, second = (send(client, "variations", n=4, strength=strength) for _ in range(2))
        assert first.status_code == 200
        assert first.content == second.content
        assert first.headers["etag"] == second.headers["etag"]
    assert first.headers["x-tessera-seeds"] == "0-3"
    whole = send(client, "variations", n=1, strength=1, variation_seed=9, padding=0)
    assert (pixels(whole) == pixels(client.post("/generate", json={"seed": 9, "padding": 0}))).all()
    third = send(client, "variations", n=1, strength=0.5, variation_seed=2, padding=0)
    grid = send(client, "variations", n=4, strength=0.5, padding=0)
    assert (pixels(third) == pixels(grid)[SIDE:, :SIDE]).all()


def test_without_strength_a_variation_is_the_reconstruction(client: httpx.Client) -> None:
    one = send(client, "variations", n=1, strength=0, padding=0)
    assert (pixels(one) == pixels(send(client, "reconstruct"))).all()


def test_a_turned_photograph_is_the_upright_one(client: httpx.Client) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = saved(photo().transpose(Image.Transpose.ROTATE_90), exif=exif)
    assert send(client, "reconstruct", turned).content == send(client, "reconstruct").content


def test_nothing_of_the_file_travels_further(client: httpx.Client) -> None:
    exif = Image.Exif()
    exif[0x010E] = "somebody's street"
    answer = send(client, "variations", saved(photo(), exif=exif), n=2)
    assert b"street" not in answer.content
    assert answer.content == send(client, "variations", n=2).content


def test_a_class_is_named_by_name_before_index(client: httpx.Client, registry: Any) -> None:
    for label, index in (("shirt", 0), ("7", 1), ("1", 1), ("0", 0)):
        assert send(client, "reconstruct", model="garments", label=label).status_code == 200
        assert registry.get("garments").batcher.asked[-1].label.tolist() == [index]
    body = send(client, "reconstruct", model="garments", label="SHIRT", format="json").json()
    assert body["label"] == "shirt"
    code = [0.0] * 32
    assert client.post("/variations", json={"model": "garments", "code": code, "label": "shirt"}).status_code == 200
    way = {"model": "garments", "codes": [5, code], "n": 2}  # the seed comes first, and draws a class
    assert client.post("/interpolate", json=way).status_code == 200


def test_a_model_that_cannot_encode_says_so(client: httpx.Client) -> None:
    for route in ("variations", "reconstruct"):
        answer = send(client, route, model="plain")
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (409, "cannot_encode", "model")


def test_an_upload_is_admitted_and_fails_as_an_image(client: httpx.Client, registry: Any, admission: Any) -> None:
    batcher = registry.get("faces").batcher
    made = len(batcher.encoded)
    admission.refuses = QueueFull("later", 3)
    try:
        answer = send(client, "variations")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
        assert len(batcher.encoded) == made
    finally:
        admission.refuses = None
    batcher.failure = EngineFailed("not finite")
    try:
        assert send(client, "reconstruct").json()["code"] == "engine_failed"
    finally:
        batcher.failure = None


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb() -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


ANIMATED = saved(photo(), "WEBP", save_all=True, append_images=[photo().rotate(90)])


@pytest.mark.parametrize("route", ["variations", "reconstruct"])
@pytest.mark.parametrize(
    ("file", "status", "code"),
    [
        (saved(photo())[:-20], 422, "invalid_field"),
        (saved(photo(64, 64), "JPEG")[:400], 422, "invalid_field"),
        (bomb(), 413, "payload_too_large"),
        (saved(photo(), "GIF"), 415, "unsupported_media"),
        (saved(photo(), "TIFF"), 415, "unsupported_media"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_media"),
        (ANIMATED, 422, "invalid_field"),
        (saved(photo(), "PNG", save_all=True, append_images=[photo().rotate(90)]), 422, "invalid_field"),
        (b"", 422, "invalid_field"),
        (saved(photo(4, 9)), 422, "invalid_field"),
        (saved(photo(8, 33)), 422, "invalid_field"),
        (saved(photo()) + bytes(MAX_BYTES), 413, "payload_too_large"),
    ],
    ids=["cut", "cut-jpeg", "bomb", "gif", "tiff", "svg", "animated-webp", "apng", "empty", "small", "long", "heavy"],
)
def test_a_bad_file_is_named(client: httpx.Client, route: str, file: bytes, status: int, code: str) -> None:
    answer = send(client, route, file)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (status, code, "image")


@pytest.mark.parametrize(
    "file",
    [
        saved(photo(mode="L")),
        saved(photo(mode="LA")),
        saved(photo(mode="P")),
        saved(photo(mode="1")),
        saved(photo(mode="RGBA")),
        saved(photo(mode="CMYK"), "JPEG"),
        saved(photo(mode="L"), "JPEG"),
        saved(Image.fromarray(np.full((SIDE, SIDE), 40_000, np.uint16))),
        saved(photo(), "WEBP", lossless=True),
        saved(photo(32, 8)),
    ],
    ids=["grey", "grey-alpha", "palette", "bits", "rgba", "cmyk", "grey-jpeg", "16-bit", "webp", "just-long-enough"],
)
def test_every_colour_mode_is_taken(client: httpx.Client, file: bytes) -> None:
    assert pixels(send(client, "reconstruct", file)).shape == (SIDE, SIDE, 3)


def test_the_whole_of_a_long_image_when_asked(client: httpx.Client, registry: Any) -> None:
    assert send(client, "reconstruct", saved(photo(8, 64)), fit="pad").status_code == 200
    seen = registry.get("faces").batcher.encoded[-1].images[0]
    assert (seen[:, 0] == 255).all()
    assert (seen[:, 3] != 255).any()


@pytest.mark.parametrize(
    ("route", "fields", "field"),
    [
        ("variations", {"seed": 1}, "seed"),
        ("variations", {"n": "many"}, "n"),
        ("variations", {"n": 257}, "n"),
        ("variations", {"strength": "nan"}, "strength"),
        ("variations", {"strength": 2}, "strength"),
        ("variations", {"fit": "stretch"}, "fit"),
        ("variations", {"timeout_ms": 5001}, "timeout_ms"),
        ("variations", {"scale": 16, "n": 256}, "scale"),
        ("variations", {"image": "cat.png"}, "image"),
        ("reconstruct", {"n": 1}, "n"),
        ("reconstruct", {"format": "zip"}, "format"),
        ("reconstruct", {"model": "garments"}, "label"),
        ("reconstruct", {"model": "garments", "label": "shoe"}, "label"),
        ("reconstruct", {"label": "shoe"}, "label"),
        ("reconstruct", {"timeout_ms": 5001}, "timeout_ms"),
    ],
)
def test_a_wrong_field_of_a_form_is_named(
    client: httpx.Client, registry: Any, route: str, fields: dict[str, Any], field: str
) -> None:
    before = sum(len(served.batcher.encoded) for served in registry.models())
    answer = send(client, route, **fields)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert sum(len(served.batcher.encoded) for served in registry.models()) == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"seed": 1, "code": [0.0] * 32}, "seed"),
        ({}, "seed"),
        ({"code": [0.0] * 31}, "code"),
        ({"code": []}, "code"),
        ({"code": [1e7]}, "code.0"),
        ({"code": ["x"]}, "code.0"),
        ({"code": [0.0] * 32, "model": "garments"}, "label"),
    ],
)
def test_a_wrong_code_is_named(client: httpx.Client, body: dict[str, Any], field: str) -> None:
    answer = client.post("/variations", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"codes": [[0.0] * 32]}, "codes"),
        ({"codes": [[0.0] * 32, [0.0] * 3]}, "codes.1"),
        ({"codes": [[0.0] * 32, 1], "seeds": [1, 2]}, "seeds"),
        ({"codes": [[0.0] * 32, -1]}, "codes.1"),
        ({"codes": [[0.0] * 32, 1, 2], "n": 2}, "n"),
        ({"codes": [[0.0] * 32, 1], "model": "garments"}, "label"),
        ({}, "seeds"),
    ],
)
def test_a_wrong_way_between_codes_is_named(client: httpx.Client, body: dict[str, Any], field: str) -> None:
    answer = client.post("/interpolate", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_a_form_without_its_one_file_is_named(client: httpx.Client) -> None:
    file = ("cat.png", saved(photo()), "image/png")
    for files in ([("n", (None, "2"))], [("picture", file)], [("image", file), ("image", file)], [("n", file)]):
        answer = client.post("/variations", files=files)
        assert answer.status_code == 422, answer.text
        assert "image" in {error["field"] for error in answer.json()["errors"]}
    twice = client.post("/variations", files=[("image", file), ("n", (None, "2")), ("n", (None, "3"))])
    assert twice.json()["errors"] == [{"field": "n", "message": "is given twice"}]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"", "multipart/form-data"),
        (b"--x\r\n", "multipart/form-data"),
        (b"no part begins here", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n", "multipart/form-data; boundary=x"),
        (b"--x\r\nbroken header\r\n\r\n", "multipart/form-data; boundary=x"),
        (
            b"--x\r\n" + b'Content-Disposition: form-data; name="n"\r\n\r\n1\r\n--x\r\n' * 100,
            "multipart/form-data; boundary=x",
        ),
    ],
    ids=["nothing", "no-boundary", "no-part", "no-name", "bad-header", "endless"],
)
def test_a_form_that_is_none_is_refused(client: httpx.Client, content: bytes, content_type: str) -> None:
    answer = client.post("/reconstruct", content=content, headers={"content-type": content_type})
    assert (answer.status_code, answer.json()["code"]) in ((400, "invalid_form"), (422, "invalid_field"))


def test_another_content_type_is_told_what_is_taken(client: httpx.Client) -> None:
    for route, sent in (("reconstruct", "application/json"), ("variations", "image/png"), ("reconstruct", "")):
        answer = client.post(f"/{route}", content=b"{}", headers={"content-type": sent} if sent else {})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media")
        assert "multipart/form-data" in answer.json()["detail"]


def test_only_uploads_may_be_large(client: httpx.Client) -> None:
    noise = saved(photo(200, 200))
    assert len(noise) > 100_000
    assert send(client, "reconstruct", noise).status_code == 200
    for route in ("generate", "evolve"):
        assert send(client, route, noise).status_code == 413
    large = client.post("/variations", content=b" " * 5000, headers={"content-type": "application/json"})
    assert large.status_code == 413
    assert "at most 4096 bytes" in large.json()["detail"]
    over = send(client, "variations", bytes(MAX_BODY + 1))
    assert (over.status_code, over.json()["code"]) == (413, "payload_too_large")


def test_the_document_describes_the_form(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    for route, kinds in (("variations", 2), ("reconstruct", 1)):
        operation = document["paths"][f"/{route}"]["post"]
        content = operation["requestBody"]["content"]
        assert len(content) == kinds
        name = content["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]
        schema = document["components"]["schemas"][name]
        assert schema["properties"]["image"]["format"] == "binary"
        assert schema["required"] == ["image"]
        assert {"400", "409", "413", "415", "422"} <= operation["responses"].keys()
    assert "image" not in document["components"]["schemas"]["VariationsRequest"]["properties"]
