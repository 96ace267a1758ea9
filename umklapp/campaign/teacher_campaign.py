"""A campaign on zincblende CuI whose truth is a trained network: the *teacher*.

    umklapp teacher results/teacher --seed 1
    snakemake --cores 2 --configfile results/teacher/teacher.yaml

A Cu atom of the teacher hops to an interstitial and stays there (`benchmarks/cui_teacher.py`). The
seeds are quiet stretches of its dynamics, so the first committee has never seen the hop; labels
are the teacher's. Every criterion is the shipped default. The temperature is 350 K: there the
teacher hops about as often as the potential that taught it does at 300 K.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from ase import Atoms
from ase.io import read

from umklapp import config, provenance
from umklapp.campaign import hops
from umklapp.campaign.testbed_campaign import MATERIAL, TRAINING, crystal_section, write_crystal
from umklapp.crystals import frame_info, frames, sites
from umklapp.crystals.frame_info import FrameInfo
from umklapp.errors import CalculationError
from umklapp.lattice import harmonic_reference
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning import judgement
from umklapp.learning.sampling import dynamics, health
from umklapp.potentials.committee import Committee
from umklapp.potentials.nequip import engine, graph_cache

TEACHER = Path("benchmarks/data/cui_teacher")
"""Folder of the teacher: `teacher.ckpt`, `training.json`, `reference_*.extxyz.xz`."""

PRIMITIVE = Atoms("CuI", [(0, 0, 0), (1.5035125,) * 3], cell=3.007025 * (1 - np.eye(3)), pbc=True)

CUBE = [[-2, 2, 2], [2, -2, 2], [2, 2, -2]]
"""64 atoms, the cell in which the hop was found."""

TEMPERATURE, TIMESTEP, FRICTION = 350.0, 5.0, 0.005
"""K, fs and 1/fs: of the teacher's dynamics and of the campaign's exploration."""

EVERY = 10
"""Steps between kept frames."""

WINDOW = 10
"""Frames (0.5 ps) of the median that tells a hop from an excursion."""

WARM_UP = 20
"""Frames (1 ps) in which the perfect crystal warms up."""

MARGIN = 10
"""Frames (0.5 ps) before a hop that are no longer called quiet."""


def teacher(folder: Path = TEACHER) -> Committee:
    """The teacher as a committee of one, on its compiled graph."""
    described = json.loads((folder / "training.json").read_text())["potential"]
    settings = config.parse(config.Potential, described)
    graph = graph_cache.cache_folder() / "teacher"
    engine.prepare(settings, 2, "compiled", graph)
    return Committee.load([folder / "teacher.ckpt"], graph)


def harmonic(committee: Committee, primitive: Atoms, perfect: Atoms) -> HarmonicReference:
    """The teacher's own force constants, by finite displacements of 0.02 Å."""
    constants = harmonic_reference.of_potential(committee, primitive, perfect, 0.02)
    return HarmonicReference(perfect, constants, "finite displacements of the teacher")


def run(
    committee: Committee,
    reference: HarmonicReference,
    replicas: int,
    steps: int,
    generator: np.random.Generator,
    temperature: float = TEMPERATURE,
) -> list[dynamics.Trajectory]:
    """The teacher's Langevin dynamics at a temperature (K), each replica from the crystal."""
    perfect = reference.perfect
    recorder = dynamics.Recorder(judgement.reference_energies(committee, perfect), reference)
    scheme = dynamics.Scheme(TIMESTEP, FRICTION, steps, EVERY, "members")
    limits = health.Limits(5 * temperature, 0.6 * sites.bond_length(perfect), 50.0)
    starts, targets = [perfect] * replicas, [temperature] * replicas
    return dynamics.run(
        committee, starts, targets, recorder, generator, scheme, lambda target: limits
    )


def gone(trajectory: dynamics.Trajectory, reference: HarmonicReference) -> np.ndarray:
    """`hops.away` of a trajectory."""
    return hops.away(reference.displacements(np.array(trajectory.positions)), WINDOW)


def quiet_stretch(trajectory: dynamics.Trajectory, reference: HarmonicReference) -> slice:
    """Frames after the warm-up and well before the first hop."""
    hopped = np.flatnonzero(gone(trajectory, reference).any(axis=1))
    end = int(hopped[0]) - MARGIN if len(hopped) else len(trajectory.positions)
    return slice(WARM_UP, max(WARM_UP, end))


def labelled(committee: Committee, trajectory: dynamics.Trajectory, chosen: slice) -> list[Atoms]:
    """Frames of a trajectory with the teacher's energies, forces and stresses, and `time` (fs).

    Positions are rounded to 1e-4 Å first, so that files are small and labels belong to them.
    """
    made = []
    for position, time in zip(trajectory.positions[chosen], trajectory.time[chosen], strict=True):
        atoms = trajectory.atoms.copy()
        atoms.positions = np.round(position, 4)
        frame_info.mark(atoms, time=time)
        made.append(atoms)
    prediction = committee.evaluate(made)
    return [
        frames.labelled(atoms, energy, np.round(forces, 6), stress, material=MATERIAL)
        for atoms, energy, forces, stress in zip(
            made, prediction.energy, prediction.forces, prediction.stress, strict=True
        )
    ]


def seeds(
    committee: Committee, reference: HarmonicReference, seed: int, count: int, spacing: int
) -> list[Atoms]:
    """Quiet frames for the first committee, `spacing` kept frames apart.

    Replicas are drawn one after the other; the first that stays quiet for long enough is taken.

    Raises:
        CalculationError: none of 20 does.
    """
    steps = EVERY * (WARM_UP + count * spacing + MARGIN + 1)
    for attempt in range(20):
        generator = provenance.generator(seed, "teacher", attempt)
        (trajectory,) = run(committee, reference, 1, steps, generator)
        quiet = quiet_stretch(trajectory, reference)
        if quiet.stop - quiet.start >= count * spacing:
            chosen = slice(quiet.start, quiet.start + count * spacing, spacing)
            return labelled(committee, trajectory, chosen)
    raise CalculationError(
        f"seed {seed}: none of 20 replicas of the teacher is quiet for {count * spacing} frames; "
        "ask for fewer seeds"
    )


def write_campaign(
    folder: Path,
    seed: int = 1,
    given: Path = TEACHER,
    count: int = 40,
    spacing: int = 2,
    **changes: Any,
) -> Path:
    """Frames, structure, table and configuration; returns the path of the configuration.

    Args:
        seed: of the campaign, and of the teacher's dynamics behind its seeds.
        given: folder of the teacher.
        count: quiet frames, `spacing` × 50 fs apart.
        changes: sections that replace those of the configuration.
    """
    primitive, perfect = write_crystal(folder, PRIMITIVE, CUBE)
    committee = teacher(given)
    reference = harmonic(committee, primitive, perfect)
    quiet = seeds(committee, reference, seed, count, spacing)
    for frame in quiet:
        frame_info.mark(frame, origin="quiet MD")
    frames.write_frames(folder / "teacher_seeds.extxyz", quiet)
    for index, trajectory in enumerate(reference_trajectories(given)):
        frames.write_frames(folder / f"teacher_reference_{index}.extxyz", trajectory)
    settings = configuration(folder.resolve(), given.resolve(), seed) | changes
    path = folder / "teacher.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


def reference_trajectories(given: Path) -> list[list[Atoms]]:
    """The reference trajectories that are kept with the teacher, each in order of time."""
    return [
        [
            frames.labelled(
                frame,
                frame.get_potential_energy(),
                frame.get_forces(),
                time=FrameInfo.of(frame).time,
                material=MATERIAL,
            )
            for frame in read(path, ":")
        ]
        for path in sorted(given.glob("reference_*.extxyz.xz"))
    ]


def configuration(folder: Path, given: Path, seed: int) -> dict[str, Any]:
    """The configuration of a campaign whose files lie in `folder`; criteria are the defaults."""
    model = given / "teacher.ckpt"
    return {
        "name": "teacher",
        "seed": seed,
        "results": str(folder / "results_teacher"),
        "materials": crystal_section(folder, CUBE),
        "reference": {
            "engine": "ase",
            "calculator": "umklapp.potentials.calculator:CheckpointCalculator",
            "parameters": {"path": str(model), "digest": provenance.file_digest(model)},
        },
        "seeds": [
            {"kind": "frames", "path": str(folder / "teacher_seeds.extxyz")},
            {"kind": "harmonic", "count": 4, "temperatures": [TEMPERATURE]},
        ],
        "potential": {
            "cutoff": 5.0,
            "l_max": 1,
            "features": [16, 8],
            "radial_width": 32,
            "training": TRAINING
            | {
                "epochs": 150,
                "patience": 150,
                "warm_start": {"epochs": 40, "learning_rate": 0.01},
            },
        },
        "committee": {"subsamples": 3, "seeds": 1},
        "exploration": {
            "kind": "md",
            "replicas": 4,
            "temperatures": [TEMPERATURE],
            "timestep": TIMESTEP,
            "friction": FRICTION,
            "steps": 4000,
            "every": EVERY,
            "driver": "members",
        },
        "verdict": {
            "reference": [str(folder / f"teacher_reference_{index}.extxyz") for index in (0, 1)]
        },
    }
