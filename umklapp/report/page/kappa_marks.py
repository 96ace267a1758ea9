"""κ by every method as marks on one logarithmic axis: a strip for the table, and the large form."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup, escape

from umklapp.report.page.formatting import with_error
from umklapp.report.page.standing import Row

WIDTH, HEIGHT, MARGIN = 150.0, 26.0, 6.0

USUAL, SHORT = (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Times powers of ten: ticks of a logarithmic axis, the latter where its ends are within 6."""


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis from `low` to `high` (W/(m K)) over a width."""

    low: float
    high: float
    left: float
    right: float

    def place(self, value: float) -> float:
        """Where a value lies; values beyond an end lie on it."""
        inside = min(max(value, self.low), self.high)
        share = math.log(inside / self.low) / math.log(self.high / self.low)
        return self.left + share * (self.right - self.left)

    def ticks(self) -> list[float]:
        """Two or more: 1, 2, 5 times powers of ten, more on a short axis, powers on a long one."""
        span = self.high / self.low
        return self._ticks(SHORT if span < 6 else USUAL if span < 60 else (1,))

    def _ticks(self, steps: tuple[float, ...]) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        marks = [step * 10.0**power for power in decades for step in steps]
        return [mark for mark in marks if self.low <= mark <= self.high]


def axis_of(values: Iterable[float], left: float, right: float) -> Axis:
    """An axis with room for these values (W/(m K)); 1 to 10 without any positive one."""
    positive = [value for value in values if value > 0]
    low, high = (min(positive) / 1.4, max(positive) * 1.4) if positive else (1.0, 10.0)
    return Axis(low, high, left, right)


def common_axis(rows: Sequence[Row]) -> Axis:
    """One axis for the strips of all materials, so that they can be compared by eye."""
    values = [value for row in rows for value in _values(row)]
    ends = [
        end
        for row in rows
        for kappa in (row.boltzmann, row.green_kubo, row.baseline)
        if kappa
        for end in ends_of(kappa.value, kappa.error)
    ]
    return axis_of([*values, *ends], MARGIN, WIDTH - MARGIN)


def ends_of(value: float, error: float | None) -> tuple[float, float]:
    """Where the bar of a value ends on a logarithmic axis: at a quarter of it, at the lowest."""
    return max(value - (error or 0.0), value / 4), value + (error or 0.0)


def _values(row: Row) -> list[float]:
    own = [kappa.value for kappa in (row.boltzmann, row.green_kubo, row.baseline) if kappa]
    return [*own, *row.experiment, *row.ab_initio]


def strip(row: Row, axis: Axis) -> Markup:
    """The marks of one material: literature as a bar, own values with their errors."""
    if not _values(row):
        return Markup("")
    published = [*row.experiment, *row.ab_initio]
    middle, parts, texts = HEIGHT / 2, [], []
    parts += [
        f'<line x1="{axis.place(tick):.1f}" x2="{axis.place(tick):.1f}" y1="3" '
        f'y2="{HEIGHT - 3}" class="grid"/>'
        for tick in axis.ticks()
    ]
    if published:
        start, end = axis.place(min(published)), axis.place(max(published))
        parts.append(
            f'<rect x="{start - 2:.1f}" width="{end - start + 4:.1f}" y="{middle - 7}" height="14" '
            'class="literature"/>'
        )
        texts.append(f"literature {with_error(min(published))} to {with_error(max(published))}")
    for name, kappa, label in (
        ("baseline", row.baseline, "without labels"),
        ("dynamics", row.green_kubo, "Green–Kubo"),
        ("boltzmann", row.boltzmann, "Boltzmann equation"),
    ):
        if kappa is None or kappa.value <= 0:
            continue
        x = axis.place(kappa.value)
        if kappa.error:
            low, high = map(axis.place, ends_of(kappa.value, kappa.error))
            parts.append(
                f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" '
                f'class="bar {name}"/>'
            )
        style = f"{name} doubtful" if kappa.doubt else name
        parts.append(f'<circle cx="{x:.1f}" cy="{middle}" r="4" class="mark {style}"/>')
        texts.append(f"{label} {with_error(kappa.value, kappa.error)}")
    text = escape(f"κ in W/(m K): {', '.join(texts)}")
    return Markup(
        f'<svg class="strip" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{text}">'
        f"<title>{text}</title>{''.join(parts)}</svg>"
    )


@dataclass(frozen=True)
class Layout:
    """The large form in pixels: its width, where its axis begins, the height of a line.

    above: whether names stand above their marks, not to the left. look: class of its style.
    """

    width: float
    left: float
    line: float
    above: bool
    look: str


BROAD = Layout(760.0, 270.0, 28.0, above=False, look="broad")
NARROW = Layout(350.0, 14.0, 46.0, above=True, look="narrow")
"""For a telephone."""


def forest(table: pd.DataFrame, doubtful: bool = False, layout: Layout = BROAD) -> Markup:
    """A line per method with its value and error on a logarithmic axis.

    Args:
        table: of `comparison.rows`. doubtful: whether Green–Kubo is no result: then it is hollow.
    """
    if not len(table):
        return Markup("")
    table = table[table["kappa_W_per_mK"] > 0]
    errors = table["error_W_per_mK"].astype(float).fillna(0.0)
    pairs = zip(table["kappa_W_per_mK"].astype(float), errors, strict=True)
    axis = axis_of(
        (end for pair in pairs for end in ends_of(*pair)), layout.left, layout.width - 20
    )
    methods = list(dict.fromkeys(table["method"]))
    bottom = 10 + layout.line * len(methods)
    parts = [
        f'<line x1="{axis.place(t):.1f}" x2="{axis.place(t):.1f}" y1="8" y2="{bottom}" '
        f'class="grid"/><text x="{axis.place(t):.1f}" y="{bottom + 16}" class="tick" '
        f'text-anchor="middle">{t:g}</text>'
        for t in axis.ticks()
    ]
    for row, method in enumerate(methods):
        own = table[table["method"] == method]
        y = 10 + layout.line * (row + (0.75 if layout.above else 0.5))
        parts.append(_name(str(method), y, layout))
        dynamics = doubtful and method.startswith(("Green–Kubo", "cepstral"))
        parts += [_point(row, axis, y, "doubtful" if dynamics else "") for _, row in own.iterrows()]
    parts.append(
        f'<text x="{(layout.left + layout.width - 20) / 2}" y="{bottom + 34}" class="tick" '
        'text-anchor="middle">κ (W/(m K))</text>'
    )
    return Markup(
        f'<svg class="chart {layout.look}" viewBox="0 0 {layout.width:.0f} {bottom + 42:.0f}" '
        'role="img" '
        f'aria-label="κ by every method; the numbers are in the table below">{"".join(parts)}</svg>'
    )


def _name(method: str, y: float, layout: Layout) -> str:
    """The name of a method above its line, or beside it, there in two lines where it is long."""
    if layout.above:
        return f'<text x="{layout.left}" y="{y - 14:g}">{escape(method)}</text>'
    lines = textwrap.wrap(method, 36, break_on_hyphens=False)
    first = y + 4 - 7 * (len(lines) - 1)
    spans = "".join(
        f'<tspan x="{layout.left - 10}" y="{first + 14 * place:g}">{escape(line)}</tspan>'
        for place, line in enumerate(lines)
    )
    return f'<text text-anchor="end">{spans}</text>'


def _point(row: pd.Series, axis: Axis, y: float, look: str = "") -> str:
    value, error = float(row["kappa_W_per_mK"]), row["error_W_per_mK"]
    published = row["error_is"] == "as published"
    error = None if pd.isna(error) else float(error)
    text = escape(f"{row['method']}: {with_error(value, error)} W/(m K); ±: {row['error_is']}")
    bar = ""
    if error:
        low, high = map(axis.place, ends_of(value, error))
        bar = f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" class="bar boltzmann"/>'
    look = look or ("published" if published else "boltzmann")
    return (
        f'<g><title>{text}</title>{bar}<circle cx="{axis.place(value):.1f}" cy="{y}" r="5" '
        f'class="mark {look}"/></g>'
    )
