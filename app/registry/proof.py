"""The golden rule: a model counts as ready when its golden seeds came out as golden.png shows them."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngImageFile

from app.errors import ModelRejected
from app.inference.latents import latents
from app.registry.manifest import Manifest
from app.registry.store import VerifiedModel

Images = NDArray[np.uint8]

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def golden_inputs(manifest: Manifest) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """z float32 [N, dim] and labels int64 [N] of the golden seeds."""
    seeds = np.array(manifest.golden.seeds, np.uint32)
    labels = np.array(manifest.golden.labels or [0] * seeds.size, np.int64)
    return latents(seeds, manifest.latent.dim), labels


def check_golden(model: VerifiedModel, made: Images) -> None:
    """made: uint8 [N, H, W, C] from `golden_inputs`. Raises ModelRejected unless every level is within tolerance."""
    expected = golden_images(model)
    if made.shape != expected.shape:
        raise ModelRejected(model.folder, f"the generator makes {made.shape}, the manifest says {expected.shape}")
    off = np.abs(made.astype(np.int16) - expected).reshape(len(made), -1).max(axis=1)
    golden = model.manifest.golden
    if off.max() > golden.tolerance:
        worst = int(off.argmax())
        raise ModelRejected(
            model.folder,
            f"seed {golden.seeds[worst]} came out {off[worst]} levels away from golden.png, {golden.tolerance} are "
            "allowed; this device or library computes the model differently: try TESSERA_DEVICE=cpu, or publish again",
        )


def check_codes(model: VerifiedModel, codes: NDArray[np.float32]) -> None:
    """codes: what encode gave for the golden images. Raises ModelRejected unless float32 [N, dim] and finite."""
    expected = (len(model.manifest.golden.seeds), model.manifest.latent.dim)
    if codes.shape != expected or not np.isfinite(codes).all():
        raise ModelRejected(
            model.folder, f"encode gives {codes.shape}, not finite numbers of {expected}; publish the model again"
        )


def golden_images(model: VerifiedModel) -> Images:
    """The tiles of golden.png, uint8 [N, H, W, C]. Raises ModelRejected if it is not the picture that was promised."""
    image, golden = model.manifest.image, model.manifest.golden
    rows = -(-len(golden.seeds) // golden.columns)
    size = (golden.columns * image.width, rows * image.height)
    try:
        with PngImageFile(io.BytesIO(model.golden)) as picture:
            if (picture.size, picture.mode) != (size, _MODES[image.channels]):
                raise ModelRejected(
                    model.folder,
                    f"golden.png is {picture.size[0]}x{picture.size[1]} {picture.mode}, not {size[0]}x{size[1]} "
                    f"{_MODES[image.channels]}; publish the model again",
                )
            pixels = np.asarray(picture)
    except ModelRejected:
        raise
    except Exception as error:  # a broken file ends in whatever exception its decoder had at hand
        raise ModelRejected(model.folder, f"golden.png is not a readable PNG ({error}); publish again") from error
    cells = pixels.reshape(rows, image.height, golden.columns, image.width, image.channels).swapaxes(1, 2)
    return cells.reshape(-1, image.height, image.width, image.channels)[: len(golden.seeds)]
