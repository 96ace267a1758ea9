"""Known answers: Lennard-Jones argon, and a committee that learned it.

κ of the true potential and of the committee, each by the Boltzmann equation and by Green–Kubo. See
benchmarks/README.md. About half an hour on one core; what is there is not made again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk

from umklapp import config, provenance
from umklapp.crystals import frames, phonopy_cells
from umklapp.files import write_json
from umklapp.lattice import force_constants, harmonic_reference
from umklapp.learning import judgement
from umklapp.learning.sampling.kinetics import maxwell_boltzmann
from umklapp.potentials.committee import Committee, subsample
from umklapp.potentials.heat_transport import LennardJones, NequipSource
from umklapp.potentials.nequip import engine, training
from umklapp.potentials.nequip.flux_network import FluxNetwork
from umklapp.report.figures import green_kubo as green_kubo_figure
from umklapp.report.figures import style
from umklapp.transport import bte, nve, supercell_modes, trajectories
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.green_kubo_series import GreenKuboSeries

EPSILON, SIGMA, CUTOFF, LATTICE = 0.0104, 3.405, 6.5, 5.32
TEMPERATURE, MEMBERS, MESH = 40.0, 3, 11
POTENTIAL = config.Potential(
    cutoff=CUTOFF,
    l_max=1,
    features=[24, 16],
    radial_width=32,
    training={
        "epochs": 250, "learning_rate": 0.01, "patience": 250, "force_weight": 10,
        "stress_weight": 0,
    },
)  # fmt: skip
RUNS = config.GreenKubo(
    temperature=TEMPERATURE, trajectories=9, timestep=5.0, equilibration=10, length=100
)
PHONONS = config.Phonons(displacement=0.03)
TRANSPORT = config.Conductivity(temperatures=[TEMPERATURE, 300.0], isotopes=False)


def argon(sites: Atoms) -> LennardJones:
    """The true potential."""
    return LennardJones(EPSILON, SIGMA, CUTOFF, sites)


def labels(folder: Path, count: int = 120) -> list[Atoms]:
    """Labelled frames of true Langevin dynamics of 32 atoms at 20, 40 and 70 K; a sixth tests."""
    path = folder / "labels.extxyz"
    if path.exists():
        return frames.read_frames(path)
    sites = bulk("Ar", "fcc", a=LATTICE, cubic=True).repeat(2)
    source, found = argon(sites), []
    for number, warmth in enumerate((20.0, TEMPERATURE, 70.0)):
        settings = RUNS.model_copy(update={"temperature": warmth, "equilibration": 1e3})
        plan = nve.Plan.of(settings)
        generator = np.random.default_rng(number)
        speed = maxwell_boltzmann(sites.get_masses(), 2 * warmth, generator)
        state = nve.State(0, sites.positions.copy(), speed, generator)
        nve.advance(source, sites, state, settings, plan, 600)
        for _ in range(count // 3):
            nve.advance(source, sites, state, settings, plan, 100)
            atoms = sites.copy()
            atoms.positions = state.positions
            answer = source.evaluate([frames.strip(atoms)])
            found.append(
                frames.labelled(frames.strip(atoms), float(answer.energy[0]), answer.forces[0])
            )
    frames.write_frames(path, found)
    return found


def train(folder: Path, known: list[Atoms]) -> list[Path]:
    """Members; what is there is not trained again."""
    paths = []
    for member in range(MEMBERS):
        path = folder / f"member_{member}.ckpt"
        if not path.exists():
            chosen, held = subsample(len(known), 5 / 6, 1, member, 1)
            some, rest = [known[n] for n in chosen], [known[n] for n in held]
            training.train(some, rest, POTENTIAL, member, path, folder / f"scratch_{member}")
        paths.append(path)
    return paths


def boltzmann(potential: Any, primitive: Atoms, sites: Atoms) -> float:
    """κ (W/(m K)) in the relaxation-time approximation."""
    phonon = force_constants.prepare(primitive, sites, PHONONS)
    force_constants.evaluate(phonon, potential, PHONONS)
    found = bte.solve(phonon, TRANSPORT, [MESH] * 3, -0.05)
    values = found.scalar()
    if values is None:
        raise RuntimeError(found.reason)
    return float(values[0])


def green_kubo(
    name: str, source_of: Callable[[int], Any], sites: Atoms, folder: Path, constants: np.ndarray
) -> tuple[GreenKuboRecord, GreenKuboSeries]:
    """Run (or read) all trajectories of a potential and analyse them."""
    paths = []
    for number in range(RUNS.trajectories):
        path = folder / f"{name}_{number}.h5"
        if not path.exists():
            member = number % MEMBERS if name == "committee" else 0
            nve.run(
                source_of(member), sites, RUNS, 100 + number, folder / "work", path,
                member=member, name=name,
            )  # fmt: skip
        paths.append(path)
    primitive = bulk("Ar", "fcc", a=LATTICE)
    modes = supercell_modes.build_modes(primitive, sites, constants)
    return trajectories.analyse(
        [nve.read(path) for path in paths], RUNS, lambda n: nve.read_frames(paths[n]), modes
    )


def figure(rows: dict[str, dict[str, float]], paths: list[Path]) -> None:
    """Truth and committee beside each other for each method."""
    drawing, axes = style.canvas(width=4.2, height=2.7)
    for place, values in enumerate(rows.values()):
        for shift, who, colour in ((-0.1, "truth", style.ORANGE), (0.1, "committee", style.BLUE)):
            axes.errorbar(
                [place + shift], [values[who]], yerr=[values[f"{who}_error"]], fmt="o", ms=5,
                color=colour, capsize=3,
                label=("true potential", "committee")[who == "committee"] if not place else None,
            )  # fmt: skip
    axes.set_xticks(range(len(rows)), list(rows))
    axes.set(ylabel="κ (W m$^{-1}$ K$^{-1}$)", title=f"LJ argon, {TEMPERATURE:.0f} K, 108 atoms")
    axes.set_ylim(bottom=0)
    axes.set_xlim(-0.5, len(rows) - 0.5)
    drawing.legend(loc="outside lower center", ncols=2)
    style.save(drawing, paths)


def shown(
    name: str,
    potential: Any,
    source_of: Callable[[int], Any],
    cells: tuple[Atoms, Atoms],
    folders: tuple[Path, Path],
) -> GreenKuboRecord:
    """Green–Kubo of a potential, with its figure.

    Args:
        cells: primitive cell and supercell. folders: of the runs, and of the figure.
    """
    primitive, sites = cells
    constants = harmonic_reference.of_potential(potential, primitive, sites, 0.01)
    found, series = green_kubo(name, source_of, sites, folders[0], constants)
    pictures = [folders[1] / f"green_kubo_{name}.{kind}" for kind in ("png", "pdf")]
    title = {"truth": "true potential"}.get(name, name)
    green_kubo_figure.draw(found, series, f"LJ argon, {title}", pictures)
    print(name, found.kappa_W_per_mK, found.error_W_per_mK, flush=True)
    return found


def main() -> None:
    """Everything, then table and figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_heat_transport"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument(
        "--truth-only", action="store_true",
        help="run and draw the true potential alone (two minutes)",
    )  # fmt: skip
    options = parser.parse_args()
    folder = options.scratch
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    primitive = bulk("Ar", "fcc", a=LATTICE)
    cube = [[-3, 3, 3], [3, -3, 3], [3, 3, -3]]
    sites = phonopy_cells.supercell(primitive, cube)
    cells, folders, truth = (primitive, sites), (folder, options.out), argon(sites)
    found = {"truth": shown("truth", truth, lambda member: truth, cells, folders)}
    if options.truth_only:
        return
    known = labels(folder)
    test = known[::6]
    paths = train(folder, [frame for n, frame in enumerate(known) if n % 6])
    plain, flux = folder / "engine", folder / "engine_flux"
    engine.prepare(POTENTIAL, 1, "compiled", plain)
    engine.prepare(POTENTIAL, 1, "compiled", flux, network=FluxNetwork)
    committee = Committee.load(paths, plain)
    errors = judgement.errors(committee.evaluate_members(test), test)
    kappas = [boltzmann(Committee([each]), primitive, sites) for each in committee.members]
    record: dict[str, Any] = {"force_mae_eV_per_A": errors.force_mae_eV_per_A}
    rows: dict[str, dict[str, float]] = {
        "BTE (RTA)": {
            "truth": boltzmann(truth, primitive, sites), "truth_error": 0.0,
            "committee": float(np.mean(kappas)), "committee_error": float(np.std(kappas, ddof=1)),
        }
    }  # fmt: skip
    print(rows, flush=True)
    found["committee"] = shown(
        "committee", committee, lambda m: NequipSource(paths[m], sites, plain, flux), cells, folders
    )
    for label, value, error in (
        ("Green–Kubo", lambda r: r.kappa_W_per_mK, lambda r: r.error_W_per_mK),
        ("cepstral", lambda r: r.cepstral.kappa_W_per_mK, lambda r: r.cepstral.error_W_per_mK),
        ("infinite size", lambda r: r.corrected_W_per_mK, lambda r: r.error_W_per_mK),
    ):  # fmt: skip
        rows[label] = {
            key: function(found[who])
            for who in ("truth", "committee")
            for key, function in ((who, value), (f"{who}_error", error))
        }
    record |= {
        "kappa_W_per_mK": rows,
        "green_kubo": {name: ran.model_dump(mode="json") for name, ran in found.items()},
    }
    write_json(options.out / "heat_transport.json", provenance.record(**record))
    figure(rows, [options.out / f"heat_transport.{kind}" for kind in ("png", "pdf")])
    print(json.dumps(record["kappa_W_per_mK"], indent=1))


if __name__ == "__main__":
    main()
