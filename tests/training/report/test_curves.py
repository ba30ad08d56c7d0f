"""Curves: where the points lie, what is left out, and that no name breaks the page."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from training.report.curves import chart, grouped, ticks


def polylines(figure: str) -> list[list[tuple[float, float]]]:
    lines = re.findall(r'points="([^"]*)"', figure)
    return [[tuple(map(float, point.split(","))) for point in line.split()] for line in lines]


def test_lines_of_the_log_become_curves_by_group():
    stats = [
        {"images": 0, "seconds": 1, "Loss/G": 1.0, "Loss/D": 2.0},
        {"images": 32, "Loss/G": 0.5, "Health/spread": 3},
    ]
    assert grouped(stats) == {
        "Loss": {"G": [(0, 1.0), (32, 0.5)], "D": [(0, 2.0)]},
        "Health": {"spread": [(32, 3)]},
    }


def test_numbers_that_are_none_are_left_out():
    assert grouped([{"images": 0, "Loss/G": float("nan")}, {"images": 1, "Loss/G": float("inf")}]) == {}


def test_a_chart_is_whole_xml_and_shows_every_curve():
    figure = chart("Loss", {"G": [(0, 1.0), (100, 0.0)], "D": [(0, 0.2), (100, 0.4)]})
    ElementTree.fromstring(figure)
    falling, rising = polylines(figure)
    assert falling[0][0] == rising[0][0] < falling[1][0] == rising[1][0]
    assert falling[0][1] < falling[1][1]
    assert rising[0][1] > rising[1][1]
    assert "G <b>0</b>" in figure


def test_names_from_elsewhere_are_text():
    figure = chart('<script>"', {"<b>&": [(0, 1), (1, 2)]})
    ElementTree.fromstring(figure)
    assert "<script>" not in figure


def test_nothing_to_draw_is_no_chart():
    assert chart("Loss", {}) == ""
    assert chart("Loss", {"G": [(0, 1.0)]}) == ""


def test_a_spike_does_not_hide_the_rest():
    points = [(n, 1.0 + n % 2) for n in range(200)]
    points[100] = (100, 1e6)
    (line,) = polylines(chart("Loss", {"G": points}))
    heights = [y for _, y in line[:50]]
    assert max(heights) - min(heights) > 100


def test_long_curves_are_averaged_down():
    (line,) = polylines(chart("Loss", {"G": [(n, n) for n in range(10_000)]}))
    assert len(line) == 240
    assert [y for _, y in line] == sorted((y for _, y in line), reverse=True)


def test_a_level_curve_is_drawn():
    (line,) = polylines(chart("Loss", {"G": [(5, 0.0), (5, 0.0)]}))
    assert len(line) == 2


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 7), (0, 96_000), (1.01, 1.09), (-1e-3, 2e-3)])
def test_ticks_are_round_numbers(low, high):
    found = ticks(low, high)
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)
    assert 2 <= len(found) <= 6
    step = found[1] - found[0]
    assert any(step == pytest.approx(factor * 10.0**power) for factor in (1, 2, 5) for power in range(-5, 6))
