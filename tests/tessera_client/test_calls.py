"""What is sent fits what the service says it takes."""

from pathlib import Path
from typing import Any, get_type_hints

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tessera_client import calls, fields


@pytest.fixture(scope="module")
def document() -> Any:
    return create_app(Settings()).openapi()


@pytest.mark.parametrize(
    ("schema", "known", "positional"),
    [
        ("GenerateRequest", fields.GenerateFields, set()),
        ("ArchiveRequest", fields.ArchiveFields, set()),
        ("InterpolateRequest", fields.InterpolateFields, {"seeds", "codes"}),
        ("VariationsRequest", fields.VariationsFields, {"seed", "code"}),
        ("VariationsForm", fields.VariationsFields, {"image"}),
        ("ReconstructForm", fields.ReconstructFields, {"image", "format"}),
        ("EvolveRequest", fields.EvolveFields, {"liked"}),
    ],
)
def test_every_field_of_the_service_is_known_and_no_other(
    document: Any, schema: str, known: type, positional: set[str]
) -> None:
    described = document["components"]["schemas"][schema]["properties"]
    named = set(get_type_hints(known)) - ({"fit"} if schema == "VariationsRequest" else set())
    assert named | positional == set(described) | (positional & {"image"})


def test_every_path_exists(document: Any) -> None:
    made = [
        calls.generate({}),
        calls.tiles({}),
        calls.batch([]),
        calls.archive({}),
        calls.interpolate([], {}),
        calls.variations(1, {}),
        calls.reconstruct(b"", {}),
        calls.evolve([], {}),
        calls.models(),
    ]
    for call in made:
        assert call.method.lower() in document["paths"][call.path]


def test_points_are_seeds_or_codes() -> None:
    assert calls.interpolate([1, 2], {}).body == {"seeds": [1, 2]}
    assert calls.interpolate([1, [0.5, 2]], {"n": 3}).body == {"codes": [1, [0.5, 2]], "n": 3}
    assert calls.variations(7, {}).body == {"seed": 7}
    assert calls.variations([0.5], {}).body == {"code": [0.5]}


def test_an_upload_is_bytes_or_a_path(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"png")
    for upload in (b"png", tmp_path / "a.png"):
        call = calls.variations(upload, {"n": 2})
        assert (call.body, call.image) == ({"n": 2}, b"png")
        sent = httpx.Request(**{**call.request, "url": "http://service/"})
        assert b'name="image"' in sent.read()
        assert b'name="n"\r\n\r\n2\r\n' in sent.read()
        assert calls.reconstruct(upload, {}).image == b"png"


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("avatars@1", "user-42", "png", None, None, None), "/images/avatars@1/user-42.png"),
        (("fashion", "a/b c?", "jpeg", 128, "t-shirt-top", 0.5), "/images/fashion/a%2Fb%20c%3F.jpg"
         "?size=128&label=t-shirt-top&psi=0.5"),
        (("fashion", "é", "webp", None, 0, None), "/images/fashion/%C3%A9.webp?label=0"),
    ],
)  # fmt: skip
def test_any_key_is_an_address(arguments: Any, path: str) -> None:
    assert calls.image_path(*arguments) == path


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="gif"):
        calls.image_path("avatars", "k", "gif", None, None, None)
