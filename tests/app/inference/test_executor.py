"""Batches on a device that runs out of memory, fails or dies, as injected."""

import gc
import logging
import weakref

import numpy as np
import pytest
import torch

from app.errors import DeviceLost, EngineFailed
from app.inference.executor import Executor
from app.inference.faults import Fault, Kind, attempt


class FaultyDevice:
    """Copies the label into the image. fits: the largest bucket its memory holds."""

    def __init__(self, *, pads=False, lanes=1, fits=1000):
        self.pads, self.lanes, self.fits = pads, lanes, fits
        self.ran, self.freed, self.faults = [], [], []

    def run(self, chunks, z, label, out, *, here):
        failures = []
        for chunk in chunks:
            self.ran.append(chunk.bucket)
            if self.faults:
                failures.append((chunk, self.faults.pop(0)))
            elif chunk.bucket > self.fits:
                failures.append((chunk, Fault(Kind.OUT_OF_MEMORY, "tried to allocate 2 GiB")))
            else:
                rows = slice(chunk.start, chunk.start + chunk.count)
                out[rows] = label[rows, None, None, None]
        return failures

    def free_memory(self, largest):
        self.freed.append(largest)


class Splits:
    def __init__(self):
        self.count = 0

    def oom_split(self):
        self.count += 1


def executor(device, buckets=(1, 2, 4, 8, 16)):
    splits = Splits()
    return Executor(device, buckets, (2, 3, 4), splits), splits


def order(n):
    return np.zeros((n, 5), np.float32), np.arange(n)


def images(n):
    return np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 2, 3, 4))


@pytest.mark.parametrize("pads", [True, False])
@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("n", [1, 7, 16, 33])
def test_every_image_is_computed_into_its_row(pads, lanes, n):
    runs, _ = executor(FaultyDevice(pads=pads, lanes=lanes))
    np.testing.assert_array_equal(runs.forward(*order(n)), images(n))


@pytest.mark.parametrize("pads", [True, False])
@pytest.mark.parametrize("fits", [8, 5, 1])
def test_a_batch_that_does_not_fit_is_halved_until_it_does(pads, fits, caplog):
    device = FaultyDevice(pads=pads, fits=fits)
    runs, splits = executor(device)
    np.testing.assert_array_equal(runs.forward(*order(16)), images(16))
    learned = runs.buckets[-1]
    assert learned <= fits
    assert splits.count == len(device.freed)
    assert device.freed[-1] == learned
    assert f"at most {learned}" in caplog.text


def test_the_learned_size_is_remembered():
    device = FaultyDevice(fits=4)
    runs, splits = executor(device)
    runs.forward(*order(16))
    known, device.ran = splits.count, []
    np.testing.assert_array_equal(runs.forward(*order(16)), images(16))
    assert max(device.ran) == 4
    assert splits.count == known


def test_one_size_for_all_is_halved_for_all():
    device = FaultyDevice(pads=True, fits=5)
    runs, splits = executor(device)
    runs.keep_to((16,))
    np.testing.assert_array_equal(runs.forward(*order(20)), images(20))
    assert (runs.buckets, splits.count) == ((4,), 2)
    device.ran = []
    np.testing.assert_array_equal(runs.forward(*order(5)), images(5))
    assert device.ran == [4, 4]


def test_small_batches_are_padded_to_the_smallest_of_several_sizes():
    device = FaultyDevice(pads=True)
    runs, _ = executor(device)
    runs.keep_to((4, 8, 16))
    for n in (1, 4, 5, 17):
        np.testing.assert_array_equal(runs.forward(*order(n)), images(n))
    assert device.ran == [4, 4, 8, 16, 4]


def test_of_several_sizes_the_smaller_ones_stay_and_then_the_next_below():
    device = FaultyDevice(pads=True, fits=9)
    runs, _ = executor(device)
    runs.keep_to((4, 8, 16))
    np.testing.assert_array_equal(runs.forward(*order(16)), images(16))
    assert runs.buckets == (4, 8)
    device.fits = 2
    np.testing.assert_array_equal(runs.forward(*order(3)), images(3))
    assert runs.buckets == (2,)


def test_what_fitted_before_is_not_computed_again():
    device = FaultyDevice(pads=True)
    device.faults = [Fault(Kind.OUT_OF_MEMORY, "fragmented")]
    runs, _ = executor(device)
    np.testing.assert_array_equal(runs.forward(*order(32)), images(32))
    assert device.ran == [16, 16, 8, 8]


def test_when_not_even_one_image_fits_the_request_fails_and_the_engine_goes_on():
    device = FaultyDevice(fits=0)
    runs, _ = executor(device)
    with pytest.raises(EngineFailed, match="not enough memory for a batch of 1"):
        runs.forward(*order(4))
    device.fits = 1
    np.testing.assert_array_equal(runs.forward(*order(4)), images(4))


def test_a_failure_is_told_and_the_next_batch_runs():
    device = FaultyDevice()
    device.faults = [Fault(Kind.FAILED, "RuntimeError: shapes")]
    runs, splits = executor(device)
    with pytest.raises(EngineFailed, match="shapes"):
        runs.forward(*order(4))
    np.testing.assert_array_equal(runs.forward(*order(4)), images(4))
    assert splits.count == 0


def test_a_lost_device_matters_more_than_anything_else():
    device = FaultyDevice(lanes=3)
    device.faults = [
        Fault(Kind.OUT_OF_MEMORY, "memory"),
        Fault(Kind.FAILED, "failed"),
        Fault(Kind.LOST, "an illegal memory access"),
    ]
    runs, _ = executor(device)
    with pytest.raises(DeviceLost, match="an illegal memory access"):
        runs.forward(*order(12))


FROM_TORCHSCRIPT = "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript\n"


def raising(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "answers", "kind"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True, Kind.OUT_OF_MEMORY),
        (
            RuntimeError(FROM_TORCHSCRIPT + "RuntimeError: CUDA out of memory. Tried to allocate"),
            True,
            Kind.OUT_OF_MEMORY,
        ),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), True, Kind.OUT_OF_MEMORY),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True, Kind.OUT_OF_MEMORY),
        (torch.AcceleratorError("CUDA error: an illegal memory access was encountered"), False, Kind.LOST),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), False, Kind.LOST),
        (RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED"), True, Kind.FAILED),
        (ValueError("shapes"), True, Kind.FAILED),
    ],
)
def test_an_error_is_reduced_to_what_has_to_be_done(error, answers, kind):
    assert attempt(raising(error), lambda: answers).kind is kind


def test_the_caller_is_told_one_line_and_the_log_has_all(caplog):
    fault = attempt(raising(RuntimeError(FROM_TORCHSCRIPT + "IndexError: index out of range in self\n")), lambda: True)
    assert fault.message == "RuntimeError: IndexError: index out of range in self"
    assert "Traceback of TorchScript" in caplog.text


def test_no_error_is_no_fault_and_the_device_is_not_disturbed():
    assert attempt(lambda: None, raising(AssertionError("asked"))) is None


def test_an_error_of_memory_does_not_ask_a_device_that_may_be_busy():
    assert attempt(raising(torch.OutOfMemoryError()), raising(AssertionError("asked"))).kind is Kind.OUT_OF_MEMORY


def test_nothing_of_the_failed_attempt_is_kept_alive():
    """The tensors that did not fit must be gone before the halves are tried."""

    class Tensor:
        pass

    alive = []

    def action():
        tensor = Tensor()
        alive.append(weakref.ref(tensor))
        raise torch.OutOfMemoryError("CUDA out of memory")

    gc.disable()
    try:
        fault = attempt(action, lambda: True)
        assert alive[0]() is None
    finally:
        gc.enable()
    assert fault.kind is Kind.OUT_OF_MEMORY


def test_the_log_says_so_once_a_split(caplog):
    caplog.set_level(logging.WARNING)
    runs, splits = executor(FaultyDevice(fits=2))
    runs.forward(*order(16))
    assert len(caplog.records) == splits.count == 3
