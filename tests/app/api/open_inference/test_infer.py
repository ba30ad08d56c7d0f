"""The protocol by hand; tests/e2e/test_other_clients.py runs Triton's own client against it."""

import json
from typing import Any

import httpx
import numpy as np
import pytest

from app import errors
from app.inference.latents import latents
from app.settings import Settings

Z_DIM = 32


def tensor(name: str, data: Any) -> dict[str, Any]:
    datatype = {"z": "FP32", "label": "INT64", "seed": "UINT32"}[name]
    return {"name": name, "datatype": datatype, "shape": list(np.shape(data)), "data": data}


def infer(client: httpx.Client, *inputs: dict[str, Any], model: str = "avatars", **fields: Any) -> httpx.Response:
    return client.post(f"/v2/models/{model}/infer", json={"inputs": inputs, **fields})


def images(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    (output,) = answer.json()["outputs"]
    assert (output["name"], output["datatype"]) == ("images", "UINT8")
    return np.array(output["data"], np.uint8).reshape(output["shape"])


def test_a_seed_is_an_image_here_too(client: httpx.Client, registry: Any, paint_images: Any) -> None:
    answer = infer(client, tensor("seed", [7, 9]), id="mine")
    z = latents(np.array([7, 9], np.uint32), Z_DIM)
    assert (images(answer) == paint_images(z, np.zeros(2, np.int64), 3)).all()
    said = answer.json()
    assert (said["model_name"], said["model_version"], said["id"]) == ("avatars", "2", "mine")
    assert said["parameters"] == {"digest": "ab" * 32, "synthetic": True}
    assert (answer.headers["x-tessera-seeds"], answer.headers["x-tessera-model"]) == ("7,9", "avatars@2")


def test_latents_give_what_their_seed_gives(client: httpx.Client) -> None:
    z = latents(np.array([7], np.uint32), Z_DIM)
    answer = infer(client, tensor("z", z.tolist()))
    assert (images(answer) == images(infer(client, tensor("seed", [7])))).all()
    assert "x-tessera-seeds" not in answer.headers
    assert "id" not in answer.json()


def test_labels_are_obeyed(client: httpx.Client, registry: Any) -> None:
    z = latents(np.array([1, 2, 3], np.uint32), Z_DIM)
    infer(client, tensor("label", [2, 0, 1]), tensor("z", z.tolist()), model="fashion")
    assert registry.get("fashion").batcher.asked[-1].label.tolist() == [2, 0, 1]
    drawn = infer(client, tensor("seed", [1, 2, 3]), model="fashion")
    same = client.post("/generate", json={"model": "fashion", "seeds": [1, 2, 3], "format": "json"}).json()
    labels = [("shirt", "shoe", "bag").index(image["label"]) for image in same["images"]]
    assert registry.get("fashion").batcher.asked[-2].label.tolist() == labels
    assert drawn.status_code == 200


def test_psi_and_timeout_are_obeyed(client: httpx.Client, registry: Any) -> None:
    infer(client, tensor("seed", [7]), parameters={"truncation_psi": 0, "timeout": 4_000_000})
    assert np.abs(registry.get("avatars").batcher.asked[-1].z).max() == 0


def test_a_version_may_be_named(client: httpx.Client) -> None:
    asked = {"inputs": [tensor("seed", [7])]}
    right = client.post("/v2/models/avatars/versions/2/infer", json=asked)
    wrong = client.post("/v2/models/avatars/versions/9/infer", json=asked)
    assert right.json()["model_version"] == "2"
    assert (wrong.status_code, list(wrong.json())) == (404, ["error"])


@pytest.mark.parametrize(
    "asking",
    [
        {"outputs": [{"name": "images", "parameters": {"binary_data": True}}]},
        {"parameters": {"binary_data_output": True}},
        {"parameters": {"binary_data_output": True}, "outputs": [{"name": "images"}]},
        {"parameters": {"binary_data_output": True}, "outputs": []},
    ],
)
def test_images_come_as_bytes_when_asked(client: httpx.Client, asking: dict[str, Any]) -> None:
    answer = infer(client, tensor("seed", [7, 8]), **asking)
    length = int(answer.headers["inference-header-content-length"])
    assert answer.headers["content-type"] == "application/octet-stream"
    (output,) = json.loads(answer.content[:length])["outputs"]
    assert output["parameters"] == {"binary_data_size": len(answer.content) - length}
    pixels = np.frombuffer(answer.content[length:], np.uint8).reshape(output["shape"])
    assert (pixels == images(infer(client, tensor("seed", [7, 8])))).all()


def test_an_output_that_says_json_is_json(client: httpx.Client) -> None:
    outputs = [{"name": "images", "parameters": {"binary_data": False}}]
    answer = infer(client, tensor("seed", [7]), parameters={"binary_data_output": True}, outputs=outputs)
    assert images(answer).shape == (1, 8, 8, 3)
    assert "inference-header-content-length" not in answer.headers


def row(*values: float) -> list[list[float]]:
    return [[*values, *[0.0] * (Z_DIM - len(values))]]


@pytest.mark.parametrize(
    ("model", "inputs", "field"),
    [
        ("avatars", [tensor("seed", [1]), tensor("z", row())], "inputs"),
        ("avatars", [tensor("label", [1])], "inputs"),
        ("avatars", [tensor("seed", [[1]])], "seed"),
        ("avatars", [tensor("seed", [])], "seed"),
        ("avatars", [tensor("seed", [1] * 257)], "seed"),
        ("avatars", [tensor("z", [0.0] * Z_DIM)], "z"),
        ("avatars", [tensor("z", [[0.0] * 31])], "z"),
        ("avatars", [tensor("z", row(1e39))], "z"),
        ("avatars", [tensor("seed", [1]), tensor("label", [0])], "label"),
        ("fashion", [tensor("z", row())], "label"),
        ("fashion", [tensor("z", row()), tensor("label", [0, 1])], "label"),
        ("fashion", [tensor("z", row()), tensor("label", [[0]])], "label"),
        ("fashion", [tensor("seed", [1]), tensor("label", [3])], "label"),
        ("fashion", [tensor("seed", [1]), tensor("label", [-1])], "label"),
    ],
)
def test_a_wrong_tensor_is_named(client: httpx.Client, model: str, inputs: Any, field: str) -> None:
    answer = infer(client, *inputs, model=model)
    assert answer.status_code == 422, answer.text
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"].startswith(f"{field}: ")


def test_a_deadline_beyond_the_servers_is_refused(client: httpx.Client) -> None:
    answer = infer(client, tensor("seed", [7]), parameters={"timeout": 5_000_001})
    assert answer.json()["error"].startswith("parameters.timeout: ")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-encoding": "gzip"}, 415),
        ({"inference-header-content-length": "9999"}, 422),
        ({"content-type": "application/octet-stream"}, 200),
        ({"content-type": ""}, 200),
        ({"content-encoding": "identity"}, 200),
    ],
)
def test_what_the_headers_say_of_the_body(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    content = json.dumps({"inputs": [tensor("seed", [7])]})
    answer = client.post("/v2/models/avatars/infer", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert (list(answer.json()) == ["error"]) == (status != 200)


def test_it_waits_in_the_same_queue_under_the_same_limits(
    start: Any, client: httpx.Client, registry: Any, admission: Any
) -> None:
    admission.refuses = errors.QuotaExceeded("enough", 2)
    try:
        answer = infer(client, tensor("seed", [7]))
    finally:
        admission.refuses = None
    assert (answer.status_code, answer.headers["retry-after"], list(answer.json())) == (429, "2", ["error"])
    limited = Settings(host="127.0.0.1", port=0, api_keys="key-number-one", max_pixels=100)
    with start(registry, limited) as other:
        assert infer(other, tensor("seed", [7])).status_code == 401
        other.headers["authorization"] = "Bearer key-number-one"
        assert images(infer(other, tensor("seed", [7]))).shape[0] == 1
        assert infer(other, tensor("seed", [7, 8])).json()["error"].startswith("n: ")
