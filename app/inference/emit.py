"""Writes a Program out as TorchScript source: `def forward(z, label, c)` with weights and buffers in the list c.

One compiled call runs a whole batch without the interpreter lock, so that a busy event loop cannot slow the layers
down between one operator and the next. With `onednn` the layers use the operators PyTorch's own inductor freezes
convolutions to: weights laid out once for the kernel, bias and activation applied while the result is in cache.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from app.inference import emit_winograd
from app.inference.packing import Packed, Size, as_one, one_layout
from app.inference.program import (
    RECORDED_BATCH,
    Activation,
    Affine,
    Batch,
    Call,
    Interleave,
    Item,
    Overlap,
    Planes,
    Program,
    Quantise,
    Step,
    Unsupported,
    Var,
    Winograd,
)
from app.inference.scratch import Constants, Scratch

_PLAIN = {"swish": "silu"}
_RELU = Activation("relu")
_NONE: tuple[str, tuple[float, ...], str] = ("none", (), "")
_IMAGE = "BHrWcC"  # the axes of phases (see Overlap) as they follow each other in an image


def emit(
    program: Program, *, onednn: bool, packed: Packed | None = None, scratch: Scratch | None = None
) -> tuple[str, Constants]:
    """TorchScript source and its constants. Raises Unsupported on a value that has no literal.

    packed, scratch: what was laid out for oneDNN, and the buffers, shared by programs of the same layers.
    """
    writer = _Writer(program, onednn, packed or Packed(), Constants(scratch or Scratch()))
    for step in program.steps:
        writer.step(step)
    return writer.source(program.result), writer.constants


class _Writer:
    def __init__(self, program: Program, onednn: bool, packed: Packed, constants: Constants) -> None:
        self.onednn = onednn
        self.constants = constants
        self._weights = packed
        self._names: dict[Var, str] = {program.z: "z", program.label: "label"}
        self._lines: list[str] = []
        self._scalars = ""  # the last line that made some

    def source(self, result: Var) -> str:
        head = "def forward(z: Tensor, label: Tensor, c: List[Tensor]) -> Tensor:"
        return "\n    ".join([head, "B = z.size(0)", *self._lines, f"return {self._names[result]}"]) + "\n"

    def step(self, step: Step) -> None:
        match step:
            case Call():
                self._assign(step.out, self._call(step))
            case Item():
                self._assign(step.out, f"{self._names[step.of]}[{step.index}]")
            case Affine():
                self._assign(step.out, self._layer(step))
            case Planes():
                self._planes(step)
            case Overlap():
                self._overlap(step)
            case Interleave():
                self._interleave(step)
            case Quantise():
                self._quantise(step)
            case Winograd():
                self._winograd(step)

    def _assign(self, out: Var, expression: str) -> None:
        self._names[out] = f"v{len(self._names)}"
        self._lines.append(f"{self._names[out]} = {expression}")

    def _call(self, call: Call) -> str:
        # The layout before a view may have changed for the better: reshape copies where a view would refuse.
        op = "aten.reshape" if call.op == "aten.view" else call.op
        arguments = [self._value(value) for value in call.args]
        arguments += [f"{name}={self._value(value)}" for name, value in call.kwargs.items()]
        return f"torch.ops.{op}({', '.join(arguments)})"

    def _layer(self, layer: Affine, size: Size = ()) -> str:
        """size: of its input, if it is known."""
        return self._packed(layer, size) if self.onednn else self._unpacked(layer)

    def _packed(self, layer: Affine, size: Size) -> str:
        weight = self._value(self._weights.weight(layer, size))
        if layer.kind == "linear" and layer.x.shape[0] == RECORDED_BATCH:
            weight = f"({self._value(self._weights.weight_alone(layer))} if B == 1 else {weight})"
        output_padding = f"{list(layer.output_padding)}, " if layer.kind == "conv_transpose" else ""
        settings = (
            f"{list(layer.padding)}, {output_padding}{list(layer.stride)}, {list(layer.dilation)}, {layer.groups}, "
        )
        op = {"linear": "_linear", "conv": "_convolution", "conv_transpose": "_convolution_transpose"}[layer.kind]
        arguments = f"{self._names[layer.x]}, {weight}, {self._value(layer.bias)}, "
        arguments += ("" if layer.kind == "linear" else settings) + self._fused(layer.activation)
        return f"torch.ops.mkldnn.{op}_pointwise({arguments})"

    def _unpacked(self, layer: Affine) -> str:
        x, bias = self._names[layer.x], self._value(layer.bias)
        weight = layer.weight if layer.kind == "linear" else layer.weight.to(memory_format=torch.channels_last)
        stride, padding, dilation = list(layer.stride), list(layer.padding), list(layer.dilation)
        settings = {
            "linear": "",
            "conv": f", {stride}, {padding}, {dilation}, {layer.groups}",
            "conv_transpose": f", {stride}, {padding}, {list(layer.output_padding)}, {layer.groups}, {dilation}",
        }[layer.kind]
        op = "linear" if layer.kind == "linear" else f"{layer.kind}2d"
        expression = f"torch.ops.aten.{op}({x}, {self._value(weight)}, {bias}{settings})"
        return _activated(expression, layer.activation)

    def _fused(self, activation: Activation | None) -> str:
        """The last three arguments of a packed operator."""
        name, scalars, variant = (activation.name, activation.scalars, activation.algorithm) if activation else _NONE
        values = ", ".join(repr(value) for value in scalars)
        made = f"scalars: List[Optional[number]] = [{values}]"
        if made != self._scalars:
            self._scalars = made
            self._lines.append(made)
        return f'"{name}", scalars, "{variant}"'

    def _planes(self, step: Planes) -> None:
        """A linear layer with the roles exchanged: the pixels are its weights."""
        arguments = f"{self._value(step.weight)}, {self._names[step.x]}, None"
        if self.onednn:
            product = f"torch.ops.mkldnn._linear_pointwise({arguments}, {self._fused(None)})"
        else:
            product = f"torch.ops.aten.linear({arguments})"
        self._assign(step.out, product if step.bias is None else f"{product}.add_({self._value(step.bias[:, None])})")

    def _overlap(self, step: Overlap) -> None:
        """Output row 2 i + a is kernel row 1 + a of input row i and the outer kernel row of the one before or after;
        columns likewise. What is added is never what was added to."""
        channels, height, width = step.image
        sizes = {"C": channels, "H": height // 2, "W": width // 2, "r": 4, "c": 4}
        part = partial(_part, self._names[step.x], step.order, sizes)
        inner: dict[str, slice | int] = {}
        for tap, pixel in ("rH", "cW"):
            last = sizes[pixel]
            for to, of, rows, others in (
                (1, 3, slice(1, last), slice(0, last - 1)),
                (2, 0, slice(0, last - 1), slice(1, last)),
            ):
                into = part({**inner, tap: to, pixel: rows})
                self._lines.append(f"{into}.add_({part({**inner, tap: of, pixel: others})})")
            inner[tap] = slice(1, 3)
        self._assign(step.out, part(inner))

    def _interleave(self, step: Interleave) -> None:
        x, (_, channels, height, width) = self._names[step.x], step.out.shape
        if step.activation is None:
            pixels = f"{x}.permute({_permutation(step.order, _IMAGE)}).reshape([B, {height}, {width}, {channels}])"
        else:  # written where it belongs, instead of copied there afterwards
            pixels = "pixels"
            self._lines.append(f"{pixels} = {x}.new_empty([B, {height}, {width}, {channels}])")
            phases = f"{pixels}.view([B, {height // 2}, 2, {width // 2}, 2, {channels}])"
            phases = f"{phases}.permute({_permutation(_IMAGE, step.order)})"
            self._lines.append(_activated(x, step.activation, out=phases))
        self._assign(step.out, f"{pixels}.permute([0, 3, 1, 2])")

    def _quantise(self, step: Quantise) -> None:
        x = self._names[step.x]
        # In place from the second operation on; the first makes the fresh tensor.
        if step.activation == Activation("tanh"):
            # 1 + tanh x = 2 sigmoid 2x, of which PyTorch has a vector form for every processor.
            levels = f"torch.ops.aten.mul({x}, 2.0).sigmoid_().mul_(255.0).round_()"
        else:
            levels = f"torch.ops.aten.add({_activated(x, step.activation)}, 1.0).mul_(127.5).round_()"
        clamped = levels if step.bounded else f"{levels}.clamp_(0.0, 255.0)"
        _, height, width, channels = step.out.shape
        ordered = f"{clamped}.permute({_permutation(step.order, 'BHWC' if len(step.order) == 4 else _IMAGE)})"
        pixels = f"{ordered}.to(torch.uint8, memory_format=torch.contiguous_format)"  # both in one pass
        self._assign(step.out, f"{pixels}.view([B, {height}, {width}, {channels}])")

    def _winograd(self, step: Winograd) -> None:
        self._names |= {conv.x: "spread" for conv in (step.whole, *step.parts)}
        turns = emit_winograd.turns(step)
        whole = {images: self._in_order(step.whole, as_one(step.whole, images)) for images in turns}
        parts = [self._in_order(part) for part in step.parts]
        grows = all(map(self._may_grow, step.parts))
        high = [self._in_order(part, as_one(part, emit_winograd.MANY)) for part in step.parts if grows]
        x, signs, add = self._names[step.x], self._value(emit_winograd.SIGNS), partial(_added, step.activation)
        self._lines += emit_winograd.lines(step, x, signs, whole, parts, high, add, self._kept)
        self._assign(step.out, "pixels.permute([0, 3, 1, 2])")

    def _kept(self, buffer: str, view: Tensor) -> str:
        return f"c[{self.constants.part(buffer, view)}]"

    def _in_order(self, layer: Affine, size: Size = ()) -> str:
        """Its result with the channels last."""
        made = self._layer(layer, size)
        return made if self.onednn else f"{made}.contiguous(memory_format=torch.channels_last)"

    def _may_grow(self, layer: Affine) -> bool:
        """May its input be any large number of images as one?"""
        sizes = (as_one(layer, images) for images in (emit_winograd.MANY, 2 * emit_winograd.MANY))
        return self.onednn and one_layout(layer, sizes)

    def _value(self, value: Any) -> str:
        match value:
            case Var():
                return self._names[value]
            case Batch(factor):
                return f"{factor} * B"
            case Tensor():
                return f"c[{self.constants.weight(value)}]"
            case bool() | int() | str() | None:
                return repr(value)
            case float():
                return repr(value) if value - value == 0 else f'float("{value}")'
            case list() | tuple() if value:
                return f"[{', '.join(self._value(member) for member in value)}]"
            case torch.dtype() | torch.memory_format() | torch.layout():
                return str(value)
            case torch.device():
                return f'torch.device("{value}")'
        raise Unsupported(f"no literal for {value!r}")


def _activated(expression: str, activation: Activation | None, out: str = "") -> str:
    if activation is None:
        return expression
    scalars = "".join(f", {value!r}" for value in activation.scalars)
    options = f", approximate={activation.algorithm!r}" if activation.algorithm else ""
    options += f", out={out}" if out else ""
    return f"torch.ops.aten.{_PLAIN.get(activation.name, activation.name)}({expression}{scalars}{options})"


def _added(activation: Activation | None, left: str, right: str, out: str) -> list[str]:
    """Statements: the activation of the sum, in `out`."""
    if activation == _RELU:
        return [f"torch.ops.aten._add_relu({left}, {right}, alpha=1, out={out})"]  # in one pass
    added = f"torch.ops.aten.add({left}, {right}, alpha=1, out={out})"
    return [added] if activation is None else [added, _activated(out, activation, out=out)]


def _part(x: str, order: str, sizes: dict[str, int], chosen: Mapping[str, slice | int]) -> str:
    """Of a contiguous tensor, its axes in this order, the part at one place or from one to another along the chosen
    ones, as one operator. The size of axis B is known in the call alone: what stands before it has strides of many B.
    """
    shape, strides, offset = [], [], {"": 0, " * B": 0}
    step, many = 1, ""
    for axis in reversed(order):
        match chosen.get(axis, slice(0, sizes.get(axis))):
            case int() as first:
                pass
            case slice(start=first, stop=last):
                shape.append("B" if axis == "B" else str(last - first))
                strides.append(f"{step}{many}")
        offset[many] += first * step
        if axis == "B":
            many = " * B"
        else:
            step *= sizes[axis]
    start = " + ".join(f"{numbers}{times}" for times, numbers in offset.items())
    return f"torch.ops.aten.as_strided({x}, [{', '.join(shape[::-1])}], [{', '.join(strides[::-1])}], {start})"


def _permutation(order: str, wanted: str) -> list[int]:
    return [order.index(axis) for axis in wanted]
