import pytest
from opentelemetry import trace

from app.front import tracing
from app.front.tracing import trace_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def sent(*values: str) -> str:
    return trace_id({"headers": [(b"host", b"x"), *((b"traceparent", value.encode("latin-1")) for value in values)]})


@pytest.mark.parametrize("value", [PARENT, PARENT[:-2] + "00", f"cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later"])
def test_the_callers_trace_is_taken(value: str) -> None:
    assert sent(value) == TRACE


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        TRACE,
        PARENT.replace("4bf9", "4BF9"),
        PARENT + "-more",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        PARENT.replace("a", "\xe9"),
    ],
)
def test_what_is_not_well_formed_is_no_trace(value: str) -> None:
    assert sent(value) == ""


def test_none_and_two_are_no_trace() -> None:
    assert sent() == sent(PARENT, PARENT) == ""


def test_spans_are_wanted_where_somebody_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not tracing.wanted()
    monkeypatch.setattr(trace, "get_tracer_provider", trace.NoOpTracerProvider)
    assert tracing.wanted()
