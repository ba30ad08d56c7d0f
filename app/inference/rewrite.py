"""Makes a recorded Program cheaper without changing what it computes: exact algebra on constant weights.

Batch normalisation goes into the weights before it. Nearest upsampling by two followed by a 3x3 convolution is one
4x4 transposed convolution with stride two (each output pixel sees 2x2 input pixels: 4 products instead of 9). A
transposed convolution of a 1x1 input is a matrix product. A product that is then viewed as an image is computed in
channels-last order. Activations are attached to the layer before them. Every rule is decided by shapes alone, never by
a stopwatch, so that every replica computes the same bits; the engine checks the outcome against the published module.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from app.inference.program import RECORDED_BATCH, Activation, Affine, Batch, Call, Program, Step, Var

_PAIR = (1, 1)
_AFFINE = {"aten.linear": "linear", "aten.conv2d": "conv", "aten.conv_transpose2d": "conv_transpose"}
_RELAYOUT = {"aten.view", "aten.reshape", "aten.contiguous", "aten.unsqueeze", "aten.unflatten"}


def rewrite(program: Program) -> None:
    """Apply every rule, in place."""
    for call in program.each(Call):
        if call.op in _AFFINE and (layer := _layer(call)) is not None:
            program.swap(call, [layer])
    for call in program.each(Call):
        if call.op == "aten.batch_norm":
            _fold_batch_norm(program, call)
    for call in program.each(Call):
        if call.op == "aten.upsample_nearest2d":
            _absorb_upsampling(program, call)
    for layer in program.each(Affine):
        _attach_activation(program, layer)
    for layer in program.each(Affine):
        if layer.kind == "linear":
            _channels_last(program, layer)
    for layer in program.each(Affine):
        if _is_product(layer):
            program.swap(layer, _as_product(layer))


def activation_of(call: Call) -> Activation | None:
    """The activation a call is, by oneDNN's name."""
    name = call.op.removeprefix("aten.").removesuffix("_")
    if name in ("relu", "tanh", "sigmoid", "silu"):
        return Activation("swish" if name == "silu" else name)
    if name == "leaky_relu":
        return Activation(name, (float(call.args[1]) if len(call.args) > 1 else 0.01,))
    if name in ("clamp", "hardtanh"):
        limits = call.args[1:] or ((-1.0, 1.0) if name == "hardtanh" else ())
        both = len(limits) == 2 and all(isinstance(limit, int | float) for limit in limits)
        return Activation("hardtanh", (float(limits[0]), float(limits[1]))) if both else None
    if name == "gelu":
        return Activation(name, (), call.kwargs.get("approximate", "none"))
    return None


def _layer(call: Call) -> Affine | None:
    """linear(x, w, b); conv2d(x, w, b, stride, padding, dilation, groups); conv_transpose2d has output_padding and
    groups before dilation."""
    arguments = [*call.args] + [None] * (3 - len(call.args))
    x, weight, bias, rest = arguments[0], arguments[1], arguments[2], arguments[3:]
    if not (isinstance(x, Var) and isinstance(weight, Tensor) and (bias is None or isinstance(bias, Tensor))):
        return None
    if call.kwargs or any(isinstance(value, str) for value in rest) or weight.dtype != torch.float32:
        return None
    if call.op == "aten.linear":
        return Affine("linear", x, weight, bias, call.out) if len(x.shape) == 2 else None
    if len(x.shape) != 4:
        return None
    layer = Affine("conv" if call.op == "aten.conv2d" else "conv_transpose", x, weight, bias, call.out)
    names = ["stride", "padding", "dilation", "groups"]
    if layer.kind == "conv_transpose":
        names = ["stride", "padding", "output_padding", "groups", "dilation"]
    return replace(layer, **{name: _setting(name, value) for name, value in zip(names, rest, strict=False)})


def _setting(name: str, value: Any) -> Any:
    if name == "groups" or isinstance(value, int):
        return value if name == "groups" else (value, value)
    return (value[0], value[-1])


def _fold_batch_norm(program: Program, norm: Call) -> None:
    x, weight, bias, mean, variance, training, _, epsilon, *_ = norm.args
    layer = program.producer(x)
    constant = all(value is None or isinstance(value, Tensor) for value in (weight, bias)) and mean is not None
    if training or not constant or not isinstance(layer, Affine) or layer.groups != 1:
        return
    if program.only_reader(x) is not norm:
        return
    scale = (variance.double() + epsilon).rsqrt() * (1.0 if weight is None else weight.double())
    shift = (0.0 if bias is None else bias.double()) - mean.double() * scale
    if layer.bias is not None:
        shift = shift + layer.bias.double() * scale
    shape = (1, -1, 1, 1) if layer.kind == "conv_transpose" else (-1, *(1,) * (layer.weight.dim() - 1))
    folded = (layer.weight.double() * scale.view(shape)).float()
    program.bypass(norm)
    program.swap(layer, [replace(layer, weight=folded, bias=shift.float())])


def _absorb_upsampling(program: Program, upsample: Call) -> None:
    x, out = upsample.args[0], upsample.out
    conv = program.only_reader(out)
    if tuple(out.shape[2:]) != (2 * x.shape[2], 2 * x.shape[3]) or not isinstance(conv, Affine):
        return
    same = conv.kind == "conv" and conv.weight.shape[2:] == (3, 3) and conv.padding == _PAIR
    if not same or (conv.stride, conv.dilation, conv.groups) != (_PAIR, _PAIR, 1):
        return
    weight = upsampling_weight(conv.weight)
    program.swap(conv, [replace(conv, kind="conv_transpose", x=x, weight=weight, stride=(2, 2))])
    program.remove(upsample)


def upsampling_weight(weight: Tensor) -> Tensor:
    """The conv_transpose2d weight [in, out, 4, 4] (stride 2, padding 1) equal to nearest upsampling by two followed by
    the conv2d weight [out, in, 3, 3] (padding 1): the correlation kernel spread by the 2x2 box, turned round."""
    wide = weight.new_zeros(*weight.shape[:2], 4, 4, dtype=torch.float64)
    for dy in (0, 1):
        for dx in (0, 1):
            wide[:, :, dy : dy + 3, dx : dx + 3] += weight.double()
    return wide.flip(2, 3).transpose(0, 1).float().contiguous()


def _is_product(layer: Affine) -> bool:
    plain = (layer.padding, layer.output_padding, layer.dilation, layer.groups) == ((0, 0), (0, 0), _PAIR, 1)
    return layer.kind == "conv_transpose" and layer.x.shape[2:] == (1, 1) and plain


def _as_product(layer: Affine) -> list[Step]:
    """x [B, in, 1, 1] -> reshape -> linear to (row, column, channel) -> [B, out, kh, kw] in channels-last memory."""
    inside, outside, height, width = layer.weight.shape
    rows = layer.weight.permute(2, 3, 1, 0).reshape(-1, inside).contiguous()
    bias = None if layer.bias is None else layer.bias.repeat(height * width)
    flat = Var((RECORDED_BATCH, inside))
    product = Affine("linear", flat, rows, bias, Var((RECORDED_BATCH, rows.shape[0])), activation=layer.activation)
    reshape = Call("aten.reshape", (layer.x, [Batch(1), inside]), {}, flat)
    return [reshape, product, *_as_image(product.out, outside, height, width, layer.out)]


def _as_image(x: Var, channels: int, height: int, width: int, out: Var) -> list[Step]:
    """x [B, height * width * channels] -> out [B, channels, height, width], no copy."""
    pixels = Var((RECORDED_BATCH, height, width, channels))
    view = Call("aten.reshape", (x, [Batch(1), height, width, channels]), {}, pixels)
    return [view, Call("aten.permute", (pixels, [0, 3, 1, 2]), {}, out)]


def _attach_activation(program: Program, layer: Affine) -> None:
    """Also across steps that only change the layout: an elementwise function does not mind."""
    var = layer.out
    while isinstance(call := program.only_reader(var), Call):
        activation = activation_of(call)
        if activation is not None:
            program.bypass(call)
            program.swap(layer, [replace(layer, activation=activation)])
            return
        if call.op not in _RELAYOUT and call.op != "aten.permute":
            return
        var = call.out


def _channels_last(program: Program, layer: Affine) -> None:
    """linear -> view as [B, C, H, W]: order the rows of the matrix so that the view is channels-last already."""
    view = program.only_reader(layer.out)
    if (
        not isinstance(view, Call)
        or view.op not in ("aten.view", "aten.reshape", "aten.unflatten")
        or len(view.out.shape) != 4
    ):
        return
    _, channels, height, width = view.out.shape
    if channels * height * width != layer.weight.shape[0]:
        return

    def ordered(rows: Tensor) -> Tensor:
        return rows.view(channels, height, width, *rows.shape[1:]).movedim(0, 2).flatten(0, 2).contiguous()

    bias = None if layer.bias is None else ordered(layer.bias)
    program.swap(view, _as_image(layer.out, channels, height, width, view.out))
    program.swap(layer, [replace(layer, weight=ordered(layer.weight), bias=bias)])
