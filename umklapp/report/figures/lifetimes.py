"""Phonon lifetimes before and after learning, mode by mode."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from umklapp.report.figures.style import BLUE, GREY, ORANGE, SETTINGS, decades, save
from umklapp.transport.mode_lifetimes import CommitteeLifetimes, ModeLifetimes

COLUMNS = ("q_point", "band", "weight", "frequency_THz",
           "lifetime_first_ps", "std_first_ps", "lifetime_last_ps", "std_last_ps")  # fmt: skip


def table(record: ModeLifetimes) -> pd.DataFrame:
    """A row per mode, columns `COLUMNS`; frequencies are those of the last committee.

    Modes are matched by q-point and by the place of their frequency among the bands. What a
    committee has not is NaN.
    """
    last, first = record.last, record.first
    computed = last if last.not_computed is None else first
    frequencies = np.array(computed.frequencies_THz if computed else [], float)
    points, bands = np.indices(frequencies.shape) if frequencies.ndim == 2 else ([], [])
    columns = {
        "q_point": np.ravel(points),
        "band": np.ravel(bands),
        "weight": np.array(record.weights, float)[np.ravel(points).astype(int)],
        "frequency_THz": frequencies.ravel(),
    }
    for name, committee in (("first", first), ("last", last)):
        columns[f"lifetime_{name}_ps"] = _values(committee, "lifetimes_ps", frequencies.size)
        columns[f"std_{name}_ps"] = _values(committee, "std_ps", frequencies.size)
    return pd.DataFrame(columns, columns=list(COLUMNS))


def _values(committee: CommitteeLifetimes | None, name: str, count: int) -> np.ndarray:
    values = np.array(getattr(committee, name) if committee else [], float).ravel()
    return values if len(values) else np.full(count, np.nan)


def draw(data: pd.DataFrame, record: ModeLifetimes, paths: Sequence[Path]) -> None:
    """Left: lifetime against frequency. Right: last against first committee, mode by mode.

    Args:
        data: of `table`.
    """
    mpl.rcParams.update(SETTINGS)
    figure = Figure(figsize=(6.6, 3.3), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, committee, look in (
        ("first", record.first, {"marker": "s", "ms": 3, "color": ORANGE, "mfc": "none"}),
        ("last", record.last, {"marker": "o", "ms": 3, "color": BLUE}),
    ):
        if committee is not None:
            left.errorbar(
                data["frequency_THz"], data[f"lifetime_{name}_ps"], yerr=data[f"std_{name}_ps"],
                ls="none", elinewidth=0.6, alpha=0.8, label=_label(committee), **look,
            )  # fmt: skip
    _on_one_scale(data, left, right)
    left.set(xlabel="frequency (THz)", ylabel=f"lifetime ({record.temperature_K:.0f} K, ps)")
    left.set_xlim(left=0)
    _parity(right, data, record)
    mesh = "×".join(map(str, record.mesh))
    left.set_title(f"{record.material}, {mesh} q-points" if mesh else record.material)
    figure.legend(loc="outside lower center", ncols=2)
    save(figure, paths)


def _label(committee: CommitteeLifetimes) -> str:
    name = f"committee of round {committee.round}"
    return f"{name}: no κ" if committee.not_computed else name


def _on_one_scale(data: pd.DataFrame, left: Axes, right: Axes) -> None:
    values = data[["lifetime_first_ps", "lifetime_last_ps"]].to_numpy().ravel()
    values = values[np.isfinite(values)]
    low, high = (0.6 * values.min(), 1.6 * values.max()) if len(values) else (0.1, 10.0)
    left.set(yscale="log", ylim=(low, high))
    right.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), aspect="equal")
    for axis in (left.yaxis, right.xaxis, right.yaxis):
        decades(axis)


def _parity(axes: Axes, data: pd.DataFrame, record: ModeLifetimes) -> None:
    both = data.dropna(subset=["lifetime_first_ps", "lifetime_last_ps"])
    axes.set(xlabel="lifetime, first committee (ps)", ylabel="lifetime, last committee (ps)")
    if both.empty:
        reason = "one round only: nothing to compare" if record.first is None else "no κ to compare"
        axes.text(0.5, 0.5, reason, ha="center", transform=axes.transAxes, fontsize=8)
        return
    axes.errorbar(
        both["lifetime_first_ps"], both["lifetime_last_ps"], xerr=both["std_first_ps"],
        yerr=both["std_last_ps"], fmt="o", ms=2.5, color=BLUE, elinewidth=0.5, alpha=0.6,
    )  # fmt: skip
    ends = np.array(axes.get_xlim())
    axes.plot(ends, ends, color=GREY, lw=0.8)
    axes.set_title(f"median last/first: {median_ratio(data):.2f}")


def median_ratio(data: pd.DataFrame) -> float:
    """Weighted median over the q-points of lifetime(last) / lifetime(first); NaN without both."""
    both = data.dropna(subset=["lifetime_first_ps", "lifetime_last_ps"])
    ratio = (both["lifetime_last_ps"] / both["lifetime_first_ps"]).to_numpy()
    if not len(ratio):
        return float("nan")
    order = np.argsort(ratio)
    share = np.cumsum(both["weight"].to_numpy()[order])
    return float(ratio[order][np.searchsorted(share, share[-1] / 2)])
