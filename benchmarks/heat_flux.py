"""Cost of the heat flux: forces with flux in one compiled call, against forces, and unfolded.

All in one run on one core, with an untrained member of the default architecture. See
benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from ase.build import bulk

from umklapp import config, provenance
from umklapp.files import write_json
from umklapp.potentials.batches import Batches
from umklapp.potentials.neighbours import Neighbours
from umklapp.potentials.nequip import engine, heat_flux, model
from umklapp.potentials.nequip.batched import BatchedMembers
from umklapp.potentials.nequip.flux import FluxMembers
from umklapp.potentials.nequip.flux_network import FluxNetwork
from umklapp.potentials.nequip.inference import NequipPotential

LARGEST_UNFOLDED = 216


def best(call: Callable[[], object], least: float = 1.0, repeats: int = 3) -> float:
    """Milliseconds of the fastest call; at least `least` seconds are spent."""
    call()
    found: list[float] = []
    while len(found) < repeats or sum(found) < least:
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return 1e3 * min(found)


def measure(
    repeat: int, potential: NequipPotential, plain: BatchedMembers, flux: FluxMembers
) -> dict[str, float]:
    """Times of rock salt with 8 repeat³ atoms, and the compiled flux against the unfolded one."""
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True).repeat(repeat)
    sites = atoms.positions.copy()
    atoms.rattle(0.05, seed=1)
    speed = np.random.default_rng(0).normal(scale=0.01, size=(len(atoms), 3))
    near = Neighbours(potential.cutoff, [len(atoms)], 0.4)
    row: dict[str, float] = {"atoms": len(atoms)}
    row["forces_ms"] = best(lambda: plain.evaluate([atoms], near))
    row["forces_and_flux_ms"] = best(lambda: flux.flux([atoms], [speed], sites, 0, [near]))
    row["ratio"] = row["forces_and_flux_ms"] / row["forces_ms"]
    row["eager_forces_ms"] = best(lambda: potential.evaluate([atoms]), 0.5)
    row["eager_folded_ms"] = best(lambda: heat_flux.folded(potential, atoms, speed), 0.5)
    if len(atoms) <= LARGEST_UNFOLDED:
        row["eager_unfolded_ms"] = best(lambda: heat_flux.unfolded(potential, atoms, speed), 0.5, 1)
        wanted = heat_flux.unfolded(potential, atoms, speed)
        found = flux.flux([atoms], [speed], sites, 0, [near]).potential[0]
        row["difference"] = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    return row


def main() -> None:
    """Table on the screen, csv and json in benchmarks/results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--repeats", type=int, nargs="+", default=[2, 3, 4, 6])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for layers in options.layers:
        settings = config.Potential(layers=layers)
        potential = NequipPotential(
            model.build(model.options(settings, 1, ("Cl", "Na"), 12.0, 1.5, -3.0))
        )
        folder = Path("results/bench_heat_flux")
        folders = {name: folder / f"{name}_{layers}" for name in ("plain", "flux")}
        began = time.perf_counter()
        engine.prepare(settings, 2, "compiled", folders["plain"])
        engine.prepare(settings, 2, "compiled", folders["flux"], network=FluxNetwork)
        compiling = time.perf_counter() - began
        loaded = engine.load(folders["plain"], [potential])
        if loaded is None:
            raise SystemExit("no compiler: nothing to compare")
        plain, flux = BatchedMembers(loaded, [potential]), FluxMembers(folders["flux"], [potential])
        plain.batches = Batches(10**9)
        for repeat in options.repeats:
            row = measure(repeat, potential, plain, flux)
            rows.append({"layers": layers, **row, "compile_s": compiling})
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    table.round(8).to_csv(options.out / "heat_flux.csv", index=False)
    write_json(options.out / "heat_flux.json", provenance.record())
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
