"""Requests made from the OpenAPI document, good ones and bad ones: is every answer one that the document tells of?

    python -m benchmarks.conformance [--cases 50000]        (about 10 minutes)

Schemathesis makes the requests (examples, boundaries, then chance) and applies its checks, all of them: no server
error; no status, media type, header or body that is not documented; nothing wrong accepted, nothing right refused; no
other methods; no answer without the key.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from schemathesis import openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from benchmarks.report import Check, Report, parser
from benchmarks.service import LOOPBACK, Service, serving
from benchmarks.tutorial import models_folder

CASES = 50_000
KEY = "benchmark-client"

# What a schema cannot say is told with 422 (rules between fields, names of classes, limits in pixels), and what bytes
# in a form of their own lack with 400; a model that cannot encode says so with 409, no image at all is 415.
_MAY_BE_TOLD = ["2xx", "304", "400", "404", "409", "415", "422", "429"]


@dataclass
class Found:
    """answers: by operation and status. failures: what a check had to say, once for each operation and kind."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def cases(self) -> int:
        return self.answers.total()

    def statuses(self) -> dict[str, dict[int, int]]:
        """How often each operation answered so."""
        found: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for (operation, status), count in sorted(self.answers.items()):
            found[operation][status] = count
        return found


def main() -> int:
    parse = parser(__doc__, seconds=0)
    parse.add_argument("--cases", type=int, default=CASES)
    parse.add_argument("--seed", type=int, default=0)
    options = parse.parse_args()
    report = Report("conformance", f"{options.cases:,} requests made from the OpenAPI document")
    # Small answers: what is asked here is whether they are documented.
    settings = {"max_images": 16, "max_archive_images": 64, "max_pixels": 1_000_000}
    found = Found()
    with models_folder(options.models) as models, serving(models, api_keys=KEY, **settings) as service:
        found = until(service, options.cases, options.seed)
        alive = service.ready()
    rows = [
        [operation, str(sum(told.values())), ", ".join(f"{status}: {count}" for status, count in told.items())]
        for operation, told in found.statuses().items()
    ]
    report.table(["operation", "requests", "by status"], rows)
    for title, said in found.failures.items():
        report.add(f"**{title}**\n\n```\n{said}\n```")
    errors = sum(count for (_, status), count in found.answers.items() if status >= 500 or status == 0)
    report.checks(
        Check(f"{options.cases:,} requests were made", f"{found.cases:,}", found.cases >= options.cases),
        Check("no status 5xx, none cut off", f"{errors}", errors == 0),
        Check("every answer as documented", f"{len(found.failures)} kinds of failure", not found.failures),
        Check("ready afterwards", str(alive), alive),
    )
    return report.write(options.results)


def until(service: Service, cases: int, seed: int) -> Found:
    """Rounds of different chance, until so many requests were made; the first tells how many examples that takes."""
    found = Found()
    examples = 20
    while found.cases < cases:
        before = found.cases
        explore(
            f"http://{LOOPBACK}:{service.port}", examples, found, seed=seed, headers={"Authorization": f"Bearer {KEY}"}
        )
        made = max(1, found.cases - before)
        examples = max(1, min(500, examples * (cases - found.cases) // made + 1))
        seed += 1
        print(f"{found.cases:,} requests", file=sys.stderr, flush=True)
    return found


def explore(
    url: str, examples: int, found: Found, *, seed: int = 0, headers: dict[str, str] | None = None, paths: str = ""
) -> None:
    """Adds to `found`. examples: requests by chance for each operation, good ones and bad ones; others come besides.

    paths: a regular expression; only operations whose path it matches.
    """
    for event in _events(url, examples, seed, headers or {}, paths):
        if isinstance(event, events.ScenarioFinished):
            _count(event.recorder, found)
        elif isinstance(event, events.NonFatalError):
            found.failures[f"{event.label}: {type(event.value).__name__}"] = str(event.value)
        elif isinstance(event, events.FatalError):
            raise event.exception


def _events(url: str, examples: int, seed: int, headers: dict[str, str], paths: str) -> Iterator[Any]:
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "headers": headers,
            "cache": {"enabled": False},
            "checks": {"positive_data_acceptance": {"expected-statuses": _MAY_BE_TOLD}},
            "generation": {
                "max-examples": examples,
                "deterministic": True,
                "database": "none",
                "no-shrink": True,
                "with-security-parameters": False,
            },
            "phases": {"stateful": {"enabled": False}},
        }
    )
    schema = openapi.from_url(f"{url}/openapi.json", config=config)
    yield from from_schema(schema.include(path_regex=paths) if paths else schema).execute()


def _count(recorder: Any, found: Found) -> None:
    for interaction in recorder.interactions.values():
        status = interaction.response.status_code if interaction.response is not None else 0
        found.answers[recorder.label, status] += 1
    for node in (node for nodes in recorder.checks.values() for node in nodes if node.status is not Status.SUCCESS):
        info = node.failure_info
        title = f"{recorder.label}: {node.name}" + (f": {info.failure.title}" if info else "")
        found.failures.setdefault(title, f"{info.failure}\n{info.code_sample}" if info else "the check itself failed")


if __name__ == "__main__":
    sys.exit(main())
