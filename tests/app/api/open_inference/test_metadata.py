from typing import Any

import httpx

from app.settings import Settings


def test_the_server(client: httpx.Client) -> None:
    about = client.get("/v2").json()
    assert (about["name"], about["extensions"]) == ("tessera", ["binary_tensor_data"])
    assert about["version"]
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}


def test_a_model(client: httpx.Client) -> None:
    about = client.get("/v2/models/fashion").json()
    assert about == client.get("/v2/models/fashion/versions/1").json()
    assert (about["name"], about["versions"]) == ("fashion", ["1"])
    assert about["inputs"] == [
        {"name": "z", "datatype": "FP32", "shape": [-1, 32]},
        {"name": "label", "datatype": "INT64", "shape": [-1]},
    ]
    assert about["outputs"] == [{"name": "images", "datatype": "UINT8", "shape": [-1, 8, 8, 3]}]
    assert [tensor["name"] for tensor in client.get("/v2/models/avatars").json()["inputs"]] == ["z"]


def test_a_model_is_ready(client: httpx.Client) -> None:
    for path in ("avatars/ready", "avatars/versions/2/ready"):
        answer = client.get(f"/v2/models/{path}")
        assert (answer.status_code, answer.json()) == (200, {"name": "avatars", "ready": True})


def test_an_unknown_model_or_version(client: httpx.Client) -> None:
    for path in ("none", "none/ready", "avatars/versions/1", "avatars/versions/1/ready"):
        answer = client.get(f"/v2/models/{path}")
        assert (answer.status_code, list(answer.json())) == (404, ["error"])


def test_what_is_not_ready_says_so_as_the_protocol_does(start: Any, paint_model: Any, paint_registry: Any) -> None:
    with start(paint_registry(), Settings(host="127.0.0.1", port=0)) as empty:
        assert empty.get("/v2/health/live").status_code == 200
        ready = empty.get("/v2/health/ready")
        assert (ready.status_code, ready.json()) == (400, {"ready": False})
        assert empty.get("/v2/models/avatars").status_code == 503


def test_a_stuck_engine_is_not_live(start: Any, paint_model: Any, paint_registry: Any) -> None:
    model = paint_model("avatars")
    with start(paint_registry(model), Settings(host="127.0.0.1", port=0)) as client:
        model.batcher.working_for = 1e6
        answer = client.get("/v2/health/live")
        assert (answer.status_code, answer.json()) == (400, {"live": False})
