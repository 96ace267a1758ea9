"""Does the ± of κ cover the truth? Crystals with exactly known forces, many draws, one row each.

A draw is a committee that is wrong in a known way, κ with the potential's part of its error budget
as a campaign makes it (members, six audit labels), and the truth: κ of the reference's own force
constants in the same supercell on the same mesh. The q-mesh is judged apart, by
`mesh_convergence.py`. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from ase import Atoms
from ase.build import bulk
from phono3py import Phono3py

from umklapp import config
from umklapp.campaign import teacher_campaign
from umklapp.crystals import frames
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.files import replacing
from umklapp.lattice import force_constants
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.contract import Potential, Prediction
from umklapp.potentials.empirical import manybody
from umklapp.potentials.heat_transport import LennardJones
from umklapp.potentials.loading import load
from umklapp.potentials.nequip import training
from umklapp.potentials.taylor.model import displacements
from umklapp.potentials.taylor.prior import Knowledge, Prior
from umklapp.potentials.taylor.regression import Regression
from umklapp.potentials.taylor.residual import Residual
from umklapp.potentials.taylor.stiffness import widened
from umklapp.transport import bte, error_budget, potential_error
from umklapp.transport.error_budget import ErrorBudget

NACL = Path("../shared/data/dft/NaCl-225_phono3py_params.yaml.xz")
PHONONS = config.Phonons()
CONDUCTIVITY = config.Conductivity()
TAYLOR = config.Taylor()
COARSE, MESH = [5] * 3, [7] * 3
"""Of the posterior's draws, and of κ."""

WAYS = ("mixture", "mixture+taylor", "network", "network+taylor")

MEMBERS = 4
FRESH = 6
"""Labels of the audit, half of them thermal, half displaced as for fc3; as `audit.labels`."""


@dataclass
class Crystal:
    """A crystal with known forces.

    reference: its forces; rivals: potentials that are wrong about it; amplitude: standard deviation
    of thermal displacements per axis, Å.
    """

    name: str
    primitive: Atoms
    repeats: int
    reference: Potential
    rivals: Sequence[Potential]
    amplitude: float


class Mixture:
    """Σ w_i F_i of some potentials: wrong by a fraction of the difference of two of them."""

    def __init__(self, potentials: Sequence[Potential], weights: Sequence[float]) -> None:
        self.potentials, self.weights = potentials, weights

    def evaluate(self, cells: Sequence[Atoms]) -> Prediction:
        """Energies and forces; no stress."""
        answers = [each.evaluate(cells) for each in self.potentials]
        energy = sum(w * a.energy for w, a in zip(self.weights, answers, strict=True))
        forces = sum(w * np.array(a.forces) for w, a in zip(self.weights, answers, strict=True))
        return Prediction(np.asarray(energy), list(forces), np.full((len(cells), 6), np.nan))


class Remembered:
    """A potential that evaluates a set of cells once; members mix the same few potentials."""

    def __init__(self, potential: Potential) -> None:
        self.potential = potential
        self._known: dict[bytes, Prediction] = {}

    def evaluate(self, cells: Sequence[Atoms]) -> Prediction:
        """As the potential."""
        key = b"".join(cell.positions.tobytes() for cell in cells)
        if key not in self._known:
            self._known[key] = self.potential.evaluate(cells)
        return self._known[key]


class Scaled:
    """E(s R): the same potential with a lattice constant that is wrong by 1/s."""

    def __init__(self, potential: Potential, scale: float) -> None:
        self.potential, self.scale = potential, scale

    def evaluate(self, cells: Sequence[Atoms]) -> Prediction:
        """Energies and forces; no stress."""
        other = []
        for cell in cells:
            atoms = cell.copy()
            atoms.set_cell(self.scale * cell.cell.array, scale_atoms=True)
            other.append(atoms)
        found = self.potential.evaluate(other)
        forces = [self.scale * each for each in found.forces]
        return Prediction(found.energy, forces, np.full((len(cells), 6), np.nan))


def published(form: str, parameters: str) -> AsePotential:
    """A potential of `empirical.manybody`."""
    return AsePotential(manybody(form, parameters))  # type: ignore[arg-type]


def crystals() -> dict[str, Callable[[], Crystal]]:
    """By name; made when they are needed."""
    silicon = {
        "SW": ("stillinger_weber", "Stillinger_Weber_PRB_31_5262_Si"),
        "Vink": ("stillinger_weber", "RLC_Vink_JNCS_282_746_Si"),
        "Holland-Marder": ("stillinger_weber", "Holland_Marder_PRL_80_746_Si"),
        "Erhart": ("tersoff_brenner", "Erhart_PRB_71_035211_Si"),
        "Kumagai": ("kumagai", "Kumagai_Comp_Mat_Sci_39_Si"),
    }
    carbide = {
        "Erhart": ("tersoff_brenner", "Erhart_PRB_71_035211_SiC"),
        "Tersoff": ("tersoff_brenner", "Tersoff_PRB_39_5566_Si_C"),
    }
    diamond = {
        "Brenner": ("tersoff_brenner", "Brenner_PRB_42_9458_C_I"),
        "Erhart": ("tersoff_brenner", "Erhart_PRB_71_035211_SiC"),
        "Tersoff": ("tersoff_brenner", "Tersoff_PRB_39_5566_Si_C"),
    }

    def covalent(
        name: str, cell: Atoms, sets: dict[str, tuple[str, str]], truth: str, amplitude: float
    ) -> Crystal:
        reference = published(*sets[truth])
        others: list[Potential] = [published(*each) for key, each in sets.items() if key != truth]
        others += [Scaled(reference, 0.985), Scaled(reference, 1.01)]
        return Crystal(name, cell, 2, reference, others, amplitude)

    found: dict[str, Callable[[], Crystal]] = {}
    for truth in silicon:
        cell = bulk("Si", "diamond", a=5.43)
        found[f"Si {truth}"] = partial(covalent, f"Si {truth}", cell, silicon, truth, 0.05)
    for symbols, lattice, parameters in (
        ("BN", 3.62, "Matsunaga_Fisher_Matsubara_Jpn_J_Appl_Phys_39_48_B_C_N"),
    ):
        cell = bulk(symbols, "zincblende", a=lattice)
        own = {"own": ("tersoff_brenner", parameters)}
        found[symbols] = partial(covalent, symbols, cell, own, "own", 0.04)
    cell = bulk("SiC", "zincblende", a=4.36)
    found["SiC Erhart"] = partial(covalent, "SiC Erhart", cell, carbide, "Erhart", 0.04)
    cell = bulk("C", "diamond", a=3.567)
    found["C Tersoff"] = partial(covalent, "C Tersoff", cell, diamond, "Tersoff", 0.03)
    found["Ar LJ"] = argon
    found["CuI teacher"] = copper_iodide
    return found


def copper_iodide() -> Crystal:
    """CuI as the network of `cui_teacher.py` has it, which learned a published potential."""
    teacher = load(teacher_campaign.TEACHER / "teacher.ckpt")
    rivals = [Scaled(teacher, 0.985), Scaled(teacher, 1.01)]
    return Crystal("CuI teacher", teacher_campaign.PRIMITIVE, 2, teacher, rivals, 0.12)


def argon() -> Crystal:
    """Lennard-Jones argon; the rivals have other parameters, and one another cutoff."""
    cell = bulk("Ar", "fcc", a=5.3)
    sites = cell.repeat(3)
    parameters = [(1.0, 1.0, 7.0), (0.8, 1.0, 7.0), (1.0, 1.015, 7.0), (1.1, 0.99, 5.6)]
    made = [LennardJones(0.0103 * e, 3.4 * s, c, sites) for e, s, c in parameters]
    return Crystal("Ar LJ", cell, 3, made[0], made[1:], 0.12)


@dataclass
class Setting:
    """What all draws of a crystal share: cells, prior of the expansion, truth."""

    crystal: Crystal
    calculation: Phono3py
    perfect: Atoms
    prior: Prior
    truth: float


def kappa(setting_calculation: Phono3py, forces: Sequence[np.ndarray], mesh: list[int]) -> float:
    """κ(300 K), NaN where there is none."""
    force_constants.fill(setting_calculation, forces, PHONONS)
    found = bte.solve(setting_calculation, CONDUCTIVITY, mesh, PHONONS.imaginary).scalar()
    return float("nan") if found is None else float(found[0])


def prepare(crystal: Crystal, scratch: Path) -> Setting:
    """Cells, prior and truth, kept in the scratch folder."""
    crystal = replace(
        crystal,
        reference=Remembered(crystal.reference),
        rivals=[Remembered(each) for each in crystal.rivals],
    )
    matrix = crystal.primitive.repeat(crystal.repeats)
    calculation = force_constants.prepare(crystal.primitive, matrix, PHONONS)
    perfect = from_phonopy(calculation.supercell)
    cells = force_constants.displaced_cells(calculation, PHONONS)
    cache = scratch / f"{crystal.name.replace(' ', '_')}.pickle"
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        forces = crystal.reference.evaluate(cells).forces
        truth = kappa(calculation, forces, MESH)
        with replacing(cache) as part:
            widths = widened(TAYLOR, perfect, displaced(crystal, perfect))
            part.write_bytes(pickle.dumps((Prior(perfect, Knowledge(), widths), truth)))
    return Setting(crystal, calculation, perfect, *pickle.loads(cache.read_bytes()))


def displaced(crystal: Crystal, perfect: Atoms) -> list[Atoms]:
    """A thermal frame with its forces, which says how stiff the crystal is."""
    atoms = perfect.copy()
    shifts = np.random.default_rng(0).normal(size=(len(atoms), 3))
    atoms.positions += crystal.amplitude * shifts
    answer = crystal.reference.evaluate([atoms])
    return [frames.labelled(atoms, float(answer.energy[0]), answer.forces[0])]


def labels(setting: Setting, shifts: Sequence[np.ndarray]) -> list[Atoms]:
    """Labelled frames at displacements (N, 3) Å."""
    cells = []
    for shift in shifts:
        atoms = setting.perfect.copy()
        atoms.positions += shift
        cells.append(atoms)
    answer = setting.crystal.reference.evaluate(cells)
    return [
        frames.labelled(atoms, float(energy), forces)
        for atoms, energy, forces in zip(cells, answer.energy, answer.forces, strict=True)
    ]


def audit_shifts(setting: Setting, generator: np.random.Generator) -> list[np.ndarray]:
    """Half thermal, half of two displaced atoms."""
    size = (len(setting.perfect), 3)
    thermal = [
        generator.normal(size=size) * setting.crystal.amplitude for _ in range(FRESH - FRESH // 2)
    ]
    pairs = []
    for _ in range(FRESH // 2):
        shift = np.zeros(size)
        atoms = generator.choice(len(setting.perfect), 2, replace=False)
        shift[atoms] = PHONONS.displacement * np.eye(3)[generator.choice(3, 2)]
        pairs.append(shift)
    return [*thermal, *pairs]


def mixtures(setting: Setting, generator: np.random.Generator) -> list[Potential]:
    """Members with one error in common (2 to 40 % of the way to a rival) and smaller own ones."""
    crystal = setting.crystal
    everyone = [crystal.reference, *crystal.rivals]
    weight = float(np.exp(generator.uniform(np.log(0.02), np.log(0.4))))
    common = 1 + int(generator.integers(len(crystal.rivals)))
    found = []
    for _ in range(MEMBERS):
        shares = np.zeros(len(everyone))
        shares[common] += weight
        own = generator.normal(size=len(crystal.rivals)) * generator.uniform(0.1, 1.0) * weight
        shares[1:] += own / np.sqrt(len(crystal.rivals))
        shares[0] = 1 - shares.sum()
        found.append(Mixture(everyone, shares.tolist()))
    return found


def networks(
    setting: Setting, known: Sequence[Atoms], generator: np.random.Generator, folder: Path
) -> list[Potential]:
    """Small NequIP members, each on its own four fifths of the labels."""
    settings = config.Potential(
        cutoff=1.05 * setting.perfect.get_all_distances(mic=True).max() / 2,
        l_max=1,
        features=[16, 8],
        radial_width=32,
        training={
            "epochs": 120, "learning_rate": 0.01, "patience": 120, "force_weight": 4,
            "stress_weight": 0, "batch_size": 2,
        },
    )  # fmt: skip
    members: list[Potential] = []
    for number in range(3):
        held = generator.permutation(len(known))[: max(1, len(known) // 5)]
        kept = [label for n, label in enumerate(known) if n not in held]
        out = folder / f"member_{number}.ckpt"
        seed = int(generator.integers(2**31))
        scratch = folder / f"scratch_{number}"
        training.train(
            kept, [known[n] for n in held], settings, seed, out, scratch, lambda text: None
        )
        members.append(load(out))
    return members


def corrections(
    setting: Setting, known: Sequence[Atoms], residuals: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Free numbers of the Taylor correction of every member, as `taylor.correction.correct`."""
    design = setting.prior.scaled_design(displacements(setting.perfect, known))
    regression = Regression(design.reshape(-1, design.shape[-1]), TAYLOR.noise)
    return [
        regression.likeliest(residual.ravel()).posterior(residual.ravel()) for residual in residuals
    ]


def row(
    setting: Setting,
    members: Sequence[Potential],
    known: Sequence[Atoms],
    fresh: Sequence[Atoms],
    corrected: bool,
    generator: np.random.Generator,
) -> dict[str, float]:
    """κ, its budget and the truth of one draw.

    Args:
        known: labels in the cell of κ that were learned from. fresh: of the audit.
    """
    cells = force_constants.displaced_cells(setting.calculation, PHONONS)
    groups = {"cells": cells, "known": list(known), "fresh": list(fresh)}
    forces = {
        name: [np.array(each.evaluate(some).forces) if some else np.zeros((0,)) for each in members]
        for name, some in groups.items()
    }
    if corrected:
        labelled = np.array([label.get_forces() for label in known])
        found = corrections(setting, known, [labelled - each for each in forces["known"]])
        for name, some in groups.items():
            for number, z in enumerate(found):
                forces[name][number] = forces[name][number] + np.array(
                    setting.prior.model(z, 0.0).evaluate(some).forces
                )
    kappas = [kappa(setting.calculation, each, MESH) for each in forces["cells"]]
    mean = {name: np.mean(each, axis=0) for name, each in forces.items()}
    truth = np.array([label.get_forces() for label in fresh])
    error = float(np.sqrt(np.mean((mean["fresh"] - truth) ** 2)))
    spread = float(np.sqrt(np.mean(np.var(forces["fresh"], axis=0))))
    result = {
        "kappa": float(np.mean(kappas)), "kappa_truth": setting.truth,
        "force_error": error, "force_spread": spread,
        "force_rms": float(np.sqrt(np.mean(truth**2))),
    }  # fmt: skip
    if not np.isfinite(kappas).all():
        return result
    residual = Residual(setting.prior, fresh, mean["fresh"])
    moved = potential_error.solve(
        setting.calculation, mean["cells"], residual, PHONONS, CONDUCTIVITY, COARSE, generator
    )
    parts = [
        error_budget.members([[k] for k in kappas], None, "as it is", corrected),
        moved.part([result["kappa"]], len(fresh)),
    ]
    budget = ErrorBudget(temperatures_K=[300.0], parts=parts)
    for part in parts:
        result[f"{part.name}_error"] = (part.error_W_per_mK or [np.nan])[0]
    result["moves"] = result["kappa"] * float(moved.relative_shift[0])
    result["kappa_error_bar"] = budget.total(300.0) or np.nan
    return result


def draw(setting: Setting, number: int, way: str, scratch: Path) -> dict[str, object]:
    """Row of one draw; `way`: mixture or network, with or without `+taylor`."""
    generator = np.random.default_rng([number, *way.encode(), *setting.crystal.name.encode()])
    size = (len(setting.perfect), 3)
    network, corrected = way.startswith("network"), way.endswith("+taylor")
    count = int(generator.integers(2, 7)) + (8 if network else 0)
    amplitudes = np.exp(generator.uniform(np.log(0.4), np.log(1.5), count))
    shifts = [generator.normal(size=size) * a * setting.crystal.amplitude for a in amplitudes]
    known = labels(setting, shifts) if network or corrected else []
    fresh = labels(setting, audit_shifts(setting, generator))
    if network:
        folder = scratch / f"{setting.crystal.name}_{number}_{way}".replace(" ", "_")
        members = networks(setting, known, generator, folder)
    else:
        members = mixtures(setting, generator)
    numbers = row(setting, members, known, fresh, corrected, generator)
    return {
        "crystal": setting.crystal.name, "way": way, "draw": number,
        "labels": len(known) + len(fresh), **numbers,
    }  # fmt: skip


def summary(table: pd.DataFrame) -> str:
    """Coverage of the whole table and of every way."""
    lines = []
    for name, part in [("all draws", table), *table.groupby("way")]:
        z = (part["kappa_truth"] - part["kappa"]) / part["kappa_error_bar"]
        z = z[np.isfinite(z)]
        within = [f"{100 * (z.abs() < limit).mean():.0f} % within {limit} σ" for limit in (1, 2)]
        plain = (part["kappa_truth"] - part["kappa"]) / part["members_error"]
        bare = 100 * (plain[np.isfinite(plain)].abs() < 1).mean()
        lines.append(
            f"{name}: {len(z)} of {len(part)} cases with κ, {', '.join(within)}; "
            f"the spread of the members alone: {bare:.0f} % within 1 σ"
        )
    return "\n".join(lines)


def main() -> None:
    """Make the draws that are missing, cheapest first; then print the coverage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crystals", nargs="+", default=list(crystals()))
    parser.add_argument(
        "--ways", nargs="+", default=["mixture", "mixture+taylor", "network+taylor"]
    )
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_coverage"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/coverage.csv"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = pd.read_csv(options.out).to_dict("records") if options.out.exists() else []
    settings: dict[str, Setting] = {}
    made = {(each["crystal"], each["way"], each["draw"]) for each in rows}
    for way in options.ways:
        for number in range(options.draws):
            for name in options.crystals:
                if (name, way, number) in made:
                    continue
                if name not in settings:
                    settings[name] = prepare(crystals()[name](), options.scratch)
                rows.append(draw(settings[name], number, way, options.scratch))
                table = pd.DataFrame(rows)
                table["z"] = (table["kappa_truth"] - table["kappa"]) / table["kappa_error_bar"]
                with replacing(options.out) as part:
                    table.round(6).to_csv(part, index=False)
                print(table.iloc[-1].to_dict(), flush=True)
    print(summary(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
