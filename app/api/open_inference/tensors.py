"""Tensors in and out of bodies: numbers in the JSON, or bytes after it (the protocol's binary tensor extension).

A body with bytes says in the header Inference-Header-Content-Length where its JSON ends. The tensors follow in their
order, little-endian, row by row, without a gap.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from app.api import bodies
from app.api.open_inference.schemas import InferInput, InferRequest
from app.errors import InvalidField, InvalidJSON

LENGTH_HEADER = "Inference-Header-Content-Length"

_DATATYPES = {"z": "FP32", "label": "INT64", "seed": "UINT32"}
_DTYPES: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "INT64": np.dtype("<i8"), "UINT32": np.dtype("<u4")}


@dataclass(frozen=True, slots=True)
class Asked:
    """z float32 [B, anything], label int64 [B], seed uint32 [B]: those that were sent."""

    request: InferRequest
    z: NDArray[np.float32] | None = None
    label: NDArray[np.int64] | None = None
    seed: NDArray[np.uint32] | None = None


def read(body: bytes, header_length: str | None) -> Asked:
    """header_length: the value of LENGTH_HEADER. Raises InvalidJSON, InvalidFields, InvalidField."""
    end = len(body)
    if header_length is not None:
        if not (header_length.isascii() and header_length.isdigit() and int(header_length[:12]) <= len(body)):
            raise InvalidField(f"must be at most the body's {len(body)} bytes", LENGTH_HEADER)
        end = int(header_length)
    try:
        request = InferRequest.model_validate_json(body[:end])
    except ValidationError as error:
        raise bodies.translated(error) from None
    except UnicodeDecodeError:
        raise InvalidJSON("the body is not JSON") from None
    tensors: dict[str, Any] = {}
    for tensor in request.inputs:
        if tensor.name in tensors:
            raise InvalidField("is given twice", tensor.name)
        size = tensor.parameters.binary_data_size if tensor.parameters else None
        if size is None:
            tensors[tensor.name] = _from_numbers(tensor)
        else:
            tensors[tensor.name] = _from_bytes(tensor, body[end : end + size], size)
            end += size
    if end != len(body):
        raise InvalidField(f"{len(body) - end} bytes of the body belong to no tensor", "inputs")
    return Asked(request, **tensors)


def _from_bytes(tensor: InferInput, data: bytes, size: int) -> NDArray[Any]:
    dtype = _dtype(tensor)
    if tensor.data is not None:
        raise InvalidField("has both data and binary_data_size", tensor.name)
    expected = math.prod(tensor.shape) * dtype.itemsize
    if not len(data) == size == expected:
        raise InvalidField(f"shape {tensor.shape} takes {expected} bytes; {len(data)} came", tensor.name)
    return np.frombuffer(data, dtype).reshape(tensor.shape)


def _from_numbers(tensor: InferInput) -> NDArray[Any]:
    dtype = _dtype(tensor)
    kinds = (int, float) if dtype.kind == "f" else (int,)
    values = list(_flat(tensor.data or []))
    if len(values) != math.prod(tensor.shape):
        raise InvalidField(f"shape {tensor.shape} takes {math.prod(tensor.shape)}, data has {len(values)}", tensor.name)
    if any(type(value) not in kinds for value in values):
        raise InvalidField(f"data must be numbers of datatype {tensor.datatype}", tensor.name)
    try:
        with np.errstate(over="ignore"):  # what is too large becomes infinite, which no tensor may be
            return np.array(values, dtype).reshape(tensor.shape)
    except OverflowError:
        raise InvalidField(f"data holds a number outside of {tensor.datatype}", tensor.name) from None


def _flat(data: list[Any]) -> Iterator[Any]:
    """The protocol lets rows be lists, to any depth that JSON was read to."""
    waiting = [iter(data)]
    while waiting:
        for value in waiting[-1]:
            if isinstance(value, list):
                waiting.append(iter(value))
                break
            yield value
        else:
            waiting.pop()


def _dtype(tensor: InferInput) -> np.dtype[Any]:
    wanted = _DATATYPES[tensor.name]
    if tensor.datatype != wanted:
        raise InvalidField(f"must be {wanted}, not {tensor.datatype}", tensor.name)
    return _DTYPES[wanted]


def write(head: dict[str, Any], images: NDArray[np.uint8], *, binary: bool) -> bytes:
    """The answer: `head` and the output `images`; if binary, its last images.nbytes bytes are the tensor."""
    tensor: dict[str, Any] = {"name": "images", "datatype": "UINT8", "shape": list(images.shape)}
    if binary:
        tensor["parameters"] = {"binary_data_size": images.nbytes}
        return _json({**head, "outputs": [tensor]}) + images.tobytes()
    # Image by image: one list of all the numbers would take ten times the tensor's memory, and the interpreter's lock.
    rows = b",".join(_json(image.ravel().tolist())[1:-1] for image in images)
    return _json({**head, "outputs": [tensor]})[:-3] + b',"data":[' + rows + b"]}]}"


def _json(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
