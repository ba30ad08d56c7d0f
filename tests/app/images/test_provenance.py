"""The recipe and the synthetic-media labels, written by one library and read back by others."""

import io
import json
import uuid
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.images.encode import JPEG_XMP_LIMIT, MEDIA_TYPES, Format, encode
from app.images.png import encode_png
from app.images.provenance import XMP_KEYWORD, Recipe
from app.images.readback import read_recipe

Draw = Callable[[int, int, int], npt.NDArray[np.uint8]]
IMAGE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
RECIPE = Recipe(
    model="avatars",
    version=3,
    digest="0123456789abcdef" * 4,
    seeds=[7, 2**32 - 1],
    labels=["open-peeps", "pixel-art"],
    truncation_psi=0.7,
    parameters={"columns": 2, "padding": 0},
    created="2026-11-24T10:11:12Z",
)
NAMESPACES = {
    "iptc": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "mm": "http://ns.adobe.com/xap/1.0/mm/",
    "tc260": "http://www.tc260.org.cn/ns/AIGC/1.0/",
}


def packet(recipe: Recipe, form: Format) -> str:
    with Image.open(io.BytesIO(encode(IMAGE, form, recipe=recipe))) as picture:
        raw = picture.info[XMP_KEYWORD] if form == "png" else picture.info["xmp"]
    return raw if isinstance(raw, str) else raw.decode()


def labels(recipe: Recipe, form: Format = "png") -> dict[str, str | None]:
    tree = ElementTree.fromstring(packet(recipe, form))
    names = ("iptc:DigitalSourceType", "iptc:AISystemUsed", "iptc:AISystemVersionUsed")
    names += ("xmp:CreateDate", "mm:InstanceID", "tc260:AIGC")
    return {name: tree.findtext(f".//{name}", namespaces=NAMESPACES) for name in names}


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_the_labels_say_what_the_image_is(form: Format) -> None:
    said = labels(RECIPE, form)
    assert said["iptc:DigitalSourceType"] == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert said["iptc:AISystemUsed"] == "Tessera avatars"
    assert said["iptc:AISystemVersionUsed"] == "3 (sha256 0123456789ab)"
    assert said["xmp:CreateDate"] == "2026-11-24T10:11:12Z"
    assert said["mm:InstanceID"] == "xmp.iid:" + RECIPE.instance_id(MEDIA_TYPES[form])
    assert json.loads(said["tc260:AIGC"] or "") == {
        "Label": "1",
        "ContentProducer": "Tessera",
        "ProduceID": RECIPE.instance_id(MEDIA_TYPES[form]),
        "ReservedCode1": "",
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_the_recipe_comes_back_from_every_format(form: Format) -> None:
    assert read_recipe(encode(IMAGE, form, recipe=RECIPE)) == {
        "schema": 1,
        "model": "avatars",
        "version": 3,
        "digest": "0123456789abcdef" * 4,
        "seeds": [7, 2**32 - 1],
        "labels": ["open-peeps", "pixel-art"],
        "truncation_psi": 0.7,
        "parameters": {"columns": 2, "padding": 0},
    }


def test_a_png_has_the_recipe_as_text_that_any_reader_shows() -> None:
    with Image.open(io.BytesIO(encode(IMAGE, "png", recipe=RECIPE))) as picture:
        assert json.loads(picture.info["tessera"])["seeds"] == [7, 2**32 - 1]


def test_the_labels_do_not_touch_the_pixels() -> None:
    for form in ("png", "webp"):
        with Image.open(io.BytesIO(encode(IMAGE, form, recipe=RECIPE))) as picture:
            np.testing.assert_array_equal(np.asarray(picture), IMAGE)


def test_without_a_date_none_is_claimed() -> None:
    assert labels(RECIPE._replace(created=""))["xmp:CreateDate"] is None
    assert "CreateDate" not in packet(RECIPE._replace(created=""), "png")


def test_the_producer_is_named_in_the_label() -> None:
    said = labels(RECIPE._replace(producer="Acme Gallery"))
    assert json.loads(said["tc260:AIGC"] or "")["ContentProducer"] == "Acme Gallery"


def test_the_instance_is_a_name_based_uuid_of_request_and_format() -> None:
    same = RECIPE.instance_id("image/png")
    assert uuid.UUID(same).version == 5
    assert RECIPE._replace(parameters={"padding": 0, "columns": 2}).instance_id("image/png") == same
    assert RECIPE._replace(seeds=(7, 2**32 - 1)).instance_id("image/png") == same
    assert RECIPE._replace(truncation_psi=1).json() == RECIPE._replace(truncation_psi=1.0).json()
    changed: list[dict[str, Any]] = [
        {"model": "other"},
        {"version": 4},
        {"digest": "f" * 64},
        {"seeds": [7]},
        {"labels": ()},
        {"truncation_psi": 0.71},
        {"parameters": {}},
        {"created": ""},
        {"producer": "Acme"},
    ]
    others = {RECIPE._replace(**change).instance_id("image/png") for change in changed}
    assert len(others | {same, RECIPE.instance_id("image/webp")}) == len(changed) + 2


@given(name=st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_the_instance_is_the_uuid_that_the_library_makes(name: str) -> None:
    recipe = RECIPE._replace(producer=name)
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, "https://tessera.example/ns/recipe/1.0/")
    said = f"image/png {recipe.created} {name} {recipe.json()}"
    assert recipe.instance_id("image/png") == str(uuid.uuid5(namespace, said))


def test_numpy_numbers_are_numbers() -> None:
    seeds, kinds = np.array([7, 2**32 - 1], np.uint32), np.array([0, 1], np.int64)
    said = json.loads(RECIPE._replace(seeds=seeds, labels=kinds).json())  # type: ignore[arg-type]
    assert (said["seeds"], said["labels"]) == ([7, 2**32 - 1], [0, 1])


@pytest.mark.parametrize("psi", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_say_is_refused(psi: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        RECIPE._replace(truncation_psi=psi).png_chunks()


@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_no_text_breaks_the_packet_or_the_recipe(text: str) -> None:
    recipe = RECIPE._replace(model=text, labels=[text, text], parameters={text: text}, producer=text)
    for form in MEDIA_TYPES:
        said = labels(recipe, form)
        assert json.loads(said["tc260:AIGC"] or "")["ContentProducer"] == text
        assert read_recipe(encode(IMAGE, form, recipe=recipe))["parameters"] == {text: text}


@pytest.mark.parametrize(
    "text",
    ["<&>\"'", "]]>", "100 %", "%(instance)s", "a\r\nb\tc", "\N{SNOWMAN}\N{GRINNING FACE}", "<?xpacket end='w'?>"],
)
def test_text_of_the_packet_is_escaped(text: str) -> None:
    assert labels(RECIPE._replace(model=text))["iptc:AISystemUsed"] == f"Tessera {text}"


@pytest.mark.parametrize("character", ["\x00", "\x1f", "\ufffe", "\ud800"])
def test_characters_that_xml_cannot_hold_are_replaced(character: str) -> None:
    assert labels(RECIPE._replace(model=f"a{character}b"))["iptc:AISystemUsed"] == "Tessera a\ufffdb"


@pytest.mark.parametrize("n", [256, 3000, 100_000])
def test_any_number_of_seeds_fits_every_format(n: int) -> None:
    recipe = RECIPE._replace(seeds=range(2**32 - n, 2**32), labels=())
    assert read_recipe(encode(IMAGE, "png", recipe=recipe))["seeds"] == list(range(2**32 - n, 2**32))
    for form in ("webp", "jpeg"):
        assert len(recipe.xmp(MEDIA_TYPES[form])) <= JPEG_XMP_LIMIT
        said = read_recipe(encode(IMAGE, form, recipe=recipe))
        assert said["model"] == "avatars"
        assert said.get("images") == n if n > 5000 else len(said["seeds"]) == n


def test_labels_that_grow_when_escaped_fit_too() -> None:
    recipe = RECIPE._replace(seeds=range(2000), labels=["&<>&<>&<>"] * 2000)
    assert read_recipe(encode(IMAGE, "png", recipe=recipe))["labels"] == ["&<>&<>&<>"] * 2000
    assert read_recipe(encode(IMAGE, "jpeg", recipe=recipe))["images"] == 2000


def test_a_shortened_recipe_still_has_the_instance_of_the_whole() -> None:
    one, two = (RECIPE._replace(seeds=range(start, start + 10_000), labels=()) for start in (0, 1))
    assert labels(one, "jpeg")["mm:InstanceID"] != labels(two, "jpeg")["mm:InstanceID"]


@pytest.mark.parametrize("filtered", [True, False])
def test_the_way_into_a_png_is_taken_and_not_told(filtered: bool) -> None:
    recipe = RECIPE._replace(filtered=filtered)
    with Image.open(io.BytesIO(encode(IMAGE, "png", recipe=recipe))) as picture:
        np.testing.assert_array_equal(np.asarray(picture), IMAGE)
    assert recipe.png_chunks() == RECIPE.png_chunks()
    assert encode_png(IMAGE, RECIPE.png_chunks(), filtered) == encode(IMAGE, "png", recipe=recipe)
