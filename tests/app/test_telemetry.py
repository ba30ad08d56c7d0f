from prometheus_client.parser import text_string_to_metric_families

from app.telemetry import Telemetry


def samples(telemetry: Telemetry) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(telemetry.exposition().decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(telemetry: Telemetry, name: str, **labels: str) -> float:
    return samples(telemetry)[name, frozenset(labels.items())]


def test_requests_are_counted_by_route_method_and_status() -> None:
    telemetry = Telemetry()
    for status in (200, 200, 429):
        telemetry.answered("/generate", "POST", status)(0.01)
    assert value(telemetry, "tessera_requests_total", route="/generate", method="POST", status="200") == 2
    assert value(telemetry, "tessera_requests_total", route="/generate", method="POST", status="429") == 1
    assert value(telemetry, "tessera_request_seconds_count", route="/generate") == 3


def test_what_is_counted_some_at_a_time_is_there_at_every_scrape_and_once() -> None:
    telemetry = Telemetry()
    over = telemetry.answered("/generate", "POST", 429)
    answered = 0
    for more in (1, 600, 0, 255):
        for _ in range(more):
            telemetry.arrived()
            over(0.01)
            telemetry.rejected("avatars@1", "queue_full", 16)
        answered += more
        told = samples(telemetry)
        route = frozenset({("route", "/generate")})
        assert told["tessera_requests_total", route | {("method", "POST"), ("status", "429")}] == answered
        assert told["tessera_request_seconds_count", route] == answered
        refused = frozenset({("model", "avatars@1"), ("reason", "queue_full")})
        assert told["tessera_images_rejected_total", refused] == 16 * answered
        assert told["tessera_requests_in_flight", frozenset()] == 0


def test_requests_in_flight_go_up_and_down() -> None:
    telemetry = Telemetry()
    telemetry.arrived()
    telemetry.arrived()
    telemetry.answered("/generate", "POST", 200)(0.01)
    assert value(telemetry, "tessera_requests_in_flight") == 1


def test_an_invented_method_makes_no_series_of_its_own() -> None:
    telemetry = Telemetry()
    telemetry.answered("unmatched", "BREW", 405)(0.01)
    assert value(telemetry, "tessera_requests_total", route="unmatched", method="other", status="405") == 1


def test_what_a_batcher_reports_is_kept_by_model() -> None:
    telemetry = Telemetry()
    observer = telemetry.observer("avatars@1")
    observer.batch(16, 0.02)
    observer.batch(64, 0.08)
    observer.waited(0.5, 3)
    observer.cancelled(5)
    observer.rejected("queue_full", 7)
    observer.oom_split()
    model = {"model": "avatars@1"}
    assert value(telemetry, "tessera_batch_size_count", **model) == 2
    assert value(telemetry, "tessera_batch_size_sum", **model) == 80
    assert value(telemetry, "tessera_batch_size_bucket", le="16.0", **model) == 1
    assert value(telemetry, "tessera_forward_seconds_count", **model) == 2
    assert value(telemetry, "tessera_queue_wait_seconds_sum", **model) == 0.5
    assert value(telemetry, "tessera_images_cancelled_total", **model) == 5
    assert value(telemetry, "tessera_images_rejected_total", reason="queue_full", **model) == 7
    assert value(telemetry, "tessera_oom_splits_total", **model) == 1


def test_two_applications_in_one_process_do_not_mix() -> None:
    first, second = Telemetry(), Telemetry()
    first.generated("avatars@1", 64)
    second.generated("avatars@1", 1)
    assert value(first, "tessera_images_generated_total", model="avatars@1") == 64


def test_watched_values_are_read_at_each_scrape() -> None:
    telemetry, now = Telemetry(), [1.0]
    telemetry.watch("ready", "1 when ready.", lambda: now[0])
    assert value(telemetry, "tessera_ready") == 1
    now[0] = 0.0
    assert value(telemetry, "tessera_ready") == 0


def test_a_models_gauges_are_read_at_each_scrape() -> None:
    telemetry, waiting = Telemetry(), [3]
    telemetry.watch_model("avatars@1", lambda: waiting[0], lambda: 2**30)
    waiting[0] = 5
    assert value(telemetry, "tessera_queue_images", model="avatars@1") == 5
    assert value(telemetry, "tessera_device_memory_bytes", model="avatars@1") == 2**30
    telemetry.watch_model("avatars@1", lambda: 0, lambda: 0)
    assert value(telemetry, "tessera_queue_images", model="avatars@1") == 0


def test_the_process_itself_is_measured() -> None:
    assert any(name == "process_resident_memory_bytes" for name, _ in samples(Telemetry()))
