"""What lint found, as a table for people and as JSON for programs. Holds file names and counts, nothing of any
metadata."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.data.scan import Rejected

NAMES_SHOWN = 10


@dataclass(frozen=True)
class LintReport:
    """errors: why the folder cannot be trained on (empty: it can). warnings: what to know before doing so."""

    folder: str
    files: int
    usable: int
    """Images that can be read, each counted once however often it is there."""
    resolution: int
    channels: int
    fit: str
    rejects: tuple[Rejected, ...]
    ignored: tuple[str, ...]
    duplicates: tuple[tuple[str, ...], ...]
    """Groups of files with the same pixels; the first of each is used."""
    near_duplicates: tuple[tuple[str, ...], ...]
    """Groups of files that look the same; all are used, on one side of the held-out split."""
    formats: dict[str, int]
    modes: dict[str, int]
    sides: tuple[int, int, int]
    """Smallest, median and largest shorter side, in pixels."""
    turned: int
    """Images with an EXIF orientation other than upright; they were turned."""
    not_square: int
    enlarged: int
    """Images smaller than the resolution."""
    classes: dict[str, int]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.errors

    @property
    def exit_status(self) -> int:
        """0 if the folder can be trained on, 1 if not."""
        return 0 if self.ok else 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "LintReport":
        """The report that to_json gave, also after a way through a file. Raises TypeError or KeyError for anything
        else."""
        frozen: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        frozen["rejects"] = tuple(Rejected(**reject) for reject in values["rejects"])
        for key in ("duplicates", "near_duplicates"):
            frozen[key] = tuple(tuple(group) for group in values[key])
        return cls(**frozen)

    def table(self) -> str:
        """Text of several lines, no wider than the longest file name asks for."""
        rows = [
            ("folder", self.folder),
            ("images", f"{self.usable} usable of {self.files} files"),
            ("trained at", f"{self.resolution}x{self.resolution}, {_COLOURS[self.channels]}, fit {self.fit}"),
            ("shorter side", f"{self.sides[0]} to {self.sides[2]} pixels, median {self.sides[1]}"),
            ("not square", f"{self.not_square}"),
            ("enlarged", f"{self.enlarged}"),
            ("turned by EXIF", f"{self.turned}"),
            ("formats", _counts(self.formats)),
            ("modes", _counts(self.modes)),
            ("classes", _counts(self.classes) or "none"),
            ("rejected", f"{len(self.rejects)}"),
            ("same pixels", f"{sum(len(group) - 1 for group in self.duplicates)} left out"),
            ("look the same", f"{sum(len(group) - 1 for group in self.near_duplicates)}"),
        ]
        lines = [f"{title:<15} {value}" for title, value in rows]
        lines += _list("rejected", [f"{reject.name}: {reject.reason}" for reject in self.rejects])
        lines += _list("same pixels", [" = ".join(_few(group)) for group in self.duplicates])
        lines += _list("look the same", [" ~ ".join(_few(group)) for group in self.near_duplicates])
        lines += [f"warning: {warning}" for warning in self.warnings]
        lines += [f"error: {error}" for error in self.errors]
        return "\n".join(lines)


_COLOURS = {1: "grey", 3: "RGB on white", 4: "RGB with transparency"}


def _counts(counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = [f"and {len(ordered) - NAMES_SHOWN} more"] if len(ordered) > NAMES_SHOWN else []
    return ", ".join([f"{name} {count}" for name, count in ordered[:NAMES_SHOWN]] + more)


def _list(title: str, entries: Sequence[str]) -> list[str]:
    return [f"  {title}: {entry}" for entry in _few(entries)]


def _few(entries: Sequence[str]) -> list[str]:
    more = [f"and {len(entries) - NAMES_SHOWN} more"] if len(entries) > NAMES_SHOWN else []
    return [*entries[:NAMES_SHOWN], *more]
