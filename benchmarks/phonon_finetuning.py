"""Phonon fine-tuning on three crystals at equal cost in labels.

`nacl`, `mgo`: VASP frames of 64 atoms (`--mgo`: the force set of MgO, a public params file); `cui`:
frames of 64 atoms of the CuI teacher (`cui_teacher.py`), a network whose force constants are the
truth. Ways to spend B labels: `ordinary` (B frames), `curvature` (B − 2 frames, and two labels'
worth of second derivatives: the force constants of two displaced cells). `gpaw`: the same with GPAW
frames of 8 atoms and displaced cells labelled for this (`gpaw_displaced.py`), and `displaced`:
these cells as ordinary frames. `gpaw64`: displaced cells of 64 atoms, at eight times the price. All
ways make equally many steps of the optimiser. `before` is `curvature` without its fine-tuning,
`strong` has five times its learning rate and ten times its weight of curvature. Rows that are in
the csv files are not made again. See docs/finetuning.md.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from gpaw_displaced import primitive as gpaw_primitive
from gpaw_displaced import supercell as gpaw_supercell
from phono3py import Phono3py
from symfc import Symfc

from umklapp import config, provenance
from umklapp.campaign import teacher_campaign
from umklapp.crystals import frame_info, frames, phonopy_cells
from umklapp.crystals.curvature import CurvatureLabel
from umklapp.crystals.formats import born_files, force_sets
from umklapp.crystals.frame_info import FrameInfo
from umklapp.files import write_json
from umklapp.lattice import curvature_labels, force_constants, phonon_errors, phonons
from umklapp.lattice.phonon_errors import third_order_error
from umklapp.potentials.loading import load
from umklapp.potentials.nequip import finetuning, training
from umklapp.report.figures import tuning_benchmark
from umklapp.transport import kappa_errors
from umklapp.transport.kappa_errors import kappa

PARAMS = {
    "nacl": Path("../shared/data/dft/NaCl-225_phono3py_params.yaml.xz"),
    "mgo": Path("../shared/data/dft/MgO-225_phono3py_params.yaml.xz"),
}
GPAW = Path("benchmarks/data/nacl_gpaw.extxyz")
DISPLACED = Path("benchmarks/data/nacl_gpaw_displaced.extxyz")
BORN = Path("config/structures/born.yaml")
CONDUCTIVITY = config.Conductivity(mesh=[11, 11, 11], temperatures=[300])
PHONONS = config.Phonons(mesh=[11, 11, 11], pair_cutoff=6.0)
LARGE = 8
"""GPAW's time for a label of 64 atoms over that for 8 atoms, about."""

STEPS, FINETUNE_STEPS = 1200, 240
"""Of the optimiser: ordinary, and curvature steps after them."""

SETTINGS = {
    "curvature": config.CurvatureFinetune(steps=FINETUNE_STEPS),
    "strong": config.CurvatureFinetune(
        steps=FINETUNE_STEPS, learning_rate=5e-3, weights={"curvature": 1000}
    ),
}
"""Of the ways that fine-tune: the defaults, and a heavier hand."""

POTENTIAL = config.Potential(
    cutoff=5.0,
    features=[16, 12, 8],
    radial_width=32,
    training={"learning_rate": 0.01, "force_weight": 10, "patience": 10**6},
)
IMAGINARY = -0.05  # THz


@dataclass
class Crystal:
    """What a job needs of one data set.

    calculation: phono3py of the 64-atom supercell that everything is judged in, with the
    reference's fc2 and, where there is one, fc3; pool, held: frames to learn from and to judge by;
    label: second derivatives; displaced: labelled displaced cells, where there are some; large:
    held-out frames of 64 atoms, where the others are smaller.
    """

    calculation: Phono3py
    pool: list[Atoms]
    held: list[Atoms]
    label: CurvatureLabel
    displaced: list[Atoms]
    stress_weight: float
    large: list[Atoms]

    @cached_property
    def reference(self) -> dict[str, float]:
        """Properties of the reference's force constants."""
        return properties(self.calculation)


def with_reference(phonon: Phono3py, found: list[Atoms]) -> Phono3py:
    """fc2 and fc3 by symfc on frames of its supercell."""
    perfect = phonopy_cells.from_phonopy(phonon.supercell)
    u = np.array([frame.positions - perfect.positions for frame in found])
    forces = np.array([frame.get_forces() for frame in found])
    solver = Symfc(phonon.supercell, displacements=u, forces=forces)
    solver.run(max_order=3, is_compact_fc=False)
    rows = list(phonon.primitive.p2s_map)
    phonon.fc2, phonon.fc3 = (solver.force_constants[order][rows] for order in (2, 3))
    return phonon


def force_set(path: Path, draw: int) -> Crystal:
    """VASP frames of 64 atoms with 0.03 Å, 40 of them held back, and two cells of 512 for fc2."""
    large = force_constants.from_params(path)
    phonon = Phono3py(large.unitcell, large.supercell_matrix, large.primitive_matrix)
    phonon.nac_params = large.nac_params
    everything = force_sets.read_labelled(path)
    perfect = phonopy_cells.from_phonopy(phonon.supercell)
    array = curvature_labels.fold(
        force_constants.full_fc2(large), phonopy_cells.from_phonopy(large.phonon_supercell), perfect
    )
    label = curvature_label(phonon, perfect, array, "two 512-atom cells, folded")
    pool, held = shuffled(everything, draw)
    return Crystal(with_reference(phonon, everything), pool, held, label, [], 0.0, [])


def curvature_label(
    phonon: Phono3py, perfect: Atoms, array: np.ndarray, text: str
) -> CurvatureLabel:
    """Second derivatives of a crystal without forces, at the price of two labels."""
    atoms, zero = np.array(phonon.primitive.p2s_map), np.zeros((len(perfect), 3))
    return CurvatureLabel(perfect, array, atoms, zero, None, None, 2, text)


def shuffled(labels: list[Atoms], draw: int) -> tuple[list[Atoms], list[Atoms]]:
    """Frames to learn from, in a random order, and 40 that are held back."""
    order = provenance.generator(1, "pft", draw).permutation(len(labels))
    pool, held = ([labels[place] for place in part] for part in (order[:-40], order[-40:]))
    return pool, held


def nacl(draw: int) -> Crystal:
    """VASP rock salt, 100 frames."""
    return force_set(PARAMS["nacl"], draw)


def mgo(draw: int) -> Crystal:
    """VASP MgO."""
    return force_set(PARAMS["mgo"], draw)


def cui(draw: int) -> Crystal:
    """Zincblende CuI by the teacher: 80 frames of 64 atoms with displacements of 0.03 Å."""
    teacher = teacher_campaign.teacher()
    perfect = phonopy_cells.supercell(teacher_campaign.PRIMITIVE, teacher_campaign.CUBE)
    phonon = force_constants.prepare(teacher_campaign.PRIMITIVE, perfect, PHONONS)
    force_constants.evaluate(phonon, teacher, PHONONS)
    matrix = teacher_campaign.harmonic(teacher, teacher_campaign.PRIMITIVE, perfect).force_constants
    array = matrix.reshape(len(perfect), 3, len(perfect), 3).transpose(0, 2, 1, 3)
    label = curvature_label(phonon, perfect, array, "displaced cells of 64 atoms")
    generator, labels = provenance.generator(1, "pft", "cui"), []
    for _ in range(80):
        frame = perfect.copy()
        away = generator.normal(size=(len(frame), 3))
        frame.positions += 0.03 * away / np.linalg.norm(away, axis=1, keepdims=True)
        labels.append(frame)
    answer = teacher.evaluate(labels)
    labels = [
        frames.labelled(frame, float(energy), forces)
        for frame, energy, forces in zip(labels, answer.energy, answer.forces, strict=True)
    ]
    pool, held = shuffled(labels, draw)
    return Crystal(phonon, pool, held, label, [], 0.0, [])


def crystal() -> Atoms:
    """Primitive GPAW rock salt with its key."""
    found = gpaw_primitive()
    frame_info.mark(found, material="NaCl-225")
    return found


def by_displacements(perfect: Atoms, labels: list[Atoms], symmetrised: bool) -> np.ndarray:
    """Full force constants of GPAW rock salt from its displaced cells."""
    harmonic = phonopy_cells.harmonic_calculation(gpaw_primitive(), perfect)
    harmonic.generate_displacements(distance=0.03)
    forces = np.array([frame.get_forces() for frame in labels])
    harmonic.forces = forces - forces.mean(axis=1, keepdims=True)
    harmonic.produce_force_constants()
    if symmetrised:
        harmonic.symmetrize_force_constants()
    return np.array(harmonic.force_constants)


def gpaw(draw: int, scale: int = 1) -> Crystal:
    """GPAW rock salt: 8-atom frames of dynamics; second derivatives of the cube (scale 1)."""
    groups: dict[str, list[Atoms]] = {}
    for frame in [*frames.read_frames(GPAW), *frames.read_frames(DISPLACED)]:
        groups.setdefault(str(FrameInfo.of(frame).origin), []).append(frame)
    small, perfect = gpaw_supercell(scale), gpaw_supercell(2)
    displaced = groups[f"displaced {8 * scale**3}"]
    phonon = force_constants.prepare(gpaw_primitive(), perfect, PHONONS)
    charges, _ = born_files.read(BORN, phonopy_cells.from_phonopy(phonon.primitive), "NaCl-225")
    phonon.nac_params = charges.nac_params()
    phonon.fc2 = by_displacements(perfect, groups["displaced 64"], True)[phonon.primitive.p2s_map]
    atoms = phonopy_cells.harmonic_calculation(gpaw_primitive(), small).primitive.p2s_map
    array, zero = by_displacements(small, displaced, False), np.zeros((len(small), 3))
    spent = 2 if scale == 1 else 2 * LARGE
    text = f"two cells of {len(small)} atoms"
    label = CurvatureLabel(small, array, np.array(atoms), zero, None, np.zeros(6), spent, text)
    mixed = [*groups["quiet"], *groups["hot"][:30]]
    order = provenance.generator(1, "pft", draw).permutation(len(mixed))
    held = [*groups["quiet test"], *groups["hot test"]]
    pool = [mixed[i] for i in order]
    return Crystal(phonon, pool, held, label, displaced, 0.1, groups["rattled 64"])


def gpaw64(draw: int) -> Crystal:
    """The same with second derivatives of 64 atoms; a label of them costs as LARGE of 8 atoms."""
    return gpaw(draw, 2)


CRYSTALS = {
    "nacl": (nacl, ("ordinary", "curvature", "strong")),
    "mgo": (mgo, ("ordinary", "curvature", "strong")),
    "cui": (cui, ("ordinary", "curvature", "strong")),
    "gpaw": (gpaw, ("ordinary", "displaced", "curvature", "strong")),
    "gpaw64": (gpaw64, ("ordinary", "displaced", "curvature", "strong")),
}


def train(crystal: Crystal, budget: int, way: str, draw: int, scratch: Path) -> list[Path]:
    """A model by one way of spending the budget; for those that fine-tune also that of before."""
    spent = 0 if way == "ordinary" else crystal.label.labels
    known = list(crystal.pool[: budget - spent])
    if way == "displaced":
        known = [*known[:-1], *crystal.displaced, known[-1]]
    n_held = max(1, len(known) // 6)
    parts = known[:-n_held], known[-n_held:]
    settings = SETTINGS.get(way)
    steps = STEPS if settings else STEPS + 5 * FINETUNE_STEPS
    per_epoch = -(-len(parts[0]) // POTENTIAL.training.batch_size)
    options = {"epochs": -(-steps // per_epoch), "stress_weight": crystal.stress_weight}
    potential = POTENTIAL.model_copy(
        update={"training": POTENTIAL.training.model_copy(update=options)}
    )
    seed = provenance.seed_for(1, "pft", draw)
    out = scratch / f"{'curvature' if settings else way}_{budget}_{draw}.ckpt"
    training.train(*parts, potential, seed % 2**31, out, scratch / out.stem)
    if settings is None:
        return [out]
    tuned = scratch / f"tuned_{way}_{budget}_{draw}.ckpt"
    folder = scratch / tuned.stem
    finetuning.finetune(out, [crystal.label], *parts, settings, seed, tuned, folder)
    return [tuned, out]


def judge(crystal: Crystal, path: Path) -> dict[str, float]:
    """Errors of a model against the reference's force constants and on held-out frames."""
    wanted, potential = crystal.calculation, load(path)
    mine = Phono3py(wanted.unitcell, wanted.supercell_matrix, wanted.primitive_matrix)
    mine.nac_params = wanted.nac_params
    force_constants.evaluate(mine, potential, PHONONS)
    row = {**properties(mine), **{f"ref_{k}": v for k, v in crystal.reference.items()}}
    row["fc2_mae_eV_per_A2"] = float(np.abs(mine.fc2 - wanted.fc2).mean())
    if wanted.fc3 is not None:
        row["fc3_error"] = third_order_error(mine.fc3, wanted.fc3).relative
    mine.fc2 = wanted.fc2
    row["kappa_with_reference_fc2"] = kappa(mine, CONDUCTIVITY, IMAGINARY)
    for name, held in (("force", crystal.held), ("large_force", crystal.large)):
        if held:
            found = potential.evaluate(held).forces
            rest = [a - b.get_forces() for a, b in zip(found, held, strict=True)]
            row[f"{name}_mae_meV_per_A"] = 1e3 * float(np.abs(np.concatenate(rest)).mean())
    return row


def properties(phonon: Phono3py) -> dict[str, float]:
    """ω_max, S, F, C_V and, where there is an fc3, κ at 300 K."""
    if phonon.fc3 is not None:
        return asdict(kappa_errors.properties(phonon, CONDUCTIVITY, IMAGINARY))
    return asdict(phonon_errors.harmonic_properties(phonons.harmonic(phonon)))


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
                if way not in options.ways or (budget, draw, way) in known:
                    continue
                paths = train(crystal, budget, way, draw, options.scratch / name)
                for label, file in zip((way, "before"), paths, strict=False):
                    if (budget, draw, label) in known:
                        continue
                    known.add((budget, draw, label))
                    row = {"budget": budget, "draw": draw, "way": label}
                    rows.append({**row, **judge(crystal, file)})
                    print(rows[-1], flush=True)
                pd.DataFrame(rows).to_csv(path, index=False)


ERRORS = {
    "omega_max_THz": "ω_max",
    "entropy_J_per_K_mol": "S",
    "free_energy_kJ_per_mol": "F",
    "heat_capacity_J_per_K_mol": "C_V",
    "kappa_W_per_mK": "κ",
}
"""Properties whose relative error (percent) the table has."""


def summary(name: str, out: Path) -> pd.DataFrame:
    """Mean and spread over the draws of the errors of every way, and the table as markdown."""
    table = pd.read_csv(out / f"phonon_finetuning_{name}.csv")
    known = [key for key in ERRORS if f"ref_{key}" in table]
    for key in known:
        table[f"{key}_error"] = 100 * (table[key] / table[f"ref_{key}"] - 1).abs()
    fixed = "kappa_with_reference_fc2"
    if "ref_kappa_W_per_mK" in table:
        table[f"{fixed}_error"] = 100 * (table[fixed] / table["ref_kappa_W_per_mK"] - 1).abs()
    table["fc2_mae_meV_per_A2"] = 1e3 * table["fc2_mae_eV_per_A2"]
    shown = {f"{key}_error": f"{ERRORS[key]} %" for key in known}
    shown["fc2_mae_meV_per_A2"] = "Φ MAE (meV/Å²)"
    if "fc3_error" in table:
        table["fc3_error"] *= 100
        shown["fc3_error"] = "fc3 %"
    shown["force_mae_meV_per_A"] = "force MAE (meV/Å)"
    if "large_force_mae_meV_per_A" in table:
        shown["large_force_mae_meV_per_A"] = "… 64 atoms"
    if f"{fixed}_error" in table:
        shown[f"{fixed}_error"] = "κ % with the reference's fc2"
    print(f"{name}: mean ± standard deviation over draws")
    print("| labels | way | draws | " + " | ".join(shown.values()) + " |")
    print("|---|---|---|" + "---|" * len(shown))
    for (budget, way), rows in table.groupby(["budget", "way"]):
        cells = [f"{rows[key].mean():.3g} ± {rows[key].std():.2g}" for key in shown]
        print(f"| {budget} | {way} | {len(rows)} | " + " | ".join(cells) + " |")
    return table


def main() -> None:
    """Make what is missing, then tables and figure of what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"{', '.join(CRYSTALS)}; none: tables only")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--ways", nargs="+", default=list(tuning_benchmark.WAYS))
    parser.add_argument("--budgets", type=int, nargs="+", default=[6, 12])
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_phonon_finetuning"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--mgo", type=Path, default=PARAMS["mgo"], help="phono3py params of MgO")
    options = parser.parse_args()
    PARAMS["mgo"] = options.mgo
    if unknown := set(options.parts) - set(CRYSTALS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    for part in options.parts:
        evidence(part, options)
    there = [n for n in CRYSTALS if (options.out / f"phonon_finetuning_{n}.csv").exists()]
    tables = {name: summary(name, options.out) for name in there}
    shown = tuning_benchmark.table({f"phonon_finetuning_{name}": t for name, t in tables.items()})
    tuning_benchmark.draw(shown, [options.out / "phonon_finetuning.png"])
    means = {
        name: [
            {"budget": int(budget), "way": way, **rows.mean(numeric_only=True).to_dict()}
            for (budget, way), rows in table.groupby(["budget", "way"])
        ]
        for name, table in tables.items()
    }
    settings = {"potential": POTENTIAL.model_dump(mode="json"), "steps": STEPS}
    record = provenance.record(
        finetune={k: v.model_dump(mode="json") for k, v in SETTINGS.items()}, **settings, **means
    )
    write_json(options.out / "phonon_finetuning.json", record)


if __name__ == "__main__":
    main()
