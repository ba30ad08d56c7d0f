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
    assert {"avatars@1", "fashion@1"} <= set(seen["models"])
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
