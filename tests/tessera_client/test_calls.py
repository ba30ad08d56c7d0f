"""What is sent fits what the service says it takes."""

from typing import Any, get_type_hints

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
        ("InterpolateRequest", fields.InterpolateFields, {"seeds"}),
        ("VariationsRequest", fields.VariationsFields, {"seed"}),
        ("EvolveRequest", fields.EvolveFields, {"liked"}),
    ],
)
def test_every_field_of_the_service_is_known_and_no_other(
    document: Any, schema: str, known: type, positional: set[str]
) -> None:
    assert set(get_type_hints(known)) | positional == set(document["components"]["schemas"][schema]["properties"])


def test_every_path_exists(document: Any) -> None:
    made = [
        calls.generate({}),
        calls.tiles({}),
        calls.batch([]),
        calls.archive({}),
        calls.interpolate([], {}),
        calls.variations(1, {}),
        calls.evolve([], {}),
        calls.models(),
    ]
    for call in made:
        assert call.method.lower() in document["paths"][call.path]


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
