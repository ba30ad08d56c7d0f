"""36 products for 64 give what the transposed convolution gives, and an image the same bits in any company."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from app.inference.emit_winograd import MANY
from app.inference.overlap import multiply
from app.inference.packing import onednn_available
from app.inference.program import Activation, Winograd
from app.inference.rewrite import rewrite
from app.inference.tape import record
from app.inference.winograd import by_groups, share_products
from tests.app.inference.doubling import compiled, layer

SHAPES = [
    (64, 64, 8, 8),
    (64, 80, 8, 12),
    (96, 64, 16, 8),
    (256, 128, 4, 4),
    (16, 32, 4, 4),
    (16, 16, 2, 6),
]  # in, out, H, W

ACTIVATIONS = {
    "none": (None, lambda x: x),
    "relu": (Activation("relu"), torch.relu),
    "leaky": (Activation("leaky_relu", (0.2,)), lambda x: functional.leaky_relu(x, 0.2)),
    "swish": (Activation("swish"), functional.silu),
    "gelu": (Activation("gelu", (), "tanh"), lambda x: functional.gelu(x, approximate="tanh")),
    "tanh": (Activation("tanh"), torch.tanh),
    "sigmoid": (Activation("sigmoid"), torch.sigmoid),
    "hardtanh": (Activation("hardtanh", (-0.5, 0.25)), lambda x: x.clamp(-0.5, 0.25)),
}


def check_equal(affine, function, x):
    exact = functional.conv_transpose2d(
        x.double(), affine.weight.double(), None if affine.bias is None else affine.bias.double(), stride=2, padding=1
    )
    wanted = function(exact)
    for onednn in {False, onednn_available()}:
        with torch.inference_mode():
            got = compiled(by_groups(affine), onednn)(x)
        assert got.shape == wanted.shape
        assert (got - wanted).abs().max() <= 2e-6 * exact.abs().max()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_transposed_convolution(shape, bias):
    inside, _, height, width = shape
    for images in (1, 2, 3, MANY):
        check_equal(layer(*shape, bias=bias), lambda x: x, torch.randn(images, inside, height, width))


@pytest.mark.parametrize("images", [2, 3])
@pytest.mark.parametrize("shape", [(64, 64, 8, 8), (16, 32, 4, 4)])
@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_the_activation_is_applied(name, shape, images):
    activation, function = ACTIVATIONS[name]
    inside, _, height, width = shape
    check_equal(layer(*shape, activation=activation), function, torch.randn(images, inside, height, width))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(64, 64, 8, 8), (16, 32, 4, 4)])
def test_the_input_may_lie_either_way_in_memory(memory_format, shape):
    inside, _, height, width = shape
    x = torch.randn(4, inside, height, width)
    check_equal(layer(*shape), lambda x: x, x.to(memory_format=memory_format))


@pytest.mark.skipif(not onednn_available(), reason="this form is used with oneDNN alone")
@pytest.mark.parametrize("shape", SHAPES[:4])
def test_an_image_has_the_same_bits_in_every_batch(shape):
    inside, _, height, width = shape
    x = torch.randn(MANY + 1, inside, height, width)
    run = compiled(by_groups(layer(*shape)), onednn_available())
    with torch.inference_mode():
        alone = torch.cat([run(image[None]) for image in x])
        for size in (2, 3, 4, 8, MANY - 1, MANY, MANY + 1):
            assert torch.equal(run(x[-size:]), alone[-size:])


class Net(nn.Module):
    def __init__(self, inside, height, width, outside, **settings):
        super().__init__()
        self.shape = (inside, height, width)
        self.first = nn.Linear(6, inside * height * width)
        settings = {"kernel_size": 4, "stride": 2, "padding": 1, **settings}
        self.body = nn.ConvTranspose2d(inside, outside, **settings)

    def forward(self, z, label):
        return self.body(self.first(z).view(-1, *self.shape)).relu()


def rearranged(module):
    with torch.inference_mode():
        program = record(module.eval(), torch.randn(3, 6), torch.zeros(3, dtype=torch.int64))
        rewrite(program)
        share_products(program)
        multiply(program)
    return len(list(program.each(Winograd)))


def test_large_layers_are_taken():
    assert rearranged(Net(64, 8, 8, 64)) == 1
    assert rearranged(Net(96, 6, 12, 64)) == 1


def test_small_layers_of_many_channels_are_taken():
    assert rearranged(Net(256, 4, 4, 128)) == 1
    assert rearranged(Net(256, 2, 4, 128)) == 1


@pytest.mark.parametrize(
    ("shape", "settings"),
    [
        ((64, 9, 8, 64), {}),
        ((64, 8, 9, 64), {}),
        ((64, 4, 4, 64), {}),
        ((128, 4, 4, 128), {}),
        ((256, 6, 6, 32), {}),
        ((264, 4, 4, 128), {}),
        ((64, 64, 32, 64), {}),
        ((48, 8, 8, 64), {}),
        ((64, 8, 8, 48), {}),
        ((72, 8, 8, 64), {}),
        ((64, 8, 8, 64), {"groups": 2}),
        ((64, 8, 8, 64), {"stride": 1}),
        ((64, 8, 8, 64), {"kernel_size": 3, "output_padding": 1}),
    ],
)
def test_others_are_left_alone(shape, settings):
    assert rearranged(Net(*shape, **settings)) == 0
