"""A generator that is not what its manifest says is refused with a sentence."""

import pytest
import torch
from torch import nn

from app.inference.acceptance import GeneratorSpec, check, examples

CPU = torch.device("cpu")
SPEC = GeneratorSpec(4, 2, 2, 1, 0)


class Made(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, z, label):
        return self.function(z, label)


def square(z):
    return torch.tanh(z.reshape(-1, 1, 2, 2))


def test_every_tiny_generator_passes(network):
    with torch.inference_mode():
        check(network, network.spec, CPU)


def test_examples_run_through_the_classes():
    z, label = examples(GeneratorSpec(4, 2, 2, 1, 3), 7, CPU)
    assert z.shape == (7, 4)
    assert z.dtype == torch.float32
    assert label.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert examples(SPEC, 3, CPU)[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda z, label: square(z)[:, :, :1], r"makes torch.float32 \[2, 1, 1, 2\], not float32 \[2, 1, 2, 2\]"),
        (lambda z, label: square(z)[:1], r"\[1, 1, 2, 2\]"),
        (lambda z, label: square(z).double(), "makes torch.float64"),
        (lambda z, label: square(z) * float("nan"), "not finite"),
        (lambda z, label: square(z) * float("inf"), "not finite"),
        (lambda z, label: square(z) * 255, r"a picture lies in \[-1, 1\]"),
        (lambda z, label: (square(z), label), "returns tuple, not a tensor"),
        (lambda z, label: torch.tanh(torch.randn(z.shape[0], 1, 2, 2)), "draws random numbers"),
        (lambda z, label: square(z[:, :3]), r"does not take z \[2, 4\] and labels below 1"),
    ],
)
def test_a_generator_that_breaks_its_promise_is_refused(function, sentence):
    with pytest.raises(ValueError, match=sentence):
        check(Made(function), SPEC, CPU)


def test_an_error_without_words_still_makes_a_sentence():
    def wordless(z, label):
        raise KeyError

    with pytest.raises(ValueError, match="KeyError"):
        check(Made(wordless), SPEC, CPU)


def test_every_class_is_tried(networks):
    network = networks["randomised"](networks["upsampled"]())
    spec = GeneratorSpec(8, 16, 16, 3, 6)  # it knows five
    with pytest.raises(ValueError, match="labels below 6"):
        check(network, spec, CPU)
