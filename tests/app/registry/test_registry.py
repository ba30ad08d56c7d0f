"""Loading, proving and exchanging models, with engines that paint: tests/contract has the real ones."""

import asyncio
import io
import json
import shutil
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from app.errors import DeviceLost, ModelRejected, NotLoaded, UnknownModel
from app.inference.latents import latents
from app.registry.registry import Registry

SIDE = 8


def paint(z, label, slope, channels=3):
    """uint8 [N, 8, 8, channels]: the latent as brightness, one colour a dimension."""
    tone = np.clip(128 + slope * z[:, :channels] + label[:, None], 0, 255).astype(np.uint8)
    return np.broadcast_to(tone[:, None, None, :], (len(z), SIDE, SIDE, channels)).copy()


class Painter:
    """An engine whose generator.pt is JSON: {"slope": ...} and how it is to misbehave."""

    def __init__(self, model, calls):
        self.model, self.calls = model, calls
        self.program = json.loads(model.generator)
        self.warm = False
        self._misbehave("build")

    def _misbehave(self, stage):
        self.calls.append((stage, self.model.manifest.ref, threading.current_thread() is threading.main_thread()))
        failure = self.program.get(stage)
        if failure:
            raise {"loss": DeviceLost, "reject": RuntimeError, "memory": MemoryError}[failure](f"{stage} failed\ntrace")

    def warm_up(self):
        self._misbehave("warm_up")
        self.warm = True

    def forward(self, z, label):
        assert self.warm
        self._misbehave("forward")
        off = self.program.get("off", 0)
        images = paint(z, label, self.program["slope"]).astype(np.int16)
        images[3, 0, 0, 0] += off
        return images.astype(np.uint8)[: self.program.get("images", 16)]

    def encode(self, images):
        codes = np.zeros((len(images), self.program.get("code", 4)), np.float32)
        return codes + np.float32(self.program.get("code_value", 0))


class Queue:
    """A batcher that only remembers what became of it."""

    def __init__(self, ref, on_drain=None):
        self.ref, self.on_drain, self.states = ref, on_drain, []

    async def start(self):
        self.states.append("started")

    async def drain(self):
        await asyncio.sleep(0)
        if self.on_drain:
            self.on_drain(self.ref)
        self.states.append("drained")

    def stop(self):
        self.states.append("stopped")


@pytest.fixture
def house(tmp_path, publish):
    """models_dir, a registry over it, and every engine call and batcher there was."""
    calls, queues = [], []

    def build_batcher(manifest, engine):
        queues.append(Queue(manifest.ref, on_drain=lambda ref: house.on_drain(ref)))
        return queues[-1]

    def add(name="avatars", version=1, change=None, golden=None, **program):
        program = {"slope": 30} | program
        folder = tmp_path / name / str(version)
        if folder.exists():
            shutil.rmtree(folder)
        z = latents(np.arange(16, dtype=np.uint32), 4)
        tiles = paint(z, np.zeros(16, np.int64), program["slope"])
        contents = {
            "generator.pt": json.dumps(program).encode(),
            "golden.png": png(grid(tiles)) if golden is None else golden,
            "preview.png": b"preview",
            "MODEL_CARD.md": b"# Card",
        }
        publish(tmp_path, name, version, contents=contents)
        if change:
            path = folder / "manifest.json"
            manifest = json.loads(path.read_text())
            change(manifest)
            path.write_text(json.dumps(manifest))
        return folder

    def registry(default=""):
        return Registry(tmp_path, lambda model: Painter(model, calls), build_batcher, default=default)

    house = SimpleNamespace(
        dir=tmp_path, add=add, calls=calls, queues=queues, registry=registry, on_drain=lambda ref: None
    )
    return house


def grid(tiles):
    return tiles.reshape(4, 4, SIDE, SIDE, -1).swapaxes(1, 2).reshape(4 * SIDE, 4 * SIDE, -1)


def png(image, **options):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="png", **options)
    return buffer.getvalue()


def refs(registry):
    return [model.manifest.ref for model in registry.models()]


def reload(registry):
    return asyncio.run(registry.reload())


def reason(registry):
    (refused,) = registry.refused
    assert "\n" not in refused.reason
    return refused.reason


def test_every_model_is_loaded_proved_and_started(house):
    house.add("avatars", 1)
    house.add("avatars", 2, slope=20)
    house.add("fashion", 1)
    registry = house.registry()
    change = reload(registry)
    assert change.loaded == ("avatars@1", "avatars@2", "fashion@1")
    assert (change.kept, change.removed, change.refused) == ((), (), ())
    assert refs(registry) == ["avatars@1", "avatars@2", "fashion@1"]
    assert registry.get("avatars").manifest.version == 2
    assert [queue.states for queue in house.queues] == [["started"]] * 3
    assert registry.get("fashion").digest == registry.get("fashion").manifest.files["generator.pt"].sha256


def test_engines_are_built_warmed_and_asked_outside_the_event_loop(house):
    house.add()
    reload(house.registry())
    assert house.calls == [(stage, "avatars@1", False) for stage in ("build", "warm_up", "forward")]


def test_before_the_first_load_nothing_serves(house):
    house.add()
    registry = house.registry()
    assert registry.models() == []
    with pytest.raises(NotLoaded):
        registry.get(None)


def test_the_default_is_as_set(house):
    house.add("avatars")
    house.add("fashion")
    registry = house.registry(default="fashion@1")
    reload(registry)
    assert registry.get(None).manifest.ref == "fashion@1"
    with pytest.raises(UnknownModel):
        registry.get("avatar")


class TestTheGoldenRule:
    @pytest.mark.parametrize("off", [0, 1, -2, 2])
    def test_within_tolerance(self, house, off):
        house.add(off=off)
        assert reload(house.registry()).loaded == ("avatars@1",)

    @pytest.mark.parametrize("off", [3, -3, 100])
    def test_beyond_tolerance(self, house, off):
        house.add(off=off)
        registry = house.registry()
        assert reload(registry).loaded == ()
        assert f"seed 3 came out {abs(off)} levels away from golden.png, 2 are allowed" in reason(registry)
        assert house.queues == []

    def test_the_tolerance_is_the_manifests(self, house):
        house.add(off=3, change=lambda manifest: manifest["golden"].update(tolerance=3))
        assert reload(house.registry()).loaded == ("avatars@1",)

    def test_labels_are_passed_on(self, house):
        def conditional(manifest):
            manifest["classes"] = ["a", "b"]
            manifest["golden"]["labels"] = [0] * 15 + [1]
            manifest["golden"]["tolerance"] = 0

        house.add(change=conditional)
        registry = house.registry()
        reload(registry)
        assert "seed 15 came out 1 levels away" in reason(registry)

    @pytest.mark.parametrize(
        "golden",
        [
            b"",
            b"not a png",
            png(np.zeros((32, 32, 3), np.uint8))[:-30],
            png(np.zeros((32, 31, 3), np.uint8)),
            png(np.zeros((64, 64, 3), np.uint8)),
            png(np.zeros((32, 32), np.uint8)),
            png(np.zeros((32, 32, 4), np.uint8)),
        ],
    )
    def test_a_picture_that_is_not_the_promised_one(self, house, golden):
        house.add(golden=golden or b"x")
        registry = house.registry()
        reload(registry)
        assert "golden.png is" in reason(registry)
        assert "publish" in reason(registry)

    def test_a_seed_too_few(self, house):
        house.add(images=15)
        registry = house.registry()
        reload(registry)
        assert "the generator makes (15, 8, 8, 3), the manifest says (16, 8, 8, 3)" in reason(registry)


class TestEncode:
    @staticmethod
    def encoding(manifest):
        manifest["capabilities"] = ["generate", "encode"]

    def test_codes_of_the_right_size(self, house):
        house.add(change=self.encoding)
        assert reload(house.registry()).loaded == ("avatars@1",)

    @pytest.mark.parametrize("program", [{"code": 5}, {"code_value": float("inf")}])
    def test_other_codes_are_refused(self, house, program):
        house.add(change=self.encoding, **program)
        registry = house.registry()
        reload(registry)
        assert "encode gives" in reason(registry)


@pytest.mark.parametrize("stage", ["build", "warm_up", "forward"])
@pytest.mark.parametrize("failure", ["reject", "memory"])
def test_a_generator_that_fails_is_refused_and_the_others_serve(house, stage, failure):
    house.add("avatars", **{stage: failure})
    house.add("fashion")
    registry = house.registry()
    assert reload(registry).loaded == ("fashion@1",)
    (refused,) = registry.refused
    assert refused.model == "avatars@1"
    assert f"{stage} failed; publish the model again" in refused.reason
    assert registry.get(None).manifest.ref == "fashion@1"


def test_a_damaged_file_is_refused_before_any_engine_sees_it(house, caplog):
    (house.add() / "generator.pt").write_bytes(b"{}")
    registry = house.registry()
    reload(registry)
    assert "generator.pt has 2 bytes" in reason(registry)
    assert house.calls == []
    assert "avatars@1 is not served: generator.pt has 2 bytes" in caplog.text


def test_the_same_again_is_not_loaded_again(house):
    house.add()
    registry = house.registry()
    reload(registry)
    before = registry.get("avatars")
    assert reload(registry).kept == ("avatars@1",)
    assert registry.get("avatars") is before
    assert before.batcher.states == ["started"]


class TestHotSwap:
    def test_a_new_version_takes_over_its_name_and_the_old_one_stays_askable(self, house):
        house.add(version=1)
        registry = house.registry()
        reload(registry)
        house.add(version=2, slope=10)
        change = reload(registry)
        assert (change.loaded, change.kept) == (("avatars@2",), ("avatars@1",))
        assert registry.get("avatars").manifest.version == 2
        assert registry.get("avatars@1").batcher.states == ["started"]

    def test_a_removed_version_is_drained_only_after_it_left_the_shelf(self, house):
        house.add(version=1)
        house.add(version=2, slope=10)
        registry = house.registry()
        reload(registry)
        old = registry.get("avatars@2")
        shutil.rmtree(house.dir / "avatars" / "2")
        seen = []
        house.on_drain = lambda ref: seen.append((ref, registry.get("avatars").manifest.ref))
        assert reload(registry).removed == ("avatars@2",)
        assert seen == [("avatars@2", "avatars@1")]
        assert old.batcher.states == ["started", "drained", "stopped"]

    def test_a_request_that_found_the_old_model_can_still_submit_to_it(self, house):
        house.add()
        registry = house.registry()
        reload(registry)
        old = registry.get("avatars")
        house.add(slope=10)

        async def ask_in_between():
            task = asyncio.create_task(registry.reload())
            while registry.get("avatars") is old:
                await asyncio.sleep(0)
            states = list(old.batcher.states)
            await task
            return states

        assert asyncio.run(ask_in_between()) == ["started"]
        assert old.batcher.states == ["started", "drained", "stopped"]

    def test_a_version_replaced_on_the_disk_is_exchanged(self, house):
        house.add()
        registry = house.registry()
        reload(registry)
        old = registry.get("avatars")
        house.add(slope=10)
        change = reload(registry)
        assert (change.loaded, change.kept, change.removed) == (("avatars@1",), (), ())
        assert registry.get("avatars").digest != old.digest
        assert old.batcher.states == ["started", "drained", "stopped"]
        assert registry.get("avatars").batcher.states == ["started"]

    @pytest.mark.parametrize("program", [{"off": 9}, {"build": "reject"}, {"forward": "memory"}])
    def test_a_replacement_that_fails_leaves_the_old_one_serving(self, house, program):
        house.add()
        registry = house.registry()
        reload(registry)
        old = registry.get("avatars")
        house.add(slope=10, **program)
        assert reload(registry).kept == ("avatars@1",)
        assert registry.get("avatars") is old
        assert old.batcher.states == ["started"]
        reason(registry)

    def test_a_new_version_that_fails_leaves_the_older_one_in_charge(self, house):
        house.add(version=1)
        registry = house.registry()
        reload(registry)
        house.add(version=2, off=9)
        reload(registry)
        assert registry.get("avatars").manifest.version == 1

    def test_damage_on_the_disk_does_not_take_away_what_serves(self, house):
        folder = house.add()
        registry = house.registry()
        reload(registry)
        (folder / "generator.pt").unlink()
        assert reload(registry).kept == ("avatars@1",)
        assert "generator.pt missing" in reason(registry)
        assert registry.get("avatars").batcher.states == ["started"]

    @pytest.mark.parametrize("empty", [True, False])
    def test_a_volume_that_is_gone_takes_nothing_away(self, house, empty):
        house.add()
        registry = house.registry()
        reload(registry)
        shutil.rmtree(house.dir)
        if empty:
            house.dir.mkdir()
        assert reload(registry).kept == ("avatars@1",)
        assert registry.get("avatars").batcher.states == ["started"]
        assert ("no model lies here" if empty else "cannot be listed") in reason(registry)

    def test_refusals_are_of_the_last_reload(self, house):
        house.add(off=9)
        registry = house.registry()
        reload(registry)
        assert len(registry.refused) == 1
        house.add(off=0)
        reload(registry)
        assert registry.refused == ()

    def test_a_device_that_is_lost_changes_nothing_and_leaves_no_thread(self, house):
        house.add("avatars")
        registry = house.registry()
        reload(registry)
        house.add("fashion")
        house.add("zebras", warm_up="loss")
        with pytest.raises(DeviceLost):
            reload(registry)
        assert refs(registry) == ["avatars@1"]
        assert [(queue.ref, queue.states) for queue in house.queues] == [
            ("avatars@1", ["started"]),
            ("fashion@1", ["started", "stopped"]),
        ]

    def test_a_cancelled_reload_leaves_no_thread(self, house):
        house.add("avatars")
        house.add("fashion")
        registry = house.registry()

        async def cancelled():
            task = asyncio.create_task(registry.reload())
            while not house.queues:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(cancelled())
        assert registry.models() == []
        assert all(queue.states in (["stopped"], ["started", "stopped"]) for queue in house.queues)

    def test_two_reloads_at_once_load_once(self, house):
        house.add()
        registry = house.registry()

        async def both():
            return await asyncio.gather(registry.reload(), registry.reload())

        first, second = asyncio.run(both())
        assert (first.loaded, second.kept) == (("avatars@1",), ("avatars@1",))
        assert len(house.queues) == 1

    def test_requests_go_on_while_a_model_loads(self, house):
        house.add()
        registry = house.registry()
        reload(registry)
        house.add(version=2, slope=10)

        async def ask():
            task = asyncio.create_task(registry.reload())
            answers = []
            while not task.done():
                answers.append(registry.get("avatars").manifest.version)
                await asyncio.sleep(0)
            return [*answers, registry.get("avatars").manifest.version]

        answers = asyncio.run(ask())
        assert (answers[0], answers[-1]) == (1, 2)
        assert answers == sorted(answers)


def test_drain_and_stop_reach_every_batcher(house):
    house.add("avatars")
    house.add("fashion")
    registry = house.registry()

    async def whole_life():
        await registry.reload()
        await registry.drain()
        registry.stop()

    asyncio.run(whole_life())
    assert [queue.states for queue in house.queues] == [["started", "drained", "stopped"]] * 2


def test_a_folder_at_the_wrong_place_is_named(house):
    house.add().rename(house.dir / "moved")
    registry = house.registry()
    reload(registry)
    (refused,) = registry.refused
    assert refused.model == "moved"
    assert "NAME/VERSION" in refused.reason


def test_a_folder_whose_name_is_no_text_can_be_logged_and_answered(house):
    (house.dir / "caf\udce9" / "1").mkdir(parents=True)
    registry = house.registry()
    reload(registry)
    (refused,) = registry.refused
    refused.model.encode()
    refused.reason.encode()


def test_a_missing_models_folder_is_a_refusal_with_the_reason(tmp_path):
    registry = Registry(tmp_path / "none", pytest.fail, pytest.fail)
    reload(registry)
    assert "cannot be listed" in reason(registry)


def test_a_refusal_by_the_engine_itself_is_kept_word_for_word(house, tmp_path):
    folder = house.add()

    def refuse(model):
        raise ModelRejected(model.folder, "needs a device with more memory")

    registry = Registry(tmp_path, refuse, pytest.fail)
    reload(registry)
    assert reason(registry) == "needs a device with more memory"
    assert folder.exists()


def test_the_registry_needs_no_torch():
    code = "import sys; from app.registry import registry; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
