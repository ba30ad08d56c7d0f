"""Lanes compute every chunk once, in one thread each, and report what fails."""

import threading

import numpy as np
import pytest
import torch

from app.inference.chunks import unpadded
from app.inference.faults import Kind
from app.inference.lanes import Lanes


def pixels(z, label):
    return (z + label[:, None]).to(torch.uint8).reshape(len(z), 1, 1, -1)


def order(n):
    return np.arange(2 * n, dtype=np.float32).reshape(n, 2), np.ones(n, np.int64)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("n", [1, 2, 13])
def test_every_chunk_lands_in_its_rows(threads, n):
    lanes = Lanes(threads)
    lanes.serve(pixels)
    z, label = order(n)
    out = np.zeros((n, 1, 1, 2), np.uint8)
    assert lanes.run(unpadded(0, n, (1, 2, 4), threads), z, label, out, here=False) == []
    np.testing.assert_array_equal(out.reshape(n, 2), z + 1)


def test_a_lane_is_one_thread_and_keeps_to_itself():
    lanes = Lanes(3)
    seen = []
    lanes.everywhere(lambda: seen.append((threading.get_ident(), torch.get_num_threads())))
    assert len({ident for ident, _ in seen}) == 3
    assert {threads for _, threads in seen} == {1}
    assert lanes.inside(torch.get_num_threads) == 1
    assert lanes.with_all_threads(torch.get_num_threads) == 3
    assert lanes.inside(torch.get_num_threads) == 1


def test_everything_runs_without_recording_gradients():
    lanes = Lanes(2)
    assert lanes.inside(torch.is_inference_mode_enabled)
    assert lanes.with_all_threads(torch.is_inference_mode_enabled)
    assert not torch.is_inference_mode_enabled()


def test_a_lone_image_may_use_all_threads():
    lanes = Lanes(2)
    threads = []

    def watched(z, label):
        threads.append(torch.get_num_threads())
        return pixels(z, label)

    lanes.serve(watched)
    lanes.wide = True
    for n in (1, 1, 1, 1, 1, 1, 2):
        out = np.zeros((n, 1, 1, 2), np.uint8)
        assert lanes.run(unpadded(0, n, (1, 2), 2), *order(n), out, here=False) == []
        np.testing.assert_array_equal(out.reshape(n, 2), order(n)[0] + 1)
    assert threads == [1, 1, 1, 2, 2, 2, 1, 1]


def test_callers_are_lanes_themselves():
    lanes = Lanes(2)
    seen = []

    def watched(z, label):
        seen.append((threading.current_thread(), torch.get_num_threads()))
        return pixels(z, label)

    lanes.serve(watched)
    out = np.zeros((3, 1, 1, 2), np.uint8)
    caller = threading.Thread(target=lanes.run, args=(unpadded(0, 3, (1, 2), 1), *order(3), out), kwargs={"here": True})
    caller.start()
    caller.join()
    assert seen == [(caller, 1), (caller, 1)]
    np.testing.assert_array_equal(out.reshape(3, 2), order(3)[0] + 1)


def test_an_image_beside_others_keeps_to_one_thread():
    lanes = Lanes(2)
    lanes.wide = True
    threads, together = [], threading.Barrier(2)

    def watched(z, label):
        together.wait()
        threads.append(torch.get_num_threads())
        return pixels(z, label)

    def call(times):
        for _ in range(times):
            lanes.run(unpadded(0, 1, (1,), 1), *order(1), np.zeros((1, 1, 1, 2), np.uint8), here=True)

    lanes.serve(watched)
    callers = [threading.Thread(target=call, args=(8,)) for _ in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert threads.count(1) >= 8  # of each two, the second to begin


def test_failing_chunks_are_reported_and_the_others_computed():
    def picky(z, label):
        if 0 in z:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        if 8 in z:
            raise ValueError("odd")
        return pixels(z, label)

    lanes = Lanes(2)
    lanes.serve(picky)
    out = np.zeros((8, 1, 1, 2), np.uint8)
    failures = lanes.run(unpadded(0, 8, (1, 2), 2), *order(8), out, here=False)
    assert {chunk.start: fault.kind for chunk, fault in failures} == {0: Kind.OUT_OF_MEMORY, 4: Kind.FAILED}
    np.testing.assert_array_equal(out[[2, 3, 6, 7]].reshape(4, 2), order(8)[0][[2, 3, 6, 7]] + 1)
    assert not out[[0, 1, 4, 5]].any()
