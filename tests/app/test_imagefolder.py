import json
import zlib
from typing import Any

import numpy as np
import pytest

from app.imagefolder import ImageFolder, folders

NAMES = ("shirt", "T-shirt/top", 'a "b"')


def folder(n: int, names: tuple[str, ...] = NAMES, by_class: bool = False, first: int = 4_294_960_000) -> ImageFolder:
    classes = np.arange(n) % max(1, len(names))
    return ImageFolder(np.arange(first, first + n).astype(np.uint32), classes, names, by_class=by_class)


def rows(made: ImageFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in b"".join(made.metadata()).splitlines()]


def test_a_line_for_each_image() -> None:
    assert rows(folder(2)) == [
        {"file_name": "000000_4294960000.png", "seed": 4294960000, "label": "shirt"},
        {"file_name": "000001_4294960001.png", "seed": 4294960001, "label": "T-shirt/top"},
    ]
    assert rows(folder(1, ()))[0]["label"] is None


@pytest.mark.parametrize("by_class", [False, True])
def test_lines_and_names_agree_however_many(by_class: bool) -> None:
    made = folder(2345, by_class=by_class)
    found = rows(made)
    assert [row["file_name"] for row in found] == [made.name(i) for i in range(2345)]
    assert [row["label"] for row in found[:3]] == list(NAMES)
    assert len({row["file_name"] for row in found}) == 2345


def test_a_folder_for_each_class() -> None:
    made = folder(3, by_class=True, first=7)
    assert [made.name(i) for i in range(3)] == ["shirt/000000_7.png", "T-shirt-top/000001_8.png", "a -b-/000002_9.png"]
    assert folder(1, (), by_class=True, first=7).name(0) == "000000_7.png"


def test_the_measure_is_that_of_the_content() -> None:
    for n in (1, 1000, 1001):
        made = folder(n)
        content = b"".join(made.metadata())
        assert made.measure() == (len(content), zlib.crc32(content))


@pytest.mark.parametrize(
    ("names", "made"),
    [
        (["a/b", "a:b"], ["000-a-b", "001-a-b"]),
        (["Bag", "bag"], ["000-Bag", "001-bag"]),
        (["..", " . ", "CON"], ["000-", "001-", "CON"]),
        (["../../etc"], ["-..-etc"]),
        (["東京", "Zoë"], ["東京", "Zoë"]),
        (["x" * 200, "x" * 199], ["000-" + "x" * 100, "001-" + "x" * 100]),
    ],
)
def test_folder_names_are_safe_and_different(names: list[str], made: list[str]) -> None:
    assert folders(names) == made
