"""The engine on real TorchScript: a seed is an image, whatever the batch, the slot, the lane or the form."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from app.errors import DeviceLost, EngineFailed
from app.inference import engine as engine_module
from app.inference.acceptance import GeneratorSpec
from app.inference.cores import lead
from app.inference.engine import Engine
from tests.app.inference.drawn import assert_same_in_every_batch, levels_off, order


@pytest.fixture(scope="module")
def plain(networks):
    """One generator, for what does not depend on its layers."""
    return networks["randomised"](networks["upsampled"]())


@pytest.fixture(scope="module")
def engine(network, make_generator):
    made = Engine(make_generator(network), network.spec, "cpu", max_batch_size=32)
    made.warm_up()
    return made


def test_images_are_the_published_modules_rounded(engine, network):
    z, label = order(network.spec, 21)
    images = engine.forward(z, label)
    assert images.dtype == np.uint8
    assert images.shape == (21, network.spec.height, network.spec.width, network.spec.channels)
    assert levels_off(images, network, z, label) <= 0.5 + 127.5 * 1e-5
    assert engine.fallback == ""


def test_a_seed_gives_the_same_pixels_in_every_batch_at_every_slot(engine, network):
    assert_same_in_every_batch(engine, network.spec)


def test_a_second_engine_gives_the_same_pixels(engine, network, make_generator):
    other = Engine(make_generator(network), network.spec, "cpu", max_batch_size=3)
    z, label = order(network.spec, 9)
    np.testing.assert_array_equal(other.forward(z, label), engine.forward(z, label))


def test_the_faster_form_and_the_published_one_differ_by_a_level_at_most(network, make_generator, monkeypatch):
    data = make_generator(network)
    fast = Engine(data, network.spec, "cpu")

    def refuses(source):
        raise RuntimeError("not today")

    monkeypatch.setattr(engine_module, "_compile", refuses)
    slow = Engine(data, network.spec, "cpu")
    slow.warm_up()
    assert slow.fallback == "not today"
    z, label = order(network.spec, 17)
    difference = np.abs(fast.forward(z, label).astype(int) - slow.forward(z, label))
    assert difference.max() <= 1


def test_what_warm_up_finds_out(engine):
    assert engine.batching == "natural"
    assert engine.buckets == (1, 2, 4, 8, 16, 24, 32)
    assert engine.images_per_second > 0
    assert engine.device_class.startswith("cpu-")
    assert engine.lanes >= 1


def test_a_lone_image_is_led_only_where_all_cores_may_compute_it(plain, make_generator):
    made = Engine(make_generator(plain), plain.spec, "cpu")
    for wide, expected in ((False, None), (True, lead)):
        made._runner.wide = wide
        assert made.lead is expected


def test_small_batches_are_all_a_small_limit_allows(plain, make_generator):
    assert Engine(make_generator(plain), plain.spec, "cpu", max_batch_size=1).buckets == (1,)


def test_where_batches_change_the_bits_every_image_runs_alone(plain, make_generator, monkeypatch):
    monkeypatch.setattr(engine_module, "agreeing", lambda *args: (4, 8))
    engine = Engine(make_generator(plain), plain.spec, "cpu")
    engine.warm_up()
    assert (engine.batching, engine.buckets) == ("fixed", (1,))
    z, label = order(plain.spec, 9)
    one_by_one = np.concatenate([engine.forward(z[i : i + 1], label[i : i + 1]) for i in range(9)])
    np.testing.assert_array_equal(engine.forward(z, label), one_by_one)


def without_memory_for(engine, most, monkeypatch, words="CUDA out of memory. Tried to allocate 20 MiB"):
    """Batches larger than `most` fail while the engine is proved."""
    whole = engine._floats

    def floats(z, label):
        if len(z) > most:
            raise RuntimeError(words)
        return whole(z, label)

    monkeypatch.setattr(engine, "_floats", floats)
    return engine


def test_batches_that_do_not_fit_into_memory_are_not_proved_and_not_used(plain, make_generator, monkeypatch):
    engine = without_memory_for(Engine(make_generator(plain), plain.spec, "cpu"), 4, monkeypatch)
    engine.warm_up()
    assert (engine.batching, engine.buckets) == ("natural", (1, 2, 4))
    assert_same_in_every_batch(engine, plain.spec)


def test_a_generator_of_which_one_image_does_not_fit_is_refused(plain, make_generator, monkeypatch):
    engine = without_memory_for(Engine(make_generator(plain), plain.spec, "cpu"), 0, monkeypatch)
    with pytest.raises(EngineFailed, match="20 MiB"):
        engine.warm_up()


@pytest.mark.parametrize(("answers", "error"), [(True, EngineFailed), (False, DeviceLost)])
def test_a_proof_that_fails_otherwise_is_told(plain, make_generator, monkeypatch, answers, error):
    engine = Engine(make_generator(plain), plain.spec, "cpu")
    monkeypatch.setattr(engine._runner, "answers", lambda: answers)
    with pytest.raises(error, match="device-side assert"):
        without_memory_for(engine, 4, monkeypatch, words="CUDA error: device-side assert triggered").warm_up()


_OLD_CPU = """
import json, sys
import numpy as np
from app.inference.engine import Engine, GeneratorSpec
from app.inference.latents import latents
spec = GeneratorSpec(*json.loads(sys.argv[1]))
engine = Engine(sys.stdin.buffer.read(), spec, "cpu")
engine.warm_up()
z, label = latents(np.arange(19, dtype=np.uint32), spec.z_dim), np.zeros(19, np.int64)
together = engine.forward(z, label)
alone = np.concatenate([engine.forward(z[i : i + 1], label[i : i + 1]) for i in range(19)])
print(json.dumps({"same": bool((together == alone).all()), "batching": engine.batching}))
"""


def test_a_seed_is_an_image_on_a_cpu_whose_kernels_do_depend_on_the_batch(networks, make_generator):
    """Without AVX oneDNN's products round by the batch size (x86-64, torch 2.14): the proof must notice."""
    network = networks["randomised"](networks["broad"]())
    spec = network.spec
    done = subprocess.run(
        [sys.executable, "-c", _OLD_CPU, json.dumps([spec.z_dim, spec.height, spec.width, spec.channels, 0])],
        input=make_generator(network),
        capture_output=True,
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default", "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=120,
    )
    assert json.loads(done.stdout)["same"]


def test_concurrent_callers_get_their_own_images(engine, network):
    z, label = order(network.spec, 48)
    wanted = engine.forward(z, label)
    wrong = []

    def caller(first):
        for _ in range(5):
            rows = slice(first, first + 12)
            if not np.array_equal(engine.forward(z[rows], label[rows]), wanted[rows]):
                wrong.append(first)

    threads = [threading.Thread(target=caller, args=(first,)) for first in (0, 12, 24, 36)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("z", "label"), [((0, 0), (0,)), ((3, -1), (3,)), ((3, 0), (2,)), ((3, 0), (3, 1)), ((3,), (3,))]
)
def test_arrays_of_another_shape_are_refused(engine, network, z, label):
    wrong = np.zeros([network.spec.z_dim + size if axis else size for axis, size in enumerate(z)], np.float32)
    with pytest.raises(ValueError, match="label"):
        engine.forward(wrong, np.zeros(label, np.int64))


def test_arrays_of_another_type_or_layout_are_taken(engine, network):
    z, label = order(network.spec, 6)
    wanted = engine.forward(z, label)
    np.testing.assert_array_equal(
        engine.forward(np.asfortranarray(z.astype(np.float64)), label.astype(np.int8)), wanted
    )
    np.testing.assert_array_equal(engine.forward(z[::-1], label[::-1]), wanted[::-1])
    z.setflags(write=False)
    label.setflags(write=False)
    np.testing.assert_array_equal(engine.forward(z, label), wanted)


def test_a_label_beyond_the_classes_is_refused_and_the_engine_goes_on(networks, make_generator):
    network = networks["randomised"](networks["upsampled"]())
    engine = Engine(make_generator(network), network.spec, "cpu")
    z, label = order(network.spec, 3)
    for wrong in (label + 99, label - 1, label + 3):
        with pytest.raises(ValueError, match=r"labels lie in \[0, 5\)"):
            engine.forward(z, wrong)
    assert engine.forward(z, label).shape == (3, 16, 16, 3)


@pytest.mark.parametrize("junk", [b"", b"junk", b"PK\x03\x04" + bytes(100)])
def test_bytes_that_are_no_generator_are_refused_with_a_sentence(junk):
    with pytest.raises(ValueError, match="not readable TorchScript"):
        Engine(junk, GeneratorSpec(4, 8, 8, 3, 0), "cpu")


def test_a_generator_cut_short_is_refused(plain, make_generator):
    data = make_generator(plain)
    with pytest.raises(ValueError, match="not readable TorchScript"):
        Engine(data[: len(data) // 2], plain.spec, "cpu")


def test_a_generator_of_another_shape_is_refused(plain, make_generator):
    spec = plain.spec
    with pytest.raises(ValueError, match="not float32"):
        Engine(make_generator(plain), GeneratorSpec(spec.z_dim, 32, 32, spec.channels, spec.num_classes), "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this host has a GPU")
def test_a_gpu_that_is_not_there_is_said_so(plain, make_generator):
    data = make_generator(plain)
    with pytest.raises(ValueError, match="there is no device cuda here"):
        Engine(data, plain.spec, "cuda")
    assert Engine(data, plain.spec, "auto").device_class.startswith("cpu-")


def test_an_encoding_generator_encodes_one_by_one(networks, make_generator):
    network = networks["randomised"](networks["encoding"]())
    engine = Engine(make_generator(network), network.spec, "cpu")
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    images.setflags(write=False)
    codes = engine.encode(images)
    assert codes.dtype == np.float32
    assert codes.shape == (3, 10)
    np.testing.assert_array_equal(codes[1:2], engine.encode(images[1:2]))
    np.testing.assert_allclose(codes[:, 0], images[..., 0].mean((1, 2)) / 127.5 - 1, atol=1e-5)
    assert engine.encode(images[:0]).shape == (0, 10)
    with pytest.raises(ValueError, match="the generator's are"):
        engine.encode(images[:, :8])


def test_a_generator_without_an_encoder_says_so(engine):
    assert not engine.can_encode
    with pytest.raises(ValueError, match="no encoder"):
        engine.encode(np.zeros((1, 16, 16, 3), np.uint8))


class Restless(nn.Module):
    """Encodes by chance."""

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner = inner

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.inner(z, label)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return torch.randn(x.size(0), 10)


class Dividing(Restless):
    """Has no finite code for an even image."""

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return (x / (x.max() - x.min())).flatten(1)[:, :10]


def test_an_encoder_that_draws_random_numbers_is_refused(networks, make_generator):
    network = networks["randomised"](networks["transposed"]())
    engine = Engine(make_generator(Restless(network)), network.spec, "cpu")
    with pytest.raises(ValueError, match="another code each time"):
        engine.warm_up()


def test_a_code_that_is_not_finite_fails(networks, make_generator):
    network = networks["randomised"](networks["transposed"]())
    engine = Engine(make_generator(Dividing(network)), network.spec, "cpu")
    engine.warm_up()
    with pytest.raises(EngineFailed, match="not finite"):
        engine.encode(np.full((1, 16, 16, 3), 9, np.uint8))
