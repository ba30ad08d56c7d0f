"""A published generator on a device: loaded from bytes, made fast, proved, and run on batches of any size.

This and training/export.py are the only files that know TorchScript. What the engine promises rests on what it does
before it is ready: the output is checked against the manifest's shape and range, the faster form against the published
module, every batch size it will use is run, and a seed's bits are compared across batch sizes and slots.
"""

import io
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Literal, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.errors import DeviceLost, EngineFailed
from app.inference.acceptance import GeneratorSpec, check, examples
from app.inference.chunks import powers_of_two
from app.inference.cores import lead, on_all_cores
from app.inference.executor import Executor
from app.inference.faults import Kind, attempt, one_line
from app.inference.graphs import Graphs, configure
from app.inference.invariance import agreeing
from app.inference.lanes import Lanes
from app.inference.observer import Observer, Silent
from app.inference.plan import TF32_TOLERANCE, TOLERANCE, Compiled, make

__all__ = ["Engine", "GeneratorSpec"]

# On a CPU smaller pieces read the weights too often (64 x 64 pixels: 16 are about 5 % slower than 32, 8 are 12 %);
# larger ones leave the cache and the lanes unevenly loaded. Where 64 callers ask for an image each, two lanes of 24
# leave enough to be answered and asked for anew meanwhile.
_LARGEST_CPU_BUCKET = 32
_USUAL_CPU_BUCKET = 24

T = TypeVar("T", bound=np.generic)


class Engine:
    """generator: the bytes of generator.pt. device: "auto" (CUDA if there is one), "cpu", "cuda" or "cuda:N".

    max_batch_size: most images in a forward pass; on a CPU, where larger ones are slower, less. Its attribute
    usual_batch_size: how many are enough while not much more waits.

    Raises ValueError, with a sentence, if the bytes are no TorchScript, the generator is not what `spec` says, or the
    device is not there.
    """

    def __init__(
        self,
        generator: bytes,
        spec: GeneratorSpec,
        device: str,
        *,
        max_batch_size: int = 64,
        allow_tf32: bool = False,
        observer: Observer | None = None,
    ) -> None:
        self.spec = spec
        self.batching: Literal["natural", "fixed"] = "natural"
        self.images_per_second = 0.0
        self.device = _choose(device)
        cuda = self.device.type == "cuda"
        if cuda:
            configure(allow_tf32)
        self._runner = Graphs(self.device, spec.z_dim, _as_written) if cuda else Lanes()
        module = _load(generator, self.device)
        self._runner.inside(lambda: check(module, spec, self.device))
        tolerance = TF32_TOLERANCE if cuda and allow_tf32 else TOLERANCE
        self._plan = self._runner.inside(lambda: make(module, spec, self.device, _compile, tolerance))
        self._encoder = getattr(module, "encode", None)
        self._runner.serve(self._plan.pixels)
        self.max_batch_size = max_batch_size if cuda else min(max_batch_size, _LARGEST_CPU_BUCKET)
        self.usual_batch_size = max_batch_size if cuda else min(max_batch_size, _USUAL_CPU_BUCKET)
        shape = (spec.height, spec.width, spec.channels)
        buckets = tuple(sorted({*powers_of_two(self.max_batch_size), self.usual_batch_size}))
        self._executor = Executor(self._runner, buckets, shape, observer or Silent())

    @property
    def device_class(self) -> str:
        """Replicas of one class give the same bits: "cpu" with its instruction set, or the GPU's name."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"cpu-{torch.backends.cpu.get_cpu_capability().lower()}"

    @property
    def buckets(self) -> tuple[int, ...]:
        """The batch sizes a forward pass is made of, ascending."""
        return self._executor.buckets

    @property
    def fallback(self) -> str:
        """Why the published module runs instead of its faster form; empty if the faster form runs."""
        return self._plan.fallback

    @property
    def multiplications(self) -> int:
        """Multiply-adds an image, of the generator as published; 0 if they could not be counted."""
        return self._plan.multiplications

    @property
    def lanes(self) -> int:
        """How many chunks are computed at a time: threads of a CPU, 1 on a GPU."""
        return self._runner.lanes

    @property
    def lead(self) -> Callable[[Callable[[], None]], bool] | None:
        """After warm_up: cores.lead if a lone image may run on all cores, for there `forward` has no way to go."""
        return lead if isinstance(self._runner, Lanes) and self._runner.wide else None

    @property
    def memory_bytes(self) -> int:
        """What this process holds of the accelerator's memory; 0 on a CPU, whose memory is the process's own."""
        return torch.cuda.memory_reserved(self.device) if self.device.type == "cuda" else 0

    def warm_up(self) -> None:
        """Choose the batch sizes by proof, run each twice, and measure the rate; the same for the encoder.

        Raises DeviceLost, EngineFailed; ValueError if the same image has another code each time.
        """
        self._prove()
        for _ in range(2):
            for bucket in self.buckets:
                self._run_everywhere(bucket)
        if isinstance(self._runner, Lanes):
            self._runner.wide = self._all_threads_agree(self._runner)
        n = self.max_batch_size * self.lanes
        z, label = self._examples(n)
        self.images_per_second = max(n / _seconds(lambda: self.forward(z, label)) for _ in range(2))
        if self.can_encode:
            self._prove_encoder()

    def forward(self, z: NDArray[np.float32], label: NDArray[np.int64], *, here: bool = False) -> NDArray[np.uint8]:
        """uint8 [B, H, W, C] for z float32 [B, z_dim] and label int64 [B], any B >= 1, on all lanes.

        here: in the calling thread, one of `lanes` that do so at the same time; the bits are the same.

        Raises EngineFailed, DeviceLost; ValueError for arrays of another shape or labels beyond the classes.
        """
        if z.shape != (len(label), self.spec.z_dim) or label.ndim != 1 or len(label) == 0:
            raise ValueError(f"z {list(z.shape)} and label {list(label.shape)}, not [B, {self.spec.z_dim}] and [B]")
        labels = label.tolist()  # for the few there are, quicker than an array's own minimum
        if min(labels) < 0 or max(labels) >= max(self.spec.num_classes, 1):  # on a GPU this would break the device
            raise ValueError(f"labels lie in [0, {max(self.spec.num_classes, 1)})")
        return self._executor.forward(_own(z, np.float32), _own(label, np.int64), here=here)

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """z float32 [N, z_dim] of images uint8 [N, H, W, C], one at a time, so that company changes nothing.

        Raises ValueError if this generator cannot encode, or for images of another size; EngineFailed if its numbers
        are not finite.
        """
        encoder = self._encoder
        if encoder is None:
            raise ValueError("this generator has no encoder")
        shape = (self.spec.height, self.spec.width, self.spec.channels)
        if images.shape[1:] != shape:
            raise ValueError(f"images are {list(images.shape[1:])}, the generator's are {list(shape)}")

        def codes() -> list[NDArray[np.float32]]:
            pixels = (
                torch.from_numpy(_own(images, np.uint8)).to(self.device).permute(0, 3, 1, 2).float().div(127.5).sub(1.0)
            )
            return [encoder(image[None]).cpu().numpy() for image in pixels.contiguous()]

        made = np.concatenate([np.empty((0, self.spec.z_dim), np.float32), *self._runner.inside(codes)])
        if not np.isfinite(made).all():
            raise EngineFailed("the encoder makes numbers that are not finite")
        return made

    @property
    def can_encode(self) -> bool:
        return self._encoder is not None

    def _examples(self, n: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        z, label = examples(self.spec, n, torch.device("cpu"))
        return z.numpy(), label.numpy()

    def _floats(self, z: Tensor, label: Tensor) -> Tensor:
        return self._runner.inside(lambda: self._plan.floats(z, label))

    def _prove(self) -> None:
        """Natural batch sizes where they give the same bits. Else, on a GPU, those that do, to which smaller batches
        are padded; otherwise every image alone. What does not fit into memory is no size to use."""
        agree: tuple[int, ...] = ()

        def compare() -> None:
            nonlocal agree
            agree = agreeing(self._floats, self.buckets, *examples(self.spec, self.buckets[-1], self.device))

        proof = partial(on_all_cores, self.lanes, compare) if isinstance(self._runner, Lanes) else compare
        while fault := attempt(proof, self._runner.answers):
            if fault.kind is not Kind.OUT_OF_MEMORY or not self._executor.do_without(self.buckets[-1]):
                raise (DeviceLost if fault.kind is Kind.LOST else EngineFailed)(fault.message)
        if agree == self.buckets:
            return
        self.batching = "fixed"
        self._executor.keep_to(agree if agree and self._runner.pads else (1,))

    def _prove_encoder(self) -> None:
        """TorchScript records its first two calls and may run other code from then on: those do not count."""
        images = self.forward(*self._examples(2))
        _, first, second = (self.encode(images) for _ in range(3))
        if not np.array_equal(first, second):
            raise ValueError("the encoder gives the same image another code each time: it draws random numbers")

    def _run_everywhere(self, bucket: int) -> None:
        if isinstance(self._runner, Lanes):
            self._runner.everywhere(partial(self._plan.pixels, *examples(self.spec, bucket, self.device)))
        else:
            self.forward(*self._examples(bucket))

    def _all_threads_agree(self, lanes: Lanes) -> bool:
        """Does a lone image have the same bits when all threads work on it?"""
        if lanes.lanes == 1:
            return False
        z, label = examples(self.spec, 1, self.device)
        floats = partial(self._plan.floats, z, label)
        return torch.equal(lanes.inside(floats), lanes.with_all_threads(floats))


def _choose(device: str) -> torch.device:
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    chosen = torch.device(device)
    if chosen.type == "cuda" and (not torch.cuda.is_available() or (chosen.index or 0) >= torch.cuda.device_count()):
        raise ValueError(f"there is no device {device} here; `auto` takes the CPU where there is no GPU")
    return chosen


def _load(generator: bytes, device: torch.device) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`torch\.jit\.", FutureWarning)
            return torch.jit.load(io.BytesIO(generator), map_location=device).eval()  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"the generator is not readable TorchScript: {one_line(error)}") from error


def _compile(source: str) -> Compiled:
    return cast(Compiled, torch.jit.CompilationUnit(source).forward)


def _as_written() -> AbstractContextManager[None]:
    """On a GPU TorchScript would compile kernels of its own, which takes seconds and rounds otherwise from the third
    call on; inside a captured graph nothing is left that it could save."""
    context: AbstractContextManager[None] = torch.jit.optimized_execution(False)  # type: ignore[attr-defined]
    return context


def _own(array: NDArray[Any], dtype: type[T]) -> NDArray[T]:
    """As PyTorch takes it: contiguous and writable, a copy only if it has to be."""
    if array.dtype == dtype and array.flags.carray:
        return array
    return np.require(array, dtype, ["C", "W"])


def _seconds(action: Any) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
