"""The form of OpenAI's API; tests/e2e/test_other_clients.py runs OpenAI's own client against it."""

import base64
import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app import errors
from app.images.readback import read_recipe
from app.settings import Settings


def ask(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/v1/images/generations", json={"prompt": "portrait", **fields})


def made(answer: httpx.Response) -> list[bytes]:
    assert answer.status_code == 200, answer.text
    return [base64.b64decode(image["b64_json"]) for image in answer.json()["data"]]


def pixels(file: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(file)))


def test_an_image_is_that_of_its_seed(client: httpx.Client) -> None:
    answer = ask(client, n=3, seed=2**32 - 1)
    facts = answer.json()
    assert (facts["model"], facts["size"], facts["output_format"]) == ("avatars@2", "8x8", "png")
    assert facts["background"] == "opaque"
    assert [image["seed"] for image in facts["data"]] == [2**32 - 1, 0, 1]
    assert "revised_prompt" not in facts["data"][0]
    for file, seed in zip(made(answer), (2**32 - 1, 0, 1), strict=True):
        alone = client.post("/generate", json={"seed": seed, "padding": 0})
        assert (pixels(file) == pixels(alone.content)).all()
        assert read_recipe(file)["seeds"] == [seed]
    assert answer.headers["x-tessera-seeds"] == f"{2**32 - 1},0,1"
    assert "queue;dur=" in answer.headers["server-timing"]


def test_without_a_seed_each_call_differs_and_says_its_seeds(client: httpx.Client) -> None:
    first, second = ask(client).json()["data"][0], ask(client).json()["data"][0]
    assert first["seed"] != second["seed"]
    assert ask(client, seed=first["seed"]).json()["data"][0]["b64_json"] == first["b64_json"]


@pytest.mark.parametrize(("prompt", "label"), [("bag", "bag"), (" Shoe ", "shoe")])
def test_the_prompt_picks_the_class(client: httpx.Client, registry: Any, prompt: str, label: str) -> None:
    answer = ask(client, model="fashion", prompt=prompt, n=2, seed=1)
    assert [image["revised_prompt"] for image in answer.json()["data"]] == [label, label]
    assert read_recipe(made(answer)[0])["labels"] == [label]
    assert registry.get("fashion").batcher.asked[-1].label.tolist() == [("shirt", "shoe", "bag").index(label)] * 2


def test_several_classes_share_the_images(client: httpx.Client) -> None:
    answer = ask(client, model="fashion", prompt="bags and shoes", n=40, seed=1)
    assert {image["revised_prompt"] for image in answer.json()["data"]} == {"bag", "shoe"}
    ours = client.post("/generate", json={"model": "fashion", "prompt": "bags and shoes", "n": 40, "seed": 1})
    assert answer.headers["x-tessera-labels"] == ours.headers["x-tessera-labels"]


def test_an_empty_prompt_leaves_the_class_to_the_seeds(client: httpx.Client) -> None:
    facts = ask(client, model="fashion", prompt=" ", n=20, seed=0).json()
    drawn = client.post("/generate", json={"model": "fashion", "n": 20, "seed": 0, "format": "json"}).json()
    assert [image["revised_prompt"] for image in facts["data"]] == [image["label"] for image in drawn["images"]]


def test_psi_is_obeyed(client: httpx.Client, registry: Any) -> None:
    ask(client, truncation_psi=0)
    assert np.abs(registry.get("avatars").batcher.asked[-1].z).max() == 0


@pytest.mark.parametrize(("output_format", "kind"), [("png", "PNG"), ("webp", "WEBP"), ("jpeg", "JPEG")])
@pytest.mark.parametrize("size", ["auto", "8x8", "20x20"])
def test_forms_and_sizes(client: httpx.Client, output_format: str, kind: str, size: str) -> None:
    answer = ask(client, output_format=output_format, size=size, n=2, seed=5)
    side = 20 if size == "20x20" else 8
    for file in made(answer):
        image = Image.open(io.BytesIO(file))
        assert (image.format, image.size) == (kind, (side, side))
    assert (answer.json()["size"], answer.json()["output_format"]) == (f"{side}x{side}", output_format)


def test_the_resampled_image_is_that_of_the_image_url(client: httpx.Client) -> None:
    url = client.get("/images/avatars/k.png?size=20")
    (file,) = made(ask(client, size="20x20", seed=int(url.headers["x-tessera-seeds"])))
    assert file == url.content


def test_fields_that_existing_programs_send_are_taken(client: httpx.Client) -> None:
    answer = ask(
        client,
        quality="hd",
        style="vivid",
        moderation="low",
        user="u-1",
        safety_identifier="s",
        response_format="b64_json",
        background="opaque",
        output_compression=100,
        stream=False,
        partial_images=0,
    )
    assert answer.status_code == 200, answer.text
    nothing = dict.fromkeys(("model", "n", "size", "output_format", "background", "stream", "seed", "quality"))
    assert ask(client, **nothing).status_code == 200


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"model": "fashion", "prompt": "xyzzy"}, "prompt"),
        ({"model": "fashion", "prompt": "bag " * 51}, "prompt"),
        ({"n": 0}, "n"),
        ({"n": 257}, "n"),
        ({"size": "1024"}, "size"),
        ({"size": "0x0"}, "size"),
        ({"size": "16x32"}, "size"),
        ({"size": "5000x5000"}, "size"),
        ({"size": "1000x1000", "n": 2}, "size"),
        ({"output_format": "gif"}, "output_format"),
        ({"background": "transparent"}, "background"),
        ({"response_format": "url"}, "response_format"),
        ({"output_compression": 50}, "output_compression"),
        ({"stream": True}, "stream"),
        ({"partial_images": 2}, "partial_images"),
        ({"seed": -1}, "seed"),
        ({"truncation_psi": 2}, "truncation_psi"),
        ({"negative_prompt": "x"}, "negative_prompt"),
    ],
)
def test_what_cannot_be_obeyed_is_named(client: httpx.Client, fields: dict[str, Any], param: str) -> None:
    answer = ask(client, **fields)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/json"
    (error,) = answer.json().values()
    assert (error["param"], error["code"], error["type"]) == (param, "invalid_field", "invalid_request_error")
    assert error["message"]


def test_every_wrong_field_is_in_the_message(client: httpx.Client) -> None:
    message = ask(client, n=0, size="x").json()["error"]["message"]
    assert "n: " in message
    assert "size: " in message


def test_transparent_models_say_so(start: Any, paint_model: Any, paint_registry: Any) -> None:
    with start(paint_registry(paint_model("icons", channels=4)), Settings(host="127.0.0.1", port=0)) as client:
        assert ask(client).json()["background"] == "transparent"
        assert ask(client, background="transparent", output_format="webp").status_code == 200
        assert ask(client, output_format="jpeg").json()["background"] == "opaque"
        assert ask(client, background="opaque").json()["error"]["param"] == "background"


@pytest.mark.parametrize(
    ("sent", "status", "type_", "code"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "invalid_request_error", None),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415, None, "unsupported_media"),
        ({"json": {"prompt": "", "model": "gpt-image-2"}}, 404, "invalid_request_error", "unknown_model"),
        ({"content": b" " * 2_000_000}, 413, "invalid_request_error", "payload_too_large"),
    ],
)
def test_errors_have_the_form_of_the_api(
    client: httpx.Client, sent: Any, status: int, type_: str | None, code: str | None
) -> None:
    answer = client.post("/v1/images/generations", **sent)
    error = answer.json()["error"]
    assert answer.status_code == status
    assert set(error) == {"message", "type", "param", "code"}
    assert type_ in (None, error["type"])
    assert code in (None, error["code"])


def test_a_full_queue_says_when_to_come_back(client: httpx.Client, admission: Any) -> None:
    admission.refuses = errors.QueueFull("full", 2.5)
    try:
        answer = ask(client)
    finally:
        admission.refuses = None
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert answer.json()["error"]["type"] == "rate_limit_error"


def test_what_the_framework_refuses_has_that_form_too(client: httpx.Client) -> None:
    missing, method = client.post("/v1/chat/completions"), client.get("/v1/images/generations")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    assert (method.status_code, method.json()["error"]["code"]) == (405, "method_not_allowed")
    assert client.get("/v10").json()["code"] == "not_found"


def test_keys(start: Any, registry: Any) -> None:
    with start(registry, Settings(host="127.0.0.1", port=0, api_keys="key-number-one")) as client:
        refused = ask(client)
        assert (refused.status_code, refused.json()["error"]["type"]) == (401, "authentication_error")
        client.headers["authorization"] = "Bearer key-number-one"
        assert ask(client).status_code == 200


def test_the_document_knows_the_form_of_errors(client: httpx.Client) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/v1/images/generations"]["post"]
    for status in ("400", "401", "404", "413", "415", "422", "429", "503", "504"):
        schema = operation["responses"][status]["content"]["application/json"]["schema"]
        assert schema["$ref"].endswith("/OpenAIError")
