"""What a step of phonon fine-tuning costs: Stillinger–Weber silicon of 64 and 216 atoms.

A curvature step (one column of the Hessian of every supercell) against an ordinary step (energy,
forces, stress) on as many supercells, eager and compiled, in one process and in turn: CPU time of
one thread. And the peak memory of a step that learns 1, 2, 4, … columns of one supercell at once,
which the full Hessian (3N columns) is extrapolated from; each in a process of its own.
See docs/finetuning.md.
"""

from __future__ import annotations

import argparse
import gc
import json
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

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.crystals.curvature import CurvatureLabel
from umklapp.files import write_json
from umklapp.potentials.nequip import curvature, training
from umklapp.potentials.nequip.curvature import Batch, Item
from umklapp.potentials.nequip.member import Member

SIZES = {64: 2, 216: 3}
FRAMES, REPEATS = 2, 7
COLUMNS = (1, 4, 8, 12)
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
        training.train(known[:4], known[4:], settings, 1, path, scratch / "s")
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
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # Linux: forgets the highest memory so far
    before = memory_of("VmRSS")
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
    peak_MB = memory_of("VmHWM") - before
    return {"atoms": atoms, "columns": columns, "peak_MB": peak_MB}


def memory_of(key: str) -> float:
    """MB of this process: VmRSS, VmHWM."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


def memory_table(scratch: Path) -> dict[str, object]:
    """Peak memory of steps, and what the full Hessian would need by extrapolation (MB)."""
    jobs = [(scratch, n, c) for n in SIZES for c in (0, *COLUMNS)]
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        table = pd.DataFrame(pool.map(peak, jobs, chunksize=1))
    full = {}
    for atoms, rows in table.groupby("atoms"):
        several = rows[rows["columns"] >= 4]  # below, memory that is free already is used again
        slope, start = np.polyfit(several["columns"], several["peak_MB"], 1)
        full[int(atoms)] = float(start + slope * 3 * int(atoms))
    print(table.to_string(index=False), f"full Hessian, extrapolated (MB): {full}", sep="\n")
    return {"memory": table.to_dict("records"), "full_hessian_extrapolated_MB": full}


def time_table(scratch: Path, out: Path) -> dict[str, object]:
    """Times of steps, eager and compiled."""
    rows = times(scratch, compiled=False) + times(scratch, compiled=True)
    pd.DataFrame(rows).to_csv(out / "phonon_finetuning_cost.csv", index=False)
    return {"steps": rows, "frames_in_a_step": FRAMES}


def main() -> None:
    """Measure and write `results/phonon_finetuning_cost.{csv,json}`; other parts are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["memory", "times"])
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_finetuning_cost"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    for folder in (options.scratch, options.out):
        folder.mkdir(parents=True, exist_ok=True)
    member(options.scratch, compiled=False)
    path = options.out / "phonon_finetuning_cost.json"
    record = json.loads(path.read_text()) if path.exists() else {}
    if "memory" in options.parts:
        record |= memory_table(options.scratch)
    if "times" in options.parts:
        record |= time_table(options.scratch, options.out)
    record["potential"] = config.Potential().model_dump(mode="json")
    write_json(path, record | provenance.record())


if __name__ == "__main__":
    main()
