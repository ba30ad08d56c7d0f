from datetime import UTC, datetime

import httpx


def test_the_list(client: httpx.Client) -> None:
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["fashion@1", "avatars@2"]
    assert listed["data"][0]["object"] == "model"
    assert datetime.fromtimestamp(listed["data"][0]["created"], UTC) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_one_by_either_name(client: httpx.Client) -> None:
    assert client.get("/v1/models/avatars@2").json()["id"] == "avatars@2"
    assert client.get("/v1/models/avatars").json()["id"] == "avatars"


def test_an_unknown_one(client: httpx.Client) -> None:
    answer = client.get("/v1/models/gpt-image-2")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_model")
