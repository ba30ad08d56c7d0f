"""Curves as inline SVG; colours come from the page, so that one drawing serves light and dark."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 480, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 10, 30
POINTS = 240
"""More than there are pixels to show them; longer curves are averaged down to so many."""
OUTLIERS = 0.01
"""The share of the points at either end that may lie outside of the picture: one spike must not hide the rest."""
COLOURS = 6


@dataclass(frozen=True)
class _Frame:
    """Data to picture."""

    left: float
    right: float
    low: float
    high: float

    def x(self, value: float) -> float:
        return LEFT + (value - self.left) / (self.right - self.left) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)


def grouped(stats: Iterable[Mapping[str, float]]) -> dict[str, dict[str, Points]]:
    """{"Loss": {"G": [(images, value), ...], ...}, ...} from lines of stats.jsonl, whose names are like "Loss/G"."""
    groups: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for line in stats:
        for name, value in line.items():
            group, slash, curve = name.partition("/")
            if slash and math.isfinite(value):
                groups.setdefault(group, {}).setdefault(curve, []).append((line["images"], value))
    return {group: dict(curves) for group, curves in groups.items()}


def chart(title: str, curves: Mapping[str, Points]) -> str:
    """A <figure> of all the curves in one frame, over the images seen. "" if there is nothing to draw."""
    thin = {name: _averaged(points) for name, points in curves.items() if len(points) > 1}
    if not thin:
        return ""
    frame = _framed(np.concatenate(list(thin.values())))
    lines = [_line(points, frame, index % COLOURS) for index, points in enumerate(thin.values())]
    legend = "".join(
        f'<span class="key c{index % COLOURS}">{escape(name)} <b>{_short(points[-1][1])}</b></span>'
        for index, (name, points) in enumerate(curves.items())
        if name in thin
    )
    clip = f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - BOTTOM}"/>'
    identity = f"plot-{escape(title.lower(), quote=True)}"
    return (
        f"<figure><figcaption><strong>{escape(title)}</strong>{legend}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)} over images seen">'
        f'<clipPath id="{identity}">{clip}</clipPath>{_axes(frame)}'
        f'<g clip-path="url(#{identity})">{"".join(lines)}</g></svg></figure>'
    )


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from low to high, 1, 2 or 5 times a power of ten apart, in at most so many steps."""
    least = (high - low) / most * (1 - 1e-9)
    power = 10 ** math.floor(math.log10(least))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _averaged(points: Points) -> np.ndarray:
    """float64 [M, 2], M at most POINTS: neighbours averaged."""
    together = np.asarray(sorted(points), np.float64)
    if len(together) <= POINTS:
        return together
    return np.stack([part.mean(axis=0) for part in np.array_split(together, POINTS)])


def _framed(points: np.ndarray) -> _Frame:
    """[N, 2]: all of the x axis, and of the y axis all but outliers."""
    low, high = np.quantile(points[:, 1], [OUTLIERS, 1 - OUTLIERS])
    margin = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    left, right = points[:, 0].min(), points[:, 0].max()
    return _Frame(float(left), float(right if right > left else left + 1), float(low - margin), float(high + margin))


def _line(points: np.ndarray, frame: _Frame, colour: int) -> str:
    path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points)
    return f'<polyline class="c{colour}" points="{path}"/>'


def _axes(frame: _Frame) -> str:
    parts = []
    for value in ticks(frame.low, frame.high):
        y = f"{frame.y(value):.1f}"
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y}" dy="4" text-anchor="end">{_short(value)}</text>')
    for value in ticks(frame.left, frame.right):
        parts.append(
            f'<text x="{frame.x(value):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{_short(value)}</text>'
        )
    return "".join(parts)


def _short(value: float) -> str:
    """Three digits, thousands as k and millions as M."""
    for size, suffix in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{suffix}"
    return f"{value:.3g}"
