"""Buffers are kept by each thread for itself, and what lies in them from one call does not reach the next."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import torch
from torch.nn import functional

from app.inference.emit import emit
from app.inference.program import RECORDED_BATCH, Program, Var
from app.inference.scratch import Constants, Scratch
from app.inference.winograd import by_groups
from tests.app.inference.doubling import compiled, layer


def part(*shape):
    return torch.empty(shape, device="meta")


def test_a_weight_has_one_place_and_a_part_its_own():
    constants, weight = Constants(Scratch()), torch.ones(3)
    places = [constants.weight(weight), constants.part("a", part(2, 2)), constants.weight(weight)]
    assert places == [0, 1, 0]
    listed = constants.of_this_thread()
    assert listed[0] is weight
    assert listed[1].tolist() == [[0, 0], [0, 0]]


def test_parts_of_one_buffer_share_their_numbers():
    constants = Constants(Scratch())
    constants.part("a", part(4, 3)[1:, 1:])
    constants.part("a", part(4, 3))
    constants.part("b", part(4, 3))
    inner, whole, other = constants.of_this_thread()
    inner.fill_(1)
    assert whole.tolist() == [[0, 0, 0], [0, 1, 1], [0, 1, 1], [0, 1, 1]]
    assert other.count_nonzero() == 0


def test_programs_share_buffers_the_largest_of_a_name():
    scratch = Scratch()
    one, other = Constants(scratch), Constants(scratch)
    one.part("a", part(2))
    other.part("a", part(8))
    (small,), (large,) = one.of_this_thread(), other.of_this_thread()
    assert small.data_ptr() == large.data_ptr()
    late = Constants(scratch)
    late.part("a", part(100))
    assert late.of_this_thread()[0].count_nonzero() == 0


def test_a_thread_keeps_its_own():
    constants, together = Constants(Scratch()), Barrier(2, timeout=10)
    constants.part("a", part(5))

    def mine(value):
        (buffer,) = constants.of_this_thread()
        buffer.fill_(value)
        together.wait()
        assert constants.of_this_thread()[0] is buffer
        return buffer.tolist()

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(mine, [1, 2])) == [[1] * 5, [2] * 5]


def test_layers_of_two_sizes_keep_the_zeros_around_their_images():
    first = layer(64, 64, 8, 8)
    second = replace(layer(64, 64, 16, 16), x=first.out)
    steps = [by_groups(first), by_groups(second)]
    source, constants = emit(Program(first.x, Var((RECORDED_BATCH,)), steps, second.out), onednn=False)
    forward = torch.jit.CompilationUnit(source).forward
    x = torch.randn(2, 64, 8, 8)
    wanted = x
    for affine in (first, second):
        wanted = functional.conv_transpose2d(wanted, affine.weight, affine.bias, stride=2, padding=1)
    with torch.inference_mode():
        for _ in range(2):
            made = forward(x, torch.zeros(2, dtype=torch.int64), constants.of_this_thread())
            torch.testing.assert_close(made, wanted, rtol=0, atol=1e-5)


def test_an_image_is_the_same_after_others_and_beside_them():
    run = compiled(by_groups(layer(64, 64, 8, 8)), onednn=False)
    images = torch.randn(24, 64, 8, 8)

    def made(image):
        with torch.inference_mode():
            return run(image[None])

    alone = [made(image) for image in images]
    with torch.inference_mode():
        run(torch.full((3, 64, 8, 8), torch.nan))
    with ThreadPoolExecutor(4) as threads:
        for again, first in zip(threads.map(made, images), alone, strict=True):
            assert torch.equal(again, first)
    assert all(torch.equal(made(image), first) for image, first in zip(images, alone, strict=True))
