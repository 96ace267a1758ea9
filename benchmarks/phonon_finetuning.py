"""Phonon fine-tuning on real rock salt at equal cost in DFT labels, and what a step of it costs.

`nacl`: VASP frames of 64 atoms; ways to spend B labels: `ordinary` (B frames), `curvature` (B − 2
frames, and two labels' worth of second derivatives: the force constants of two 512-atom cells,
folded). `gpaw`: the same with GPAW frames of 8 atoms and displaced cells labelled for this
(`gpaw_displaced.py`), and `displaced`: these cells as ordinary frames. All ways make equally many
steps of the optimiser. `cost`: Stillinger–Weber silicon. Rows that are in the csv files are not
made again. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from gpaw_displaced import primitive as gpaw_primitive
from gpaw_displaced import supercell as gpaw_supercell
from phono3py import Phono3py
from symfc import Symfc

from umklapp import (
    config,
    curvature_labels,
    force_constants,
    force_sets,
    frames,
    materials,
    phonons,
    provenance,
)
from umklapp.conductivity import bte
from umklapp.curvature_labels import CurvatureLabel
from umklapp.potentials.loading import load
from umklapp.potentials.nequip import finetuning, training

PARAMS = Path("../shared/data/dft/NaCl-225_phono3py_params.yaml.xz")
GPAW = Path("benchmarks/data/nacl_gpaw.extxyz")
DISPLACED = Path("benchmarks/data/nacl_gpaw_displaced.extxyz")
CONDUCTIVITY = config.Conductivity(mesh=[11, 11, 11], temperatures=[300])
PHONONS = config.Phonons(mesh=[11, 11, 11], pair_cutoff=6.0)
STEPS, FINETUNE_STEPS = 1200, 240
"""Of the optimiser: ordinary, and curvature steps after them."""

SETTINGS = config.CurvatureFinetune(steps=FINETUNE_STEPS)
POTENTIAL = config.Potential(
    cutoff=5.0,
    features=[16, 12, 8],
    radial_width=32,
    training={"learning_rate": 0.01, "force_weight": 10, "patience": 10**6},
)
FUNCTIONS = {"highest": "omega_max_THz", "entropy": "S", "free_energy": "F", "heat_capacity": "C_V"}


@dataclass(frozen=True)
class Crystal:
    """What a job needs of one data set.

    calculation: phono3py of the 64-atom supercell that everything is judged in, with the
    reference's fc2 and fc3; pool, held: frames to learn from and to judge by; label: second
    derivatives; displaced: labelled displaced cells, where there are some.
    """

    calculation: Phono3py
    pool: list[Atoms]
    held: list[Atoms]
    label: CurvatureLabel
    displaced: list[Atoms]
    stress_weight: float


def with_reference(phonon: Phono3py, found: list[Atoms]) -> Phono3py:
    """fc2 and fc3 by symfc on frames of its supercell."""
    perfect = materials.from_phonopy(phonon.supercell)
    u = np.array([frame.positions - perfect.positions for frame in found])
    forces = np.array([frame.get_forces() for frame in found])
    solver = Symfc(phonon.supercell, displacements=u, forces=forces)
    solver.run(max_order=3, is_compact_fc=False)
    rows = list(phonon.primitive.p2s_map)
    phonon.fc2, phonon.fc3 = (solver.force_constants[order][rows] for order in (2, 3))
    return phonon


def nacl(draw: int) -> Crystal:
    """VASP rock salt: 100 frames of 64 atoms with 0.03 Å, 40 of them held back."""
    large = force_constants.from_params(PARAMS)
    phonon = Phono3py(large.unitcell, large.supercell_matrix, large.primitive_matrix)
    phonon.nac_params = large.nac_params
    everything = force_sets.read_labelled(PARAMS)
    perfect = materials.from_phonopy(phonon.supercell)
    array = curvature_labels.fold(
        force_constants.full_fc2(large), materials.from_phonopy(large.phonon_supercell), perfect
    )
    atoms = np.array(phonon.primitive.p2s_map)
    zero = np.zeros((len(perfect), 3))
    label = CurvatureLabel(perfect, array, atoms, zero, None, None, 2, "two 512-atom cells, folded")
    order = provenance.generator(1, "pft", draw).permutation(len(everything))
    pool, held = ([everything[i] for i in part] for part in (order[:-40], order[-40:]))
    return Crystal(with_reference(phonon, everything), pool, held, label, [], 0.0)


def gpaw(draw: int) -> Crystal:
    """GPAW rock salt: 8-atom frames of dynamics; judged in 64 atoms by labels made for this."""
    groups: dict[str, list[Atoms]] = {}
    for frame in [*frames.read_frames(GPAW), *frames.read_frames(DISPLACED)]:
        groups.setdefault(str(frame.info["origin"]), []).append(frame)
    cube, perfect = gpaw_supercell(1), gpaw_supercell(2)
    phonon = force_constants.prepare(gpaw_primitive(), perfect, PHONONS)
    with_reference(phonon, groups["rattled 64"])
    harmonic = curvature_labels.calculation(gpaw_primitive(), cube)
    harmonic.generate_displacements(distance=0.03)
    harmonic.forces = np.array([frame.get_forces() for frame in groups["displaced 8"]])
    harmonic.produce_force_constants()
    atoms, zero = np.array(harmonic.primitive.p2s_map), np.zeros((8, 3))
    array = np.array(harmonic.force_constants)
    label = CurvatureLabel(cube, array, atoms, zero, None, np.zeros(6), 2, "two 8-atom cells")
    mixed = [*groups["quiet"], *groups["hot"][:30]]
    order = provenance.generator(1, "pft", draw).permutation(len(mixed))
    held = [*groups["quiet test"], *groups["hot test"]]
    return Crystal(phonon, [mixed[i] for i in order], held, label, groups["displaced 8"], 0.1)


CRYSTALS = {
    "nacl": (nacl, ("ordinary", "curvature")),
    "gpaw": (gpaw, ("ordinary", "displaced", "curvature")),
}


def train(
    crystal: Crystal, budget: int, way: str, draw: int, scratch: Path
) -> tuple[Path, dict[str, float]]:
    """A model by one way of spending the budget, and the CPU seconds of its two stages."""
    spent = 0 if way == "ordinary" else crystal.label.labels
    known = list(crystal.pool[: budget - spent])
    if way == "displaced":
        known = [*known[:-1], *crystal.displaced, known[-1]]
    n_held = max(1, len(known) // 6)
    parts = known[:-n_held], known[-n_held:]
    steps = STEPS + (0 if way == "curvature" else FINETUNE_STEPS * (1 + SETTINGS.cotraining))
    per_epoch = -(-len(parts[0]) // POTENTIAL.training.batch_size)
    options = {"epochs": -(-steps // per_epoch), "stress_weight": crystal.stress_weight}
    potential = POTENTIAL.model_copy(
        update={"training": POTENTIAL.training.model_copy(update=options)}
    )
    seed = provenance.seed_for(1, "pft", draw)
    out = scratch / f"{way}_{budget}_{draw}.ckpt"
    began = time.process_time()
    training.train(*parts, potential, seed % 2**31, out, scratch / out.stem, lambda text: None)
    seconds = {"cpu_seconds": time.process_time() - began, "cpu_seconds_finetuning": 0.0}
    if way != "curvature":
        return out, seconds
    tuned, began = out.with_name(f"tuned_{out.name}"), time.process_time()
    finetuning.finetune(
        out, [crystal.label], *parts, SETTINGS, seed, tuned, scratch / tuned.stem, lambda text: None
    )
    seconds["cpu_seconds_finetuning"] = time.process_time() - began
    return tuned, seconds


def judge(crystal: Crystal, path: Path) -> dict[str, float]:
    """Errors of a model against the reference's force constants and on held-out frames."""
    wanted, potential = crystal.calculation, load(path)
    mine = Phono3py(wanted.unitcell, wanted.supercell_matrix, wanted.primitive_matrix)
    mine.nac_params = wanted.nac_params
    force_constants.evaluate(mine, potential, PHONONS)
    row = {**properties(mine), **{f"ref_{k}": v for k, v in properties(wanted).items()}}
    row["fc2_mae_eV_per_A2"] = float(np.abs(mine.fc2 - wanted.fc2).mean())
    row["fc3_error"] = float(np.linalg.norm(mine.fc3 - wanted.fc3) / np.linalg.norm(wanted.fc3))
    mine.fc2 = wanted.fc2
    row["kappa_with_reference_fc2"] = kappa(mine)
    found = potential.evaluate(crystal.held).forces
    difference = [a - b.get_forces() for a, b in zip(found, crystal.held, strict=True)]
    row["force_mae_meV_per_A"] = 1e3 * float(np.abs(np.concatenate(difference)).mean())
    return row


def properties(phonon: Phono3py) -> dict[str, float]:
    """ω_max, S, F, C_V and κ at 300 K."""
    found = phonons.thermodynamics(phonons.harmonic(phonon), PHONONS.mesh)
    row = {name: float(getattr(found, key)) for key, name in FUNCTIONS.items()}
    return {**row, "kappa": kappa(phonon)}


def kappa(phonon: Phono3py) -> float:
    """κ(300 K), W/(m K); NaN where the crystal is unstable."""
    found = bte.solve(phonon, CONDUCTIVITY, CONDUCTIVITY.mesh, -0.05).scalar()
    return float("nan") if found is None else float(found[0])


def evidence(name: str, options: argparse.Namespace) -> None:
    """All missing rows of one crystal."""
    make, ways = CRYSTALS[name]
    path = options.out / f"phonon_finetuning_{name}.csv"
    rows = pd.read_csv(path).to_dict("records") if path.exists() else []
    known = {(row["budget"], row["draw"], row["way"]) for row in rows}
    for draw in range(options.draws):
        crystal = make(draw)
        for budget in options.budgets:
            for way in ways:
                names = [way, "before"] if way == "curvature" else [way]
                if (budget, draw, way) in known:
                    continue
                tuned, seconds = train(crystal, budget, way, draw, options.scratch / name)
                paths = [tuned, tuned.with_name(tuned.name.removeprefix("tuned_"))]
                for label, file in zip(names, paths, strict=False):
                    row = {"budget": budget, "draw": draw, "way": label, **seconds}
                    rows.append({**row, **judge(crystal, file)})
                    print(rows[-1], flush=True)
                pd.DataFrame(rows).to_csv(path, index=False)


def main() -> None:
    """Make what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="+", choices=["nacl", "gpaw", "cost"])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--budgets", type=int, nargs="+", default=[6, 12])
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_phonon_finetuning"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    for part in options.parts:
        if part in CRYSTALS:
            evidence(part, options)


if __name__ == "__main__":
    main()
