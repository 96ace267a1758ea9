"""The four potential backends on the same small data: errors, cost of training, time per call.

Rock salt labelled by GPAW (`gpaw_pool.py`), 8 atoms in a frame: quiet and hot frames to learn from,
others to test on. Architectures and learning rates are the defaults of each backend; the rest of
the training is the same. Costs are CPU seconds of one thread, with those of the worker process;
times per call are the best of several, of one run on one machine. See docs/potentials.md.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import time
from pathlib import Path
from typing import get_args

import matplotlib as mpl
import numpy as np
import pandas as pd
from ase import Atoms
from matplotlib.figure import Figure

from umklapp import config, provenance
from umklapp.config.backends import Backend
from umklapp.crystals import frames
from umklapp.crystals.frame_info import FrameInfo
from umklapp.files import write_json
from umklapp.potentials import loading
from umklapp.potentials.committee import Committee
from umklapp.potentials.compiled_graphs import graph_of
from umklapp.potentials.nequip import engine, slot_network
from umklapp.potentials.training import trainer
from umklapp.report.figures.style import BLUE, SETTINGS, save

LABELS = Path("benchmarks/data/nacl_gpaw.extxyz")
SEED, CUTOFF = 1, 5.0


def data() -> tuple[list[Atoms], list[Atoms], list[Atoms]]:
    """40 frames to learn (16 quiet, 24 hot), 10 to validate, and the test frames."""
    groups: dict[str, list[Atoms]] = {}
    for frame in frames.read_frames(LABELS):
        groups.setdefault(str(FrameInfo.of(frame).origin), []).append(frame)
    hot = [groups["hot"][n] for n in np.random.default_rng(SEED).permutation(len(groups["hot"]))]
    learned = [*groups["quiet"][:16], *hot[:24]]
    return learned, hot[24:34], [*groups["quiet test"], *groups["hot test"]]


def cpu() -> float:
    """CPU seconds of this process and of the workers that have ended."""
    own, ended = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def settings_of(backend: Backend, epochs: int) -> config.Potential:
    """Defaults of a backend, with this crystal's cutoff."""
    options = {"epochs": epochs, "patience": epochs}
    return config.Potential.model_validate(
        {"backend": backend, "cutoff": CUTOFF, "training": options}
    )


def train(backend: Backend, epochs: int, seed: int, folder: Path) -> dict[str, float]:
    """Row of one training: errors on the test frames and CPU seconds."""
    learned, held, test = data()
    out, began = folder / f"{backend}_{seed}.ckpt", cpu()
    settings = settings_of(backend, epochs)
    scratch = folder / f"{backend}_{seed}"
    shutil.rmtree(scratch, ignore_errors=True)  # half a training would cost half the time
    trainer(settings)(learned, held, settings, seed, out, scratch)
    spent = cpu() - began
    found = loading.load(out).evaluate(test)
    forces = np.concatenate([f - t.get_forces() for f, t in zip(found.forces, test, strict=True)])
    energy = [
        (e - t.get_potential_energy()) / len(t) for e, t in zip(found.energy, test, strict=True)
    ]
    stress = found.stress - [frames.stress_of(frame) for frame in test]
    return {
        "train_cpu_s": spent,
        "force_mae_meV_per_A": 1e3 * float(np.abs(forces).mean()),
        "energy_mae_meV_per_atom": 1e3 * float(np.abs(energy).mean()),
        "stress_mae_GPa": 160.21766 * float(np.abs(stress).mean()),
    }


def best_of(count: int, committee: Committee, atoms: Atoms) -> float:
    """ms of the fastest of some calls."""
    found = []
    for _ in range(count):
        began = time.perf_counter()
        committee.evaluate_members([atoms])
        found.append(time.perf_counter() - began)
    return 1e3 * min(found[1:])


def calls(backend: Backend, seeds: int, repeat: int, folder: Path) -> dict[str, float]:
    """ms per call (E, F, stress) of one member and of a committee of four, for two sizes."""
    paths = [folder / f"{backend}_{1 + n % seeds}.ckpt" for n in range(4)]
    compiled = folder / f"engine_{backend}"
    engine.prepare(settings_of(backend, 1), 2, "compiled", compiled, network=graph_of(backend))
    row = {}
    for size in (2, 3):
        atoms = data()[2][0] * (size, size, size)
        for name, members in (("member", paths[:1]), ("committee", paths)):
            for kind, where in (("eager", None), ("engine", compiled)):
                committee = Committee.load(members, where)
                if kind == "engine" and committee.batched is None:
                    continue
                row[f"{name}_{kind}_{len(atoms)}_ms"] = best_of(repeat, committee, atoms)
    return row


def figure(table: pd.DataFrame, out: Path) -> None:
    """Force error over the cost of training, and over the time of a call."""
    mpl.rcParams.update(SETTINGS)
    shape = Figure(figsize=(5.6, 2.5), layout="constrained")
    axes = shape.subplots(1, 2, sharey=True)
    quick = table[["member_eager_64_ms", "member_engine_64_ms"]].min(axis=1)
    for axis, cost, label in (
        (axes[0], table["train_cpu_s"], "training (CPU s)"),
        (axes[1], quick, "one call, 64 atoms (ms)"),
    ):
        axis.scatter(cost, table["force_mae_meV_per_A"], color=BLUE, s=18)
        for x, y, name in zip(cost, table["force_mae_meV_per_A"], table.index, strict=True):
            axis.annotate(name, (x, y), xytext=(4, 4), textcoords="offset points")
        axis.set_xlabel(label)
        axis.set_xlim(0, 1.3 * float(cost.max()))
        axis.set_ylim(0, 1.2 * float(table["force_mae_meV_per_A"].max()))
    axes[0].set_ylabel("force MAE (meV/Å)")
    save(shape, [out.with_suffix(".png")])


def main() -> None:
    """Train what is not trained yet, then time all; write json, csv and png."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", nargs="+", default=list(get_args(Backend)))
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=Path("results/backends"), help="models")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/backends"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    store = options.folder / "trainings.csv"
    known = pd.read_csv(store) if store.exists() else pd.DataFrame(columns=["backend", "seed"])
    for backend in options.backends:
        for seed in range(1, options.seeds + 1):
            if not ((known["backend"] == backend) & (known["seed"] == seed)).any():
                row = train(backend, options.epochs, seed, options.folder)
                print(backend, seed, row)
                new = pd.DataFrame([{"backend": backend, "seed": seed, **row}])
                known = new if known.empty else pd.concat([known, new])
                known.to_csv(store, index=False)
    table = known.groupby("backend").mean().drop(columns="seed").loc[options.backends]
    timed = {b: calls(b, options.seeds, options.repeat, options.folder) for b in options.backends}
    table = table.join(pd.DataFrame(timed).T)
    print(table.T.to_string(float_format="%.3g"))
    table.to_csv(options.out.with_suffix(".csv"))
    facts = {
        "epochs": options.epochs,
        "seeds": options.seeds,
        "machine": slot_network.machine("cpu"),
    }
    rows = {k: {n: v for n, v in row.items() if v == v} for k, row in table.T.to_dict().items()}
    write_json(options.out.with_suffix(".json"), provenance.record(**facts, rows=rows))
    figure(table, options.out)


if __name__ == "__main__":
    main()
