from types import SimpleNamespace

import pytest

from app.errors import NotLoaded, UnknownModel
from app.registry.shelf import ServedModel, Shelf


def served(name, version):
    manifest = SimpleNamespace(name=name, version=version, ref=f"{name}@{version}")
    return ServedModel(manifest, "ab" * 32, engine=None, batcher=None)


def shelf(*refs, default=""):
    return Shelf([served(name, int(version)) for name, version in (ref.split("@") for ref in refs)], default)


def test_models_stand_by_name_and_number():
    assert list(shelf("b@10", "b@9", "a@2", "b@1").models) == ["a@2", "b@1", "b@9", "b@10"]


@pytest.mark.parametrize(
    ("ref", "found"), [("b", "b@10"), ("b@9", "b@9"), ("b@10", "b@10"), ("a", "a@1"), (None, "a@1")]
)
def test_a_name_means_its_highest_version(ref, found):
    assert shelf("b@9", "b@10", "a@1").find(ref).manifest.ref == found


@pytest.mark.parametrize(
    ("default", "found"), [("", "avatars@2"), ("zebras", "zebras@3"), ("zebras@1", "zebras@1"), ("apes", "apes@1")]
)
def test_the_default(default, found):
    models = shelf("apes@1", "avatars@1", "avatars@2", "zebras@1", "zebras@3", default=default)
    assert models.find(None).manifest.ref == found


def test_a_default_that_does_not_serve_is_said_and_not_replaced():
    with pytest.raises(UnknownModel, match="default model 'icons' is not loaded"):
        shelf("avatars@1", default="icons").find(None)


@pytest.mark.parametrize(
    ("ref", "part"),
    [
        ("avatar", "did you mean avatars?"),
        ("avatars@3", "versions of avatars: 1, 2"),
        ("avatars@01", "versions of avatars: 1, 2"),
        ("avatars@", "versions of avatars"),
        ("avatars@latest", "versions of avatars"),
        ("avatars@1@1", "versions of avatars"),
        ("avatars@\u0661", "versions of avatars"),
        ("Avatars", "did you mean avatars?"),
        ("", "loaded: avatars, fashion"),
        ("@1", "loaded: avatars, fashion"),
        ("../avatars", "avatars"),
        ("x" * 100_000, "loaded: avatars, fashion"),
        ("avatars@" + "9" * 100_000, "versions of avatars"),
    ],
)
def test_an_unknown_model_is_answered_with_what_there_is(ref, part):
    with pytest.raises(UnknownModel) as caught:
        shelf("avatars@1", "avatars@2", "fashion@1").find(ref)
    assert caught.value.field == "model"
    assert part in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("ref", [None, "avatars", "avatars@1"])
def test_an_empty_shelf_is_the_services_fault(ref):
    with pytest.raises(NotLoaded) as caught:
        shelf().find(ref)
    assert caught.value.retry_after > 0
