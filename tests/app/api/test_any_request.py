"""Whatever is sent to POST /generate: an image or a problem that names the fault, never a failure of the service."""

import json
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SEEDS = st.integers(-1, 2**32)
WORDS = st.sampled_from(
    ["shirt", "shoe", "Bag", "", "avatars", "fashion", "fashion@1", "fashion@2", "#fff", "#12345678"]
)
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=2)
)

FIELDS = {
    "model": st.one_of(WORDS, ODD),
    "n": st.one_of(st.integers(0, 30), ODD),
    "seed": st.one_of(SEEDS, ODD),
    "seeds": st.one_of(st.lists(SEEDS, max_size=4), ODD),
    "label": st.one_of(st.integers(-1, 3), WORDS, ODD),
    "labels": st.one_of(st.lists(st.one_of(st.integers(-1, 3), WORDS), max_size=4), ODD),
    "truncation_psi": st.one_of(st.floats(0, 1), ODD),
    "columns": st.one_of(st.integers(0, 10), ODD),
    "padding": st.one_of(st.integers(0, 65), ODD),
    "background": st.one_of(WORDS, ODD),
    "scale": st.one_of(st.integers(0, 17), ODD),
    "format": st.one_of(st.sampled_from(["png", "webp", "jpeg", "json", "zip", "gif"]), ODD),
    "timeout_ms": st.one_of(st.integers(1, 6000), ODD),
    "other": ODD,
}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.fixed_dictionaries({}, optional=FIELDS), accept=st.sampled_from(["*/*", "image/webp", "text/html", "q=1"])
)
def test_the_answer_is_an_image_or_names_the_fault(client: httpx.Client, body: dict[str, Any], accept: str) -> None:
    content = json.dumps(body).encode("utf-8", "surrogatepass")
    answer = client.post("/generate", content=content, headers={"content-type": "application/json", "accept": accept})
    if answer.status_code == 200:
        assert answer.headers["x-tessera-model"] in ("avatars@2", "fashion@1")
        assert answer.headers["content-type"] in (
            "image/png", "image/webp", "image/jpeg", "application/json", "application/zip",
        )  # fmt: skip
        return
    assert answer.status_code in (400, 404, 406, 422), answer.text
    problem = answer.json()
    if answer.status_code == 422:
        named = {error["field"].split(".")[0] for error in problem["errors"]}
        assert named <= set(body) | {"n", "format", "scale", "background"}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=40))
def test_bytes_that_mean_nothing_are_the_callers_fault(client: httpx.Client, content: bytes) -> None:
    answer = client.post("/generate", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in ((200,) if content in (b"", b"{}") else (400, 422))
