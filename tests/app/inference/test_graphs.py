"""What the CUDA device decides, without a GPU: graphs and copies are replaced, faults are injected."""

import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from app.errors import DeviceLost
from app.inference.executor import Executor
from app.inference.graphs import Graphs, configure
from app.inference.observer import Silent


class WithoutGpu(Graphs):
    """`memory`: the largest bucket that can be captured. `broken`: the context answers no more."""

    def __init__(self, memory=1000):
        self._graphs = {}
        self.memory, self.broken, self.captured = memory, False, []
        self.errors = []

    def _compute(self, chunk, z, label, out):
        if self.errors:
            raise self.errors.pop(0)
        if chunk.bucket not in self._graphs:
            if chunk.bucket > self.memory:
                raise torch.OutOfMemoryError("CUDA out of memory")
            self.captured.append(chunk.bucket)
            self._graphs[chunk.bucket] = object()
        rows = slice(chunk.start, chunk.start + chunk.count)
        out[rows] = label[rows, None, None, None]

    def answers(self):
        return not self.broken


def order(n):
    return np.zeros((n, 5), np.float32), np.arange(n)


def executor(device):
    return Executor(device, (1, 2, 4, 8), (1, 1, 3), Silent())


def test_a_bucket_is_captured_once_and_the_smallest_that_holds_the_batch_is_used():
    device = WithoutGpu()
    runs = executor(device)
    for n in (3, 4, 1, 19, 3):
        np.testing.assert_array_equal(runs.forward(*order(n))[:, 0, 0, 0], np.arange(n))
    assert device.captured == [4, 1, 8]


def test_graphs_too_large_for_the_memory_are_given_back(monkeypatch):
    emptied = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(True))
    device = WithoutGpu()
    runs = executor(device)
    runs.forward(*order(8))
    runs.forward(*order(2))
    device.errors = [torch.OutOfMemoryError("CUDA out of memory")]
    np.testing.assert_array_equal(runs.forward(*order(8))[:, 0, 0, 0], np.arange(8))
    assert sorted(device._graphs) == [2, 4]
    assert runs.buckets == (1, 2, 4)
    assert emptied == [True]


def test_a_sticky_fault_ends_the_batch_at_once():
    device = WithoutGpu()
    runs = executor(device)
    device.errors = [torch.AcceleratorError("CUDA error: an illegal memory access was encountered")] * 3
    device.broken = True
    with pytest.raises(DeviceLost, match="illegal memory access"):
        runs.forward(*order(24))
    assert len(device.errors) == 2


def test_a_device_that_cannot_be_asked_does_not_answer(monkeypatch):
    def broken(device):
        raise RuntimeError("CUDA error: unspecified launch failure")

    monkeypatch.setattr(torch.cuda, "synchronize", broken)
    device = Graphs.__new__(Graphs)
    device._device = torch.device("cuda")
    assert not device.answers()
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    assert device.answers()


@pytest.mark.parametrize(("allow", "precision"), [(False, "ieee"), (True, "tf32")])
def test_kernels_are_deterministic_and_exact_unless_asked_otherwise(monkeypatch, allow, precision):
    deterministic = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", deterministic.append)
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setattr(torch.backends, "cuda", SimpleNamespace(matmul=SimpleNamespace()))
    monkeypatch.setattr(torch.backends.cudnn, "conv", SimpleNamespace())
    monkeypatch.setattr(os, "environ", {})
    configure(allow)
    assert deterministic == [True]
    assert torch.backends.cuda.matmul.fp32_precision == precision
    assert torch.backends.cudnn.conv.fp32_precision == precision
    assert not torch.backends.cudnn.benchmark
    assert os.environ == {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
