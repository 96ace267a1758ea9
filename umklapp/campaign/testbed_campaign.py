"""Campaigns on the test bed in which the two failures are made to happen.

    umklapp testbed missed results/testbed
    snakemake --cores 2 --configfile results/testbed/missed.yaml

`missed`: exact dynamics has rare events; the seeds end before the first one, so the first
committee has never seen it. `false`: the true potential has no metastable site, but the seeds are
exactly those frames that cannot tell. Learning must repair both; the verdict must say so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml
from ase import Atoms, units
from ase.io import write
from ase.md.langevin import Langevin

from umklapp.crystals import frame_info, frames, materials, phonopy_cells
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.potentials import testbed

MATERIAL = "CuI-216"
DOUBLE = [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
TEMPERATURE = 600.0
STRIDE = 10
"""Steps of 5 fs between kept frames of the exact dynamics."""

TRAINING: dict[str, Any] = {
    "epochs": 60,
    "learning_rate": 0.01,
    "patience": 60,
    "force_weight": 4,
    "stress_weight": 0,
}
"""Of the members of a test campaign."""

Case = Literal["missed", "false"]


def truth(case: Case) -> testbed.DoubleWellCrystal:
    """The potential that labels."""
    return testbed.DoubleWellCrystal(metastable=case == "missed")


def dynamics(case: Case, perfect: Atoms, steps: int, seed: int) -> list[Atoms]:
    """Labelled frames of exact Langevin dynamics at 600 K, every 50 fs, with `time` (fs)."""
    atoms = perfect.copy()
    atoms.calc = truth(case)
    generator = np.random.default_rng(seed)
    width = np.sqrt(2 * units.kB * TEMPERATURE / atoms.get_masses())[:, None]
    atoms.set_velocities(generator.normal(size=(len(atoms), 3)) * width)
    run = Langevin(
        atoms,
        5 * units.fs,
        temperature_K=TEMPERATURE,
        friction=0.002 / units.fs,
        fixcm=False,
        rng=generator,
    )
    trajectory: list[Atoms] = []

    def keep() -> None:
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        time = len(trajectory) * STRIDE * 5.0
        label = frames.labelled(
            atoms, energy, forces, material=MATERIAL, origin="reference MD", time=time
        )
        trajectory.append(label)

    run.attach(keep, interval=STRIDE)
    run.run(steps)
    return trajectory[20:]


def displaced(perfect: Atoms, frame: Atoms) -> float:
    """Largest displacement (Å) of an atom from its site, without the common shift."""
    reference = HarmonicReference(perfect, np.zeros((3 * len(perfect),) * 2), "")
    return float(np.linalg.norm(reference.displacements(frame.positions[None])[0], axis=1).max())


def seeds(case: Case, perfect: Atoms, trajectory: list[Atoms], count: int = 36) -> list[Atoms]:
    """What the first committee learns from, in order of time.

    `missed`: the frames before any atom is 0.9 Å from its site. `false`: frames in which no two
    cations are within the range of what sets the two potentials apart.
    """
    if case == "false":
        quiet = testbed.seeds_with_a_false_well(trajectory)
    else:
        far = [index for index, frame in enumerate(trajectory) if displaced(perfect, frame) > 0.9]
        quiet = trajectory[: far[0]] if far else trajectory
    return quiet[:: max(1, len(quiet) // count)][:count]


def write_campaign(
    case: Case, folder: Path, steps: int = 40000, seed: int = 1, **changes: Any
) -> Path:
    """Frames, structure, table and configuration; returns the path of the configuration.

    Args:
        seed: of the campaign, and of the exact dynamics behind seeds and reference.
        steps: of exact dynamics (5 fs each) behind seeds and reference.
        changes: sections that replace those of the configuration.
    """
    _, perfect = write_crystal(folder, testbed.primitive(), DOUBLE)
    trajectory = dynamics(case, perfect, steps, seed)
    frames.write_frames(folder / f"{case}_reference.extxyz", trajectory[: 2 * len(trajectory) // 3])
    chosen = seeds(case, perfect, trajectory)
    for frame in chosen:
        frame_info.mark(frame, origin="quiet MD")
    frames.write_frames(folder / f"{case}_seeds.extxyz", chosen)
    settings = configuration(case, folder.resolve(), seed) | changes
    path = folder / f"{case}.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


def write_crystal(folder: Path, primitive: Atoms, matrix: list[list[int]]) -> tuple[Atoms, Atoms]:
    """Write structure and table of zincblende CuI.

    Returns:
        The primitive cell as the pipeline builds it, and its supercell.
    """
    structures = folder / "structures"
    structures.mkdir(parents=True, exist_ok=True)
    write(structures / f"{MATERIAL}.extxyz", primitive)
    columns = ["material", "formula", "space_group", "prototype", "n_primitive", "kappa_literature"]
    row = [MATERIAL, "CuI", 216, "zincblende", 2, ""]
    pd.DataFrame([row], columns=columns).to_csv(folder / "materials.csv", index=False)
    table = materials.read_table(folder / "materials.csv")
    # as the pipeline builds it: it may turn a primitive cell
    built = materials.build_primitive(pd.Series(table.loc[MATERIAL]), structures)
    return built, phonopy_cells.supercell(built, matrix)


def crystal_section(folder: Path, supercell: list[list[int]]) -> dict[str, Any]:
    """Section `materials` of a campaign on the files of `write_crystal`, in one supercell."""
    return {
        "table": str(folder / "materials.csv"),
        "structures": str(folder / "structures"),
        "select": [MATERIAL],
        "sampling_supercell": supercell,
        "phonon_supercell": supercell,
        "relax": False,
    }


def configuration(case: Case, folder: Path, seed: int = 1) -> dict[str, Any]:
    """The configuration of a campaign whose files lie in `folder`."""
    return {
        "name": f"testbed_{case}",
        "seed": seed,
        "results": str(folder / f"results_{case}"),
        "materials": crystal_section(folder, DOUBLE),
        "reference": {
            "engine": "ase",
            "calculator": "umklapp.potentials.testbed:DoubleWellCrystal",
            "parameters": {"metastable": case == "missed"},
        },
        "seeds": [{"kind": "frames", "path": str(folder / f"{case}_seeds.extxyz")}],
        "potential": {
            "cutoff": 5.0,
            "features": [16, 12, 8],
            "radial_width": 32,
            "training": TRAINING,
        },
        "committee": {"subsamples": 3, "seeds": 1},
        "exploration": {
            "kind": "md",
            "replicas": 6,
            "temperatures": [TEMPERATURE],
            "timestep": 5.0,
            "friction": 0.005,
            "steps": 1500,
            "every": 10,
            "min_distance": 0.75,
            "max_uncertainty": 0.4,
        },
        "acquisition": {"batch_size": 10},
        "rounds": {"max": 5, "force_error": 0.03, "physics": ["anharmonicity"]},
        "verdict": {"reference": str(folder / f"{case}_reference.extxyz"), "shortest": 300.0},
        "phonons": {"mesh": [8, 8, 8]},
        "conductivity": {"mesh": [5, 5, 5], "round_mesh": [5, 5, 5]},
    }
