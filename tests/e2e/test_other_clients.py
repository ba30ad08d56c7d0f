"""Programs written for other services, with those services' own clients, against this one as it is started."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PROGRAMS = Path(__file__).parent / "programs"


def run(program: str, url: str) -> Any:
    """What the program printed. In a process of its own: it is to be itself, and its warnings are not ours."""
    command = [sys.executable, str(PROGRAMS / program), url]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_openais_own_client(bundled: Any) -> None:
    seen = run("openai_images.py", bundled.url)
    assert {"avatars@3", "fashion@2"} <= set(seen["models"])
    assert seen["retrieved"] == "avatars"
    assert seen["seeds"] == [7, 8]
    for file, seed in zip(seen["pngs"], seen["seeds"], strict=True):
        ours = bundled.client.post("/generate", json={"seed": seed, "padding": 0}).content
        first, second = (np.asarray(Image.open(io.BytesIO(data))) for data in (bytes.fromhex(file), ours))
        assert (first == second).all()
    images = [Image.open(io.BytesIO(bytes.fromhex(file))) for file in seen["webps"]]
    assert [(image.format, image.size) for image in images] == [("WEBP", (128, 128))] * 3
    assert (seen["revised"], seen["size"]) == (["bag"] * 3, "128x128")
    assert seen["class"] == ["UnprocessableEntityError", "prompt", "invalid_field", "invalid_request_error", True]
    assert seen["model"] == ["NotFoundError", "model", "unknown_model", "invalid_request_error", True]


def test_tritons_own_client(bundled: Any) -> None:
    seen = run("triton_infer.py", bundled.url)
    assert (seen["live"], seen["ready"], seen["model_ready"]) == (True, True, [True, True, False])
    assert seen["server"]["extensions"] == ["binary_tensor_data"]
    assert [tensor["name"] for tensor in seen["model"]["inputs"]] == ["z", "label"]
    assert (seen["about"], seen["same"], seen["async"]) == (["r-1", "2", [3, 32, 32, 1]], True, True)
    ours = bundled.client.post("/generate", json={"seed": 7, "n": 2, "columns": 2, "padding": 0}).content
    grid = np.asarray(Image.open(io.BytesIO(ours)))
    assert (np.concatenate(np.array(seen["seeds"], np.uint8), axis=1) == grid).all()
    assert seen["shape"][0] == "422"
    assert seen["shape"][1].startswith("z: ")
    assert seen["unknown"][0] == "404"
