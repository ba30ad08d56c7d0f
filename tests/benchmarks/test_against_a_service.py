"""The tools of the benchmarks, on a real service with a small model: do they measure what they say?"""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import archive, client, hangups, image_urls, same_pixels, soak
from benchmarks.plan import Plan, Stream
from benchmarks.service import Server, ServerError, Service, free_port, serving
from benchmarks.tutorial import models_folder, publish_tutorial
from tests.benchmarks.marks import on_linux

pytestmark = on_linux


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    publish_tutorial(folder, resolution=8, width=4)
    return folder


@pytest.fixture(scope="module")
def service(models: Path) -> Iterator[Service]:
    with serving(models) as service:
        yield service


def test_what_the_client_counts_is_what_the_service_counts(service: Service) -> None:
    before = service.metrics()["images_generated_total"]
    stream = Stream("load", [{"n": 3}, {"n": 1}], 2, 60.0, requests=20)
    (summary,) = client.measure(service.port, stream)
    assert set(summary.statuses) == {"200"}
    assert service.metrics()["images_generated_total"] - before == summary.images


def test_the_same_seeds_are_the_same_pixels_in_all_the_ways_they_are_drawn(service: Service) -> None:
    seeds = range(10)
    alone = dict(same_pixels.draw(service, same_pixels.alone(seeds), connections=2))
    assert len(set(alone.values())) == 10
    for requests in (same_pixels.grids(seeds, 4), same_pixels.rotations(seeds)):
        drawn = same_pixels.draw(service, requests, connections=2)
        assert {seed for seed, _ in drawn} == set(seeds)
        assert all(alone[seed] == digest for seed, digest in drawn)


def test_other_seeds_are_other_pixels(service: Service) -> None:
    one, other = (same_pixels.draw(service, [[seed]], connections=1)[0][1] for seed in (1, 2))
    assert one != other


def test_every_seed_comes_to_every_slot() -> None:
    orders = same_pixels.rotations(range(5))
    for slot in range(5):
        assert sorted(order[slot] for order in orders) == list(range(5))


def test_a_sample_of_the_soak(service: Service) -> None:
    seen = soak.sample(service)
    assert seen.requests > 0
    assert seen.resident > 2**20
    assert seen.files > 3


def test_requests_of_all_kinds_leave_no_file_open(service: Service) -> None:
    before = soak.sample(service).files
    (summary,) = client.measure(service.port, Stream("soak", soak.MIX, 4, 60.0, requests=2 * len(soak.MIX)))
    assert set(summary.statuses) == soak.EXPECTED

    async def hang_up() -> None:
        await asyncio.gather(*(soak.hang_up(service.port) for _ in range(10)))

    asyncio.run(hang_up())
    until = time.monotonic() + 20
    while soak.sample(service).files > before and time.monotonic() < until:
        time.sleep(0.05)
    assert soak.sample(service).files <= before


def test_too_much_is_refused_with_a_time_to_come_back_and_never_makes_it_unready(service: Service) -> None:
    flood = Stream("flood", [{"n": 256, "timeout_ms": 30}], 24, 60.0, requests=200)
    load = client.start(Plan(service.port, [flood]))
    ready = []
    while load.process.poll() is None:
        ready.append(service.ready())
        time.sleep(0.02)
    (summary,) = client.collect(load)
    assert set(summary.statuses) <= {"200", "429", "504"}
    assert summary.statuses["429"] > 0
    assert summary.without_retry_after == 0
    assert all(ready)
    (after,) = client.measure(service.port, Stream("after", [{"n": 1}], 1, 60.0, requests=3))
    assert after.statuses == {"200": 3}


def test_the_slope_of_a_leak_is_found() -> None:
    samples = [soak.Sample(1000.0 * step, 10_000_000 + 50_000.0 * step, 9) for step in range(40)]
    assert soak.slope(samples) == pytest.approx(50)
    assert soak.slope(samples[:1]) == 0
    assert [seen.requests for seen in soak.settled(samples)][:2] == [4000, 5000]


def test_an_archive_is_read_whole_and_left(service: Service) -> None:
    read = archive.whole(service, 70)
    assert (read.files, read.damaged) == (70, None)
    assert 0 < read.first_s <= read.took_s
    _, made_after = archive.leave(service, 100_000, 64)
    assert made_after < 50_000  # this small a model draws thousands while its reader says goodbye


def test_a_crowd_costs_one_image(service: Service) -> None:
    slots, answers = asyncio.run(image_urls.crowd(service, 20))
    assert slots == 1
    assert {answer.status for answer in answers} == {200}
    tag, size = image_urls.look(service)
    assert size > 0
    status = {"If-None-Match": tag}, "304"
    assert image_urls.rate(service, image_urls.IMAGE, *status, seconds=0.1) > 0


def test_a_rate_of_other_answers_is_an_error(service: Service) -> None:
    with pytest.raises(RuntimeError, match="404"):
        image_urls.rate(service, "/nowhere", {}, "200", seconds=0.1)


def test_constant_bytes_are_served() -> None:
    with image_urls.constant(100) as plain:
        assert plain.ask("GET", image_urls.CONSTANT) == (200, bytes(100))


def test_clients_that_hang_up_while_queued(models: Path) -> None:
    with serving(models, max_images=1024, max_batch_size=hangups.turn_of(1024)) as service:
        found = asyncio.run(hangups.hang_up(service, 5, 1024))
    assert found.computed + found.cancelled == 5
    assert found.block_status == 200
    assert found.open_files_left <= 0  # less: the probe's connection had not been closed when they were first counted


def test_a_chosen_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    with models_folder(tmp_path) as folder:
        assert folder == tmp_path.resolve()


def test_a_server_that_ends_before_it_is_ready_is_told_with_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerError, match=r"(?s)status 78.*TESSERA_LOG_LEVEL"),
        serving(tmp_path, log_level="shouting"),
    ):
        pass


def test_stopping_ends_what_the_server_started(tmp_path: Path) -> None:
    script = "sleep 600 & echo $! > child; wait"
    server = Server(["sh", "-c", f"cd {tmp_path}; {script}"], free_port(), {}, tmp_path / "log")
    child = tmp_path / "child"
    server.wait_until(lambda: child.exists() and child.read_text().strip() != "")
    server.stop()
    until = time.monotonic() + 10
    while alive(int(child.read_text())):
        assert time.monotonic() < until
        time.sleep(0.01)


def alive(process: int) -> bool:
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    ).stdout
    return bool(state.strip()) and not state.startswith("Z")
