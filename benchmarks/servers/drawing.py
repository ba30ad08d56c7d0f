"""What all peers share: the same TorchScript file, and a PNG grid as such code makes it, with Pillow."""

import io
import math
import os
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

Images = npt.NDArray[np.uint8]
PADDING = 2
# All frameworks that batch get the same two settings.
MAX_BATCH_SIZE = 64  # requests
MAX_WAIT_S = 0.01


def load() -> torch.jit.ScriptModule:
    """The generator of the file named by the environment variable GENERATOR."""
    model: torch.jit.ScriptModule = torch.jit.load(os.environ["GENERATOR"], map_location="cpu")
    return model.eval()


def port() -> int:
    return int(os.environ["PORT"])


def count(body: Any) -> int:
    """The number of images that a request asks for."""
    n = int(body.get("n", 1))
    if not 1 <= n <= 256:
        raise ValueError("n must be 1 to 256")
    return n


@torch.inference_mode()
def draw(model: torch.jit.ScriptModule, n: int) -> Images:
    """n random images, uint8 [n, H, W, 3]."""
    z = torch.randn(n, int(os.environ["Z_DIM"]))
    images = model(z, torch.zeros(n, dtype=torch.int64))
    pixels: Images = images.add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    return pixels


def png_grid(images: Images) -> bytes:
    """The images side by side on white, as Pillow writes a PNG by default."""
    n, height, width, _ = images.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    size = columns * (width + PADDING) + PADDING, rows * (height + PADDING) + PADDING
    grid = Image.new("RGB", size, "white")
    for index, pixels in enumerate(images):
        row, column = divmod(index, columns)
        grid.paste(Image.fromarray(pixels), (PADDING + column * (width + PADDING), PADDING + row * (height + PADDING)))
    file = io.BytesIO()
    grid.save(file, "PNG")
    return file.getvalue()
