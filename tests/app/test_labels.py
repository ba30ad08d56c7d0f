import pytest

from app.errors import InvalidFields
from app.labels import resolve

CLASSES = ("T-shirt/top", "Trouser", "Pullover")


def test_names_and_indices_mean_the_same() -> None:
    fields = [f"labels.{i}" for i in range(4)]
    assert resolve(["Trouser", 1, "trouser", 0], CLASSES, fields).tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("label", "says"),
    [
        (3, "0 to 2"),
        (-1, "0 to 2"),
        (10**30, "0 to 2"),
        ("Trousers", "did you mean Trouser"),
        ("", "one of"),
        ("zzz" * 1000, "one of: T-shirt/top, Trouser, Pullover"),
    ],
)
def test_a_label_that_is_not_there_is_named(label: int | str, says: str) -> None:
    with pytest.raises(InvalidFields, match=says) as caught:
        resolve([0, label], CLASSES, ["labels.0", "labels.1"])
    assert [field for field, _ in caught.value.errors] == ["labels.1"]


def test_all_wrong_labels_are_named_and_a_repeated_one_once() -> None:
    with pytest.raises(InvalidFields) as caught:
        resolve([9, 0, "x"], CLASSES, ["labels.0", "labels.1", "labels.2"])
    assert [field for field, _ in caught.value.errors] == ["labels.0", "labels.2"]
    with pytest.raises(InvalidFields) as caught:
        resolve([9, 9], CLASSES, ["label", "label"])
    assert [field for field, _ in caught.value.errors] == ["label"]


@pytest.mark.parametrize("label", [0, "anything"])
def test_a_model_without_classes_takes_no_label(label: int | str) -> None:
    with pytest.raises(InvalidFields, match="no classes"):
        resolve([label], (), ["label"])
