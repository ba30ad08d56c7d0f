"""Energy is counted where the host can tell, through a wrap, and is unknown elsewhere."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from training.energy import EnergyMeter

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
SPAN = 1_000_000_000


class Host:
    """A /sys/class/powercap of two packages, each with a part that must not be counted twice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for package in (0, 1):
            self._add(f"intel-rapl:{package}", f"package-{package}")
            self._add(f"intel-rapl:{package}:0", "core")

    def _add(self, zone: str, name: str) -> None:
        (self.folder / zone).mkdir(parents=True)
        (self.folder / zone / "name").write_text(f"{name}\n")
        (self.folder / zone / "max_energy_range_uj").write_text(f"{SPAN}\n")
        self.show(zone, 500)

    def show(self, zone: str, microjoules: int) -> None:
        (self.folder / zone / "energy_uj").write_text(f"{microjoules}\n")


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_the_packages_are_summed_and_their_parts_are_not(host):
    meter = EnergyMeter(CPU, host.folder)
    assert meter.read() == 0
    host.show("intel-rapl:0", 500 + 360_000_000)
    host.show("intel-rapl:0:0", 500 + 300_000_000)
    host.show("intel-rapl:1", 500 + 36_000_000)
    assert meter.read() == pytest.approx(0.11)
    assert meter.read() == pytest.approx(0.11)


def test_a_counter_that_wraps_goes_on(host):
    host.show("intel-rapl:0", SPAN - 1_000_000)
    meter = EnergyMeter(CPU, host.folder)
    host.show("intel-rapl:0", 2_600_000)
    assert meter.read() == pytest.approx(3.6 / 3600)


def test_a_host_without_rapl_cannot_tell(tmp_path):
    assert EnergyMeter(CPU, tmp_path).read() is None
    assert EnergyMeter(CPU, tmp_path / "nowhere").read() is None


def test_a_counter_that_is_not_to_be_read_makes_it_unknown(host):
    (host.folder / "intel-rapl:1" / "energy_uj").unlink()
    assert EnergyMeter(CPU, host.folder).read() is None


def test_a_counter_that_is_lost_makes_it_unknown_for_good(host):
    meter = EnergyMeter(CPU, host.folder)
    (host.folder / "intel-rapl:1" / "energy_uj").unlink()
    assert meter.read() is None
    host.show("intel-rapl:1", 500)
    assert meter.read() is None


def nvml(monkeypatch, millijoules: list[int], **changes) -> None:
    """A pynvml that counts like this from call to call, and a GPU for it."""
    module = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: {"GPU-abc": millijoules}[handle].pop(0),
    )
    vars(module).update(changes)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: SimpleNamespace(uuid="abc"))


def test_a_gpu_is_counted_with_the_processors(host, monkeypatch):
    nvml(monkeypatch, [10, 10, 10 + 3_600_000])
    meter = EnergyMeter(CUDA, host.folder)
    host.show("intel-rapl:0", 500 + 360_000_000)
    assert meter.read() == pytest.approx(1.1)


def test_a_gpu_is_enough_where_only_root_may_read_rapl(tmp_path, monkeypatch):
    nvml(monkeypatch, [10, 10, 10 + 3_600_000])
    assert EnergyMeter(CUDA, tmp_path).read() == pytest.approx(1.0)


def test_the_processors_alone_say_nothing_of_training_on_a_gpu(host, monkeypatch):
    def fails():
        raise RuntimeError("driver not loaded")

    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert EnergyMeter(CUDA, host.folder).read() is None
    nvml(monkeypatch, [], nvmlInit=fails)
    assert EnergyMeter(CUDA, host.folder).read() is None
