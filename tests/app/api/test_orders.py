from typing import Any

import numpy as np
import pytest

from app.api.orders import order
from app.api.schemas import GenerateRequest
from app.errors import InvalidFields
from app.order import Order
from app.rendering import Form
from app.settings import Settings

SETTINGS = Settings(max_images=100, timeout_ms=2000)


def make(**fields: Any) -> Order:
    return order(GenerateRequest(**fields), Form.PNG, arrived=50.0, client="c", settings=SETTINGS)


def wrong(**fields: Any) -> dict[str, str]:
    with pytest.raises(InvalidFields) as caught:
        make(**fields)
    return dict(caught.value.errors)


def test_image_i_has_seed_plus_i_and_wraps() -> None:
    seeds = make(n=4, seed=2**32 - 2).seeds
    assert seeds.dtype == np.uint32
    assert seeds.tolist() == [2**32 - 2, 2**32 - 1, 0, 1]


def test_explicit_seeds_are_taken_as_they_are() -> None:
    assert make(seeds=[9, 9, 2**32 - 1]).seeds.tolist() == [9, 9, 2**32 - 1]


def test_no_seed_is_a_new_one_each_time_with_its_successors() -> None:
    first, second = make(n=3).seeds, make(n=3).seeds
    assert (np.diff(first.astype(np.uint32)) == 1).all()
    assert first.tolist() != second.tolist()


def test_one_image_unless_told_otherwise() -> None:
    assert len(make().seeds) == 1
    assert len(make(labels=[1, "two"]).seeds) == 2
    assert len(make(n=2, seeds=[1, 2], labels=[0, 0]).seeds) == 2


def test_labels_remember_what_the_caller_called_them() -> None:
    assert make(n=2, label="cat").label_fields == ["label", "label"]
    listed = make(labels=["cat", 3])
    assert (list(listed.labels), list(listed.label_fields)) == (["cat", 3], ["labels.0", "labels.1"])
    assert len(make(n=2).labels) == 0


def test_the_deadline_counts_from_arrival_and_ends_at_the_servers() -> None:
    assert make().deadline == 52.0
    assert make(timeout_ms=500).deadline == 50.5
    assert "2000 ms" in wrong(timeout_ms=2001)["timeout_ms"]


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#fff", (255, 255, 255)),
        ("#08f", (0, 136, 255)),
        ("#102030", (16, 32, 48)),
        ("#10203040", (16, 32, 48, 64)),
    ],
)
def test_colours(text: str, colour: tuple[int, ...]) -> None:
    assert make(background=text).layout.background == colour


def test_every_disagreement_is_named_at_once() -> None:
    found = wrong(n=2, seed=1, seeds=[1, 2, 3], label=1, labels=[1], timeout_ms=9999)
    assert set(found) == {"seeds", "labels", "timeout_ms"}


def test_too_many_images_names_the_field_that_asked() -> None:
    assert "at most 100 images" in wrong(n=101)["n"]
    assert "at most 100 images" in wrong(seeds=[1] * 101)["seeds"]
    assert "at most 100 images" in wrong(labels=[0] * 101)["labels"]
    assert len(make(n=100).seeds) == 100


def test_lists_must_be_as_long_as_n() -> None:
    assert "n says 3" in wrong(n=3, seeds=[1, 2])["seeds"]
    assert "seeds says 2" in wrong(seeds=[1, 2], labels=[0])["labels"]
