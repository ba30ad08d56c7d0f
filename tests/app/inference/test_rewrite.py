"""Every rule is exact algebra: the improved program gives what the module gives, at other batch sizes too."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from app.inference.emit import emit
from app.inference.narrow import row_weight, widen
from app.inference.overlap import central_bias, multiply, tap_weight
from app.inference.packing import onednn_available
from app.inference.program import Activation, Affine, Call, Interleave, Overlap, Planes
from app.inference.rewrite import rewrite, upsampling_weight
from app.inference.tape import record
from app.inference.tidy import tidy

Z = 6


class Net(nn.Module):
    """Linear to [B, 8, 4, 4], then `body`."""

    def __init__(self, *body):
        super().__init__()
        self.first = nn.Linear(Z, 128)
        self.body = nn.Sequential(*body)

    def forward(self, z, label):
        return self.body(self.first(z).view(-1, 8, 4, 4))


class FromPoint(nn.Module):
    def __init__(self, *body):
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, z, label):
        return self.body(z[:, :, None, None])


def improved(module, *, wide=True, largest=16):
    with torch.inference_mode():
        program = record(module.eval(), torch.randn(3, Z), torch.zeros(3, dtype=torch.int64))
        rewrite(program)
        if wide:
            widen(program)
            multiply(program, largest)
        tidy(program)
    return program


def kinds(program):
    return [step.kind for step in program.steps if isinstance(step, Affine)]


def check_equal(module, networks):
    """With weights that are not the convenient ones, at batch sizes that were not recorded."""
    module = networks["randomised"](module)
    program, products = improved(module), improved(module, largest=math.inf)
    for one, onednn in ((program, False), (program, onednn_available()), (products, False)):
        source, constants = emit(one, onednn=onednn)
        compiled = torch.jit.CompilationUnit(source)
        for batch in (1, 2, 5):
            z, label = torch.randn(batch, Z), torch.zeros(batch, dtype=torch.int64)
            with torch.inference_mode():
                got, wanted = compiled.forward(z, label, constants.of_this_thread()), module(z, label)
            torch.testing.assert_close(got, wanted, rtol=0, atol=1e-5)


class Around(nn.Module):
    """`body`, and its input added to what comes out."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return x + self.body(x)


class Clamp(nn.Module):
    def __init__(self, low, high):
        super().__init__()
        self.low, self.high = low, high

    def forward(self, x):
        return x.clamp(self.low, self.high)


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


up = nn.Upsample(scale_factor=2.0, mode="nearest")

BODIES = {
    "convolution, normalisation, relu": [nn.Conv2d(8, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=True)],
    "no bias": [nn.Conv2d(8, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6, eps=0.1), nn.LeakyReLU(0.3)],
    "normalisation without weights": [nn.ConvTranspose2d(8, 6, 4, 2, 1), nn.BatchNorm2d(6, affine=False), nn.SiLU()],
    "normalisation after an activation": [nn.Conv2d(8, 6, 1), nn.ReLU(), nn.BatchNorm2d(6), nn.Tanh()],
    "grouped": [nn.Conv2d(8, 8, 3, padding=1, groups=4), nn.BatchNorm2d(8), nn.GELU()],
    "grouped transposed": [nn.ConvTranspose2d(8, 8, 4, 2, 1, groups=2), nn.BatchNorm2d(8), nn.GELU("tanh")],
    "dilated": [nn.Conv2d(8, 3, 3, padding=2, dilation=2), nn.Sigmoid()],
    "strided": [nn.Conv2d(8, 3, 3, stride=2, padding=1), nn.Tanh()],
    "upsampling": [
        up,
        nn.Conv2d(8, 12, 3, padding=1),
        nn.LeakyReLU(0.2),
        up,
        nn.Conv2d(12, 3, 3, padding=1),
        nn.Tanh(),
    ],
    "upsampling, normalised": [up, nn.Conv2d(8, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU()],
    "upsampling by three": [nn.Upsample(scale_factor=3.0, mode="nearest"), nn.Conv2d(8, 3, 3, padding=1)],
    "upsampling, wider kernel": [up, nn.Conv2d(8, 3, 5, padding=2)],
    "upsampling, reflected border": [up, nn.ReflectionPad2d(1), nn.Conv2d(8, 3, 3)],
    "bilinear": [nn.Upsample(scale_factor=2.0, mode="bilinear"), nn.Conv2d(8, 3, 3, padding=1)],
    "same padding": [nn.Conv2d(8, 3, 3, padding="same")],
    "circular padding": [nn.Conv2d(8, 3, 3, padding=1, padding_mode="circular")],
    "narrow, one channel": [nn.Conv2d(8, 1, 3, padding=1), nn.Tanh()],
    "narrow, odd width": [nn.Conv2d(8, 3, 2), nn.Tanh()],
    "narrow, no padding": [nn.Conv2d(8, 3, 3), nn.Tanh()],
    "narrow, wide kernel": [nn.Conv2d(8, 4, 5, padding=2), nn.Tanh()],
    "narrow transposed": [nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh()],
    "narrow transposed, one channel": [nn.ConvTranspose2d(8, 1, 4, 2, 1, bias=False), nn.Tanh()],
    "narrow transposed, not square": [nn.MaxPool2d((2, 1)), nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh()],
    "narrow transposed, no activation": [nn.ConvTranspose2d(8, 2, 4, 2, 1)],
    "narrow transposed, in the middle": [nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.ReLU(), nn.Conv2d(4, 3, 1)],
    "transposed": [nn.ConvTranspose2d(8, 12, 4, 2, 1), nn.LeakyReLU(0.2)],
    "transposed, no bias": [nn.ConvTranspose2d(8, 12, 4, 2, 1, bias=False), nn.SiLU()],
    "transposed, the last layer": [nn.ConvTranspose2d(8, 9, 4, 2, 1)],
    "transposed, twice": [nn.ConvTranspose2d(8, 9, 4, 2, 1), nn.GELU("tanh"), nn.ConvTranspose2d(9, 9, 4, 2, 1)],
    "transposed, read twice": [
        nn.ConvTranspose2d(8, 9, 4, 2, 1),
        nn.ReLU(),
        Around(nn.Conv2d(9, 9, 3, padding=1)),
        nn.Tanh(),
    ],
    "transposed, from two by two": [nn.MaxPool2d(2), nn.ConvTranspose2d(8, 9, 4, 2, 1), nn.ReLU()],
    "transposed, from a row": [nn.MaxPool2d((4, 1)), nn.ConvTranspose2d(8, 9, 4, 2, 1), nn.ReLU()],
    "transposed, other geometry": [nn.ConvTranspose2d(8, 3, 3, 2, 1, output_padding=1), nn.Tanh()],
    "flattened": [nn.Flatten(), nn.Linear(128, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Unflatten(1, (3, 4, 4))],
    "pixel shuffle": [nn.Conv2d(8, 12, 3, padding=1), nn.PixelShuffle(2), nn.Tanh()],
    "two activations": [nn.Conv2d(8, 3, 3, padding=1), nn.ReLU(), nn.Tanh()],
    "clamped": [nn.Conv2d(8, 3, 3, padding=1), Clamp(-0.5, 0.25)],
    "clamped at one end": [nn.Conv2d(8, 3, 3, padding=1), Clamp(None, 0.25)],
    "hard": [nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Hardtanh()],
    "hard, other limits": [nn.Conv2d(8, 3, 3, padding=1), nn.Hardtanh(-0.25, 0.5)],
    "nothing else": [nn.Tanh()],
    "sliced whole": [Lambda(lambda x: x[:, :, :, :]), nn.Tanh()],
    "sliced in part": [Lambda(lambda x: x[:, 1:, :3, ::2]), nn.Tanh()],
    "permuted and back": [Lambda(lambda x: x.permute(0, 2, 3, 1).permute(0, 3, 1, 2)), nn.Tanh()],
    "permuted twice": [Lambda(lambda x: x.permute(0, 2, 3, 1).permute(0, 2, 3, 1)), nn.Tanh()],
    "permuted by negative axes": [Lambda(lambda x: x.permute(0, -2, -1, 1).permute(0, -1, 1, 2)), nn.Tanh()],
    "viewed and back": [Lambda(lambda x: x.view(-1, 128).view(-1, 8, 16)[:, None].view(-1, 8, 4, 4)), nn.Tanh()],
    "viewed, read on the way": [Lambda(lambda x: (y := x.flatten(1)).view(-1, 8, 4, 4) * y.sum()), nn.Tanh()],
    "permuted, then viewed": [Lambda(lambda x: x.permute(0, 2, 3, 1).reshape(-1, 8, 4, 4)), nn.Tanh()],
    "only a view": [Lambda(lambda x: x.flatten(1).view(-1, 4, 8, 4))],
}


@pytest.mark.parametrize("name", list(BODIES))
def test_the_improved_program_computes_the_same(name, networks):
    module = Net(*BODIES[name])
    check_equal(module, networks)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_first_layer_of_a_point_is_a_matrix_product(stride, networks):
    module = FromPoint(
        nn.ConvTranspose2d(Z, 10, 4, stride, 0), nn.BatchNorm2d(10), nn.ReLU(), nn.Conv2d(10, 9, 3, padding=1)
    )
    assert kinds(improved(module)) == ["linear", "conv"]
    check_equal(module, networks)


def test_a_padded_first_layer_stays_a_convolution(networks):
    module = FromPoint(nn.ConvTranspose2d(Z, 10, 4, 1, 1))
    assert kinds(improved(module)) == ["conv_transpose"]
    check_equal(module, networks)


def test_the_tutorials_generator_is_four_layers_and_no_normalisation(networks):
    network = networks["randomised"](networks["transposed"]())
    with torch.inference_mode():
        program = record(network, torch.randn(3, 10), torch.zeros(3, dtype=torch.int64))
        rewrite(program)
    assert kinds(program) == ["linear", "conv_transpose", "conv_transpose"]
    activations = [step.activation for step in program.steps if isinstance(step, Affine)]
    assert activations == [Activation("relu"), Activation("relu"), Activation("tanh")]
    assert not any(isinstance(step, Call) and "norm" in step.op for step in program.steps)


def test_upsampling_becomes_part_of_the_convolution_behind_it():
    program = improved(Net(*BODIES["upsampling"]), wide=False)
    assert kinds(program) == ["linear", "conv_transpose", "conv_transpose"]
    assert not any(isinstance(step, Call) and "upsample" in step.op for step in program.steps)


@pytest.mark.parametrize(
    ("name", "fused"),
    [
        ("clamped", (-0.5, 0.25)),
        ("clamped at one end", None),
        ("hard", (-1.0, 1.0)),
        ("hard, other limits", (-0.25, 0.5)),
    ],
)
def test_limits_are_an_activation_if_there_are_two(name, fused):
    *_, last = [step for step in improved(Net(*BODIES[name])).steps if isinstance(step, Affine | Interleave)]
    assert last.activation == (Activation("hardtanh", fused) if fused else None)


class Unflattened(Net):
    def forward(self, z, label):
        return self.body(self.first(z).unflatten(1, (8, 4, 4)))


def test_a_product_is_ordered_for_the_image_it_becomes(networks):
    module = Unflattened(nn.LeakyReLU(0.2), nn.Conv2d(8, 9, 3, padding=1))
    assert not any(isinstance(step, Call) and step.op == "aten.unflatten" for step in improved(module).steps)
    check_equal(module, networks)


@pytest.mark.parametrize("name", ["upsampling by three", "upsampling, wider kernel", "upsampling, reflected border"])
def test_other_upsampling_is_left_alone(name):
    program = improved(Net(*BODIES[name]), wide=False)
    assert any(isinstance(step, Call) and "upsample" in step.op for step in program.steps)


class Shared(Net):
    """What is used twice cannot be changed for one of its users."""

    def forward(self, z, label):
        x = self.body[0](self.first(z).view(-1, 8, 4, 4))
        return self.body[1](x) + functional.relu(x)


def test_a_layer_with_two_readers_keeps_its_result(networks):
    module = Shared(nn.Conv2d(8, 6, 3, padding=1), nn.BatchNorm2d(6))
    program = improved(module)
    assert any(isinstance(step, Call) and step.op == "aten.batch_norm" for step in program.steps)
    assert all(step.activation is None for step in program.steps if isinstance(step, Affine))
    check_equal(module, networks)


class Viewed(Net):
    def forward(self, z, label):
        x = self.first(z)
        y = x.view(-1, 8, 4, 4)
        return self.body(y) + x.sum()


def test_a_product_that_is_read_in_its_own_order_keeps_it(networks):
    module = Viewed(nn.Conv2d(8, 6, 3, padding=1))
    z = torch.randn(1, Z)  # a sum over the batch: only a batch of one may be compared
    program = improved(module)
    with torch.inference_mode():
        source, constants = emit(program, onednn=False)
        got = torch.jit.CompilationUnit(source).forward(
            z, torch.zeros(1, dtype=torch.int64), constants.of_this_thread()
        )
        torch.testing.assert_close(got, module(z, None), rtol=0, atol=1e-5)


def test_upsampling_weights():
    x, w = torch.randn(2, 5, 6, 7), torch.randn(4, 5, 3, 3)
    wanted = functional.conv2d(functional.interpolate(x, scale_factor=2.0), w, padding=1)
    torch.testing.assert_close(functional.conv_transpose2d(x, upsampling_weight(w), stride=2, padding=1), wanted)


def test_only_small_images_are_doubled_by_a_product():
    program = improved(Net(*BODIES["transposed, twice"]))
    assert kinds(program) == ["linear", "linear", "conv_transpose"]
    assert [step.activation for step in program.each(Interleave)] == [Activation("gelu", (), "tanh")]


def test_a_product_and_its_overlaps_are_the_transposed_convolution():
    x, w, bias = torch.randn(2, 5, 3, 4), torch.randn(5, 2, 4, 4), torch.randn(2)
    wanted = functional.conv_transpose2d(x, w, bias, stride=2, padding=1)
    products = functional.linear(x.permute(0, 2, 3, 1), tap_weight(w), central_bias(bias)).view(2, 3, 4, 4, 4, 2)
    got = torch.zeros(2, 8, 10, 2)  # with a border of one
    for row in range(3):
        for column in range(4):
            got[:, 2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += products[:, row, column]
    torch.testing.assert_close(got[:, 1:-1, 1:-1].permute(0, 3, 1, 2), wanted)


@pytest.mark.parametrize(("channels", "order"), [(1, "rcCBHW"), (8, "rcCBHW"), (9, "BHWrcC")])
def test_few_channels_are_doubled_in_planes(channels, order):
    program = improved(Net(nn.ConvTranspose2d(8, channels, 4, 2, 1), nn.Tanh()))
    assert kinds(program) == (["linear"] if channels <= 8 else ["linear", "linear"])
    assert len(list(program.each(Planes))) == (1 if channels <= 8 else 0)
    assert [step.order for step in program.each(Overlap)] == [order]
    assert [(step.order, step.activation) for step in program.each(Interleave)] == [(order, Activation("tanh"))]


@pytest.mark.parametrize("pixels", [2, 4, 8])
def test_row_weights(pixels):
    x, w = torch.randn(2, 5, 3, 8), torch.randn(3, 5, 3, 3)
    wanted = functional.conv2d(x, w, padding=1)
    rows = functional.conv2d(x, row_weight(w, pixels), padding=1, stride=(1, pixels))
    got = rows.permute(0, 2, 3, 1).reshape(2, 3, 8, 3).permute(0, 3, 1, 2)
    torch.testing.assert_close(got, wanted)


def test_steps_that_move_nothing_are_dropped():
    there_and_back = Lambda(lambda x: x[:, :].permute(0, 2, 3, 1).permute(0, 3, 1, 2).flatten(1).view(-1, 8, 4, 4))
    steps = [step.op for step in improved(Net(there_and_back, nn.Conv2d(8, 16, 1))).steps if isinstance(step, Call)]
    assert steps == ["aten.reshape", "aten.permute"]  # to an image, channels last


def test_latents_that_are_made_a_point_and_flat_again_are_used_as_they_come():
    program = improved(FromPoint(nn.ConvTranspose2d(Z, 16, 4)))
    assert program.steps[0].x is program.z
