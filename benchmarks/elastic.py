"""Elastic constants of committees with and without stress in the loss, with and without a stage 2.

Rock salt labelled by GPAW (`gpaw_pool.py`, `gpaw_strained.py`), against the engine's own constants
with the same settings and k-points; and Stillinger–Weber silicon, where labels and constants are
exact. Killed, it goes on where it was. See docs/elastic.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from ase import Atoms
from ase.build import bulk
from matplotlib.figure import Figure
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import StillingerWeber
from matscipy.calculators.manybody.explicit_forms.stillinger_weber import (
    Stillinger_Weber_PRB_31_5262_Si as SILICON,
)

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.crystals.frame_info import FrameInfo, Origin
from umklapp.files import write_json
from umklapp.lattice.elastic import committee, strain
from umklapp.learning.seeds import displaced
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.committee import Committee, subsample
from umklapp.potentials.nequip import training
from umklapp.reference import create, relaxation
from umklapp.reference.labelling import LabellingCalculator
from umklapp.reference.ledger import Ledger
from umklapp.report.figures.style import BLUE, GREY, ORANGE, SETTINGS, save

MEMBERS = 4
AMPLITUDES = [0.005, 0.01]
SETTINGS_OF_STRAIN = config.Elastic(amplitudes=AMPLITUDES)
PAIRS = {"C11": (0, 0), "C12": (0, 1), "C44": (3, 3)}
BASE: dict[str, Any] = {"learning_rate": 0.01, "batch_size": 4, "patience": 1000}
FIRST, SECOND = 50, 25
"""Epochs of the stages."""

WEIGHTS = {"energy_weight": 1.0, "force_weight": 4.0}
STRONG = 1000.0
"""Stress weight at which all three terms of the loss are felt (eV/Å³ are small numbers)."""

STAGE_2 = {
    "name": "transfer",
    "epochs": SECOND,
    "learning_rate": 0.001,
    "lr_schedule": "plateau",
    "plateau_factor": 0.8,
    "plateau_patience": 5,
    "freeze": ["embedding", "readout"],
    "force_weight": 80.0,
    "stress_weight": 80 * STRONG,
}
"""Weights move as in Jung's stage 2: force 20 times and stress 80 times up against energy."""

WAYS: dict[str, dict[str, Any]] = {
    "no stress": BASE | WEIGHTS | {"epochs": FIRST, "stress_weight": 0.0},
    "weight 0.1": BASE | WEIGHTS | {"epochs": FIRST, "stress_weight": 0.1},
    "stress": BASE | WEIGHTS | {"epochs": FIRST, "stress_weight": STRONG},
    "stress + stage 2": BASE
    | WEIGHTS
    | {"stress_weight": STRONG, "schedule": [{"name": "first", "epochs": FIRST}, STAGE_2]},
    "stress, longer": BASE | WEIGHTS | {"epochs": FIRST + SECOND, "stress_weight": STRONG},
}

RUNS = [
    ("strained", "no stress"),
    ("strained", "stress"),
    ("strained", "stress + stage 2"),
    ("fixed cell", "no stress"),
    ("fixed cell", "stress"),
    ("strained", "weight 0.1"),
    ("strained", "stress, longer"),
]
"""Frames and way; what matters most comes first."""


def silicon() -> Manybody:
    """Stillinger–Weber silicon."""
    return Manybody(**StillingerWeber(SILICON))


def silicon_frames() -> dict[str, list[Atoms]]:
    """Strained and rattled cubes with exact labels, as the pool of `gpaw_strained.py`."""
    found = {}
    for name, count, seed, largest in (
        ("strained", 48, 1, 0.02),
        ("fixed cell", 48, 3, 0.0),
        ("test", 16, 2, 0.02),
    ):
        chosen = config.RattledSeed(count=count, amplitudes=[0.02, 0.05, 0.1], strain=largest)
        cube = bulk("Si", a=5.431, cubic=True)
        made = displaced.rattled(cube, chosen, provenance.generator(seed, name), Origin.parse(name))
        labels = AsePotential(silicon()).evaluate(made)
        parts = zip(made, labels.energy, labels.forces, labels.stress, strict=True)
        found[name] = [frames.labelled(*each) for each in parts]
    return found


def rock_salt_frames() -> dict[str, list[Atoms]]:
    """Strained cubes, and as many of the dynamics at a fixed cell; strained cubes for the test."""
    groups: dict[str, list[Atoms]] = {}
    for path in ("nacl_strained_gpaw", "nacl_gpaw"):
        for frame in frames.read_frames(Path(f"benchmarks/data/{path}.extxyz")):
            groups.setdefault(str(FrameInfo.of(frame).origin), []).append(frame)
    fixed = [*groups["quiet"][:24], *groups["hot"][: 24 * 4 : 4]]
    return {
        "strained": groups["strained"],
        "fixed cell": fixed,
        "test": groups["strained test"],
    }


def own_constants(system: str, scratch: Path) -> dict[str, Any]:
    """What the labelling engine itself has, at its own lattice, with the k-points of the labels."""
    path = scratch / f"reference_{system}.json"
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    if system == "silicon":
        cell, calculator, limits = bulk("Si", a=5.431, cubic=True), silicon(), (1e-5, 1e-7)
    else:
        cell, limits = bulk("NaCl", "rocksalt", a=5.581, cubic=True), (1e-3, 5e-5)
        engine = create(config.load(Path("config/demo.yaml")).reference)
        calculator = LabellingCalculator(
            engine, Ledger(scratch / "ledger"), scratch / "gpaw", 900, "elastic"
        )
    cell, relaxed = relaxation.relax_with(cell, calculator, scratch / system, *limits)
    measured = strain.measure(cell, calculator, AMPLITUDES, limits[0])
    record = {
        **measured.numbers().model_dump(),
        "lattice_A": cell.cell.lengths().tolist(),
        "relaxation": relaxed,
    }
    if system != "silicon":
        record["labels"] = len(calculator.asked)
    write_json(path, record)
    return own_constants(system, scratch)


def train(
    system: str, known: list[Atoms], run: tuple[str, str], seed: int, member: int, scratch: Path
) -> Path:
    """Checkpoint of one member; trained where it is not there yet.

    The training with stress is the first stage of the one with a stage 2: done once for both.
    """
    if run == ("strained", "stress"):
        staged = train(system, known, ("strained", "stress + stage 2"), seed, member, scratch)
        return staged.with_suffix("") / "0_first/stage.ckpt"
    name = "_".join((system, *run, str(seed), str(member))).translate(str.maketrans(" .,", "---"))
    out = scratch / f"{name}.ckpt"
    if not out.exists():
        settings = config.Potential(
            cutoff=5.0 if system == "rocksalt" else 4.0, training=config.Training(**WAYS[run[1]])
        )
        chosen, held = subsample(len(known), 5 / 6, seed, member, 2)
        parts = ([known[i] for i in indices] for indices in (chosen, held))
        root = provenance.seed_for(seed, system, member)
        training.train(*parts, settings, root, out, scratch / name)
    return out


def judge(paths: list[Path], test: list[Atoms], cell: Atoms, scratch: Path) -> dict[str, Any]:
    """Errors on frames that nothing was trained or chosen on, and elastic constants."""
    models = Committee.load(paths)
    found = models.evaluate(test)
    forces = [ours - f.get_forces() for ours, f in zip(found.forces, test, strict=True)]
    stress = found.stress - np.array([f.get_stress() for f in test])
    energy = [
        (ours - f.get_potential_energy()) / len(f)
        for ours, f in zip(found.energy, test, strict=True)
    ]
    members = [
        committee.member(cell, model, SETTINGS_OF_STRAIN, scratch / "relax")
        for model in models.members
    ]
    combined = committee.combine(members)
    row: dict[str, Any] = {
        "energy_mae_meV_per_atom": 1e3 * float(np.abs(energy).mean()),
        "force_mae_meV_per_A": 1e3 * float(np.abs(np.concatenate(forces)).mean()),
        "stress_mae_GPa": 160.2177 * float(np.abs(stress).mean()),
        "not_computed": combined.not_computed or "",
        "stable_members": combined.stable_members,
    }
    for name, pair in PAIRS.items():
        for suffix, key in (("", "C_GPa"), ("_std", "C_GPa_std")):
            stiffness = getattr(combined, key)
            row[name + suffix] = np.nan if stiffness is None else stiffness[pair[0]][pair[1]]
    bulk_moduli = [getattr(member, "bulk_voigt_GPa", np.nan) for member in members]
    row |= {"B": np.mean(bulk_moduli), "B_std": np.std(bulk_moduli)}
    volume = combined.volume_A3_per_atom
    row["lattice_A"] = np.nan if volume is None else (8 * volume) ** (1 / 3)
    return row


TITLES = {"rocksalt": "NaCl, GPAW", "silicon": "silicon, Stillinger–Weber (exact labels)"}


def draw(table: pd.DataFrame, own: dict[str, dict[str, Any]], paths: list[Path]) -> None:
    """Deviation from the engine's own constants: a point per committee, its spread as bar."""
    systems = [name for name in own if (table["system"] == name).any()]
    names = [*PAIRS, "B"]
    mpl.rcParams.update(SETTINGS)
    figure = Figure(figsize=(5.6, 0.7 + 2.3 * len(systems)), layout="constrained")
    panels = figure.subplots(len(systems), 1, squeeze=False)[:, 0]
    colours = dict(zip(WAYS, (GREY, "black", BLUE, ORANGE, "#4a9a5b"), strict=True))
    for axes, system in zip(panels, systems, strict=True):
        part = table[table["system"] == system]
        runs = list(dict.fromkeys(zip(part["frames"], part["way"], strict=True)))
        for number, (data, way) in enumerate(runs):
            chosen = part[(part["frames"] == data) & (part["way"] == way)]
            for place, name in enumerate(names):
                theirs = own[system]["bulk_GPa"] if name == "B" else _pick(own[system], name)
                x = place + (number - (len(runs) - 1) / 2) * 0.11 + 0.02 * np.arange(len(chosen))
                axes.errorbar(
                    x,
                    chosen[name] - theirs,
                    yerr=chosen[f"{name}_std"],
                    fmt="o" if data == "strained" else "s",
                    mfc=colours[way] if data == "strained" else "none",
                    color=colours[way],
                    ms=3.5,
                    lw=0.8,
                    label=f"{data}: {way}" if place == 0 else None,
                )
        axes.axhline(0, color="black", lw=0.6)
        ticks = [
            f"{n}\n{own[system]['bulk_GPa'] if n == 'B' else _pick(own[system], n):.1f} GPa"
            for n in names
        ]
        axes.set_xticks(range(len(names)), ticks)
        axes.set(ylabel="committee − engine (GPa)", title=TITLES[system])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    save(figure, paths)


def _pick(record: dict[str, Any], name: str) -> float:
    row, column = PAIRS[name]
    return float(record["C_GPa"][row][column])


def main() -> None:
    """Train, measure, write `results/elastic.{csv,json,png}`; rows that are there are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--system", nargs="+", default=["rocksalt"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_elastic"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--draw", action="store_true", help="only what is measured already")
    options = parser.parse_args()
    options.scratch.mkdir(parents=True, exist_ok=True)
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.out / "elastic.csv"
    rows = pd.read_csv(kept).to_dict("records") if kept.exists() else []
    cells = {"silicon": bulk("Si", a=5.431), "rocksalt": bulk("NaCl", "rocksalt", a=5.581)}
    for system, runs, seed in itertools.product(
        [] if options.draw else options.system, (RUNS[:3], RUNS[3:]), range(1, options.seeds + 1)
    ):
        own_constants(system, options.scratch)
        parts = silicon_frames() if system == "silicon" else rock_salt_frames()
        for data, way in runs:
            row = {"system": system, "frames": data, "way": way, "seed": seed}
            if any(all(each[k] == v for k, v in row.items()) for each in rows):
                continue
            paths = [
                train(system, parts[data], (data, way), seed, member, options.scratch)
                for member in range(MEMBERS)
            ]
            rows.append(row | judge(paths, parts["test"], cells[system], options.scratch))
            print(rows[-1], flush=True)
            pd.DataFrame(rows).round(4).to_csv(kept, index=False)
    table = pd.read_csv(kept)
    own = {name: own_constants(name, options.scratch) for name in table["system"].unique()}
    draw(table, own, [options.out / "elastic.png"])
    record = {"ways": WAYS, "strain": SETTINGS_OF_STRAIN.model_dump(mode="json"), "engine": own}
    write_json(options.out / "elastic.json", provenance.record(**record))
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
