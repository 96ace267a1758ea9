"""Cheap surface, reference, or one after the other: errors at equal numbers of reference labels.

Silicon, Stillinger–Weber as the cheap surface, GPAW as the reference (`low_fidelity_labels.py`).
Networks are trained on N reference labels (those that validate are counted) from scratch, or from a
network that has learned the cheap surface. The N labels are rattled cells, a random draw of the
cheap surface's heat–melt–quench dynamics, the frames that a committee distilled from it, or (mixed)
N/2 rattled cells and N/2 distilled frames. Tested on GPAW's labels of solid, strained, defective
and molten cells of independent runs. Every seed has its own draw of labels, its own initial weights
and its own pretraining. See docs/low_fidelity.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from low_fidelity_labels import SURFACE, pool

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.crystals.frame_info import FrameInfo
from umklapp.files import write_json
from umklapp.learning.seeds import low_fidelity
from umklapp.potentials import surfaces
from umklapp.potentials.committee import subsample
from umklapp.potentials.contract import Potential
from umklapp.potentials.loading import load
from umklapp.potentials.nequip import training
from umklapp.report.figures import style

LABELS = Path("benchmarks/data/si_lowfi_gpaw.extxyz")
TESTS = ("solid", "strained", "defect", "molten", "molten (GPAW)")
BUDGETS, STEPS = (8, 16, 32), 1000
"""Reference labels of a training; steps of the optimiser on them, the same for all."""

POTENTIAL = config.Potential(
    cutoff=4.5,
    features=[24, 16, 8],
    radial_width=32,
    training={"learning_rate": 0.01, "batch_size": 2, "force_weight": 4},
)
PRETRAINING = config.Pretraining(frames=800, epochs=8)
ARMS = {
    "DFT only, rattled": (("rattled",), False),
    "DFT only, random": (("random",), False),
    "DFT only, distilled": (("distilled",), False),
    "DFT only, mixed": (("rattled", "distilled"), False),
    "low → high, rattled": (("rattled",), True),
    "low → high, distilled": (("distilled",), True),
    "low → high, mixed": (("rattled", "distilled"), True),
}
"""Name: where the labels come from, and whether the cheap surface was learned before."""
CONTROL = "DFT only, random"
"""Tells what distillation is worth; with most labels alone."""

HUES = ("#999999", "#56b4e9", "#0072b2", "#009e73", "#e69f00", "#d55e00", "#cc79a7")
COLOURS = dict(zip(ARMS, HUES, strict=True))


def fit(
    known: list[Atoms],
    settings: config.Potential,
    seed: int,
    out: Path,
    parent: Path | None = None,
) -> float:
    """Train on 5/6 of the frames, validate on the rest; seconds, NaN where it is done already."""
    if out.exists():
        return float("nan")
    chosen, held = subsample(len(known), 5 / 6, seed, 0, 1)
    parts = ([known[n] for n in indices] for indices in (chosen, held))
    scratch = out.with_suffix("")
    return training.train(*parts, settings, seed, out, scratch, parent=parent).seconds


def of_steps(settings: config.Potential, frames_in_training: int) -> config.Potential:
    """The same settings for so many epochs that the optimiser takes `STEPS` steps."""
    batches = -(-frames_in_training // settings.training.batch_size)
    epochs = -(-STEPS // batches)
    changed = settings.training.model_copy(update={"epochs": epochs, "patience": epochs})
    return settings.model_copy(update={"training": changed})


def pretrained(cheap: list[Atoms], seed: int, folder: Path) -> Path:
    """A network that has learned the cheap surface."""
    out = folder / f"cheap_{seed}.ckpt"
    chosen = low_fidelity.draw(cheap, PRETRAINING.frames, provenance.generator(seed, "cheap"))
    seconds = fit([cheap[n] for n in chosen], PRETRAINING.learning(POTENTIAL), seed, out)
    if np.isfinite(seconds):
        print(f"seed {seed}: cheap surface learned in {seconds:.0f} s", flush=True)
    return out


def errors(potential: Potential, test: list[Atoms]) -> dict[str, float]:
    """MAE of force components, and of energies per atom about their mean difference (meV)."""
    found = potential.evaluate(test)
    force = [a - f.get_forces() for a, f in zip(found.forces, test, strict=True)]
    energy = np.array([f.get_potential_energy() / len(f) for f in test])
    away = found.energy / np.array([len(f) for f in test]) - energy
    return {
        "force_mae": 1e3 * float(np.abs(np.concatenate(force)).mean()),
        "energy_mae": 1e3 * float(np.abs(away - away.mean()).mean()),
    }


def rows_of(name: str, budget: int, seed: int, potential: Potential, tests: dict) -> list[dict]:
    """A row per group of test frames."""
    row = {"arm": name, "labels": budget, "seed": seed}
    return [{**row, "test": key, **errors(potential, test)} for key, test in tests.items()]


def run(
    name: str, budget: int, seed: int, groups: dict, tests: dict, cheap: list[Atoms], folder: Path
) -> list[dict]:
    """Train one network and test it."""
    sources, transfer = ARMS[name]
    known = []
    for source in sources:
        order = provenance.generator(seed, source).permutation(len(groups[source]))
        known += [groups[source][n] for n in order[: budget // len(sources)]]
    settings = of_steps(POTENTIAL, len(subsample(budget, 5 / 6, seed, 0, 1)[0]))
    parent = pretrained(cheap, seed, folder) if transfer else None
    if transfer:
        settings = PRETRAINING.transfer(settings)
    start = "transfer" if transfer else "scratch"
    out = folder / f"{'_'.join(sources)}_{budget}_{seed}_{start}.ckpt"
    seconds = fit(known, settings, provenance.seed_for(seed, name) % 2**31, out, parent)
    found = rows_of(name, budget, seed, load(out), tests)
    said = ", ".join(f"{row['test']} {row['force_mae']:.0f}" for row in found)
    print(f"{name}, {budget} labels, seed {seed}, {seconds:.0f} s: {said} meV/Å", flush=True)
    return found


def figure(table: pd.DataFrame, paths: list[Path]) -> None:
    """Force errors against reference labels, a panel per group: means over seeds, and all seeds."""
    drawing, first = style.canvas(width=2.0 * len(TESTS), height=3.1)
    first.remove()
    for number, test in enumerate(TESTS):
        axes = drawing.add_subplot(1, len(TESTS), number + 1)
        here = table[table["test"] == test]
        for name, colour in COLOURS.items():
            mine = here[here["arm"] == name]
            axes.plot(mine["labels"], mine["force_mae"], "o", color=colour, ms=2, alpha=0.5)
            mean = mine.groupby("labels")["force_mae"].mean()
            marker = "D" if name == CONTROL else None
            axes.plot(mean.index, mean, color=colour, lw=1.3, marker=marker, ms=4, label=name)
        cheap = here[here["arm"] == "cheap surface"]["force_mae"].mean()
        axes.axhline(cheap, color="black", ls=":", lw=1.1, label="cheap surface itself")
        axes.set(title=test, xlabel="DFT labels", xscale="log", yscale="log")
        axes.set_xticks(BUDGETS, [str(budget) for budget in BUDGETS])
        axes.minorticks_off()
        ticks = [t for t in (20, 50, 100, 200, 500, 1000, 2000)
                 if here["force_mae"].min() / 1.3 < t < 1.3 * here["force_mae"].max()]  # fmt: skip
        axes.set_yticks(ticks, [str(tick) for tick in ticks])
        if number == 0:
            axes.set_ylabel("force MAE (meV/Å)")
            drawing.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    style.save(drawing, paths)


def finish(table: pd.DataFrame, out: Path) -> None:
    """Table, figure and record."""
    shown = table.groupby(["test", "arm", "labels"])["force_mae"].agg(["mean", "std"])
    print(shown.unstack("labels").round(0).to_string())
    figure(table, [out / f"low_fidelity.{kind}" for kind in ("png", "pdf")])
    record = {
        "potential": POTENTIAL.model_dump(mode="json"),
        "pretraining": PRETRAINING.model_dump(mode="json"),
        "steps": STEPS,
        "seeds": {str(n): len(rows) for n, rows in table.groupby("seed")},
    }
    write_json(out / "low_fidelity.json", provenance.record(**record))


def main() -> None:
    """Make what is missing; then table and figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budgets", type=int, nargs="+", default=list(BUDGETS))
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_low_fidelity"))
    parser.add_argument("--pool", type=Path, default=Path("results/lowfi_labels"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--draw", action="store_true", help="only the figure, from the csv")
    options = parser.parse_args()
    if options.draw:
        finish(pd.read_csv(options.out / "low_fidelity.csv"), options.out)
        return
    groups: dict[str, list[Atoms]] = {}
    for frame in frames.read_frames(LABELS):
        groups.setdefault(str(FrameInfo.of(frame).origin), []).append(frame)
    tests = {name: groups[name] for name in TESTS if name in groups}
    cheap = pool(options.pool)
    path = options.out / "low_fidelity.csv"
    surface = surfaces.create(config.CalculatorSurface.model_validate(SURFACE))
    rows = rows_of("cheap surface", 0, 0, surface, tests)
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in range(options.seeds):
        for budget in options.budgets:
            for name in ARMS:
                if name == CONTROL and budget != max(options.budgets):
                    continue
                rows += run(name, budget, seed, groups, tests, cheap, options.scratch)
                pd.DataFrame(rows).round(3).to_csv(path, index=False)
        model = load(pretrained(cheap, seed, options.scratch))
        rows += rows_of("cheap network", 0, seed, model, tests)
        pd.DataFrame(rows).round(3).to_csv(path, index=False)
    finish(pd.DataFrame(rows), options.out)


if __name__ == "__main__":
    main()
