"""How many DFT labels κ needs: a foundation model, the Taylor expansion, both, and a plain fit.

    python benchmarks/panel.py --params phono3py_params_NaCl.yaml.xz --model nequix-oam-1-pft.nqx

A params file of phono3py holds DFT forces on displaced supercells, and Born charges. The truth is κ
of symfc's fit to DFT's forces on some of them; a potential's κ is that of the fit to its own forces
on the same frames, so that an exact potential has the truth exactly. There are two kinds of file:

  every atom displaced at random   the truth is of the first `--cells` frames, labels are others
  (phono3py --rd)
  one or two atoms displaced       the truth is of all frames that were calculated (pairs beyond the
  (phono3py -d)                    file's cutoff were not: fc3 ends there), and labels are those
                                   of them in which two atoms are displaced. They are part of the
                                   truth, and a label says much less: of the third order it knows
                                   only what these two atoms do.

The column `displaced_atoms` says how many atoms are displaced in a label. A row is κ(300 K) from n
labels, drawn at random, by one method:

  foundation           the model alone (n = 0)
  foundation+evidence  the model as the mean of the Taylor correction, as `corrected.json` has it:
                       widths relative to the model's own force constants, with the factors that
                       the residuals make most likely (`taylor.relative`, `taylor.residual`)
  foundation+taylor    the same with the fixed widths of `potential.taylor` (`taylor.correction`)
  taylor               the Taylor expansion without a model
  symfc                least squares, without any prior

κ_SRME compares κ mode by mode with that of DFT's force constants (`transport.srme`).
All share lattice and Born charges of the file, one supercell for fc2 and fc3 (a larger one for fc2
is left out, as nobody gets labels there), and the mesh.
Rows that are in the table are not made again. Several files may be given; a file whose truth is not
that of the rows of its crystal (another force set, `--cells` or `--mesh`) is refused.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from phono3py import Phono3py

from umklapp import config
from umklapp.crystals import frames, materials
from umklapp.crystals.formats import force_sets
from umklapp.crystals.formats.displaced_cells import SAME_PLACE, check_forces
from umklapp.crystals.formats.force_sets import load_params
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.errors import CalculationError, InputError, UmklappError
from umklapp.files import replacing
from umklapp.lattice import force_constants
from umklapp.lattice.repeated_fit import RepeatedFit
from umklapp.potentials import foundation
from umklapp.potentials.contract import Potential, Prediction
from umklapp.potentials.foundation import FoundationPotential
from umklapp.potentials.taylor.correction import Corrected, NoPotential, correct
from umklapp.potentials.taylor.prior import Prior
from umklapp.potentials.taylor.relative import relative_to
from umklapp.potentials.taylor.residual import Residual
from umklapp.potentials.taylor.stiffness import widened
from umklapp.report.figures import panel as figure
from umklapp.transport import bte, srme

COLUMNS = [
    "crystal", "labels", "draw", "method", "kappa", "kappa_error_bar", "kappa_dft", "kappa_srme",
    "displaced_atoms",
]  # fmt: skip
METHODS = ("foundation", "foundation+taylor", "foundation+evidence", "taylor", "symfc")
OVERSAMPLING = 3.0
"""Cells behind the truth, as a multiple of the least that can be fitted."""

SAME = 1e-3
"""Relative difference of two truths that is rounding."""

POSTERIOR_DRAWS = 6
"""Of the force constants, for the error bar of `foundation+evidence`."""


class Remembered:
    """A potential that evaluates every frame once."""

    def __init__(self, potential: Potential) -> None:
        self.potential, self.forces = potential, {}

    def evaluate(self, cells: Sequence[Atoms]) -> Prediction:
        for cell in cells:
            name = frames.frame_id(cell)
            if name not in self.forces:
                self.forces[name] = self.potential.evaluate([cell]).forces[0]
        known = [self.forces[frames.frame_id(cell)] for cell in cells]
        return Prediction(np.zeros(len(cells)), known, np.full((len(cells), 6), np.nan))


@dataclass
class Panel:
    """One crystal: DFT frames, and how κ is computed from forces.

    read_off: labelled frames of the supercell `perfect` that every fc2 and fc3 is fitted to;
    labels: those that may be learned from; modes: folder for files of κ by modes; relative: the
    prior of `foundation+evidence`, once it is known.
    """

    name: str
    file: Phono3py
    read_off: list[Atoms]
    labels: list[Atoms]
    perfect: Atoms
    taylor: config.Taylor
    conductivity: config.Conductivity
    modes: Path
    relative: Prior | None = None

    @classmethod
    def of(cls, path: Path, options: argparse.Namespace, modes: Path) -> Panel:
        """From a params file."""
        file = load_params(path)
        check(path, file)
        sets = force_sets.calculated(file, path)
        labels = []
        for shift, forces in zip(sets.shifts, sets.forces, strict=True):
            frame = sets.perfect.copy()
            frame.positions += shift
            rest = forces - forces.mean(axis=0)
            label = frames.labelled(frame, 0.0, rest, None, engine="file", settings_hash="s")
            labels.append(label)
        read_off, others = divided(path, file, labels, options)
        conductivity = config.Conductivity(mesh=[options.mesh] * 3)
        name = materials.key_of(from_phonopy(file.primitive))
        taylor = config.Taylor(noise=options.noise)
        return cls(name, file, read_off, others, sets.perfect, taylor, conductivity, modes)

    def calculation(self) -> Phono3py:
        """Empty, with cells and Born charges of the file."""
        file = self.file
        fresh = Phono3py(file.unitcell, file.supercell_matrix, file.primitive_matrix)
        fresh.nac_params = file.nac_params
        return fresh

    def kappa_of(self, potential: Potential) -> tuple[float, float]:
        """κ(300 K) in W/(m K) of a potential, NaN where there is none, and its κ_SRME."""
        forces = potential.evaluate(self.read_off).forces
        return self._compared(self.calculation_of(self.fit, forces))

    def coarse_kappa_of(self, potential: Potential) -> float:
        """κ(300 K) on a mesh of two thirds of the q-points along every axis."""
        forces = potential.evaluate(self.read_off).forces
        coarse = [max(5, (2 * points) // 3) for points in self.conductivity.mesh]
        return self._solve(self.calculation_of(self.fit, forces), coarse)

    def kappa_of_fit(self, labels: Sequence[Atoms]) -> tuple[float, float]:
        """κ(300 K) of symfc's fit to labels, and its κ_SRME; NaN where they do not fix it."""
        forces = [label.get_forces() for label in labels]
        try:
            fit = self._fit_to(labels)
        except CalculationError:
            return float("nan"), float("nan")
        return self._compared(self.calculation_of(fit, forces))

    @cached_property
    def reference(self) -> tuple[float, Path]:
        """κ(300 K) of DFT's own force constants, and the file of its modes."""
        forces = [label.get_forces() for label in self.read_off]
        path = self.modes / f"{self.name}_truth.hdf5"
        calculation = self.calculation_of(self.fit, forces)
        return self._solve(calculation, self.conductivity.mesh, path), path

    @property
    def truth(self) -> float:
        """κ(300 K) of DFT's own force constants, W/(m K)."""
        return self.reference[0]

    def _compared(self, calculation: Phono3py) -> tuple[float, float]:
        path = self.modes / f"{self.name}_row.hdf5"
        kappa = self._solve(calculation, self.conductivity.mesh, path)
        return kappa, srme.srme(path, self.reference[1]).value

    @cached_property
    def fit(self) -> RepeatedFit:
        """To forces on the frames of the truth; fc3 ends at the file's cutoff."""
        return self._fit_to(self.read_off)

    def _fit_to(self, cells: Sequence[Atoms]) -> RepeatedFit:
        shifts = np.array([cell.positions - self.perfect.positions for cell in cells])
        return RepeatedFit(self.perfect, shifts, cutoff_of(self.file))

    @cached_property
    def prior(self) -> Prior:
        """Of the Taylor expansion, as wide as one label says; the others agree within 5 %."""
        widths = widened(self.taylor, self.perfect, self.labels[:1])
        return Prior.affordable(self.perfect, widths)

    def calculation_of(self, fit: RepeatedFit, forces: Sequence[np.ndarray]) -> Phono3py:
        """With the fit of fc2 and fc3 to forces on its displaced cells."""
        calculation = self.calculation()
        balanced = [force - force.mean(axis=0) for force in forces]
        calculation.fc2, calculation.fc3 = fit(balanced, calculation.primitive.p2s_map)
        return calculation

    def _solve(self, calculation: Phono3py, mesh: list[int], modes_to: Path | None = None) -> float:
        solution = bte.solve(calculation, self.conductivity, mesh, -0.05, modes_to)
        scalar = solution.scalar()
        return float("nan") if scalar is None else float(scalar[0])

    def by_evidence(
        self, model: Potential, labels: Sequence[Atoms], seed: int
    ) -> tuple[float, float, float]:
        """κ with the mean of the posterior of the residual, the spread of its draws, κ_SRME."""
        if self.relative is None:
            self.relative = relative_to(self.prior, model, self.labels[:1])
        residual = Residual(self.relative, labels, model.evaluate(labels).forces)
        kappa, apart = self.kappa_of(Corrected(model, residual.mean()))
        generator = np.random.default_rng(seed)
        draws = [
            self.coarse_kappa_of(Corrected(model, residual.draw(generator)))
            for _ in range(POSTERIOR_DRAWS)
        ]
        draws = [0.0 if np.isnan(value) else value for value in draws]
        middle = self.coarse_kappa_of(Corrected(model, residual.mean()))
        spread = float(np.sqrt(np.mean((np.array(draws) / middle - 1) ** 2)) * kappa)
        return kappa, spread, apart


def cutoff_of(file: Phono3py) -> float | None:
    """Distance (Å) from which on a file has no pairs; None where it has all."""
    return (file.dataset or {}).get("cutoff_distance")


def check(path: Path, file: Phono3py) -> None:
    """Raise `InputError` where a file has no forces, or those of a frame are missing."""
    check_forces(file, path)
    if file.forces is None:
        raise InputError(
            f"{path}: the panel needs DFT forces on displaced supercells in the file: write it "
            "with phono3py-load --sp, or label the cells that it asks for"
        )


def divided(
    path: Path, file: Phono3py, found: list[Atoms], options: argparse.Namespace
) -> tuple[list[Atoms], list[Atoms]]:
    """Frames behind the truth, and labels.

    Args:
        found: the labelled frames of the file that were calculated.

    Raises:
        InputError: too few for the truth, or for labels besides.
    """
    if "first_atoms" in (file.dataset or {}):
        perfect = from_phonopy(file.supercell)
        pairs = [label for label in found if displaced_atoms(label, perfect) == 2]
        if len(pairs) < max(options.labels):
            raise InputError(
                f"{path}: two atoms are displaced in {len(pairs)} frames, too few for up to "
                f"{max(options.labels)} labels (--labels)"
            )
        return found, pairs
    least = math.ceil(force_constants.unknowns(file) / (3 * len(file.supercell)))
    if options.cells < OVERSAMPLING * least:
        raise InputError(
            f"{path}: {options.cells} cells of {len(file.supercell)} atoms do not fix fc3, {least} "
            f"are the least that can be fitted: --cells {math.ceil(OVERSAMPLING * least)} or more"
        )
    rest = len(found) - options.cells
    if rest < max(options.labels):
        raise InputError(
            f"{path}: {len(found)} cells, of which the truth takes {options.cells} "
            f"(--cells): {max(rest, 0)} are left for up to {max(options.labels)} labels (--labels)"
        )
    return found[: options.cells], found[options.cells :]


def displaced_atoms(label: Atoms, perfect: Atoms) -> int:
    """How many atoms are not on their site."""
    away = np.linalg.norm(label.positions - perfect.positions, axis=1)
    return int(np.count_nonzero(away > SAME_PLACE))


def truth_of(panel: Panel, known: Sequence[dict[str, object]]) -> float:
    """κ(300 K) of DFT's own force constants, W/(m K).

    Args:
        known: rows that are there.

    Raises:
        InputError: there is none, or the rows of this crystal have another one.
    """
    truth = panel.truth
    if math.isnan(truth):
        raise InputError(
            f"{panel.name}: DFT's own force constants give no κ (imaginary modes below -0.05 THz): "
            "there is no truth to compare with; try more --cells"
        )
    for row in known:
        if row["crystal"] == panel.name and not math.isclose(row["kappa_dft"], truth, rel_tol=SAME):
            raise InputError(
                f"{panel.name}: the rows that are there have κ_DFT {row['kappa_dft']:.5g} W/(m K), "
                f"this file, --cells and --mesh give {truth:.5g}: name another --out"
            )
    return truth


def chosen(panel: Panel, draw: int, count: int) -> list[Atoms]:
    """`count` frames of a draw; those of fewer frames are among them."""
    order = np.random.default_rng([draw, *panel.name.encode()]).permutation(len(panel.labels))
    return [panel.labels[place] for place in order[:count]]


def kappa(
    panel: Panel, method: str, model: Potential, labels: list[Atoms]
) -> tuple[float, float, float]:
    """κ(300 K), its error bar (NaN where the method has none) and κ_SRME."""
    if method == "foundation+evidence":
        return panel.by_evidence(model, labels, len(labels))
    if method == "foundation":
        value, apart = panel.kappa_of(model)
    elif method == "symfc":
        value, apart = panel.kappa_of_fit(labels)
    else:
        mean = model if method == "foundation+taylor" else NoPotential()
        corrected, _ = correct(mean, labels, panel.perfect, panel.taylor, panel.prior)
        value, apart = panel.kappa_of(corrected)
    return value, float("nan"), apart


def wanted(options: argparse.Namespace) -> Iterator[tuple[str, int, int]]:
    """Method, labels and draw of every row, the quick and important ones first."""
    if "foundation" in options.methods:
        yield "foundation", 0, 0
    for method in options.methods:
        for draw in range(options.draws):
            for count in options.labels:
                if method != "foundation":
                    yield method, count, draw


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Mean |κ/κ_DFT − 1| in per cent and mean κ_SRME over the draws, by crystal and method."""
    error = 100 * (table["kappa"] / table["kappa_dft"] - 1).abs()
    columns = ["error", "kappa_srme"]
    grouped = table.assign(error=error).groupby(["crystal", "labels", "method"])[columns]
    return grouped.mean().unstack("method").round(3)


def averages(table: pd.DataFrame) -> pd.DataFrame:
    """Mean |κ/κ_DFT − 1| in per cent and mean κ_SRME over all crystals and draws, by method."""
    everything = table.assign(crystal="all crystals", draw=np.arange(len(table)))
    return summary(everything)


def covered(table: pd.DataFrame) -> str:
    """How often κ_DFT lies within the whole ± of `corrected.json`, in words.

    That ± is about κ by evidence: the spread of the draws, and the distance of the κ with fixed
    widths (`corrected_baseline`), in quadrature.
    """
    place = ["crystal", "labels", "draw"]
    ways = {name: rows.set_index(place) for name, rows in table.groupby("method")}
    if not {"foundation+taylor", "foundation+evidence"} <= set(ways):
        return "no ± of corrected.json: it needs both ways of setting the widths"
    fixed, learned = ways["foundation+taylor"], ways["foundation+evidence"]
    bar = np.hypot(learned["kappa_error_bar"], learned["kappa"] - fixed["kappa"])
    apart = ((learned["kappa"] - learned["kappa_dft"]).abs() / bar).dropna()
    within = [f"{(apart < count).mean():.0%} within {count} σ" for count in (1, 2)]
    return (
        f"± of corrected.json, {len(apart)} cases: {', '.join(within)}, {apart.max():.1f} at most"
    )


def main() -> None:
    """Make the rows that are missing; then print the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--params", type=Path, nargs="+", required=True)
    parser.add_argument("--model", type=Path, help="weights of nequix; none: downloaded")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--labels", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--mesh", type=int, default=11)
    parser.add_argument(
        "--cells", type=int, default=24, help="frames of the file that fc3 is fitted to"
    )
    parser.add_argument("--noise", type=float, default=3e-5, help="of the labels (eV/Å)")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/panel.csv"))
    options = parser.parse_args()
    for name in ("labels", "draws", "mesh", "cells"):
        if np.min(getattr(options, name)) < 1:
            parser.error(f"--{name}: at least 1")
    try:
        with tempfile.TemporaryDirectory() as folder:
            panels = [Panel.of(path, options, Path(folder)) for path in options.params]
            model = model_of(options, panels)
            for panel in panels:
                fill(panel, model, options)
    except UmklappError as error:
        raise SystemExit(str(error)) from None
    table = pd.read_csv(options.out)
    print(summary(table).to_string())
    for pairs, rows in table.groupby(table["displaced_atoms"] == figure.PAIR):
        print(f"labels with {'two' if pairs else 'all'} atoms displaced: {covered(rows)}")
        print(averages(rows).to_string())
    figure.draw(figure.table({"panel": table}), [options.out.with_suffix(".png")])


def model_of(options: argparse.Namespace, panels: Sequence[Panel]) -> Potential:
    """The foundation model, where a method needs one.

    Raises:
        InputError: environment, weights or elements; named with their remedy.
    """
    if not any(method.startswith("foundation") for method in options.methods):
        return NoPotential()
    section = config.NequixModel(path=options.model)
    symbols = {symbol for panel in panels for symbol in panel.perfect.get_chemical_symbols()}
    foundation.check(section, symbols, "--")
    return Remembered(FoundationPotential(section))


def outdated(row: dict[str, object], panel: Panel, options: argparse.Namespace) -> bool:
    """Whether a row of this crystal was made before there was κ_SRME and is asked for again."""
    place = row["method"], row["labels"], row["draw"]
    asked = row["crystal"] == panel.name and place in set(wanted(options))
    return asked and bool(pd.isna(row.get("kappa_srme")))


def fill(panel: Panel, model: Potential, options: argparse.Namespace) -> None:
    """Make the rows of a crystal that are missing.

    Raises:
        UmklappError: as `truth_of`; of the model.
    """
    rows = pd.read_csv(options.out) if options.out.exists() else pd.DataFrame()
    known = rows.to_dict("records")
    truth = truth_of(panel, known)
    known = [row for row in known if not outdated(row, panel, options)]
    present = {(r["crystal"], r["labels"], r["draw"], r["method"]) for r in known}
    for method, count, draw in wanted(options):
        place = (panel.name, count, draw, method)
        if place in present:
            continue
        value, bar, apart = kappa(panel, method, model, chosen(panel, draw, count))
        row = [*place, value, bar, truth, apart, displaced_atoms(panel.labels[0], panel.perfect)]
        known.append(dict(zip(COLUMNS, row, strict=True)))
        with replacing(options.out) as part:
            pd.DataFrame(known).round(5).to_csv(part, index=False)
        print(f"{place}: {value:.4g} ± {bar:.2g}, DFT {truth:.4g}, κ_SRME {apart:.3g}", flush=True)


if __name__ == "__main__":
    main()
