"""The fastest forward pass that gives what the published module gives, or the published module itself."""

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from app.inference.acceptance import GeneratorSpec, examples
from app.inference.cost import multiplications
from app.inference.emit import emit
from app.inference.emit_winograd import MANY
from app.inference.faults import one_line
from app.inference.narrow import widen
from app.inference.overlap import multiply
from app.inference.packing import Packed, onednn_available
from app.inference.program import (
    RECORDED_BATCH,
    Activation,
    Affine,
    Call,
    Interleave,
    Program,
    Quantise,
    Unsupported,
    Var,
)
from app.inference.rewrite import activation_of, rewrite
from app.inference.scratch import Constants, Scratch
from app.inference.tape import record
from app.inference.tidy import tidy
from app.inference.winograd import share_products

log = logging.getLogger("tessera")

TOLERANCE = 1e-5
TF32_TOLERANCE = 2e-3  # factors of eleven bits; a level of 0..255 is 8e-3

_BOUNDED = (Activation("tanh"), Activation("hardtanh", (-1.0, 1.0)))  # within [-1, 1]

_Forms = tuple[tuple[Callable[[Program], None], ...], ...]

# Sums in another order differ in the last bits, and some networks make much of that: then the next one is tried.
_CPU_FORMS: _Forms = ((widen, share_products, multiply), (widen, multiply), (widen,))
_GPU_FORMS: _Forms = ((partial(multiply, largest=math.inf),), ())

TensorForward = Callable[[Tensor, Tensor], Tensor]
Compiled = Callable[[Tensor, Tensor, list[Tensor]], Tensor]  # of emit.py's source


@dataclass(frozen=True)
class Plan:
    """floats: z, label -> float32 [B, C, H, W]; pixels: the same as uint8 [B, H, W, C], rounded on the device.

    fallback: why this is the published module and not a faster equal; empty if it is the faster one. multiplications:
    multiply-adds an image, as published; 0 if they could not be counted.
    """

    floats: TensorForward
    pixels: TensorForward
    fallback: str = ""
    multiplications: int = 0


@torch.inference_mode()
def make(
    published: TensorForward,
    spec: GeneratorSpec,
    device: torch.device,
    compile_source: Callable[[str], Compiled],
    tolerance: float = TOLERANCE,
) -> Plan:
    """Never raises for want of speed. tolerance: how far an output in [-1, 1] may be from the published module's."""
    reason = ""
    for rearrangements in _forms(device):
        try:
            plan = _improved(published, spec, device, compile_source, rearrangements)
            _compare(plan, published, spec, device, tolerance)
            if share_products in rearrangements:
                _compare_bits(plan, spec, device)
            return plan
        except Exception as error:  # internals of PyTorch end in many ways, and the published module serves in any case
            reason = one_line(error)
            log.info("one faster form of the generator is not used: %s", reason)
    log.warning("the generator is served as published, without the faster form: %s", reason)
    return Plan(published, lambda z, label: quantise(published(z, label)), reason)


def _forms(device: torch.device) -> _Forms:
    if device.type != "cpu":
        return _GPU_FORMS
    return _CPU_FORMS if onednn_available() else _CPU_FORMS[1:]  # a convolution in groups is quick in oneDNN alone


def quantise(images: Tensor) -> Tensor:
    """float32 [B, C, H, W] in [-1, 1] -> uint8 [B, H, W, C]: clamp(round_half_even((x + 1) * 127.5), 0, 255)."""
    return images.add(1.0).mul_(127.5).round_().clamp_(0.0, 255.0).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _improved(
    published: TensorForward,
    spec: GeneratorSpec,
    device: torch.device,
    compile_source: Callable[[str], Compiled],
    rearrangements: Iterable[Callable[[Program], None]],
) -> Plan:
    program = record(published, *examples(spec, 3, device))
    cost = multiplications(program)
    rewrite(program)
    onednn = device.type == "cpu" and onednn_available()
    for rearrange in rearrangements:
        rearrange(program)
    tidy(program)
    bound = partial(_bound, program, compile_source, partial(emit, onednn=onednn, packed=Packed(), scratch=Scratch()))
    floats = bound()
    _end_in_pixels(program)
    tidy(program)
    return Plan(floats, bound(), multiplications=cost)


def _bound(
    program: Program,
    compile_source: Callable[[str], Compiled],
    write: Callable[[Program], tuple[str, Constants]],
) -> TensorForward:
    source, constants = write(program)
    compiled = compile_source(source)
    return lambda z, label: compiled(z, label, constants.of_this_thread())


def _end_in_pixels(program: Program) -> None:
    """Round before the last rearrangement, which then moves bytes; and give the channels last."""
    last = program.producer(program.result)
    _, channels, height, width = program.result.shape
    pixels = Var((RECORDED_BATCH, height, width, channels))
    if isinstance(last, Interleave):
        bounded = last.activation in _BOUNDED
        program.swap(last, [Quantise(last.x, pixels, last.order, bounded, last.activation)])
    else:
        program.steps.append(Quantise(program.result, pixels, "BCHW", _within_range(program, program.result)))
    program.result = pixels


def _within_range(program: Program, var: Var) -> bool:
    """Does the function that gives `var` keep it in [-1, 1]?"""
    match program.producer(var):
        case Affine(activation=activation):
            pass
        case Call() as call:
            activation = activation_of(call)
        case _:
            return False
    return activation in _BOUNDED


def _compare(plan: Plan, published: TensorForward, spec: GeneratorSpec, device: torch.device, tolerance: float) -> None:
    """On usual latents and the centre, at several batch sizes."""
    z, label = examples(spec, 8, device)
    z[5] = 0.0
    for size in (1, 3, 8):
        wanted = published(z[:size], label[:size])
        off = (plan.floats(z[:size], label[:size]) - wanted).abs().max().item()
        if not off <= tolerance:
            raise Unsupported(f"the faster form is off by {off:.2g} at batch size {size}")
        levels = (plan.pixels(z[:size], label[:size]).int() - quantise(wanted).int()).abs().max().item()
        if levels > 1:
            raise Unsupported(f"the faster form's pixels are off by {levels} levels")


def _compare_bits(plan: Plan, spec: GeneratorSpec, device: torch.device) -> None:
    """A layer that is computed in one way for an image alone and in another for a batch shall not show it."""
    z, label = examples(spec, MANY + 1, device)
    together = plan.floats(z, label)
    if not all(torch.equal(plan.floats(z[:size], label[:size]), together[:size]) for size in (1, 3, 8)):
        raise Unsupported("an image alone has other bits than in a batch")
