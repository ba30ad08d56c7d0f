"""The trace that a request belongs to (W3C Trace Context), for its log line.

Where traces are exported the request has a span of its own, a child of the caller's. Where they are not, the caller's
`traceparent` is still what the lines of all services of one call have in common.
"""

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.front.limits import Scope

_PROPAGATOR = TraceContextTextMapPropagator()


def wanted() -> bool:
    """Whether somebody takes spans; to be asked once the service has been told to whom traces go."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def trace_id(scope: Scope) -> str:
    """32 hexadecimal digits; empty: no trace, or a header that is not well formed."""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        sent = [value for name, value in scope["headers"] if name == b"traceparent"]
        if len(sent) != 1:
            return ""
        context = _PROPAGATOR.extract({"traceparent": sent[0].decode("latin-1")})
        span = trace.get_current_span(context).get_span_context()
    return f"{span.trace_id:032x}" if span.is_valid else ""
