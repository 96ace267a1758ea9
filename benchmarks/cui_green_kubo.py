"""κ and phonon lifetimes of CuI before and after learning; the truth is a network, the *teacher*.

    python benchmarks/verdicts.py --campaigns teacher --seeds 4 --scratch results/bench_verdicts
    python benchmarks/cui_green_kubo.py run --campaign results/bench_verdicts/teacher_4
    python benchmarks/cui_green_kubo.py report --campaign results/bench_verdicts/teacher_4

Four potentials: the teacher of `cui_teacher.py`, the first committee of a teacher campaign (it has
never seen the hop), the last one, and the last one with its Taylor correction in the dynamics.
Green–Kubo in 64 and 216 atoms at 300 K, and the Boltzmann equation of the same potentials. Runs in
which an atom leaves its site (*hopped*) are kept apart from the others (*quiet*): modes about the
sites describe the quiet ones alone. Trajectories that exist are not made again; `--runs 0 1` and
`--runs 2 3` in two processes share the work. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from ase import Atoms

from umklapp import config, provenance
from umklapp.campaign import teacher_campaign
from umklapp.crystals import frames, phonopy_cells
from umklapp.crystals import sites as sites_of_crystal
from umklapp.errors import CalculationError, InputError
from umklapp.files import write_json
from umklapp.lattice import force_constants, harmonic_reference
from umklapp.potentials.committee import Committee
from umklapp.potentials.heat_transport import CorrectedSource, NequipSource, Source
from umklapp.potentials.nequip import engine
from umklapp.potentials.nequip.flux_network import FluxNetwork
from umklapp.potentials.taylor import dynamics
from umklapp.potentials.taylor.moving import MovingExpansion
from umklapp.report.figures import style
from umklapp.transport import bte, nve, supercell_modes, trajectories, usable_runs
from umklapp.transport.green_kubo_series import GreenKuboSeries

TEMPERATURE = 300.0
"""K. At the 350 K of the campaign, runs of all potentials in 216 atoms, the teacher's among them,
leave the crystal within 5 to 70 ps."""

MATERIAL = Path("results_teacher/CuI-216")
CUBES = {64: 2, 216: 3}
"""Conventional cubes along each edge, by number of atoms."""

SETTINGS = config.GreenKubo(
    temperature=TEMPERATURE, timestep=teacher_campaign.TIMESTEP, equilibration=10, length=50,
    flux_every=2, frames_every=3, gauge="full",
)  # fmt: skip
"""The flux of the lattice gauge does not hold where an atom hops."""

MESH = 11
COARSE = 3
"""Mesh with about as many q-points (27) as 64 atoms have (32)."""

TRANSPORT = config.Conductivity(temperatures=[TEMPERATURE], isotopes=False)
PHONONS = config.Phonons()
COLOURS = {
    "teacher": "black", "before": style.ORANGE, "after": style.BLUE, "corrected": style.GREY,
}  # fmt: skip
LABELS = {
    "teacher": "teacher (truth)",
    "before": "before learning",
    "after": "after learning",
    "corrected": "after, with Taylor correction",
}


@dataclass(frozen=True)
class Kind:
    """Networks of one potential, their architecture, and expansions to add to them (or none)."""

    models: list[Path]
    settings: config.Potential
    expansions: list[Any]

    def graphs(self, scratch: Path) -> tuple[Path, Path]:
        """Folders of the compiled graphs of forces and of the heat flux."""
        digest = provenance.digest(self.settings.model_dump(mode="json", exclude={"training"}), 8)
        plain, flux = scratch / f"{digest}_forces", scratch / f"{digest}_flux"
        engine.prepare(self.settings, 2, "compiled", plain)
        engine.prepare(self.settings, 2, "compiled", flux, network=FluxNetwork)
        return plain, flux

    def committee(self, scratch: Path) -> Committee:
        """All networks, without corrections."""
        return Committee.load(self.models, self.graphs(scratch)[0])

    def source(self, member: int, sites: Atoms, scratch: Path) -> Source:
        """What moves the atoms and gives their heat flux."""
        network = NequipSource(self.models[member], sites, *self.graphs(scratch))
        if not self.expansions:
            return network
        return CorrectedSource(network, MovingExpansion(self.expansions[member], sites))


@dataclass(frozen=True)
class Crystal:
    """The primitive cell of the campaign."""

    primitive: Atoms

    @classmethod
    def of(cls, campaign: Path) -> Crystal:
        """As the campaign built it."""
        path = campaign / MATERIAL / "structure" / "primitive.extxyz"
        return cls(frames.read_candidates(path)[0])

    def cube(self, atoms: int) -> Atoms:
        """The cube with this number of atoms."""
        edge = CUBES[atoms]
        rows = [[-edge, edge, edge], [edge, -edge, edge], [edge, edge, -edge]]
        return phonopy_cells.supercell(self.primitive, rows)


def kind_of(name: str, campaign: Path) -> Kind:
    """The networks of a potential by its name in `LABELS`."""
    if name == "teacher":
        folder = teacher_campaign.TEACHER
        described = yaml.safe_load((folder / "training.json").read_text())["potential"]
        return Kind([folder / "teacher.ckpt"], config.parse(config.Potential, described), [])
    material = campaign / MATERIAL
    described = yaml.safe_load((campaign / "teacher.yaml").read_text())["potential"]
    settings = config.parse(config.Potential, described)
    rounds = sorted(material.glob("round_*"))
    chosen = rounds[0] if name == "before" else rounds[-1]
    models = sorted(chosen.glob("member_*/model.ckpt"))
    if name != "corrected":
        return Kind(models, settings, [])
    labels = frames.read_labels(chosen / "dataset.extxyz")
    perfect = frames.read_candidates(material / "structure" / "phonon.extxyz")[0]
    fitted = dynamics.fit(Committee.load(models).members, labels, perfect, settings.taylor)
    return Kind(models, settings, fitted.models)


def run(options: argparse.Namespace) -> None:
    """All trajectories that do not exist yet."""
    crystal = Crystal.of(options.campaign)
    for name in options.potentials:
        kind = kind_of(name, options.campaign)
        for atoms in options.atoms:
            sites = crystal.cube(atoms)
            for number in options.runs:
                path = options.scratch / f"{name}_{atoms}_{number}.h5"
                if path.exists():
                    continue
                member = number % len(kind.models)
                source = kind.source(member, sites, options.scratch)
                work = options.scratch / "work"
                nve.run(source, sites, SETTINGS, 100 + number, work, path, member=member, name=name)
                print(path.name, flush=True)


def boltzmann(name: str, crystal: Crystal, kind: Kind, scratch: Path) -> dict[str, list[float]]:
    """κ of every member as it moves the atoms (W/(m K)) on both meshes; kept in the scratch."""
    path = scratch / f"boltzmann_{name}.json"
    if path.exists():
        return dict(json.loads(path.read_text())["kappa_W_per_mK"])
    perfect = crystal.cube(64)
    kappas: dict[str, list[float]] = {str(mesh): [] for mesh in (COARSE, MESH)}
    for member in dynamics.moved(kind.committee(scratch), kind.expansions, perfect).members:
        phonon = force_constants.prepare(crystal.primitive, perfect, PHONONS)
        force_constants.evaluate(phonon, member, PHONONS)
        for mesh, values in kappas.items():
            scalar = bte.solve(phonon, TRANSPORT, [int(mesh)] * 3, -0.05).scalar()
            values.append(float("nan") if scalar is None else float(scalar[0]))
    write_json(path, {"kappa_W_per_mK": kappas})
    return kappas


def farthest(path: Path) -> float:
    """Largest distance of an atom from its site in a trajectory, in bonds."""
    displacements, _ = nve.read_frames(path)
    relative = displacements - displacements.mean(axis=1, keepdims=True)
    bond = sites_of_crystal.bond_length(nve.read(path).sites)
    return float(np.linalg.norm(relative, axis=2).max(initial=0.0) / bond)


def groups_of(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Trajectories by what happened in them: `quiet`, `hopped`, or `ended` before their end."""
    groups: dict[str, list[Path]] = {"quiet": [], "hopped": [], "ended": []}
    for path in paths:
        if nve.read(path).ended:
            groups["ended"].append(path)
        else:
            groups["hopped" if farthest(path) > usable_runs.LEFT else "quiet"].append(path)
    return groups


def report(options: argparse.Namespace) -> None:
    """Table, record and figure of the trajectories that exist."""
    crystal, rows, curves = Crystal.of(options.campaign), {}, {}
    for name in options.potentials:
        kind = kind_of(name, options.campaign)
        kappas = boltzmann(name, crystal, kind, options.scratch)
        values = {mesh: np.round(kappa, 2).tolist() for mesh, kappa in kappas.items()}
        print(f"{name}: κ of the members by the Boltzmann equation, by mesh: {values}")
        rows[name] = {"boltzmann_W_per_mK": kappas}
        committee = kind.committee(options.scratch)
        for atoms in options.atoms:
            sites = crystal.cube(atoms)
            constants = harmonic_reference.of_potential(committee, crystal.primitive, sites, 0.02)
            constants = constants + dynamics.harmonic(kind.expansions, sites)
            modes = supercell_modes.build_modes(crystal.primitive, sites, constants)
            groups = groups_of(sorted(options.scratch.glob(f"{name}_{atoms}_*.h5")))
            rows[name][f"{atoms}_ended"] = [nve.read(path).ended for path in groups.pop("ended")]
            for group, paths in groups.items():
                if paths:
                    key = f"{atoms}_{group}"
                    rows[name][key], curves[name, key] = analyse(paths, modes)
                    print(f"  {key}: {words_of(rows[name][key])}", flush=True)
                    if group == "quiet":
                        lattice, _ = analyse(paths, modes, "lattice")
                        rows[name][key]["lattice_gauge_W_per_mK"] = lattice.get("kappa_W_per_mK")
                        print(f"    by the flux of the lattice gauge: {words_of(lattice)}")
            print(f"  {atoms}: {len(rows[name][f'{atoms}_ended'])} ended early")
    described = SETTINGS.model_dump(mode="json")
    record = provenance.record(settings=described, mesh=MESH, coarse=COARSE, potentials=rows)
    write_json(options.out / "cui_green_kubo.json", record)
    figure(rows, curves, [options.out / f"cui_green_kubo.{kind}" for kind in ("png", "pdf")])


def analyse(
    paths: Sequence[Path], modes: supercell_modes.Modes, gauge: str = "full"
) -> tuple[dict[str, Any], GreenKuboSeries | None]:
    """The record of these trajectories, or why there is none, and their curves."""
    settings = SETTINGS.model_copy(update={"gauge": gauge})
    try:
        record, series = trajectories.analyse(
            [nve.read(path) for path in paths], settings, lambda n: nve.read_frames(paths[n]), modes
        )
    except (InputError, CalculationError) as error:
        return {"runs": len(paths), "not_computed": str(error)}, None
    return {"runs": len(paths), **record.model_dump(mode="json", exclude={"settings"})}, series


def words_of(row: dict[str, Any]) -> str:
    """A line of the table."""
    if row.get("kappa_W_per_mK") is None:
        return f"{row['runs']} runs: {row['not_computed']}"
    error, corrected = row["error_W_per_mK"], row["corrected_W_per_mK"]
    return (
        f"{row['runs']} runs, κ {row['kappa_W_per_mK']:.2f} ± "
        + ("?" if error is None else f"{error:.2f}")
        + ("" if corrected is None else f", at infinite size {corrected:.2f}")
        + f", cepstral {row['cepstral']['kappa_W_per_mK'] or float('nan'):.2f}, modes hold "
        + f"{row['size']['equipartition'] or float('nan'):.2f} kT"
    )


def figure(rows: dict[str, Any], curves: dict[tuple[str, str], Any], paths: Sequence[Path]) -> None:
    """Lifetimes and integrals of quiet runs, κ by method, κ by length."""
    drawing, first = style.canvas(width=7.4, height=5.6)
    first.remove()
    panels = drawing.subplots(2, 2)
    for name, row in rows.items():
        series = curves.get((name, "64_quiet"))
        if series is not None:
            draw_integral(panels[0, 0], series, row["64_quiet"], name)
            draw_lifetimes(panels[0, 1], series, name)
    draw_methods(panels[1, 0], rows)
    draw_lengths(panels[1, 1], rows)
    panels[0, 0].set_title("Green–Kubo integral, 64 atoms, no hop")
    panels[0, 1].set_title("phonon lifetimes, 64 atoms, no hop")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=4)
    style.save(drawing, paths)


def draw_integral(axes: Any, series: GreenKuboSeries, row: dict[str, Any], name: str) -> None:
    """The smoothed integral, and κ with its standard error at the cutoff."""
    cutoff, error = row["cutoff_fs"], row["error_W_per_mK"]
    shown = series.times_fs < 1.3 * cutoff
    axes.plot(
        series.times_fs[shown] / 1000, series.smooth_integral[shown], color=COLOURS[name], lw=1,
    )  # fmt: skip
    axes.errorbar(
        [cutoff / 1000], [row["kappa_W_per_mK"]], yerr=None if error is None else [error], fmt="o",
        ms=4, color=COLOURS[name], capsize=3, label=LABELS[name],
    )  # fmt: skip
    axes.set(xlabel="time (ps)", ylabel="κ (W m$^{-1}$ K$^{-1}$)", xlim=(0, None), ylim=(0, None))


def draw_lifetimes(axes: Any, series: GreenKuboSeries, name: str) -> None:
    """Median lifetime in bins of the frequency, with the quartiles of the modes."""
    if not len(series.lifetimes_fs):
        return
    frequencies, tau = series.mode_frequencies_THz.ravel(), series.lifetimes_fs.ravel() / 1000
    good = (frequencies > 0.05) & np.isfinite(tau) & (tau > 0)
    frequencies, tau = frequencies[good], tau[good]
    bins = 6
    edges = np.quantile(frequencies, np.linspace(0, 1, bins + 1))
    place = np.clip(np.searchsorted(edges, frequencies, side="right") - 1, 0, bins - 1)
    middle = np.array([np.median(frequencies[place == n]) for n in range(bins)])
    low, half, high = (
        np.array([np.quantile(tau[place == n], q) for n in range(bins)]) for q in (0.25, 0.5, 0.75)
    )
    shift = 0.03 * (list(LABELS).index(name) - 1.5)
    axes.errorbar(
        middle + shift, half, yerr=[half - low, high - half], fmt="o-", ms=3, lw=1,
        color=COLOURS[name], capsize=2,
    )  # fmt: skip
    axes.set(xlabel="frequency (THz)", ylabel="lifetime (ps)", yscale="log")
    style.decades(axes.yaxis)


COLUMNS = {
    "Boltzmann\n11³": lambda row: members(row["boltzmann_W_per_mK"][str(MESH)]),
    "Boltzmann\n3³": lambda row: members(row["boltzmann_W_per_mK"][str(COARSE)]),
    "64 atoms,\nno hop": lambda row: of_runs(row, "64_quiet", "kappa_W_per_mK"),
    "… infinite\nsize": lambda row: of_runs(row, "64_quiet", "corrected_W_per_mK"),
    "64 atoms,\nhopped": lambda row: of_runs(row, "64_hopped", "kappa_W_per_mK"),
    "216 atoms,\nhopped": lambda row: of_runs(row, "216_hopped", "kappa_W_per_mK"),
}
"""Of the panel of methods: κ and its error bar."""


def members(kappas: Sequence[float]) -> tuple[float, float]:
    """Mean and spread over the members."""
    return float(np.mean(kappas)), float(np.std(kappas, ddof=1)) if len(kappas) > 1 else 0.0


def of_runs(row: dict[str, Any], key: str, field: str) -> tuple[float, float]:
    """κ by Green–Kubo and its standard error, scaled to infinite size with κ; NaN without."""
    value, plain = row.get(key, {}).get(field), row.get(key, {}).get("kappa_W_per_mK")
    if value is None:
        return float("nan"), float("nan")
    return value, (row[key]["error_W_per_mK"] or 0.0) * value / plain


def draw_methods(axes: Any, rows: dict[str, Any]) -> None:
    """κ by the Boltzmann equation and by Green–Kubo."""
    for shift, (name, row) in enumerate(rows.items()):
        values, errors = zip(*(value_of(row) for value_of in COLUMNS.values()), strict=True)
        axes.errorbar(
            np.arange(len(COLUMNS)) + 0.14 * (shift - 1.5), values, yerr=errors, fmt="o", ms=4,
            color=COLOURS[name], capsize=2,
        )  # fmt: skip
    axes.set_xticks(range(len(COLUMNS)), list(COLUMNS), fontsize=6.5)
    axes.set(ylabel="κ (W m$^{-1}$ K$^{-1}$)", title=f"κ at {TEMPERATURE:.0f} K", yscale="log")
    style.decades(axes.yaxis)


def draw_lengths(axes: Any, rows: dict[str, Any]) -> None:
    """κ from the first part of every quiet trajectory."""
    for shift, (name, row) in enumerate(rows.items()):
        table = row.get("64_quiet", {}).get("convergence", {}).get("length_ps", [])
        kept = [one for one in table if one["kappa"] is not None]
        axes.errorbar(
            [one["at"] + 0.6 * (shift - 1.5) for one in kept], [one["kappa"] for one in kept],
            yerr=[one["error"] or 0.0 for one in kept], fmt="o-", ms=3, lw=1, color=COLOURS[name],
            capsize=2,
        )  # fmt: skip
    axes.set(
        xlabel="length of each run (ps)", ylabel="κ (W m$^{-1}$ K$^{-1}$)",
        title="convergence with length, 64 atoms, no hop",
    )  # fmt: skip
    axes.set_ylim(bottom=0)


def main() -> None:
    """Runs, or table and figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["run", "report"])
    parser.add_argument("--campaign", type=Path, required=True, help="folder of teacher.yaml")
    parser.add_argument("--potentials", nargs="+", choices=list(LABELS), default=list(LABELS))
    parser.add_argument("--atoms", nargs="+", type=int, choices=list(CUBES), default=list(CUBES))
    parser.add_argument("--runs", nargs="+", type=int, default=list(range(8)))
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_cui_green_kubo"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    options.scratch.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    (run if options.step == "run" else report)(options)


if __name__ == "__main__":
    main()
