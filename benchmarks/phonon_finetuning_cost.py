"""What a step of phonon fine-tuning costs: Stillinger–Weber silicon of 64 and 216 atoms.

A curvature step (one column of the Hessian of every supercell) against an ordinary step (energy,
forces, stress) on as many supercells, eager and compiled, in one process and in turn: CPU time of
one thread. And the peak memory of a step that learns 1, 2, 4, … columns of one supercell at once,
which the full Hessian (3N columns) is extrapolated from; each in a process of its own.
See docs/finetuning.md.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from ase import Atoms
from ase.build import bulk
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import StillingerWeber
from matscipy.calculators.manybody.explicit_forms.stillinger_weber import (
    Stillinger_Weber_PRB_31_5262_Si as SILICON,
)

from umklapp import config, frames, provenance
from umklapp.curvature_labels import CurvatureLabel
from umklapp.potentials.nequip import curvature, training
from umklapp.potentials.nequip.curvature import Batch, Item
from umklapp.potentials.nequip.finetuning import Member

SIZES = {64: 2, 216: 3}
FRAMES, REPEATS = 2, 7
COLUMNS = (1, 2, 4, 8)
ORDINARY, CURVATURE = config.OrdinaryWeights(), config.CurvatureWeights()


def labelled(atoms: Atoms, seed: int) -> Atoms:
    """A rattled cell with its label."""
    moved = frames.strip(atoms)
    moved.positions += np.random.default_rng(seed).normal(scale=0.05, size=atoms.positions.shape)
    moved.calc = Manybody(**StillingerWeber(SILICON))
    energy, stress = moved.get_potential_energy(), moved.get_stress()
    return frames.labelled(moved, energy, moved.get_forces(), stress)


def member(scratch: Path, compiled: bool) -> Member:
    """A default member; how well it is trained does not matter here."""
    path = scratch / "member.ckpt"
    if not path.exists():
        known = [labelled(bulk("Si", cubic=True, a=5.431), seed) for seed in range(6)]
        settings = config.Potential(training={"epochs": 2})
        training.train(known[:4], known[4:], settings, 1, path, scratch / "s", lambda text: None)
    found = Member.load(path, compiled=compiled)
    found.network.train()
    return found


def items(found: Member, scale: int, count: int) -> tuple[list[Item], list[Item]]:
    """Ordinary frames and probed perfect supercells of silicon."""
    types, cutoff = found.network.type_names, float(found.network.metadata["r_max"])
    perfect = bulk("Si", cubic=True, a=5.431).repeat(scale)
    n = len(perfect)
    array = np.zeros((n, n, 3, 3))  # the time does not depend on the target
    label = CurvatureLabel(perfect, array, np.array([0]), np.zeros((n, 3)), None, None, 0, "")
    item = curvature.perfect_item(label, types, cutoff)
    generator = np.random.default_rng(0)
    probes = [curvature.probe("one_hot", n, generator) for _ in range(count)]
    ordinary = [
        curvature.ordinary_item(labelled(perfect, seed), types, cutoff) for seed in range(count)
    ]
    return ordinary, [curvature.probed(item, label, vector) for vector in probes]


def times(scratch: Path, compiled: bool) -> list[dict[str, object]]:
    """CPU seconds (median) of both kinds of steps for all sizes, interleaved."""
    torch.set_num_threads(1)
    found, rows = member(scratch, compiled), []
    optimizer = torch.optim.AdamW(found.weights, lr=1e-6)
    for atoms, scale in SIZES.items():
        ordinary, probed = items(found, scale, FRAMES)
        kinds = {
            "ordinary": (Batch.of(ordinary, "cpu"), ORDINARY),
            "curvature": (Batch.of(probed, "cpu"), CURVATURE),
        }
        spent: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(REPEATS + 2):
            for name, (batch, weights) in kinds.items():
                began = time.process_time()
                optimizer.zero_grad()
                curvature.loss(found.network, batch, weights).backward()
                optimizer.step()
                found.average.update_parameters(found.module.model)
                spent[name].append(time.process_time() - began)
        row: dict[str, object] = {"mode": "compiled" if compiled else "eager", "atoms": atoms}
        for name, values in spent.items():
            row[f"{name}_s"] = float(np.median(values[2:]))
            row[f"{name}_first_s"] = values[0]
        row["ratio"] = float(np.median(np.divide(spent["curvature"], spent["ordinary"])[2:]))
        rows.append(row)
        print(row, flush=True)
    return rows


def peak(job: tuple[Path, int, int]) -> dict[str, object]:
    """Peak memory (MB) above that of the loaded model, of one step that learns some columns."""
    scratch, atoms, columns = job
    torch.set_num_threads(1)
    found = member(scratch, compiled=False)
    ordinary, probed = items(found, SIZES[atoms], 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    batch = Batch.of(ordinary if columns == 0 else probed, "cpu")
    if columns <= 1:
        curvature.loss(found.network, batch, CURVATURE if columns else ORDINARY).backward()
    else:
        data = {key: value for key, value in batch.data.items() if key != curvature.VECTOR}
        data["pos"].requires_grad_(True)
        forces = found.network(data)["forces"].reshape(-1)
        rows = [
            torch.autograd.grad(forces[number], data["pos"], create_graph=True)[0]
            for number in range(columns)
        ]
        torch.stack(rows).abs().mean().backward()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"atoms": atoms, "columns": columns, "peak_MB": (after - before) / 1024}


def main() -> None:
    """Measure and write `results/phonon_finetuning_cost.{csv,json}`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--eager-only", action="store_true")
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_finetuning_cost"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    options.scratch.mkdir(parents=True, exist_ok=True)
    member(options.scratch, compiled=False)
    jobs = [(options.scratch, n, c) for n in SIZES for c in (0, *COLUMNS)]
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        memory = pd.DataFrame(pool.map(peak, jobs, chunksize=1))
    print(memory.to_string(index=False), flush=True)
    full = {}
    for atoms, rows in memory[memory["columns"] > 0].groupby("atoms"):
        slope, start = np.polyfit(rows["columns"], rows["peak_MB"], 1)
        full[int(atoms)] = float(start + slope * 3 * int(atoms))
    print("full Hessian, extrapolated (MB):", full, flush=True)
    rows = times(options.scratch, compiled=False)
    if not options.eager_only:
        rows += times(options.scratch, compiled=True)
    options.out.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(options.out / "phonon_finetuning_cost.csv", index=False)
    record = {
        "steps": rows,
        "frames_in_a_step": FRAMES,
        "memory": memory.to_dict("records"),
        "full_hessian_extrapolated_MB": full,
        "potential": config.Potential().model_dump(mode="json"),
    }
    path = options.out / "phonon_finetuning_cost.json"
    provenance.write_json(path, provenance.record(**record))


if __name__ == "__main__":
    sys.exit(main())
