"""κ of rock salt against the number of DFT frames: committee on a Taylor prior, and symfc.

Every method gets the same frames and the same fc2 (two 512-atom frames of the same file), and its
κ is compared with that of symfc on all 100 frames. Rows that are in the csv are not made again.
See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import matplotlib.ticker
import numpy as np
import pandas as pd
from symfc import Symfc

from umklapp import config, provenance
from umklapp.crystals.formats import force_sets
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.errors import UmklappError
from umklapp.files import write_json
from umklapp.lattice import force_constants
from umklapp.potentials.committee import Committee
from umklapp.potentials.taylor.basis import translations
from umklapp.potentials.taylor.loop import Problem
from umklapp.potentials.taylor.model import TaylorModel, displacements
from umklapp.potentials.taylor.prior import Knowledge, Prior
from umklapp.potentials.taylor.training import finish, fit_network
from umklapp.report.figures import style
from umklapp.transport import bte

PARAMS = Path("../shared/data/dft/NaCl-225_phono3py_params.yaml.xz")
COLUMNS = ("n", "draw", "method", "kappa", "spread", "held_out_force_rmse", "cpu_seconds")
HELD_OUT = 40
ALL = 10**6
"""As a number of frames: every frame there is."""

MEMBERS = 2
REFERENCES = ("reference", "reference_taylor")
"""All frames: symfc, which errors are counted from, and the Taylor posterior beside it."""

CONDUCTIVITY = config.Conductivity(mesh=[11, 11, 11], temperatures=[300])
POTENTIAL = config.Potential(
    baseline="taylor",
    cutoff=5.2,
    features=[16, 12, 8],
    radial_width=32,
    training={"stress_weight": 0},
)


class Bench:
    """What a process needs for all its jobs: labels, prior, a phono3py calculation with fc2."""

    def __init__(self, params: Path) -> None:
        self.phonons = config.Phonons(force_constants=params)
        self.calculation = force_constants.from_params(params)
        self.frames = force_sets.read_labelled(params)
        self.perfect = from_phonopy(self.calculation.supercell)
        self.forces = np.array([frame.get_forces() for frame in self.frames])
        self.u = displacements(self.perfect, self.frames)

    def draw(self, n: int, number: int) -> tuple[list[int], list[int]]:
        """Frames to learn from, and others to judge by."""
        order = provenance.generator(1, "nacl", n, number).permutation(len(self.frames)).tolist()
        return order[:n], order[-HELD_OUT:]

    def kappa(self) -> float:
        """κ(300 K) in W/(m K) of the fc3 in the calculation, NaN where there is none."""
        found = bte.solve(self.calculation, CONDUCTIVITY, CONDUCTIVITY.mesh, -0.05).scalar()
        return float("nan") if found is None else float(found[0])

    def kappa_of(self, potential) -> float:
        """κ of a potential by displaced cells."""
        force_constants.evaluate(self.calculation, potential, self.phonons)
        return self.kappa()

    def error_of(self, potential, held: list[int]) -> float:
        """Force RMSE in eV/Å on held-out frames."""
        forces = potential.evaluate([self.frames[i] for i in held]).forces
        return float(np.sqrt(np.mean((np.array(forces) - self.forces[held]) ** 2)))

    def symfc(self, chosen: list[int]) -> tuple[TaylorModel, np.ndarray]:
        """The least-squares fc2 + fc3 of symfc as a model, and its compact fc3."""
        solver = Symfc(
            self.calculation.supercell,
            displacements=np.ascontiguousarray(self.u[chosen]),
            forces=np.ascontiguousarray(self.forces[chosen]),
        ).run(max_order=3, is_compact_fc=False)
        second, third = (solver.force_constants[order] for order in (2, 3))
        first = list(self.calculation.primitive.p2s_map)
        copies = translations(self.perfect, first)
        model = TaylorModel(
            perfect=self.perfect,
            energy=0.0,
            harmonic=second.transpose(0, 2, 1, 3).reshape(2 * [3 * len(self.perfect)]),
            cubic=third[first],
            quartic=np.empty(0),
            quartic_index=np.empty((8, 0), int),
            rows=np.array([row for row, _ in copies]),
            permutations=np.array([permutation for _, permutation in copies]),
        )
        return model, third[first]


BENCH: dict[str, object] = {}


def begin(params: Path) -> None:
    """Prepare a process; what is wrong with the file is kept for the first job to raise.

    A pool starts a process whose start raises again and again, for ever.
    """
    try:
        bench = Bench(params)
        known = Knowledge.of(bench.calculation, bench.perfect)
        BENCH.update(bench=bench, prior=Prior(bench.perfect, known, POTENTIAL.taylor))
    except Exception as error:  # any: whatever it is, the pool must not see it
        BENCH.update(error=error)


def measure(job: tuple[int, int, str]) -> dict[str, object]:
    """One row: a method on one draw of n frames; the references have all of them."""
    n, number, method = job
    if isinstance(error := BENCH.get("error"), Exception):
        raise error
    bench, prior = BENCH["bench"], BENCH["prior"]
    chosen, held = bench.draw(n, number)
    n = len(chosen)
    began, spread = time.process_time(), float("nan")
    if method in ("symfc", "reference"):
        model, fc3 = bench.symfc(chosen)
        spent = time.process_time() - began
        bench.calculation.fc3 = fc3
        kappa = bench.kappa()
    else:
        problem = Problem([bench.frames[i] for i in chosen], prior)
        if method in ("taylor", "reference_taylor"):
            model = prior.model(problem.regression().posterior(problem.residual.ravel()), 0.0)
            spent = time.process_time() - began
        else:
            model = committee(problem)
            spent = time.process_time() - began
            spread = float(np.std([bench.kappa_of(member) for member in model.members], ddof=1))
        kappa = bench.kappa_of(model)
    error = bench.error_of(model, held)
    return dict(zip(COLUMNS, (n, number, method, kappa, spread, error, spent), strict=True))


def committee(problem: Problem) -> Committee:
    """Members that differ in their seed."""
    members = []
    for seed in range(MEMBERS):
        with tempfile.TemporaryDirectory() as scratch:
            network, options, _ = fit_network(problem, POTENTIAL, seed, Path(scratch))
        members.append(finish(problem, network, options)[0])
    return Committee(members)


def append(path: Path, row: dict[str, object]) -> None:
    """Add a row to the csv."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        if new:
            table.writeheader()
        table.writerow(row)
    print(row, flush=True)


def text(error: float) -> str:
    """An error in percent as the table says it."""
    return "> 1000" if not error < 1000 else f"{error:.1f}"


def markdown(table: pd.DataFrame, target: float) -> str:
    """The table that the documentation quotes: |κ/κ_ref − 1| in percent, mean (largest)."""
    methods = ["committee", "taylor", "symfc"]
    lines = [
        "| frames | " + " | ".join(f"{name}: error %, mean (max)" for name in methods)
        + " | κ of the members: spread % | force RMSE 1e-6 eV/Å, committee / symfc |",
        "|---|" + "---|" * (len(methods) + 2),
    ]  # fmt: skip
    for n in sorted(table["n"].unique()):
        here = table[table["n"] == n]
        cells = []
        for name in methods:
            error = 100 * (here.loc[here["method"] == name, "kappa"] / target - 1).abs()
            cells.append(f"{text(error.mean())} ({text(error.max())})" if len(error) else "–")
        rows = here[here["method"] == "committee"]
        cells.append(f"{100 * (rows['spread'] / rows['kappa']).mean():.1f}")
        rmse = here.groupby("method")["held_out_force_rmse"].mean() * 1e6
        cells.append(" / ".join(f"{rmse.get(name, np.nan):.0f}" for name in methods[::2]))
        lines.append(f"| {n} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def summary(everything: pd.DataFrame) -> tuple[pd.DataFrame, float, float]:
    """The rows of draws, in order, and κ (W/(m K)) of both references."""
    target, second = (
        float(everything.loc[everything["method"] == name, "kappa"].iloc[0]) for name in REFERENCES
    )
    table = everything[~everything["method"].isin(REFERENCES)].sort_values(["n", "draw", "method"])
    return table, target, second


def figure(table: pd.DataFrame, target: float, paths: list[Path], top: float = 15.0) -> None:
    """Error of κ against frames: a point per draw, a line through the means, arrows off scale."""
    drawing, axes = style.canvas(width=4.2, height=3.1)
    looks = {"committee": (style.BLUE, 0.97), "symfc": (style.ORANGE, 1.03)}
    for name, (colour, shift) in looks.items():
        rows = table[table["method"] == name]
        error = 100 * (rows["kappa"] / target - 1).abs()
        inside = error < top
        axes.plot(rows["n"][inside] * shift, error[inside], "o", color=colour, ms=3, alpha=0.6)
        off = rows["n"][~inside].unique() * shift
        axes.plot(off, np.full(len(off), 0.97 * top), "^", color=colour, ms=6)
        mean = error.groupby(rows["n"]).mean()
        mean = mean[mean < top]
        label = "committee on Taylor prior" if name == "committee" else "symfc"
        axes.plot(mean.index * shift, mean, "-", color=colour, label=label)
        if len(off):
            axes.plot([], [], "^", color=colour, ms=6, label=f"{name}: off scale")
    numbers = sorted(table["n"].unique())
    axes.set_xscale("log", base=2)
    axes.set_xticks(numbers, [str(n) for n in numbers])
    axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axes.set_ylim(0, top)
    axes.set_xlabel("64-atom DFT frames")
    axes.set_ylabel("|κ/κ(100 frames) − 1| at 300 K (%)")
    drawing.legend(loc="outside lower center", ncols=3)
    style.save(drawing, paths)


def rows(jobs: list[tuple[int, int, str]], params: Path, processes: int) -> Iterator[dict]:
    """Rows of all jobs as they end, by several processes.

    Raises:
        InputError: the file of labels cannot be used. CalculationError: fc2 cannot be fitted to it.
    """
    with get_context("spawn").Pool(processes, begin, (params,)) as pool:
        yield from pool.imap_unordered(measure, jobs)


def main() -> None:
    """Make what is missing, then the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=Path, default=PARAMS)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--numbers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    if not options.params.exists():
        print(f"skipped: {options.params} is not on this machine (--params names the force set)")
        return
    options.out.mkdir(parents=True, exist_ok=True)
    path, began = options.out / "nacl.csv", time.monotonic()
    known = set()
    if path.exists():
        known = {tuple(row) for row in pd.read_csv(path)[list(COLUMNS[:3])].itertuples(index=False)}
    methods = ("committee", "taylor", "symfc")
    jobs = [(n, d, m) for d in range(options.draws) for n in options.numbers for m in methods]
    jobs = [job for job in jobs if job not in known]
    made = {method for _, _, method in known}
    jobs = [(ALL, 0, name) for name in REFERENCES if name not in made] + jobs
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ.setdefault(variable, "1")  # for the processes: they share the cores
    if jobs:
        try:
            for row in rows(jobs, options.params, min(options.processes, len(jobs))):
                append(path, row)
        except UmklappError as error:
            raise SystemExit(str(error)) from None
    table, target, second = summary(pd.read_csv(path))
    figure(table, target, [options.out / f"nacl.{kind}" for kind in ("png", "pdf")])
    record = provenance.record(
        machine={"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        params=provenance.file_digest(options.params),
        reference_kappa_W_per_mK=target,
        reference_taylor_kappa_W_per_mK=second,
        potential=POTENTIAL.model_dump(mode="json"),
        members=MEMBERS,
        seconds_of_this_run=time.monotonic() - began,
    )
    write_json(options.out / "nacl.json", record)
    print(f"all frames, W/(m K): symfc (reference) {target:.3f}, Taylor posterior {second:.3f}\n")
    print(markdown(table, target))


if __name__ == "__main__":
    main()
