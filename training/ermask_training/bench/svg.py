"""Plots as SVG text: points with their intervals. Colours are CSS classes of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LEFT, RIGHT, WIDTH = 190, 20, 720
LINE, TOP, BOTTOM = 16, 8, 34
ROOM = 24
"""Above the highest point of a scatter plot, for its name."""
COLOURS = 8
"""Classes c0, c1, ... that the page defines."""

Point = tuple[float, float, float]
"""Value, low, high."""


@dataclass(frozen=True)
class Series:
    """Points of one colour, one for each label; None where there is none."""

    name: str
    points: Sequence[Point | None]


@dataclass(frozen=True)
class Spot:
    """A point with two values."""

    name: str
    series: str
    x: float
    y: Point


def dots(labels: Sequence[str], series: Sequence[Series], axis: str) -> str:
    """A row a label, a point a series, from 0 to 1."""
    step = LINE * len(series) + 8
    height = TOP + step * len(labels) + BOTTOM
    base = height - BOTTOM
    parts = [_start(height, axis), *_across(base, (0.0, 1.0), axis)]
    for row, label in enumerate(labels):
        middle = TOP + step * row + step / 2
        parts.append(_text(LEFT - 10, middle + 4, label, "end"))
        for number, each in enumerate(series):
            point = each.points[row]
            if point is not None:
                y = TOP + step * row + 4 + LINE * (number + 0.5)
                parts.append(_point_across(point, y, number, f"{label}, {each.name}"))
    return "".join([*parts, "</svg>"])


def scatter(spots: Sequence[Spot], across: str, up: str) -> str:
    """Points by two values; `y` lies from 0 to 1, `x` where it lies."""
    height, names = 420, list(dict.fromkeys(spot.series for spot in spots))
    low, high = min(spot.x for spot in spots), max(spot.x for spot in spots)
    margin = max(high - low, 1e-6) * 0.12
    limits = (low - margin, high + margin)
    base = height - BOTTOM
    parts = [_start(height, f"{up} by {across}"), *_across(base, limits, across)]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = base - tick * (base - ROOM)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(_text(LEFT - 10, y + 4, f"{tick:.2f}", "end"))
    parts.append(_text(8, ROOM + 4, up, "start"))
    for spot in spots:
        x = _place(spot.x, limits)
        y, top, bottom = (base - value * (base - ROOM) for value in spot.y)
        colour = names.index(spot.series) % COLOURS
        told = f"{spot.name}, {spot.series}: {spot.x:.3f}, {_told(spot.y)}"
        parts.append(
            f'<g class="c{colour}"><title>{escape(told)}</title>'
            f'<path d="M{x:.1f} {top:.1f}V{bottom:.1f}"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/></g>'
        )
        # Names stay inside the picture.
        left = x > LEFT + 0.75 * (WIDTH - LEFT - RIGHT)
        parts.append(_text(x - 7 if left else x + 7, y - 6, spot.name, "end" if left else "start"))
    return "".join([*parts, "</svg>"])


def legend(names: Sequence[str]) -> str:
    """Which colour is which series."""
    items = [
        f'<span class="c{number % COLOURS}">&#9679;</span> {escape(name)}'
        for number, name in enumerate(names)
    ]
    return f'<p class="legend">{"&ensp; ".join(items)}</p>'


def _start(height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title>"
    )


def _across(base: float, limits: tuple[float, float], axis: str) -> list[str]:
    low, high = limits
    parts = []
    for tick in range(5):
        value = low + (high - low) * tick / 4
        x = _place(value, limits)
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{base:.1f}"/>')
        parts.append(_text(x, base + 14, f"{value:.2f}", "middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, base + 29, axis, "middle"))
    return parts


def _point_across(point: Point, y: float, number: int, name: str) -> str:
    x, low, high = (_place(value, (0.0, 1.0)) for value in point)
    return (
        f'<g class="c{number % COLOURS}"><title>{escape(f"{name}: {_told(point)}")}</title>'
        f'<path d="M{low:.1f} {y:.1f}H{high:.1f}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="4"/></g>'
    )


def _place(value: float, limits: tuple[float, float]) -> float:
    low, high = limits
    return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)


def _told(point: Point) -> str:
    return f"{point[0]:.3f} ({point[1]:.3f}-{point[2]:.3f})"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
