"""Transposed convolutions that double the image as one matrix product, whose results overlap.

Every input pixel times every weight is one large product, and what falls on the same output pixel is added up
afterwards: the same multiplications, at the rate of a product. That wins where a convolution kernel has too little to
work along. In an image of 4x4 there are no rows of pixels (where it has many channels, winograd.py comes first):
measured on one AVX-512 core, 512 -> 256 channels at 4x4 -> 8x8, 105 GFLOP/s before, 165 after; one image 0.8 ms
before, 0.7 after; at 8x8 the convolution itself is as fast. And 3 output channels fill no vector: there the product is
laid out in planes, so that sums, activation and rounding go along pixels: 64 -> 3 channels at 32x32 -> 64x64 to bytes,
on one AVX2 core, 0.25 ms an image as a convolution of 12 channels, one for each phase and colour, 0.18 ms so. The
planes come from oneDNN: MKL's product of each image took twice as long where it has no AVX-512 for the processor.

On a GPU every such layer is better so, because cuDNN's float32 kernels for it are slow, and of another kind for each
batch size: on an H200 the tutorial's 64 images took 0.51 ms for 1.71, and 2 to 64 of them had the same bits, where
before 32 and 64 had.
"""

from torch import Tensor

from app.inference.program import RECORDED_BATCH, Affine, Batch, Call, Interleave, Overlap, Planes, Program, Step, Var

_SMALL = 16  # pixels
_NARROW = 8  # output channels
_TAPS = 16


def multiply(program: Program, largest: float = _SMALL) -> None:
    """Rearrange every doubling layer of few channels or of an image of up to `largest` pixels, in place."""
    for layer in program.each(Affine):
        if doubles(layer):
            if layer.weight.shape[1] <= _NARROW:
                program.swap(layer, _by_planes(layer))
            elif layer.x.shape[2] * layer.x.shape[3] <= largest:
                program.swap(layer, _by_pixels(layer))


def doubles(layer: Affine) -> bool:
    """Is it the 4x4 transposed convolution that doubles the image?"""
    shape = (layer.weight.shape[2:], layer.stride, layer.padding, layer.output_padding, layer.dilation, layer.groups)
    return layer.kind == "conv_transpose" and shape == ((4, 4), (2, 2), (1, 1), (0, 0), (1, 1), 1)


def _by_pixels(layer: Affine) -> list[Step]:
    """All pixels of the batch are the rows of one matrix."""
    _, inside, height, width = layer.x.shape
    rows, outside = height * width, layer.weight.shape[1]
    bias = None if layer.bias is None else central_bias(layer.bias)
    pixels, flat = Var((RECORDED_BATCH, height, width, inside)), Var((RECORDED_BATCH * rows, inside))
    products = Var((RECORDED_BATCH * rows, _TAPS * outside))
    phases = Var((RECORDED_BATCH, height, width, 2, 2, outside))
    return [
        Call("aten.permute", (layer.x, [0, 2, 3, 1]), {}, pixels),
        Call("aten.reshape", (pixels, [Batch(rows), inside]), {}, flat),
        Affine("linear", flat, tap_weight(layer.weight), bias, products),
        Overlap(products, phases, layer.out.shape[1:], "BHWrcC"),
        Interleave(phases, layer.out, "BHWrcC", layer.activation),
    ]


def _by_planes(layer: Affine) -> list[Step]:
    """All pixels of the batch are the columns: every row of the result is a picture of each image."""
    _, inside, height, width = layer.x.shape
    columns, taps = height * width, _TAPS * layer.weight.shape[1]
    bias = None if layer.bias is None else central_bias(layer.bias)
    pixels, flat = Var((RECORDED_BATCH, height, width, inside)), Var((RECORDED_BATCH * columns, inside))
    products = Var((taps, RECORDED_BATCH * columns))
    phases = Var((2, 2, layer.weight.shape[1], RECORDED_BATCH, height, width))
    return [
        Call("aten.permute", (layer.x, [0, 2, 3, 1]), {}, pixels),
        Call("aten.reshape", (pixels, [Batch(columns), inside]), {}, flat),
        Planes(tap_weight(layer.weight), flat, bias, products),
        Overlap(products, phases, layer.out.shape[1:], "rcCBHW"),
        Interleave(phases, layer.out, "rcCBHW", layer.activation),
    ]


def tap_weight(weight: Tensor) -> Tensor:
    """conv_transpose2d weight [in, out, 4, 4] -> matrix [16 out, in], rows ordered (kernel row, kernel column, out)."""
    return weight.permute(2, 3, 1, 0).reshape(-1, weight.shape[0]).contiguous()


def central_bias(bias: Tensor) -> Tensor:
    """[out] -> [16 out]: of the four products on an output pixel, one comes from the middle 2x2 of the kernel."""
    spread = bias.new_zeros(4, 4, len(bias))
    spread[1:3, 1:3] = bias
    return spread.flatten()
