"""Warm starts against training from scratch: time, errors, and whether the spread stays honest.

Rock salt labelled by GPAW (`gpaw_pool.py`); a data set that grows by hot frames round by round; the
same committee trained from scratch every round, and continued from the round before. Training
times are CPU seconds of one thread. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.crystals.frame_info import FrameInfo
from umklapp.files import write_json
from umklapp.learning.sampling import calibration
from umklapp.potentials.committee import Committee, subsample
from umklapp.potentials.nequip import training

LABELS = Path("benchmarks/data/nacl_gpaw.extxyz")
MEMBERS, ROUNDS, FIRST, STEP, SEED = 4, 4, 24, 8, 1
SCRATCH = config.Potential(
    cutoff=5.0,
    training={
        "epochs": 60,
        "learning_rate": 0.01,
        "patience": 60,
        "force_weight": 4,
        "warm_start": {"epochs": 20, "learning_rate": 0.005},
    },
)


def data() -> tuple[list[Atoms], list[Atoms], list[Atoms]]:
    """Frames in the order they are learned, calibration frames, test frames."""
    labels = frames.read_frames(LABELS)
    groups: dict[str, list[Atoms]] = {}
    for frame in labels:
        groups.setdefault(str(FrameInfo.of(frame).origin), []).append(frame)
    hot = groups["hot"]
    chosen = np.random.default_rng(SEED).permutation(len(hot) - 20)
    pool = [hot[number] for number in chosen]
    learned = [*groups["quiet"][:16], *pool]
    return (
        learned,
        [*groups["quiet"][16:], *hot[-20:]],
        [*groups["quiet test"], *groups["hot test"]],
    )


def members(known: list[Atoms], number: int, way: str, folder: Path) -> tuple[list[Path], float]:
    """Train a round's committee; its checkpoints and the CPU seconds."""
    paths, spent = [], 0.0
    for member in range(MEMBERS):
        out = folder / f"{way}_{number}_{member}.ckpt"
        parent = folder / f"warm_{number - 1}_{member}.ckpt" if way == "warm" and number else None
        chosen, held = subsample(len(known), 5 / 6, SEED, member, 2)
        parts = ([known[i] for i in indices] for indices in (chosen, held))
        seed = provenance.seed_for(SEED, number if way == "scratch" else 0, member)
        began = time.process_time()
        training.train(*parts, SCRATCH, seed, out, folder / out.stem, parent=parent)
        spent += time.process_time() - began
        paths.append(out)
    return paths, spent


def judge(paths: list[Path], held: list[Atoms], test: list[Atoms]) -> dict[str, float]:
    """Errors and honesty of a committee; the factor comes from the calibration frames."""
    committee = Committee.load(paths)
    on_held, on_test = committee.evaluate_members(held), committee.evaluate_members(test)
    own_errors = calibration.force_errors(on_held, held)
    factor = calibration.calibration_factor(own_errors, on_held.spread)
    errors = calibration.force_errors(on_test, test)
    difference = [ours - f.get_forces() for ours, f in zip(on_test.mean.forces, test, strict=True)]
    every, spreads = np.concatenate(errors), np.concatenate(on_test.spread)
    return {
        "force_mae_meV_per_A": 1e3 * float(np.abs(np.concatenate(difference)).mean()),
        "mean_spread_meV_per_A": 1e3 * float(spreads.mean()),
        "factor": float(factor),
        "error_over_expected": calibration.error_over_expected(every, spreads, factor),
        "rank_correlation": calibration.rank_correlation(every, spreads),
    }


def main() -> None:
    """Train, judge, write `results/warm_start.{csv,json}`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_warm_start"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    learned, held, test = data()
    rows = []
    for number in range(ROUNDS):
        known = learned[: FIRST + number * STEP]
        for way in ("scratch", "warm"):
            paths, spent = members(known, number, way, options.scratch)
            row = {"round": number, "way": way, "frames": len(known), "cpu_seconds": spent}
            rows.append(row | judge(paths, held, test))
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(options.out / "warm_start.csv", index=False)
    later = table[table["round"] > 0].groupby("way")["cpu_seconds"].sum()
    ratio = float(later["warm"] / later["scratch"])
    record = {"training_time_ratio": ratio, "settings": SCRATCH.model_dump(mode="json")}
    write_json(options.out / "warm_start.json", provenance.record(**record))
    print(table.round(3).to_string(index=False))
    print(f"training time of a later round, warm / scratch: {ratio:.2f}")


if __name__ == "__main__":
    main()
