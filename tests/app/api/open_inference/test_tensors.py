import json
from typing import Any

import numpy as np
import pytest

from app.api.open_inference import tensors
from app.errors import InvalidField, InvalidFields, RequestError

SEEDS = {"name": "seed", "datatype": "UINT32", "shape": [2], "data": [7, 2**32 - 1]}


def body(*inputs: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({"inputs": inputs, **fields}).encode()


def field_of(error: RequestError) -> str:
    return error.errors[0][0] if isinstance(error, InvalidFields) else error.field


@pytest.mark.parametrize("data", [[1, 2, 3, 4.5], [[1, 2], [3, 4.5]], [[[1], [2, [3]]], 4.5]])
def test_numbers_may_be_flat_or_nested(data: Any) -> None:
    asked = tensors.read(body({"name": "z", "datatype": "FP32", "shape": [2, 2], "data": data}), None)
    assert asked.z is not None
    assert asked.z.dtype == np.float32
    assert asked.z.tolist() == [[1, 2], [3, 4.5]]
    assert asked.seed is asked.label is None


def test_bytes_follow_the_json_in_the_order_of_the_inputs() -> None:
    z, label = np.arange(6, dtype="<f4").reshape(2, 3), np.array([5, -1], "<i8")
    head = body(
        {"name": "label", "datatype": "INT64", "shape": [2], "parameters": {"binary_data_size": 16}},
        {"name": "z", "datatype": "FP32", "shape": [2, 3], "parameters": {"binary_data_size": 24}},
    )
    asked = tensors.read(head + label.tobytes() + z.tobytes(), str(len(head)))
    assert asked.z is not None
    assert asked.label is not None
    assert (asked.z == z).all()
    assert (asked.label == label).all()


def test_both_ways_may_be_mixed() -> None:
    head = body(SEEDS, {"name": "label", "datatype": "INT64", "shape": [1], "parameters": {"binary_data_size": 8}})
    asked = tensors.read(head + bytes(8), str(len(head)))
    assert asked.seed is not None
    assert asked.label is not None
    assert (asked.seed.tolist(), asked.label.tolist()) == ([7, 2**32 - 1], [0])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"datatype": "INT64"}, "seed"),
        ({"datatype": "uint32"}, "seed"),
        ({"shape": [3]}, "seed"),
        ({"shape": [2, 2]}, "seed"),
        ({"shape": []}, "inputs.0.shape"),
        ({"shape": [1, 1, 2]}, "inputs.0.shape"),
        ({"shape": [-2]}, "inputs.0.shape.0"),
        ({"shape": [2**31, 2**31]}, "seed"),
        ({"data": None}, "seed"),
        ({"data": [7]}, "seed"),
        ({"data": [7, 8, 9]}, "seed"),
        ({"data": [7, 1.0]}, "seed"),
        ({"data": [7, "8"]}, "seed"),
        ({"data": [7, True]}, "seed"),
        ({"data": [7, None]}, "seed"),
        ({"data": [7, {}]}, "seed"),
        ({"data": [7, -1]}, "seed"),
        ({"data": [7, 2**32]}, "seed"),
        ({"data": {"0": 7}}, "inputs.0.data"),
        ({"name": "seeds"}, "inputs.0.name"),
        ({"parameters": {"shared_memory_region": "r"}}, "inputs.0.parameters.shared_memory_region"),
        ({"parameters": {"binary_data_size": 8}}, "seed"),
        ({"parameters": {"binary_data_size": -8}}, "inputs.0.parameters.binary_data_size"),
        ({"other": 1}, "inputs.0.other"),
    ],
)
def test_a_wrong_tensor_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as caught:
        tensors.read(body({**SEEDS, **changes}), None)
    assert field_of(caught.value) == field
    assert str(caught.value)


def one_number(text: str) -> bytes:
    return f'{{"inputs": [{{"name": "z", "datatype": "FP32", "shape": [1, 1], "data": [{text}]}}]}}'.encode()


@pytest.mark.parametrize("text", ["1e39", "-1e400", "NaN"])
def test_what_no_float32_holds_is_not_finite(text: str) -> None:
    asked = tensors.read(one_number(text), None)
    assert asked.z is not None
    assert not np.isfinite(asked.z).any()


def test_a_whole_number_beyond_all_floats_is_refused() -> None:
    with pytest.raises(InvalidField) as caught:
        tensors.read(one_number("1" + "0" * 400), None)
    assert caught.value.field == "z"


@pytest.mark.parametrize(
    ("size", "sent", "field"), [(8, 7, "seed"), (8, 9, "inputs"), (7, 7, "seed"), (12, 12, "seed"), (2**31, 8, "seed")]
)
def test_bytes_must_be_as_many_as_the_shape_takes(size: int, sent: int, field: str) -> None:
    head = body({"name": "seed", "datatype": "UINT32", "shape": [2], "parameters": {"binary_data_size": size}})
    with pytest.raises(InvalidField) as caught:
        tensors.read(head + bytes(sent), str(len(head)))
    assert caught.value.field == field


@pytest.mark.parametrize("length", ["", "-1", "x", "²", "1e2", "100000", "9" * 5000])
def test_a_length_that_is_none_is_refused(length: str) -> None:
    with pytest.raises(InvalidField) as caught:
        tensors.read(body(SEEDS), length)
    assert caught.value.field == tensors.LENGTH_HEADER


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b"[]", "invalid_field"),
        (b"{}", "invalid_field"),
        (b'{"inputs": []}', "invalid_field"),
        (body(SEEDS, SEEDS), "invalid_field"),
        (body(SEEDS, parameters={"priority": 1}), "invalid_field"),
        (body(SEEDS, parameters={"truncation_psi": 1.5}), "invalid_field"),
        (body(SEEDS, outputs=[{"name": "logits"}]), "invalid_field"),
        (body(SEEDS, outputs=[{"name": "images", "parameters": {"classification": 3}}]), "invalid_field"),
    ],
)
def test_what_is_no_request_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        tensors.read(content, None)
    assert caught.value.code == code


@pytest.mark.parametrize("count", [1, 3])
def test_an_answer_holds_every_number_either_way(count: int) -> None:
    images = np.arange(count * 24, dtype=np.uint8).reshape(count, 4, 2, 3)
    said = json.loads(tensors.write({"id": "a"}, images, binary=False))
    assert said["id"] == "a"
    (output,) = said["outputs"]
    assert output == {"name": "images", "datatype": "UINT8", "shape": [count, 4, 2, 3], "data": images.ravel().tolist()}
    whole = tensors.write({}, images, binary=True)
    assert whole.endswith(images.tobytes())
    (output,) = json.loads(whole[: -images.nbytes])["outputs"]
    assert output["parameters"] == {"binary_data_size": images.nbytes}
