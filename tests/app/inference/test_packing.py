"""A weight is laid out for oneDNN before the first call, once for each layout, and never in a call."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from app.inference import emit as emit_module
from app.inference import packing
from app.inference.emit_winograd import MANY
from app.inference.packing import Packed, as_one, one_layout, onednn_available
from app.inference.program import RECORDED_BATCH, Affine, Var
from app.inference.winograd import by_groups
from tests.app.inference.doubling import compiled, layer, source

pytestmark = pytest.mark.skipif(not onednn_available(), reason="weights are laid out for oneDNN alone")

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]

CALLS = f"""
import torch
from app.inference.winograd import by_groups
from doubling import compiled, layer
with torch.inference_mode():
    torch.set_num_threads(1)
    for channels, side in ((512, 4), (256, 8), (128, 16)):
        run = compiled(by_groups(layer(channels, channels // 2, side, side)), True)
        for images in (1, 2, 3, 5, 8, {MANY - 1}, {MANY}, {MANY + 3}, {2 * MANY}):
            x = torch.randn(images, side, side, channels).permute(0, 3, 1, 2)
            run(x)
            with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
                run(x)
"""


@pytest.mark.parametrize("instructions", ["DEFAULT", "AVX2"])
def test_no_call_lays_weights_out_anew(instructions):
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": instructions, "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        [sys.executable, "-c", CALLS], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    executed = [line for line in done.stdout.splitlines() if ",exec,cpu," in line]
    assert any(",convolution," in line for line in executed)
    assert [line for line in executed if ",reorder," in line] == []


def test_sizes_of_one_layout_share_the_weights():
    packed, whole = Packed(), by_groups(layer(256, 128, 8, 8)).whole
    sizes = [as_one(whole, images) for images in (1, 2)]
    weights = [packed.weight(whole, size) for size in sizes]
    assert (weights[0] is weights[1]) == one_layout(whole, sizes)
    assert packed.weight(whole, sizes[0]) is weights[0]


def test_layers_do_not_share_weights():
    packed = Packed()
    one, other = (by_groups(layer(256, 128, 8, 8)).whole for _ in range(2))
    assert packed.weight(one) is not packed.weight(other)


def test_a_batch_is_one_high_image_only_where_any_number_of_images_wants_the_same_layout(monkeypatch):
    step = by_groups(layer(256, 128, 4, 4))
    x = torch.randn(MANY, 256, 4, 4)
    as_it_is = compiled(step, True)(x)
    monkeypatch.setattr(emit_module, "one_layout", lambda layer, sizes: False)
    text, _ = source(step, True)
    assert "view([1," not in text
    assert torch.equal(compiled(step, True)(x), as_it_is)


def linear(inside=100, outside=256):
    x, out = Var((RECORDED_BATCH, inside)), Var((RECORDED_BATCH, outside))
    return Affine("linear", x, torch.randn(outside, inside), torch.randn(outside), out)


def product(x, weight, affine):
    return torch.ops.mkldnn._linear_pointwise(x, weight, affine.bias, "none", [], "")


def test_an_image_alone_has_the_bits_of_a_batch_in_a_linear_layer():
    packed, affine = Packed(), linear()
    x = torch.randn(7, 100)
    with torch.inference_mode():
        weight, alone = packed.weight(affine), packed.weight_alone(affine)
        assert packed.weight_alone(affine) is alone
        assert torch.equal(torch.cat([product(row[None], alone, affine) for row in x]), product(x, weight, affine))


@pytest.mark.parametrize(("by_inputs", "in_a_batch", "expected"), [(1.0, 2.0, "by inputs"), (2.0, 1.0, "packed")])
def test_the_layout_that_is_sooner_alone_is_taken(monkeypatch, by_inputs, in_a_batch, expected):
    affine, clock = linear(), [0.0]
    multiply = torch.ops.mkldnn._linear_pointwise
    packed = Packed().weight(affine)

    def timed(x, weight, *rest):
        clock[0] += in_a_batch if weight is packed else by_inputs
        return multiply(x, packed, *rest)  # of the same bits on every processor

    monkeypatch.setattr(packing.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", timed)
    with torch.inference_mode():
        assert ("packed" if packing._sooner_alone(affine, packed) is packed else "by inputs") == expected


@pytest.mark.parametrize("threads", [1, os.cpu_count()])
def test_a_layout_of_other_bits_is_not_taken(monkeypatch, threads):
    affine, clock = linear(), [0.0]
    multiply = torch.ops.mkldnn._linear_pointwise
    packed = Packed().weight(affine)

    def rounding(x, weight, *rest):
        clock[0] += weight is packed  # which is always later
        made = multiply(x, packed, *rest)
        off = weight is not packed and torch.get_num_threads() == threads
        return made.nextafter(torch.tensor(torch.inf)) if off else made

    monkeypatch.setattr(packing.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", rounding)
    with torch.inference_mode():
        assert packing._sooner_alone(affine, packed) is packed
