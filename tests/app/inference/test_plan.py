"""The faster form is used where it gives the same, and never where it does not."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from app.inference import plan as plan_module
from app.inference.acceptance import GeneratorSpec, examples
from app.inference.packing import onednn_available
from app.inference.plan import make, quantise

CPU = torch.device("cpu")


def compile_source(source):
    return torch.jit.CompilationUnit(source).forward


@pytest.fixture(scope="module")
def plain(networks):
    """One generator, for what does not depend on its layers."""
    return networks["randomised"](networks["transposed"]())


def test_floats_and_pixels_of_the_faster_form(network, networks):
    published = networks["scripted"](network)
    plan = make(published, network.spec, CPU, compile_source)
    assert plan.fallback == ""
    z, label = examples(network.spec, 9, CPU)
    with torch.inference_mode():
        wanted = published(z, label)
        torch.testing.assert_close(plan.floats(z, label), wanted, rtol=0, atol=1e-5)
        pixels = plan.pixels(z, label)
        assert pixels.dtype == torch.uint8
        assert pixels.is_contiguous()
        assert pixels.shape == (9, network.spec.height, network.spec.width, network.spec.channels)
        exact = (plan.floats(z, label).double().permute(0, 2, 3, 1) + 1) * 127.5
        assert (pixels - exact.clamp(0, 255)).abs().max() <= 0.5 + 255 * 1e-6  # the nearest, by its own last bits


def test_the_form_for_gpus_gives_the_same(network, networks, monkeypatch):
    """Its products have no operator that only a CPU has."""
    monkeypatch.setattr(plan_module, "_forms", lambda device: plan_module._GPU_FORMS[:1])
    monkeypatch.setattr(plan_module, "onednn_available", lambda: False)
    published = networks["scripted"](network)
    plan = make(published, network.spec, CPU, compile_source)
    assert plan.fallback == ""
    z, label = examples(network.spec, 9, CPU)
    with torch.inference_mode():
        torch.testing.assert_close(plan.floats(z, label), published(z, label), rtol=0, atol=1e-5)


def test_a_wider_tolerance_is_for_coarser_arithmetic(plain, networks, monkeypatch):
    published = networks["scripted"](plain)
    improved = plan_module._improved

    def off(*arguments):
        plan = improved(*arguments)
        return replace(plan, floats=lambda z, label: plan.floats(z, label) + 1e-3)

    monkeypatch.setattr(plan_module, "_improved", off)
    assert "off by 0.001" in make(published, plain.spec, CPU, compile_source).fallback
    assert make(published, plain.spec, CPU, compile_source, plan_module.TF32_TOLERANCE).fallback == ""


@pytest.mark.parametrize(
    ("value", "level"),
    [(-1.0, 0), (1.0, 255), (0.0, 128), (-2.0, 0), (2.0, 255), (1 / 255, 128), (-0.99, 1), (0.5, 191)],
)
def test_pixels_are_rounded_to_the_nearest_level(value, level):
    assert quantise(torch.full((1, 1, 1, 1), value)).item() == level


class Unlimited(nn.Module):
    """`end` of a network is what keeps its values between -1 and 1, or does not."""

    spec = GeneratorSpec(4, 2, 2, 1, 0)

    def __init__(self, end):
        super().__init__()
        self.end = end

    def forward(self, z, label):
        return self.end(z.view(-1, 1, 2, 2) * 3)


@pytest.mark.parametrize("end", [nn.Tanh(), nn.Hardtanh(), nn.Identity(), nn.ReLU6(), nn.Hardtanh(-2.0, 2.0)])
def test_pixels_are_clamped_whatever_keeps_the_values_in_range_or_does_not(end):
    module = Unlimited(end)
    plan = make(module, module.spec, CPU, compile_source)
    assert plan.fallback == ""
    z, label = examples(module.spec, 64, CPU)
    with torch.inference_mode():
        assert torch.equal(plan.pixels(z, label), quantise(module(z, label)))


def test_halves_go_to_the_even_level():
    levels = torch.tensor([0.5, 1.5, 2.5, 126.5, 127.5])
    exact = levels.double() / 127.5 - 1
    values = exact.float()[(exact.float().double() + 1) * 127.5 == levels.double()]
    assert quantise(torch.tensor([0.0]).reshape(1, 1, 1, 1)).item() == 128  # 127.5
    assert all(quantise(value.reshape(1, 1, 1, 1)).item() % 2 == 0 for value in values)


class Noisy(nn.Module):
    spec = GeneratorSpec(4, 2, 2, 1, 0)

    def forward(self, z, label):
        return torch.tanh(z.view(-1, 1, 2, 2) + 0 * torch.randn(z.size(0), 1, 2, 2))


def test_a_generator_that_cannot_be_recorded_runs_as_published(caplog):
    plan = make(Noisy(), Noisy.spec, CPU, compile_source)
    assert "random numbers" in plan.fallback
    assert "served as published" in caplog.text
    z, label = examples(Noisy.spec, 3, CPU)
    assert torch.equal(plan.floats(z, label), Noisy()(z, label))
    assert plan.pixels(z, label).shape == (3, 2, 2, 1)


def spoiled(source):
    """A compiler that gets it wrong by a little more than is allowed."""
    compiled = compile_source(source)

    def run(z, label, constants):
        result = compiled(z, label, constants)
        return result + 2e-5 if result.is_floating_point() else result

    return run


def test_a_faster_form_that_is_not_equal_is_not_used(plain, networks, caplog):
    published = networks["scripted"](plain)
    plan = make(published, plain.spec, CPU, spoiled)
    assert "off by 2e-05" in plan.fallback
    z, label = examples(plain.spec, 3, CPU)
    with torch.inference_mode():
        assert torch.equal(plan.floats(z, label), published(z, label))


def not_a_number(source):
    compiled = compile_source(source)
    return lambda z, label, constants: compiled(z, label, constants) * float("nan")


def test_a_faster_form_that_gives_no_numbers_is_not_used(plain, networks):
    assert "off by nan" in make(networks["scripted"](plain), plain.spec, CPU, not_a_number).fallback


def wrong_pixels(source):
    compiled = compile_source(source)

    def run(z, label, constants):
        result = compiled(z, label, constants)
        return result if result.is_floating_point() else result ^ 128

    return run


def test_pixels_are_compared_too(plain, networks):
    assert "levels" in make(networks["scripted"](plain), plain.spec, CPU, wrong_pixels).fallback


def test_what_goes_wrong_inside_torchscript_is_named(plain):
    impossible = "def forward(z: Tensor, label: Tensor, c: List[Tensor]) -> Tensor:\n    return z.view([7, 7, 7])\n"
    plan = make(plain, plain.spec, CPU, lambda source: compile_source(impossible))
    assert "shape '[7, 7, 7]' is invalid" in plan.fallback


def test_a_compiler_that_fails_costs_speed_and_nothing_else(plain, networks):
    def fails(source):
        raise RuntimeError("no such operator\nsecond line")

    assert make(networks["scripted"](plain), plain.spec, CPU, fails).fallback == "no such operator"


def test_where_one_rearrangement_is_off_the_next_one_is_tried(plain, networks):
    """Sums in another order may be off by more than is allowed where a network makes much of the last bits."""
    tried = []

    def first_one_spoiled(source):
        tried.append(source)
        return spoiled(source) if source == tried[0] else compile_source(source)

    plan = make(networks["scripted"](plain), plain.spec, CPU, first_one_spoiled)
    assert len(set(tried)) > 2  # pixels are of another source than floats
    assert plan.fallback == ""
    z, label = examples(plain.spec, 3, CPU)
    with torch.inference_mode():
        torch.testing.assert_close(plan.floats(z, label), networks["scripted"](plain)(z, label), rtol=0, atol=1e-5)


@pytest.mark.skipif(not onednn_available(), reason="only with oneDNN is there a form with two ways")
def test_a_form_whose_bits_depend_on_the_batch_is_not_used(plain, networks):
    tried = []

    def first_one_uneven(source):
        tried.append(source)
        compiled = compile_source(source)
        if len(tried) > 1:
            return compiled
        return lambda z, label, constants: compiled(z, label, constants) + 1e-6 * (len(z) == 1)

    plan = make(networks["scripted"](plain), plain.spec, CPU, first_one_uneven)
    z, label = examples(plain.spec, 8, CPU)
    assert plan.fallback == ""
    assert len(tried) == 4  # floats and pixels of two forms
    with torch.inference_mode():
        assert torch.equal(plan.floats(z[:1], label[:1]), plan.floats(z, label)[:1])
