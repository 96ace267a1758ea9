"""From displaced supercells to κ of silicon, stage by stage; forces also by a plain ASE loop.

Plain: NequIP's own eager ASE calculators of the K members, one after the other, one cell after the
other, on some of the cells; its time per cell and member is scaled to all. Ours: all cells through
the committee's compiled graph. Both in one run, on one core. The networks are untrained: what they
have learnt does not change their time. Force constants and κ are those of Stillinger–Weber silicon,
whose κ is known. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import StillingerWeber
from matscipy.calculators.manybody.explicit_forms.stillinger_weber import (
    Stillinger_Weber_PRB_31_5262_Si as SI,
)
from nequip.integrations.ase import NequIPCalculator
from nequip.integrations.mixins import basic_transforms

from umklapp import config, provenance
from umklapp.crystals import phonopy_cells
from umklapp.files import write_json
from umklapp.lattice import force_constants
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.committee import Committee
from umklapp.potentials.device import chosen
from umklapp.potentials.nequip import engine, model, slot_network
from umklapp.potentials.nequip.inference import NequipPotential
from umklapp.transport import bte

CUBES = 2
"""Supercell in cubic cells along each axis: 64 atoms."""

POTENTIAL = config.Potential(cutoff=5.0)
PAIRS = config.Phonons()
SYMFC = config.Phonons(fc3="symfc", pair_cutoff=4.0, random_displacements=20)


def timed(stages: dict[str, Any], name: str, work: Callable[[], Any]) -> Any:
    """Result of some work; its wall and CPU seconds and the peak memory so far go to `stages`."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    stages[name] = {
        "wall_seconds": round(time.perf_counter() - wall, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "peak_MiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(name, stages[name], flush=True)
    return found


def silicon() -> tuple[Atoms, Atoms]:
    """Primitive cell and supercell."""
    primitive = bulk("Si", "diamond", a=5.431)
    cubic = CUBES * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    return primitive, phonopy_cells.supercell(primitive, cubic.tolist())


def networks(members: int) -> list[NequipPotential]:
    """Untrained members."""
    found = []
    for seed in range(members):
        options = model.options(POTENTIAL, seed, ["Si"], 46.0, 1.0, -4.0)
        found.append(NequipPotential(model.build(options), device="cpu"))
    return found


def calculator(network: NequipPotential) -> NequIPCalculator:
    """NequIP's ASE calculator of a member, made as from a saved model."""
    transforms = basic_transforms(
        network.model.metadata, network.cutoff, list(network.types), {"Si": "Si"}
    )
    return NequIPCalculator(model=network.model, device="cpu", transforms=transforms)


def forces(options: argparse.Namespace, stages: dict[str, Any]) -> dict[str, Any]:
    """All displaced supercells by the engine, some of them by the plain loop."""
    primitive, supercell = silicon()
    phonon = force_constants.prepare(primitive, supercell, PAIRS)
    cells = timed(stages, "displacements", lambda: force_constants.displace(phonon, PAIRS))
    members = networks(options.members)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "engine"
        timed(
            stages, "compile (or cache)", lambda: engine.prepare(POTENTIAL, 1, "compiled", folder)
        )
        committee = timed(stages, "load engine", lambda: Committee(members, folder))
    plain = [AsePotential(calculator(each)) for each in members]
    some = cells[:: max(1, len(cells) // options.plain)][: options.plain]
    committee.evaluate_members(cells[:2])
    for each in plain:
        each.evaluate(some[:1])
    slow = timed(stages, "forces, plain, some", lambda: [each.evaluate(some) for each in plain])
    fast = timed(stages, "forces, engine, all", lambda: committee.evaluate_members(cells))
    again = committee.evaluate_members(some)
    worst = max(
        float(np.abs(again.forces[cell][member] - slow[member].forces[cell]).max())
        for cell in range(len(some))
        for member in range(len(members))
    )
    found: dict[str, Any] = {"cells": len(cells), "atoms": len(supercell), "members": len(members)}
    found |= {"plain_cells": len(some), "largest_force_difference_eV_per_A": worst}
    found["largest_force_eV_per_A"] = max(float(np.abs(each).max()) for each in fast.forces)
    for clock in ("wall_seconds", "cpu_seconds"):
        scaled = stages["forces, plain, some"][clock] * len(cells) / len(some)
        mine = stages["forces, engine, all"][clock]
        found |= {f"plain_scaled_{clock}": scaled, f"ratio_{clock}": scaled / mine}
    found["engine"] = "compiled" if committee.batched is not None else "eager"
    return found


def conductivity(stages: dict[str, Any]) -> dict[str, Any]:
    """κ(300 K) of Stillinger–Weber silicon by several ways, and how long its stages take."""
    potential = AsePotential(Manybody(**StillingerWeber(SI)))
    found: dict[str, Any] = {}
    for name, settings in (("pairs", PAIRS), ("symfc", SYMFC)):
        phonon = force_constants.prepare(*silicon(), settings)

        def evaluate(phonon: Any = phonon, settings: config.Phonons = settings) -> None:
            force_constants.evaluate(phonon, potential, settings)

        timed(stages, f"{name}: forces and force constants", evaluate)
        ways: dict[str, dict[str, Any]] = {"rta": {}}
        if name == "pairs":
            ways |= {"interband": {"interband": True}, "lbte": {"method": "lbte"}}
        for way, more in ways.items():
            chosen = config.Conductivity(**more)

            def solve(phonon: Any = phonon, chosen: config.Conductivity = chosen) -> bte.Kappa:
                return bte.solve(phonon, chosen, [11, 11, 11], -0.05)

            kappa = timed(stages, f"{name}: κ, {way}, 11 × 11 × 11", solve)
            found[f"{name}, {way}"] = {
                "kappa_W_per_mK": float(kappa.scalar()[0]),
                "supercells": len(phonon.supercells_with_displacements),
            }
    return found


def main() -> None:
    """Measure and write `results/bte.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--plain", type=int, default=37, help="cells of the plain loop")
    options = parser.parse_args()
    torch.set_num_threads(1)
    stages: dict[str, Any] = {}
    record = {"conductivity": conductivity(stages), "forces": forces(options, stages)}
    record |= {"stages": stages, "potential": POTENTIAL.model_dump(mode="json")}
    record["machine"] = {"platform": platform.platform(), "cores": os.cpu_count()}
    record["load_average"] = os.getloadavg()
    record["processor"] = slot_network.machine(chosen())
    options.out.mkdir(parents=True, exist_ok=True)
    write_json(options.out / "bte.json", provenance.record(**record))
    print(record["forces"], record["conductivity"], sep="\n")


if __name__ == "__main__":
    main()
