"""Loading, proving and exchanging models, with engines that paint: tests/contract has the real ones."""

import asyncio
import subprocess
import sys

import numpy as np
import pytest

from app.errors import ModelRejected, NotLoaded, UnknownModel
from app.registry.registry import Registry
from tests.app.registry.painted import png, reason, refs, reload


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


def test_how_its_pictures_are_deflated_best_is_found_from_its_golden_seeds(house, monkeypatch):
    house.add()
    monkeypatch.setattr("app.registry.registry.usually_filtered", lambda images: images.shape == (16, 8, 8, 3))
    registry = house.registry()
    reload(registry)
    assert registry.get("avatars").filtered is True


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
