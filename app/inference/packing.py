"""Weights in the layouts that oneDNN's kernels want, each layout of a weight once. Only its operators can read them.

Which layout that is depends on the size of the layer's input. Weights that lie otherwise than a call wants are laid out
anew in that call, which may take longer than the layer does.
"""

import os
import time
from collections.abc import Iterable

import torch
from torch import Tensor

from app.inference.cores import on_all_cores
from app.inference.program import Affine

_USUAL_BATCH = 16  # where the batch is not known; other sizes want the same layout
_ROUNDS = 9  # in which two layouts are compared; the best of each counts

Size = tuple[int, ...]  # of a layer's input


def onednn_available() -> bool:
    """Does this build of PyTorch, on this machine, have the packed operators?"""
    names = (
        "_convolution_pointwise",
        "_convolution_transpose_pointwise",
        "_linear_pointwise",
        "_reorder_linear_weight",
        "_get_mkldnn_serialized_md",
    )
    here = torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
    return here and all(hasattr(torch.ops.mkldnn, name) for name in names)


def as_one(layer: Affine, images: int) -> Size:
    """The size of its input when that is so many images one below the other."""
    _, channels, height, width = layer.x.shape
    return 1, channels, images * height, width


class Packed:
    """The weights of one or several programs of the same layers."""

    def __init__(self) -> None:
        self._weights: dict[tuple[int, bytes], Tensor] = {}  # by the id of the plain one and the layout
        self._alone: dict[int, Tensor] = {}

    def weight(self, layer: Affine, size: Size = ()) -> Tensor:
        """size: of the layer's input, if it is known."""
        laid_out = _laid_out(layer, size or (_USUAL_BATCH, *layer.x.shape[1:]))
        return self._weights.setdefault((id(layer.weight), _layout(laid_out)), laid_out)

    def weight_alone(self, layer: Affine) -> Tensor:
        """Of a linear layer, for one image that is all there is: as in a batch, or otherwise where that is sooner."""
        if id(layer.weight) not in self._alone:
            self._alone[id(layer.weight)] = _sooner_alone(layer, self.weight(layer))
        return self._alone[id(layer.weight)]


def one_layout(layer: Affine, sizes: Iterable[Size]) -> bool:
    """Do all these sizes want the same?"""
    return len({_layout(_laid_out(layer, size)) for size in sizes}) == 1


def _laid_out(layer: Affine, size: Size) -> Tensor:
    ops = torch.ops.mkldnn
    stride, padding, dilation = list(layer.stride), list(layer.padding), list(layer.dilation)
    packed: Tensor
    if layer.kind == "linear":
        packed = ops._reorder_linear_weight(layer.weight, size[0])
    elif layer.kind == "conv":
        packed = ops._reorder_convolution_weight(layer.weight, padding, stride, dilation, layer.groups, size)
    else:
        packed = ops._reorder_convolution_transpose_weight(
            layer.weight, padding, list(layer.output_padding), stride, dilation, layer.groups, size
        )
    return packed


def _layout(packed: Tensor) -> bytes:
    description: Tensor = torch.ops.mkldnn._get_mkldnn_serialized_md(packed)
    return description.numpy().tobytes()


def _sooner_alone(layer: Affine, packed: Tensor) -> Tensor:
    """`packed`, or the weight input by input if that is sooner and gives the bits that an image has in a batch.

    With one row there is no block of weights that would be used again: on an AVX2 machine 100 x 8192 numbers took
    0.39 ms packed and 0.26 input by input."""
    by_inputs = layer.weight.t().contiguous().t()
    x = torch.linspace(-2.0, 2.0, 4 * layer.weight.shape[1]).view(4, -1)
    together = _product(layer, x, packed)

    def agrees() -> bool:
        return torch.equal(torch.cat([_product(layer, row[None], by_inputs) for row in x]), together)

    if not all(on_all_cores(threads, agrees) for threads in (1, os.cpu_count() or 1)):
        return packed
    rounds = [[_seconds(layer, x[:1], weight) for weight in (by_inputs, packed)] for _ in range(_ROUNDS)]
    ours, theirs = map(min, zip(*rounds, strict=True))
    return by_inputs if ours < theirs else packed


def _product(layer: Affine, x: Tensor, weight: Tensor) -> Tensor:
    made: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, layer.bias, "none", [], "")
    return made


def _seconds(layer: Affine, x: Tensor, weight: Tensor) -> float:
    began = time.perf_counter()
    _product(layer, x, weight)
    return time.perf_counter() - began
