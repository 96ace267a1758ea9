"""Names beside points, where they cover no point, no error bar and no other name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.transforms import Bbox

DISTANCES = (4.0, 8.0, 13.0, 19.0, 26.0, 34.0)
"""From the point to the edge of its name, in points of print, the nearest first."""

LINE_FROM = 6.0
"""Distance from which a thin line leads from the point to its name."""

ANGLES = np.radians([0, 180, 315, 45, 225, 135, 270, 90, 338, 22, 202, 158, 292, 68, 248, 112])
"""Directions of a name from its point, the preferred first: right, left, lower right, …"""

SIDES = (("left", "bottom"), ("center", "center"), ("right", "top"))
"""Which edge of the name is at its place, horizontally and vertically."""

SLANT = 1.0
"""Shift in points of print up to which a name is centred on its point in that direction."""

POINT_SIZE = 5.0
"""Width and height that a name leaves free around every point, in points of print."""

GAP = 1.0
"""Between two names, in points of print."""

CAP_SIZE = 3.0
"""Half width that a name leaves free along every error bar, for its caps, in points of print."""


def place(
    axes: Axes,
    points: np.ndarray,
    names: Sequence[str],
    size: float = 6,
    others: np.ndarray | None = None,
) -> list[str]:
    """Write each name beside its point; the last step before the figure is saved.

    The layout of the figure is computed and fixed here, since distances on paper depend on it.

    Args:
        points: (n, 2) data coordinates. names: n of them; the first are placed first. size: of the
            letters, in points. others: (m, 2) points without a name that no name may cover.

    Returns:
        Names for which there is no free place; the figure does not show them.

    Raises:
        ValueError: the axes belong to no figure.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes belong to no figure")
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    if not len(points):
        return []
    scale = figure.dpi / 72
    marks = np.vstack([points, np.empty((0, 2)) if others is None else others])
    half = POINT_SIZE * scale / 2
    taken = [
        Bbox([[x - half, y - half], [x + half, y + half]])
        for x, y in axes.transData.transform(marks)
    ]
    taken += [box.padded(CAP_SIZE * scale) for box in _error_bars(axes)]
    missing = []
    for point, name in zip(points, names, strict=True):
        written = axes.text(0, 0, name, fontsize=size)
        extent = written.get_window_extent()
        written.remove()
        middle = axes.transData.transform(point)
        free = _free_place(axes.get_window_extent(), middle, extent, scale, taken)
        if free is None:
            missing.append(name)
            continue
        box, offset = free
        taken.append(box.padded(GAP * scale))
        line = {"arrowstyle": "-", "lw": 0.4, "color": "0.5", "shrinkA": 0, "shrinkB": 2.5}
        away = float(np.hypot(*offset)) > LINE_FROM
        axes.annotate(
            name, tuple(point), tuple(offset), textcoords="offset points", fontsize=size,
            ha=SIDES[_side(offset[0])][0], va=SIDES[_side(offset[1])][1],
            arrowprops=line if away else None,
        )  # fmt: skip
    return missing


def _error_bars(axes: Axes) -> list[Bbox]:
    """Boxes in pixels of all error bars of a panel, as far as they are inside of it."""
    bars = [one for one in axes.containers if isinstance(one, ErrorbarContainer)]
    ends = [ends for bar in bars for lines in bar.lines[2] for ends in lines.get_segments()]
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    inside = [np.clip(pair, (left, low), (right, high)) for pair in ends if len(pair) == 2]
    boxes = [Bbox(axes.transData.transform(pair)) for pair in inside if np.isfinite(pair).all()]
    return [box for box in boxes if max(abs(box.width), abs(box.height)) > 1]


def _free_place(
    frame: Bbox, middle: np.ndarray, extent: Bbox, scale: float, taken: Sequence[Bbox]
) -> tuple[Bbox, np.ndarray] | None:
    """Box of the name in pixels and its distance from the point in points of print, or None."""
    size = np.array([extent.width, extent.height])
    for distance in DISTANCES:
        for angle in ANGLES:
            offset = distance * np.array([np.cos(angle), np.sin(angle)])
            anchor = middle + scale * offset
            share = np.array([0.0, 0.5, 1.0])[[_side(offset[0]), _side(offset[1])]]
            corner = anchor - share * size
            box = Bbox([corner, np.add(corner, size)])
            inside = frame.contains(box.x0, box.y0) and frame.contains(box.x1, box.y1)
            if inside and not box.count_overlaps(taken):
                return box, offset
    return None


def _side(offset: float) -> int:
    """Index in `SIDES`: 0 if the name is to the right of its point or above it, 2 if opposite."""
    return 0 if offset > SLANT else 2 if offset < -SLANT else 1
