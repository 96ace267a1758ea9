"""Labels that a shared model saves on a crystal it has not seen: leave-one-out over six rock salts.

For every crystal X of `rocksalt_pool.py` a model is pretrained on the pools of the others; then a
potential of X is trained from n labels of X, with equally many steps of the optimiser: from random
weights; from that start; and from that start by a schedule that first fits the species' embedding
alone. Force MAE on test frames of X that nothing has trained on. n counts every label, also those
that only validate. Killed, it goes on where it was; see docs/training.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from ase.io import iread

from umklapp import config, provenance
from umklapp.crystals.frame_info import FrameInfo
from umklapp.files import write_json
from umklapp.potentials import shared
from umklapp.potentials.nequip import training
from umklapp.potentials.nequip.inference import NequipPotential
from umklapp.report.figures import style

LABELS = Path("benchmarks/data/rocksalts_gpaw.extxyz")
COUNTS = (2, 4, 8)
MORE = 16
"""From random weights only, to compare beyond 8."""

STEPS, PRETRAINING_STEPS = 300, 1000
RATE = 0.01
WAYS = {"scratch": "random weights", "shared": "others' model", "staged": "the same, species first"}
RUNS = [("shared", 0), *((way, n) for n in COUNTS for way in WAYS), ("scratch", MORE)]
"""Of one crystal and seed."""

SPECIES_FIRST = [
    {"name": "species", "learning_rate": 0.05, "freeze": ["convolutions", "readout"]},
    {"name": "all"},
]
"""Half of the epochs each."""

ARCHITECTURE = {"cutoff": 5.0, "layers": 2, "l_max": 2, "features": [24, 16, 8]}


def settings(steps: int, count: int, batch: int, rate: float) -> config.Potential:
    """Of a training with so many steps on `count` training frames."""
    epochs = max(1, round(steps / -(-count // batch)))
    return config.Potential(
        **ARCHITECTURE,
        training={
            "epochs": epochs,
            "patience": epochs,
            "learning_rate": rate,
            "batch_size": batch,
            "force_weight": 4,
        },
    )


def staged(chosen: config.Potential) -> config.Potential:
    """The same number of epochs in two stages."""
    epochs = chosen.training.epochs
    parts = (epochs // 2, epochs - epochs // 2)
    stages = [
        config.Stage(**stage, epochs=max(1, part))
        for stage, part in zip(SPECIES_FIRST, parts, strict=True)
    ]
    return chosen.model_copy(
        update={"training": chosen.training.model_copy(update={"schedule": stages})}
    )


def pools(path: Path) -> tuple[dict[str, list[Atoms]], dict[str, list[Atoms]]]:
    """Pool and test frames by crystal; a crystal that is not complete yet is left out."""
    pool: dict[str, list[Atoms]] = {}
    test: dict[str, list[Atoms]] = {}
    for frame in iread(path):  # a file of several compositions
        chosen = pool if str(FrameInfo.of(frame).origin).startswith("pool") else test
        chosen.setdefault(str(FrameInfo.of(frame).material), []).append(frame)
    return pool, {name: test[name] for name in pool if name in test}


def force_mae(path: Path, test: list[Atoms]) -> float:
    """eV/Å, over components."""
    found = NequipPotential.load(path, "cpu").evaluate(test).forces
    return float(np.abs(np.array(found) - [frame.get_forces() for frame in test]).mean())


def pretrained(pool: dict[str, list[Atoms]], left: str, seed: int, folder: Path) -> Path:
    """A model of all crystals but one."""
    out = folder / "start.ckpt"
    if not out.exists():
        labels = [frame for name, own in pool.items() if name != left for frame in own]
        chosen = settings(PRETRAINING_STEPS, round(len(labels) * 9 / 10), 4, RATE)
        committee = config.Committee(subsamples=1, seeds=1, fraction=0.9)
        shared.pretrain(labels, chosen, committee, seed, 0, out, folder / "start")
    return out


def one(
    way: str, own: list[Atoms], test: list[Atoms], start: Path | None, seed: int, folder: Path
) -> float:
    """Force MAE on the test of a potential from these labels."""
    order = np.random.default_rng(seed).permutation(len(own))
    held = max(1, len(own) // 6)
    parts = [own[i] for i in order[held:]], [own[i] for i in order[:held]]
    chosen, out = settings(STEPS, len(parts[0]), 2, RATE), folder / "model.ckpt"
    if way == "staged":
        chosen = staged(chosen)
    training.train(*parts, chosen, seed, out, folder / "scratch", parent=start)
    return force_mae(out, test)


def rows(name: str, seed: int, pool: dict[str, list[Atoms]], test: list[Atoms], scratch: Path):
    """Every result of one crystal and seed; what is known is not computed again."""
    order = np.random.default_rng(provenance.seed_for(seed, name)).permutation(len(pool[name]))
    base = scratch / f"{name}_{seed}"
    start: Path | None = None
    for way, count in RUNS:
        folder = base / f"{way}_{count}"
        note = folder / "row.json"
        if not note.exists():
            if way != "scratch":
                start = pretrained(pool, name, seed, base)
            if count == 0:
                error = force_mae(start, test)
            else:
                own = [pool[name][i] for i in order[:count]]
                given = None if way == "scratch" else start
                error = one(way, own, test, given, seed, folder)
            row = {"crystal": name, "seed": seed, "way": way, "labels": count, "force_mae": error}
            write_json(note, row)
            print(row, flush=True)
        yield json.loads(note.read_text())


def complete(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the crystals and seeds that have every run."""
    wanted = [pair in RUNS for pair in zip(table.way, table.labels, strict=True)]
    table = table[wanted].sort_values(["crystal", "seed", "way", "labels"])
    return table[table.groupby(["crystal", "seed"]).labels.transform("size") == len(RUNS)]


def worth(table: pd.DataFrame) -> pd.DataFrame:
    """Labels from scratch for the same error: by log–log interpolation of the scratch curve.

    The scratch curve is made monotonic from the right (more labels cannot be worth less). Beyond
    its last point the value is a lower bound and `bound` is true.
    """
    found = []
    for (crystal, seed), own in table.groupby(["crystal", "seed"]):
        curve = own[own.way == "scratch"].sort_values("labels")
        errors = np.maximum.accumulate(curve.force_mae.to_numpy()[::-1])[::-1]
        for row in own[(own.way != "scratch") & (own.labels > 0)].itertuples():
            x, y = np.log(curve.labels.to_numpy(float)), np.log(errors)
            equal = float(np.exp(np.interp(-np.log(row.force_mae), -y, x)))
            bound = bool(row.force_mae < errors[-1])
            low = bool(row.force_mae > errors[0])
            found.append(
                {
                    "crystal": crystal,
                    "seed": seed,
                    "way": row.way,
                    "labels": row.labels,
                    "equal_scratch_labels": equal,
                    "saved": equal - row.labels,
                    "lower_bound": bound,
                    "worse_than_smallest_scratch": low,
                }
            )
    return pd.DataFrame(found)


def figure(table: pd.DataFrame, paths: list[Path]) -> None:
    """Force MAE against labels: every crystal thin, the geometric mean thick."""
    drawing, axes = style.canvas(3.6, 3.4)
    colours = (style.ORANGE, style.BLUE, "#2a8a57")
    for (way, words), colour in zip(WAYS.items(), colours, strict=True):
        own = table[(table.way == way) & (table.labels > 0)]
        for _, each in own.groupby("crystal"):
            mean = each.groupby("labels").force_mae.mean() * 1e3
            axes.plot(mean.index, mean, color=colour, lw=0.6, alpha=0.5)
        mean = np.exp(np.log(own.force_mae * 1e3).groupby(own.labels).mean())
        axes.plot(mean.index, mean, "o-", color=colour, ms=4, label=words)
    zero = table[(table.way == "shared") & (table.labels == 0)].force_mae * 1e3
    level = float(np.exp(np.log(zero).mean()))
    axes.axhline(level, color=style.GREY, ls=":", lw=1, label="others' model, no label")
    axes.set(xscale="log", yscale="log", xlabel="DFT labels of the crystal left out")
    axes.set_ylabel("force MAE on its test frames (meV/Å)")
    axes.set_xticks([*COUNTS, MORE], [str(n) for n in (*COUNTS, MORE)])
    axes.set_yticks([20, 50, 100, 200, 500], ["20", "50", "100", "200", "500"])
    axes.set_ylim(15, 600)
    axes.minorticks_off()
    drawing.legend(loc="outside lower center", ncols=2)
    style.save(drawing, paths)


def main() -> None:
    """Train what is missing; write `results/shared_model.{csv,json,png}`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_shared_model"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="crystals that are left out in turn")
    parser.add_argument("--report", action="store_true", help="from what is known; train nothing")
    options = parser.parse_args()
    if options.report:
        found = [json.loads(each.read_text()) for each in options.scratch.glob("*/*/row.json")]
    else:
        pool, test = pools(LABELS)
        names = options.only or list(pool)
        found = [
            row
            for seed in range(1, options.seeds + 1)
            for name in names
            for row in rows(name, seed, pool, test[name], options.scratch)
        ]
    table = complete(pd.DataFrame(found))
    options.out.mkdir(parents=True, exist_ok=True)
    table.round(6).to_csv(options.out / "shared_model.csv", index=False)
    saved = worth(table)
    by_count = {}
    for (way, count), own in saved.groupby(["way", "labels"]):
        by_count[f"{way} {count}"] = {
            "equal_scratch_labels_mean": own.equal_scratch_labels.mean(),
            "equal_scratch_labels_std": own.equal_scratch_labels.std(ddof=0),
            "runs": len(own),
            "lower_bounds": int(own.lower_bound.sum()),
            "worse_than_smallest_scratch": int(own.worse_than_smallest_scratch.sum()),
        }
    errors = table.groupby(["way", "labels"]).force_mae.agg(["mean", "std", "count"])
    record = provenance.record(
        architecture=ARCHITECTURE,
        steps=STEPS,
        pretraining_steps=PRETRAINING_STEPS,
        rate=RATE,
        species_first=SPECIES_FIRST,
        labels=provenance.file_digest(LABELS),
        force_mae_eV_per_A={f"{way} {n}": row.to_dict() for (way, n), row in errors.iterrows()},
        worth=by_count,
    )
    write_json(options.out / "shared_model.json", record)
    figure(table, [options.out / "shared_model.png"])
    print((1e3 * errors[["mean", "std"]]).round(1).to_string())
    print(
        saved.groupby(["way", "labels"])[["equal_scratch_labels", "saved"]]
        .agg(["mean", "std"])
        .round(1)
    )


if __name__ == "__main__":
    main()
