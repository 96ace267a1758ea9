"""Exploration of a committee against the plain loop, in one run on the same machine and models.

Plain: ASE's Langevin dynamics, one replica, NequIP's own eager ASE calculators of the K members one
after the other, uncertainty at every step. Ours: `sampling.dynamics` on the compiled graph. Both
run on one core. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import platform
import pstats
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from nequip.integrations.ase import NequIPCalculator

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.crystals.frame_info import FrameInfo
from umklapp.files import write_json
from umklapp.learning import judgement
from umklapp.learning.sampling import dynamics, health, recording
from umklapp.potentials.committee import Committee
from umklapp.potentials.contract import spread_of_forces
from umklapp.potentials.device import chosen
from umklapp.potentials.nequip import engine, slot_network, training

LABELS = Path("benchmarks/data/nacl_gpaw.extxyz")
LATTICE = 5.64
"""Å; the crystal that the runs start from."""

TEMPERATURE, TIMESTEP, FRICTION = 300.0, 2.0, 0.02
POTENTIAL = config.Potential(
    cutoff=5.0,
    training={"epochs": 40, "learning_rate": 0.01, "patience": 40, "force_weight": 4},
)
COLUMNS = ["atoms", "way", "replicas", "every", "steps", "seconds", "atom_steps_per_s", "ratio"]


class PlainCommittee(Calculator):
    """The mean of NequIP's ASE calculators, evaluated one after the other; keeps u_max."""

    implemented_properties = ("energy", "forces")

    def __init__(self, paths: list[Path]) -> None:
        super().__init__()
        self.members = [
            NequIPCalculator._from_saved_model(path, chemical_species_to_atom_type_map=True)
            for path in paths
        ]
        self.doubt: list[float] = []

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: tuple[str, ...] = ("energy",),
        system_changes: list[str] = all_changes,
    ) -> None:
        """Energy and forces of the mean."""
        super().calculate(atoms, properties, system_changes)
        found = []
        for member in self.members:
            member.calculate(atoms, ["energy", "forces"], all_changes)
            found.append((member.results["energy"], member.results["forces"].copy()))
        forces = np.array([each for _, each in found])
        self.doubt.append(float(spread_of_forces(forces).max()))
        energy = float(np.mean([each for each, _ in found]))
        self.results = {"energy": energy, "forces": forces.mean(axis=0)}


def train(folder: Path, members: int) -> list[Path]:
    """Members trained on some of the GPAW frames; what is there is not trained again."""
    labels = frames.read_frames(LABELS)
    quiet = [each for each in labels if str(FrameInfo.of(each).origin) == "quiet"]
    hot = [each for each in labels if str(FrameInfo.of(each).origin) == "hot"][::4]
    paths = []
    for member in range(members):
        path = folder / f"member_{member}.ckpt"
        if not path.exists():
            some = [*quiet[member % 3 :: 3], *hot]
            scratch = folder / f"scratch_{member}"
            training.train(some[::2] + some[3::4], some[1::4], POTENTIAL, member, path, scratch)
        paths.append(path)
    return paths


def crystal(atoms: int) -> Atoms:
    """Rock salt with 64 or 216 (or any 8 n³) atoms."""
    number = round((atoms / 8) ** (1 / 3))
    return bulk("NaCl", "rocksalt", a=LATTICE, cubic=True) * (number, number, number)


def plain(paths: list[Path], start: Atoms, steps: int) -> tuple[float, list[float]]:
    """Seconds of the plain loop, and its temperatures (K) after the first third."""
    atoms = start.copy()
    atoms.calc = PlainCommittee(paths)
    generator = np.random.default_rng(1)
    MaxwellBoltzmannDistribution(atoms, temperature_K=TEMPERATURE, rng=generator)
    run = Langevin(
        atoms,
        TIMESTEP * units.fs,
        temperature_K=TEMPERATURE,
        friction=FRICTION / units.fs,
        fixcm=False,
        rng=generator,
    )
    found: list[float] = []
    run.attach(lambda: found.append(atoms.get_temperature()))
    run.run(3)
    began = time.perf_counter()
    run.run(steps)
    return time.perf_counter() - began, found[len(found) // 3 :]


def ours(
    committee: Committee, start: Atoms, replicas: int, every: int, steps: int, driver: str
) -> tuple[float, list[float]]:
    """Seconds of our loop, and its temperatures after the first third."""
    zero = judgement.reference_energies(committee, start)
    scheme = dynamics.Scheme(TIMESTEP, FRICTION, steps, every, driver)  # type: ignore[arg-type]
    limits = health.Limits(temperature=1e4, distance=0.1, force=1e3)
    began = time.perf_counter()
    found = dynamics.run(
        committee,
        [start] * replicas,
        [TEMPERATURE] * replicas,
        recording.Recorder(zero),
        np.random.default_rng(1),
        scheme,
        lambda target: limits,
    )
    seconds = time.perf_counter() - began
    kept = [each.temperature[len(each.temperature) // 3 :] for each in found]
    return seconds, list(np.concatenate(kept))


def equal_forces(paths: list[Path], committee: Committee, start: Atoms) -> float:
    """Largest difference (eV/Å) of the members' forces on displaced cells, ours from NequIP's."""
    calculator, worst = PlainCommittee(paths), 0.0
    for seed in range(5):
        atoms = start.copy()
        atoms.rattle(0.15, seed=seed)
        mine = committee.evaluate_members([atoms]).forces[0]
        for number, member in enumerate(calculator.members):
            member.calculate(atoms, ["energy", "forces"], all_changes)
            worst = max(worst, float(np.abs(mine[number] - member.results["forces"]).max()))
    return worst


def shares(committee: Committee, start: Atoms, steps: int) -> dict[str, float]:
    """Where the time of our loop goes, in percent (one replica, uncertainty at every step)."""
    profile = cProfile.Profile()
    profile.enable()
    ours(committee, start, 1, 1, steps, "mean")
    profile.disable()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = max(entry[3] for entry in stats.values())

    def cumulative(name: str, file: str) -> float:
        return sum(
            entry[3] for key, entry in stats.items() if key[2] == name and key[0].endswith(file)
        )

    graph = cumulative("call", "nequip/engine.py")
    neighbours = cumulative("update", "potentials/neighbours.py")
    sums = cumulative("_predict", "nequip/batched.py") - graph
    found = {
        "compiled graph": graph,
        "neighbours": neighbours,
        "sums of edge forces": sums,
        "records of kept frames": cumulative("keep", "sampling/replicas.py"),
    }
    found["integrator, health, rest"] = total - sum(found.values())
    return {name: round(100 * value / total, 1) for name, value in found.items()}


def main() -> None:
    """Measure and write `results/exploration.{csv,json}`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("results/bench_exploration"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--atoms", type=int, nargs="+", default=[64, 216])
    options = parser.parse_args()
    torch.set_num_threads(1)
    paths = train(options.models, options.members)
    began = time.perf_counter()
    engine.prepare(POTENTIAL, 2, "compiled", options.models / "engine")
    record: dict[str, object] = {"compile_or_cache_seconds": time.perf_counter() - began}
    record["engine"] = json.loads((options.models / "engine/engine.json").read_text())
    began = time.perf_counter()
    committee = Committee.load(paths, options.models / "engine")
    record["load_seconds"] = time.perf_counter() - began
    ways = [("mean", 1, 1), ("mean", 8, 1), ("mean", 8, 10), ("members", 8, 10), ("members", 1, 10)]
    rows, temperatures = [], {}
    for atoms in options.atoms:
        start = crystal(atoms)
        record[f"largest_force_difference_{atoms}"] = equal_forces(paths, committee, start)
        seconds, heat = plain(paths, start, options.steps)
        slow = atoms * options.steps / seconds
        temperatures[f"plain {atoms}"] = heat
        rows.append((atoms, "plain", 1, 1, options.steps, seconds, slow, 1.0))
        print(rows[-1], flush=True)
        for driver, replicas, every in ways:
            ours(committee, start, replicas, every, 5, driver)
            seconds, heat = ours(committee, start, replicas, every, options.steps, driver)
            fast = atoms * options.steps * replicas / seconds
            name = f"ours, driver {driver}"
            rows.append((atoms, name, replicas, every, options.steps, seconds, fast, fast / slow))
            temperatures[f"{name}, {replicas} replicas, every {every}, {atoms}"] = heat
            print(rows[-1], flush=True)
        record[f"shares_percent_{atoms}"] = shares(committee, start, options.steps)
    table = pd.DataFrame(rows, columns=COLUMNS)
    options.out.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(options.out / "exploration.csv", index=False)
    record["temperature"] = {
        name: {"mean_K": float(np.mean(each)), "std_K": float(np.std(each)), "n": len(each)}
        for name, each in temperatures.items()
    }
    record["canonical_std_K"] = {
        str(atoms): TEMPERATURE * float(np.sqrt(2 / (3 * atoms - 3))) for atoms in options.atoms
    }
    record["machine"] = {"platform": platform.platform(), "cores": os.cpu_count()}
    record["processor"] = slot_network.machine(chosen())
    write_json(options.out / "exploration.json", provenance.record(**record))
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
