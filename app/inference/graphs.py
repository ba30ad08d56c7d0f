"""A CUDA device: one captured graph a bucket, pinned buffers, copies that do not block.

What it decides is tested through executor.py on injected faults, and on a GPU, where there is one, by test_cuda.py.
"""

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from app.inference.chunks import Chunk
from app.inference.executor import Failure, Images, Labels, Latents
from app.inference.faults import Kind, attempt

log = logging.getLogger("tessera")

TensorForward = Callable[[Tensor, Tensor], Tensor]
Within = Callable[[], AbstractContextManager[Any]]
T = TypeVar("T")

_WARM_UPS = 3  # before a capture: libraries choose and load their kernels at first use


def configure(allow_tf32: bool) -> None:
    """Deterministic kernels only, and full float32 unless asked otherwise. Before the first use of the device."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    precision = "tf32" if allow_tf32 else "ieee"
    torch.backends.cuda.matmul.fp32_precision = precision
    # Each by name: in releases before ours the whole left cuDNN's convolutions at TF32.
    torch.backends.cudnn.conv.fp32_precision = precision  # type: ignore[attr-defined]


class Graphs:
    """One graph a bucket, captured when the bucket is first used. within: the network's code runs in such a context."""

    lanes = 1
    pads = True

    def __init__(self, device: torch.device, z_dim: int, within: Within) -> None:
        self._pixels: TensorForward
        self._within = within
        self._device = device
        self._z_dim = z_dim
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()  # shared: one graph runs at a time
        self._graphs: dict[int, _Captured] = {}

    def serve(self, pixels: TensorForward) -> None:
        """What `run` runs: z, label on the device -> uint8 [B, H, W, C] on the device."""
        self._pixels = pixels

    def run(self, chunks: Sequence[Chunk], z: Latents, label: Labels, out: Images, *, here: bool) -> list[Failure]:
        failures: list[Failure] = []
        for chunk in chunks:
            fault = attempt(partial(self._compute, chunk, z, label, out), self.answers)
            if fault is not None:
                failures.append((chunk, fault))
                if fault.kind is Kind.LOST:
                    break
        return failures

    def answers(self) -> bool:
        """Does the device still work?"""
        try:
            torch.cuda.synchronize(self._device)
        except Exception:
            return False
        return True

    def free_memory(self, largest: int) -> None:
        for bucket in [bucket for bucket in self._graphs if bucket > largest]:
            del self._graphs[bucket]
        torch.cuda.empty_cache()

    def inside(self, action: Callable[[], T]) -> T:
        """`action` as it is, without a graph."""
        with torch.inference_mode(), self._within():
            return action()

    def _compute(self, chunk: Chunk, z: Latents, label: Labels, out: Images) -> None:
        graph = self._graphs.get(chunk.bucket)
        if graph is None:
            with self._within():
                graph = self._graphs[chunk.bucket] = _Captured(
                    self._pixels, chunk.bucket, self._z_dim, self._device, self._stream, self._pool
                )
        rows = slice(chunk.start, chunk.start + chunk.count)
        np.copyto(out[rows], graph.replay(z[rows], label[rows])[: chunk.count])


class _Captured:
    """The forward pass of one batch size, recorded once, with its buffers on both sides."""

    @torch.inference_mode()
    def __init__(
        self,
        pixels: TensorForward,
        bucket: int,
        z_dim: int,
        device: torch.device,
        stream: torch.cuda.Stream,
        pool: Any,
    ) -> None:
        self._stream = stream
        self._host_z = torch.zeros(bucket, z_dim, pin_memory=True)
        self._host_label = torch.zeros(bucket, dtype=torch.int64, pin_memory=True)
        self._z, self._label = self._host_z.to(device), self._host_label.to(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                pixels(self._z, self._label)
        stream.synchronize()
        self._graph = torch.cuda.CUDAGraph()
        # Only what this thread does may not happen in a capture: other models serve meanwhile.
        with torch.cuda.graph(self._graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
            self._pixels = pixels(self._z, self._label)
        self._host_pixels = torch.empty(self._pixels.shape, dtype=torch.uint8, pin_memory=True)

    @torch.inference_mode()
    def replay(self, z: Latents, label: Labels) -> Images:
        """All rows of the bucket; those behind the given ones are padding. Valid until the next replay."""
        self._host_z[: len(z)] = torch.from_numpy(z)
        self._host_label[: len(label)] = torch.from_numpy(label)
        with torch.cuda.stream(self._stream):
            self._z.copy_(self._host_z, non_blocking=True)
            self._label.copy_(self._host_label, non_blocking=True)
            self._graph.replay()
            self._host_pixels.copy_(self._pixels, non_blocking=True)
        self._stream.synchronize()
        pixels: Images = self._host_pixels.numpy()
        return pixels
