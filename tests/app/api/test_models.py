from typing import Any

import httpx
import pytest

from app.api.schemas import ModelFacts, ModelList
from app.settings import Settings


def test_the_loaded_models_are_listed_with_the_default(client: httpx.Client) -> None:
    body = client.get("/models").json()
    listed = ModelList.model_validate(body, extra="forbid")
    assert listed.default == "avatars@2"
    assert [(model.ref, model.default) for model in listed.models] == [("fashion@1", False), ("avatars@2", True)]
    assert listed.models[0].classes == ["shirt", "shoe", "bag"]


@pytest.mark.parametrize("ref", ["fashion", "fashion@1"])
def test_one_model_says_everything(client: httpx.Client, ref: str) -> None:
    facts = ModelFacts.model_validate(client.get(f"/models/{ref}").json(), extra="forbid")
    assert (facts.name, facts.engine.batching, facts.engine.device) == ("fashion", "natural", "cpu")
    assert facts.manifest == {"name": "fashion", "version": 1}


@pytest.mark.parametrize("ref", ["nobody", "fashion@2", "fashion@", "@1", "%00", "a" * 5000])
def test_an_unknown_model_is_404(client: httpx.Client, ref: str) -> None:
    answer = client.get(f"/models/{ref}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_a_model_the_list_is_empty_and_work_is_refused(start: Any, paint_registry: Any) -> None:
    with start(paint_registry(), Settings(host="127.0.0.1", port=0)) as client:
        assert client.get("/models").json() == {"default": None, "models": []}
        answer = client.post("/generate")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_loaded")
        assert answer.headers["retry-after"]
